//! LightGBM and XGBoost through their C interfaces against the same libraries through Python (`scripts/tabular-boosters.py`).

use std::sync::LazyLock;

use serde_json::{Value, json};
use tabular::learn::{Fitted, LearnError};
use tabular::{Algorithm, Predictor, Run, Samples, Target, learner};
use vision::Cancel;

use crate::reference::{all_near, diabetes, iris, matrix};

pub(crate) static BOOSTERS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../fixtures/boosters.json")).expect("the fixture is JSON"));

const BOTH: [Algorithm; 2] = [Algorithm::LightGbm, Algorithm::XgBoost];

pub(crate) fn settings(algorithm: Algorithm) -> Value {
    if algorithm == Algorithm::LightGbm {
        json!({"n_estimators": 25, "num_leaves": 7, "min_child_samples": 10, "reg_lambda": 0.5})
    } else {
        json!({"n_estimators": 25, "max_depth": 3, "reg_lambda": 2.0, "min_child_weight": 2.0})
    }
}

fn fit(algorithm: Algorithm, samples: &Samples, hyperparameters: Value, run: &Run<'_>) -> Result<Fitted, LearnError> {
    let Value::Object(hyperparameters) = hyperparameters else { panic!("hyperparameters are an object") };
    learner(algorithm, samples.y.task(), &hyperparameters)?.fit(samples, run)
}

/// Whether the library is there; in CI it must be.
fn there(algorithm: Algorithm) -> bool {
    let there = algorithm.is_there();
    assert!(
        there || std::env::var("CI").as_deref() != Ok("true"),
        "{algorithm} has no library (`make setup` fetches it)"
    );
    if !there {
        eprintln!("SKIPPED: {algorithm} has no library (`make setup` fetches it)");
    }
    there
}

/// The later two kinds of iris.
pub(crate) fn two_kinds() -> Samples {
    let iris = iris();
    let Target::Classes { of, .. } = &iris.y else { panic!("iris has classes") };
    let rows: Vec<usize> = (0..iris.rows()).filter(|row| of[*row] > 0).collect();
    let y = Target::Classes { of: rows.iter().map(|row| of[*row] - 1).collect(), count: 2 };
    Samples { x: iris.x.take(&rows), y }
}

#[test]
fn they_tell_what_they_tell_python() {
    let cancel = Cancel::never();
    for algorithm in BOTH.into_iter().filter(|algorithm| there(*algorithm)) {
        for (name, samples) in [("iris", iris()), ("binary", two_kinds()), ("diabetes", diabetes())] {
            let fitted = fit(algorithm, &samples, settings(algorithm), &Run::quiet(42, &cancel)).expect("it learns");
            let expected = matrix(&BOOSTERS[name][algorithm.name()]);
            // XGBoost adds up 32-bit numbers, we add up 64-bit ones.
            let tolerance = if algorithm == Algorithm::LightGbm { 1e-9 } else { 5e-6 };
            let found = fitted.model.scores(&samples.x);
            all_near(found.values(), expected.values(), tolerance, &format!("{algorithm} {name}"));
            assert_eq!(fitted.history.len(), 25);
            assert!(fitted.history[24].train_loss < fitted.history[0].train_loss, "{:?}", fitted.history);
            let importance = fitted.model.importance().expect("trees know");
            assert!((importance.iter().sum::<f64>() - 1.0).abs() < 1e-9 && importance.len() == samples.x.columns());
        }
    }
}

#[test]
fn they_stop_early_and_when_nobody_waits() {
    let all = diabetes();
    let (train, validation): (Vec<usize>, Vec<usize>) = (0..all.rows()).partition(|row| row % 3 > 0);
    let (train, validation) = (all.take(&train), all.take(&validation));
    let cancel = Cancel::never();
    for algorithm in BOTH.into_iter().filter(|algorithm| there(*algorithm)) {
        let run = Run { validation: Some(&validation), patience: Some(3), ..Run::quiet(1, &cancel) };
        let hyperparameters = json!({"n_estimators": 500, "learning_rate": 0.5});
        let fitted = fit(algorithm, &train, hyperparameters.clone(), &run).expect("it learns");
        let losses: Vec<f64> = fitted.history.iter().map(|step| step.validation_loss.expect("watched")).collect();
        assert!(losses.len() < 500, "{algorithm} never stopped");
        let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
        // The best round is what is kept: its loss is that of the model.
        let Target::Values(values) = &validation.y else { panic!("numbers") };
        let told = fitted.model.scores(&validation.x);
        let squares = told.values().iter().zip(values).map(|(told, y)| (told - y).powi(2)).sum::<f64>();
        let loss = squares / values.len() as f64;
        assert!((loss - best).abs() < 1e-4 * best, "{algorithm}: {loss} is not the best loss {best}");
        let gone = Cancel::new(std::sync::Arc::default(), std::time::Instant::now());
        let ended = fit(algorithm, &train, hyperparameters, &Run::quiet(1, &gone));
        assert_eq!(ended.expect_err("nobody waits"), LearnError::Cancelled);
    }
}

#[test]
fn what_the_libraries_refuse_is_an_error() {
    let cancel = Cancel::never();
    let mut samples = diabetes();
    *samples.x.at_mut(3, 2) = 1e300; // infinite, in 32 bits
    if there(Algorithm::XgBoost) {
        let refused = fit(Algorithm::XgBoost, &samples, json!({}), &Run::quiet(1, &cancel)).expect_err("infinite");
        assert!(matches!(&refused, LearnError::Library { message, .. } if message.contains("inf")), "{refused}");
    }
    let nothing = samples.take(&[]);
    for algorithm in BOTH {
        let refused = fit(algorithm, &nothing, json!({}), &Run::quiet(1, &cancel)).expect_err("no rows");
        assert!(matches!(refused, LearnError::Nothing { .. }), "{refused}");
    }
    if there(Algorithm::LightGbm) {
        // Too few rows for a single split: the mean, and no crash.
        let few = diabetes().take(&[1, 2, 3]);
        let fitted = fit(Algorithm::LightGbm, &few, json!({}), &Run::quiet(1, &cancel)).expect("it learns the mean");
        let told = fitted.model.scores(&few.x);
        assert!(told.values().iter().all(|value| (value - told.at(0, 0)).abs() < 1e-9));
    }
}
