//! Metrics and statistics equal to scikit-learn's and numpy's.

use tabular::describe::NumericStats;
use tabular::learn::LearnError;
use tabular::metrics::{classification, regression, roc_auc_binary};
use tabular::{Run, Samples, Scaler, ScalingMethod, SelectionMethod, SelectionOptions, select};
use vision::Cancel;

use crate::reference::{all_near, classes, diabetes, iris, matrix, near, numbers, reference};

const EQUAL: f64 = 1e-9;

#[test]
fn metrics_of_classes_are_those_of_scikit_learn() {
    for case in reference(&["classification"]).as_array().expect("cases") {
        let truth = classes(&case["truth"]);
        let found = classification(&truth, &classes(&case["told"]), &matrix(&case["scores"]));
        let expected = |name: &str| case[name].as_f64().expect("a number");
        near(found.accuracy, expected("accuracy"), EQUAL, "accuracy");
        near(found.roc_auc.expect("all classes have rows"), expected("roc_auc"), EQUAL, "roc_auc");
        near(found.log_loss, expected("log_loss"), EQUAL, "log_loss");
        all_near(&[found.precision, found.recall, found.f1], &numbers(&case["weighted"]), EQUAL, "weighted");
        let mean = found.macro_mean;
        all_near(&[mean.precision, mean.recall, mean.f1], &numbers(&case["macro"]), EQUAL, "macro");
        let confusion: Vec<Vec<f64>> =
            found.confusion_matrix.iter().map(|row| row.iter().map(|n| *n as f64).collect()).collect();
        assert_eq!(confusion.concat(), matrix(&case["confusion"]).values());
    }
}

#[test]
fn metrics_of_numbers_are_those_of_scikit_learn() {
    for case in reference(&["regression"]).as_array().expect("cases") {
        let found = regression(&numbers(&case["truth"]), &numbers(&case["told"]));
        for (name, value) in [
            ("r2", found.r2),
            ("rmse", found.rmse),
            ("mae", found.mae),
            ("mape", found.mape),
            ("explained_variance", found.explained_variance),
        ] {
            near(value, case[name].as_f64().expect("a number"), EQUAL, name);
        }
    }
    // As scikit-learn: a constant truth has no variance to explain.
    assert_eq!(regression(&[2.0, 2.0], &[2.0, 2.0]).r2, 1.0);
    assert_eq!(regression(&[2.0, 2.0], &[2.0, 3.0]).r2, 0.0);
}

#[test]
fn a_curve_needs_both_classes_and_ties_count_half() {
    assert_eq!(roc_auc_binary(&[true, true], &[0.1, 0.2]), None);
    assert_eq!(roc_auc_binary(&[true, false], &[0.5, 0.5]), Some(0.5));
    assert_eq!(roc_auc_binary(&[false, true], &[0.1, 0.9]), Some(1.0));
}

#[test]
fn statistics_are_those_of_numpy() {
    let case = reference(&["stats"]);
    let mut values = numbers(&case["values"]);
    values.push(f64::NAN);
    let found = serde_json::to_value(NumericStats::of(&values)).expect("it is JSON");
    for name in ["mean", "std", "min", "p25", "p50", "p75", "max"] {
        near(found[name].as_f64().expect(name), case[name].as_f64().expect(name), EQUAL, name);
    }
}

#[test]
fn scalers_are_those_of_scikit_learn() {
    let samples = diabetes();
    for (name, method) in
        [("standard", ScalingMethod::Standard), ("minmax", ScalingMethod::Minmax), ("robust", ScalingMethod::Robust)]
    {
        let mut x = samples.x.clone();
        Scaler::learn(&x, method).apply(&mut x);
        let expected = matrix(reference(&["scaled", name]));
        all_near(&x.values()[..expected.values().len()], expected.values(), EQUAL, name);
    }
}

#[test]
fn f_statistics_are_those_of_scikit_learn() {
    let cancel = Cancel::never();
    let run = Run::quiet(1, &cancel);
    let options = SelectionOptions { method: SelectionMethod::Statistical, n_features: 2 };
    for (samples, name) in [(iris(), "f_classif"), (diabetes(), "f_regression")] {
        let found = select(&samples, options, &run).expect("it can be ranked");
        all_near(&found.importance, &numbers(reference(&[name])), EQUAL, name);
    }
}

#[test]
fn every_selection_finds_what_tells() {
    let cancel = Cancel::never();
    let run = Run::quiet(1, &cancel);
    // Of iris, petal length and width (2 and 3) tell most; two columns of noise are put beside them.
    let iris = iris();
    let mut random = vision::Random::new(3);
    let mut columns: Vec<Vec<f64>> = [2, 3].map(|column| iris.x.column(column)).into();
    columns.extend((0..2).map(|_| (0..iris.rows()).map(|_| random.normal()).collect()));
    let noisy = Samples { x: tabular::Matrix::of_columns(iris.rows(), &columns), y: iris.y };
    for method in [
        SelectionMethod::Correlation,
        SelectionMethod::MutualInfo,
        SelectionMethod::Rfe,
        SelectionMethod::TreeImportance,
        SelectionMethod::Statistical,
    ] {
        let mut found = select(&noisy, SelectionOptions { method, n_features: 2 }, &run).expect("ranked").selected;
        found.sort_unstable();
        assert_eq!(found, [0, 1], "{method:?}");
        let too_many = select(&noisy, SelectionOptions { method, n_features: 5 }, &run);
        assert!(matches!(too_many, Err(LearnError::Parameter { name: "n_features", .. })), "{method:?}");
    }
}
