//! Numbers of scikit-learn and numpy, made by `scripts/tabular-reference.py`.

use std::sync::LazyLock;

use serde_json::Value;
use tabular::{Matrix, Samples, Target};

static REFERENCE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../fixtures/reference.json")).expect("the fixture is JSON"));

/// What stands under a name, as deep as the names go.
pub(crate) fn reference(path: &[&str]) -> &'static Value {
    path.iter().fold(&*REFERENCE, |value, name| &value[*name])
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

pub(crate) fn classes(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|class| class as usize).collect()
}

pub(crate) fn matrix(value: &Value) -> Matrix {
    let rows: Vec<Vec<f64>> = value.as_array().expect("rows").iter().map(numbers).collect();
    Matrix::new(rows.concat(), rows.len(), rows[0].len())
}

/// Every other row of iris.
pub(crate) fn iris() -> Samples {
    let y = Target::Classes { of: classes(reference(&["iris", "y"])), count: 3 };
    Samples { x: matrix(reference(&["iris", "x"])), y }
}

/// The first 120 rows of diabetes.
pub(crate) fn diabetes() -> Samples {
    let y = Target::Values(numbers(reference(&["diabetes", "y"])));
    Samples { x: matrix(reference(&["diabetes", "x"])), y }
}

pub(crate) fn near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let scale = expected.abs().max(1.0);
    assert!((found - expected).abs() <= tolerance * scale, "{what}: {found} where {expected} is expected");
}

pub(crate) fn all_near(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    found.iter().zip(expected).enumerate().for_each(|(at, (f, e))| near(*f, *e, tolerance, &format!("{what} [{at}]")));
}
