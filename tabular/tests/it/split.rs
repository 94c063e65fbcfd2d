//! Splits and folds, as properties.

use proptest::prelude::*;
use tabular::fold::{FoldError, FoldKind, folds};
use tabular::split::SplitError;
use tabular::{Column, SplitMethod, SplitOptions, Table, Target, split};

fn rows_of(values: Vec<f64>) -> Table {
    Table::new(vec![Column::numbers("by", values)]).expect("one column")
}

fn options(method: SplitMethod, seed: u64) -> SplitOptions {
    SplitOptions { method, seed, ..SplitOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_is_in_one_part(values in proptest::collection::vec(0..6_u8, 20..300), seed in any::<u64>(), method in 0..4) {
        let by = || "by".to_owned();
        let method = match method {
            0 => SplitMethod::Random,
            1 => SplitMethod::Stratified { by: by() },
            2 => SplitMethod::Grouped { by: by() },
            _ => SplitMethod::Time { by: by() },
        };
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let options = options(method.clone(), seed);
        let parts = match split(&rows_of(values.clone()), &options) {
            Ok(parts) => parts,
            Err(SplitError::EmptyPart { .. }) => return Ok(()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        let mut all = [parts.train.clone(), parts.validation.clone(), parts.test.clone()].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..values.len()).collect::<Vec<_>>());
        prop_assert_eq!(split(&rows_of(values.clone()), &options), Ok(parts.clone()), "a seed is a split");
        let of = |rows: &[usize]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
        let (train, validation, test) = (of(&parts.train), of(&parts.validation), of(&parts.test));
        match method {
            SplitMethod::Random => prop_assert_eq!(test.len(), (0.2 * values.len() as f64 - 1e-9).ceil() as usize),
            SplitMethod::Stratified { .. } => for class in 0..6 {
                let count = |rows: &[f64]| rows.iter().filter(|value| **value == f64::from(class)).count() as f64;
                prop_assert!((count(&test) - 0.2 * count(&values)).abs() <= 1.0, "class {}", class);
            },
            SplitMethod::Grouped { .. } => {
                prop_assert!(test.iter().all(|value| !train.contains(value) && !validation.contains(value)));
                prop_assert!(train.iter().all(|value| !validation.contains(value)));
            }
            SplitMethod::Time { .. } => {
                let last = |rows: &[f64]| rows.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(test.iter().all(|value| *value > last(&train) && *value > last(&validation)));
                prop_assert!(validation.iter().all(|value| *value > last(&train)));
            }
        }
    }

    #[test]
    fn folds_judge_every_row_once_and_never_by_itself(of in proptest::collection::vec(0..3_usize, 30..200), seed in any::<u64>(), count in 2..6_usize) {
        let y = Target::Classes { of: of.clone(), count: 3 };
        for kind in [FoldKind::KFold, FoldKind::Stratified, FoldKind::TimeSeries] {
            let made = match folds(&y, count, kind, seed) {
                Ok(made) => made,
                Err(FoldError::SmallClass { .. }) => continue,
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            };
            let mut judged: Vec<usize> = made.iter().flat_map(|fold| fold.test.clone()).collect();
            judged.sort_unstable();
            let judged_once = judged.windows(2).all(|pair| pair[0] < pair[1]);
            prop_assert!(judged_once && made.iter().all(|fold| fold.test.iter().all(|row| !fold.train.contains(row))));
            match kind {
                FoldKind::TimeSeries => prop_assert!(made.iter().all(|fold| fold.train.iter().max() < fold.test.iter().min())),
                _ => prop_assert_eq!(judged.len(), of.len()),
            }
            if kind == FoldKind::Stratified {
                for class in 0..3 {
                    let counts: Vec<usize> = made.iter().map(|fold| fold.test.iter().filter(|row| of[**row] == class).count()).collect();
                    prop_assert!(counts.iter().max() <= counts.iter().min().map(|least| least + 1).as_ref());
                }
            }
        }
    }
}

#[test]
fn splits_that_make_no_sense_are_refused() {
    let table = rows_of((0..50).map(f64::from).collect());
    for (test_size, validation_size) in [(1.0, 0.0), (0.6, 0.5), (-0.1, 0.1), (f64::NAN, 0.1)] {
        let sizes = SplitOptions { test_size, validation_size, ..SplitOptions::default() };
        assert!(matches!(split(&table, &sizes), Err(SplitError::Sizes { .. })), "{test_size} {validation_size}");
    }
    let one = rows_of(vec![1.0; 50]);
    let grouped = options(SplitMethod::Grouped { by: "by".to_owned() }, 1);
    assert!(matches!(split(&one, &grouped), Err(SplitError::EmptyPart { groups: 1, .. })));
    let missing = rows_of(vec![1.0, f64::NAN]);
    assert!(matches!(split(&missing, &grouped), Err(SplitError::Missing { missing: 1, .. })));
    let y = Target::Values(vec![1.0; 4]);
    assert!(matches!(folds(&y, 5, FoldKind::KFold, 1), Err(FoldError::Count { folds: 5, rows: 4 })));
    assert!(matches!(folds(&y, 1, FoldKind::KFold, 1), Err(FoldError::Count { .. })));
}
