//! Whatever comes: an answer with a reason, never a panic.

use proptest::prelude::*;
use tabular::read::ReadError;
use tabular::train::TrainError;
use tabular::trained::{ModelFileError, TrainedModel};
use tabular::{Algorithm, CleanOptions, ReadOptions, Task, TrainOptions, clean, describe, read_csv, train};
use vision::Cancel;

use crate::read::{read, table};

#[test]
fn files_that_are_no_tables_are_refused_by_name() {
    for (bytes, expected) in [
        (&b""[..], "the file is empty: a first line with the names of the columns is expected"),
        (b"\n\n\n", "the file is empty: a first line with the names of the columns is expected"),
        (b"a,b\n", "there is no row of data"),
        (b"a,b\n1\n2\n", "there is no row of data; 2 rows could not be understood"),
        (b"\xff\xff\xff,b\n1,2\n", "the first line is not UTF-8 text; save the file as UTF-8"),
    ] {
        assert_eq!(read(bytes).expect_err("it is no table").to_string(), expected);
    }
    let wide: String = (0..100_000).map(|column| format!("c{column},")).collect();
    assert!(matches!(read(wide.as_bytes()), Err(ReadError::TooManyColumns { found: 100_001, limit: 2_000 })));
}

#[test]
fn tables_that_nothing_can_be_learned_of_are_refused_by_name() {
    let rows = |row: &dyn Fn(usize) -> String| "a,b,y\n".to_owned() + &(0..40).map(row).collect::<String>();
    let good = rows(&|row| format!("{row},{},{}\n", row % 7, row % 2));
    for (text, target, task, expected) in [
        (&good, "z", Task::Classification, r#"there is no column "z"; there are "a", "b", "y""#),
        (
            &rows(&|row| format!("{row},{row},1\n")),
            "y",
            Task::Classification,
            r#"column "y" has one class, "1": there is nothing to tell apart"#,
        ),
        (&good, "a", Task::Classification, r#"column "a" has 40 classes in 40 rows: each needs two rows or more"#),
        (&rows(&|row| format!("{row},1,\n")), "y", Task::Regression, r#"column "y" has no values"#),
        (
            &rows(&|row| format!("{row},1,x{}\n", row % 2)),
            "y",
            Task::Regression,
            r#"column "y" holds text, but numbers is needed"#,
        ),
        (
            &rows(&|row| format!("1,1,{}\n", row % 2)),
            "y",
            Task::Classification,
            "no column tells anything: all are constant or without values",
        ),
    ] {
        let options = TrainOptions::new(target, task, Algorithm::DecisionTree);
        let refused = train(&table(text), &options, &Cancel::never(), &|_| {}).expect_err("nothing can be learned");
        assert_eq!(refused.to_string(), expected);
    }
    let sizes = TrainOptions { test_size: 0.9, ..TrainOptions::new("y", Task::Classification, Algorithm::Knn) };
    let refused = train(&table(&good), &TrainOptions { validation_size: 0.2, ..sizes }, &Cancel::never(), &|_| {});
    assert!(matches!(refused, Err(TrainError::Split(_))));
}

/// A model file, with one value anywhere in it changed.
#[test]
fn damaged_model_files_are_refused_or_predict_without_panic() {
    let text = "a,b,y\n".to_owned() + &(0..60).map(|n| format!("{n},{},{}\n", n * 7 % 13, n % 3)).collect::<String>();
    let table = table(&text);
    for algorithm in [
        Algorithm::DecisionTree,
        Algorithm::GradientBoosting,
        Algorithm::AdaBoost,
        Algorithm::Svm,
        Algorithm::Knn,
        Algorithm::NaiveBayes,
        Algorithm::Logistic,
    ] {
        let mut options = TrainOptions::new("y", Task::Classification, algorithm);
        if matches!(algorithm, Algorithm::GradientBoosting | Algorithm::AdaBoost) {
            options.hyperparameters.insert("n_estimators".to_owned(), 3.into());
        }
        let model = train(&table, &options, &Cancel::never(), &|_| {}).expect("it learns").model;
        let bytes = serde_json::to_vec(&model).expect("it is JSON");
        assert_eq!(TrainedModel::of_bytes(&bytes).expect("it is sound"), model);
        let mut random = vision::Random::named(5, algorithm.name());
        let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
        let mut refused = 0;
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            damaged[digits[random.below(digits.len())]] = b'0' + random.below(10) as u8;
            match TrainedModel::of_bytes(&damaged) {
                Ok(model) => drop(model.predict(&table)),
                Err(ModelFileError::Json(_) | ModelFileError::Unsound | ModelFileError::Format { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > 0, "{algorithm}: no damage was noticed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_end_the_reader(bytes in proptest::collection::vec(
        prop_oneof![4 => prop::sample::select(b"a1,;\"\n\r\t.-|\xef\xbb\xbf\xff\xfe\x00".to_vec()), 1 => any::<u8>()], 0..400)) {
        if let Ok(found) = read_csv(bytes.as_slice(), &ReadOptions::default()) {
            prop_assert!(found.table.rows() > 0);
            let described = describe(&found.table);
            prop_assert_eq!(described.rows, found.table.rows());
            let _ = clean(&found.table, &CleanOptions::default());
        }
    }
}
