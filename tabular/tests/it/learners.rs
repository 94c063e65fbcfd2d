//! Learners against scikit-learn at the same settings, on the same rows.

use serde_json::{Value, json};
use tabular::learn::LearnError;
use tabular::{Algorithm, Model, Predictor, Run, Samples, Scaler, ScalingMethod, Target, Task, learner};
use vision::Cancel;

use crate::reference::{all_near, classes, diabetes, iris, matrix, numbers, reference};

fn scaled(mut samples: Samples) -> Samples {
    Scaler::learn(&samples.x, ScalingMethod::Standard).apply(&mut samples.x);
    samples
}

fn fit(algorithm: Algorithm, samples: &Samples, hyperparameters: Value) -> Result<Model, LearnError> {
    let cancel = Cancel::never();
    let Value::Object(hyperparameters) = hyperparameters else { panic!("hyperparameters are an object") };
    let learner = learner(algorithm, samples.y.task(), &hyperparameters)?;
    Ok(learner.fit(samples, &Run::quiet(42, &cancel))?.model)
}

/// All algorithms, without those whose library is not there.
fn there() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.iter().copied().filter(|algorithm| {
        let there = algorithm.is_there();
        assert!(
            there || std::env::var("CI").as_deref() != Ok("true"),
            "{algorithm} has no library (`make setup` fetches it)"
        );
        if !there {
            eprintln!("SKIPPED: {algorithm} has no library (`make setup` fetches it)");
        }
        there
    })
}

/// The same splits.
const SAME: f64 = 1e-6;
/// Another of two equally good splits here and there: so much does scikit-learn differ from one `random_state` to another.
const TIES: f64 = 0.003;

/// Fraction of probabilities that agree.
fn agreeing(found: &[f64], expected: &[f64], tolerance: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    let near = found.iter().zip(expected).filter(|(a, b)| (**a - **b).abs() < tolerance);
    near.count() as f64 / found.len() as f64
}

#[test]
fn probabilities_of_smooth_learners_are_those_of_scikit_learn() {
    let samples = scaled(iris());
    for (algorithm, hyperparameters, tolerance) in [
        (Algorithm::Logistic, json!({"C": 0.7, "tol": 1e-9}), 1e-5),
        (Algorithm::NaiveBayes, json!({}), 1e-8),
        // scikit-learn's distance of equal rows is not quite 0.
        (Algorithm::Knn, json!({"n_neighbors": 7, "weights": "distance"}), 1e-6),
    ] {
        let model = fit(algorithm, &samples, hyperparameters).expect("it learns");
        let expected = matrix(reference(&["probabilities", algorithm.name()]));
        all_near(model.scores(&samples.x).values(), expected.values(), tolerance, algorithm.name());
    }
}

#[test]
fn trees_and_boosting_split_as_scikit_learn_does() {
    let samples = scaled(iris());
    for (algorithm, hyperparameters, tolerance) in [
        (Algorithm::DecisionTree, json!({"max_depth": 2}), SAME),
        (Algorithm::GradientBoosting, json!({"n_estimators": 10, "max_depth": 2}), TIES),
        (Algorithm::AdaBoost, json!({"n_estimators": 10}), SAME),
    ] {
        let model = fit(algorithm, &samples, hyperparameters).expect("it learns");
        let expected = matrix(reference(&["probabilities", algorithm.name()]));
        let agreeing = agreeing(model.scores(&samples.x).values(), expected.values(), tolerance);
        assert!(agreeing > 0.95, "{algorithm}: {agreeing} of the probabilities agree");
    }
}

#[test]
fn two_classes_are_told_as_scikit_learn_does() {
    let iris = scaled(iris());
    let Target::Classes { of, .. } = &iris.y else { panic!("iris has classes") };
    let rows: Vec<usize> = (0..iris.rows()).filter(|row| of[*row] > 0).collect();
    let y = Target::Classes { of: rows.iter().map(|row| of[*row] - 1).collect(), count: 2 };
    let samples = Samples { x: iris.x.take(&rows), y };
    for (algorithm, hyperparameters, wanted) in [
        (Algorithm::Logistic, json!({"C": 0.7, "tol": 1e-9}), 1.0),
        (Algorithm::GradientBoosting, json!({"n_estimators": 10, "max_depth": 2}), 0.9),
        (Algorithm::AdaBoost, json!({"n_estimators": 10}), 0.9),
    ] {
        let model = fit(algorithm, &samples, hyperparameters).expect("it learns");
        let expected = matrix(reference(&["binary", algorithm.name()]));
        let agreeing = agreeing(model.scores(&samples.x).values(), expected.values(), SAME);
        assert!(agreeing >= wanted, "{algorithm}: {agreeing} of the probabilities agree");
    }
}

#[test]
fn support_vectors_vote_as_libsvm_does() {
    let samples = scaled(iris());
    for (name, hyperparameters) in [
        ("rbf", json!({})),
        ("linear", json!({"kernel": "linear", "C": 0.5})),
        ("poly", json!({"kernel": "poly", "degree": 2, "coef0": 1.0})),
    ] {
        let model = fit(Algorithm::Svm, &samples, hyperparameters).expect("it learns");
        assert_eq!(model.classes(&samples.x), classes(reference(&["svc", name])), "{name}");
        let scores = model.scores(&samples.x);
        for row in 0..samples.rows() {
            assert!((scores.row(row).iter().sum::<f64>() - 1.0).abs() < 1e-9, "probabilities add up to 1");
        }
    }
}

#[test]
fn numbers_are_those_of_scikit_learn() {
    let samples = scaled(diabetes());
    for (algorithm, hyperparameters, tolerance) in [
        (Algorithm::Ridge, json!({"alpha": 2.5}), 1e-9),
        (Algorithm::Lasso, json!({"alpha": 0.8, "tol": 1e-12}), 1e-7),
        (Algorithm::ElasticNet, json!({"alpha": 0.3, "l1_ratio": 0.4, "tol": 1e-12}), 1e-7),
        (Algorithm::Knn, json!({"n_neighbors": 5}), 1e-9),
        (Algorithm::Svr, json!({"C": 40.0, "epsilon": 0.5, "tol": 1e-8}), 1e-5),
    ] {
        let model = fit(algorithm, &samples, hyperparameters).expect("it learns");
        all_near(
            model.scores(&samples.x).values(),
            &numbers(reference(&["numbers", algorithm.name()])),
            tolerance,
            algorithm.name(),
        );
    }
    for (algorithm, hyperparameters) in [
        (Algorithm::DecisionTree, json!({"max_depth": 3})),
        (Algorithm::GradientBoosting, json!({"n_estimators": 10, "max_depth": 2})),
    ] {
        let model = fit(algorithm, &samples, hyperparameters).expect("it learns");
        let expected = numbers(reference(&["numbers", algorithm.name()]));
        let agreeing = agreeing(model.scores(&samples.x).values(), &expected, SAME);
        assert!(agreeing > 0.95, "{algorithm}: {agreeing} of the numbers agree");
    }
}

#[test]
fn every_algorithm_learns_what_it_does_and_refuses_what_it_does_not() {
    let (of_classes, of_numbers) = (scaled(iris()), scaled(diabetes()));
    for algorithm in there() {
        for samples in [&of_classes, &of_numbers] {
            let few = json!({"n_estimators": 10});
            let hyperparameters = match algorithm {
                Algorithm::RandomForest | Algorithm::GradientBoosting | Algorithm::AdaBoost => few,
                _ => json!({}),
            };
            let fitted = fit(algorithm, samples, hyperparameters);
            if !algorithm.does(samples.y.task()) {
                assert!(matches!(fitted, Err(LearnError::NoSuchLearner { .. })), "{algorithm}");
                continue;
            }
            let model = fitted.expect("it learns");
            assert!(model.is_sound(samples.x.columns(), samples.y.outputs()), "{algorithm}");
            let again: Model = serde_json::from_str(&serde_json::to_string(&model).expect("JSON")).expect("JSON");
            assert_eq!(again.scores(&samples.x), model.scores(&samples.x), "{algorithm} after a file");
            match &samples.y {
                Target::Classes { of, .. } => {
                    let right = tabular::metrics::accuracy(of, &model.classes(&samples.x));
                    assert!(right > 0.9, "{algorithm}: {right} of the training rows are told right");
                }
                Target::Values(values) => {
                    let r2 = tabular::metrics::regression(values, model.scores(&samples.x).values()).r2;
                    // A support vector regression of C = 1 hardly leaves the median of numbers of hundreds.
                    let wanted = if algorithm == Algorithm::Svr { 0.0 } else { 0.3 };
                    assert!(r2 > wanted, "{algorithm}: R2 {r2} on the training rows");
                }
            }
        }
    }
}

#[test]
fn hyperparameters_are_checked() {
    let samples = scaled(iris());
    for (algorithm, hyperparameters) in [
        (Algorithm::RandomForest, json!({"n_estimators": 0})),
        (Algorithm::RandomForest, json!({"n_estimators": 1_000_000})),
        (Algorithm::RandomForest, json!({"max_features": 2.5})),
        (Algorithm::RandomForest, json!({"max_featurs": "sqrt"})),
        (Algorithm::Logistic, json!({"C": -1.0})),
        (Algorithm::Svm, json!({"gamma": 0.0})),
        (Algorithm::Svm, json!({"degree": 1000})),
        (Algorithm::Knn, json!({"n_neighbors": 1000})),
        (Algorithm::GradientBoosting, json!({"learning_rate": "fast"})),
        (Algorithm::LightGbm, json!({"num_leaves": 1})),
        (Algorithm::LightGbm, json!({"subsample": 0.0})),
        (Algorithm::LightGbm, json!({"objective": "regression task=predict input_model=/etc/passwd"})),
        (Algorithm::XgBoost, json!({"max_depth": 0})),
        (Algorithm::XgBoost, json!({"learning_rate": "1 verbosity=3"})),
        (Algorithm::XgBoost, json!({"reg_lambda": -1.0})),
        (Algorithm::Bagging, json!({"models": ["knn", "svm"]})),
        (Algorithm::Voting, json!({"models": ["ridge"]})),
        (
            Algorithm::Voting,
            json!({"models": [{"algorithm": "voting", "hyperparameters": {"models": [{"algorithm": "voting",
                "hyperparameters": {"models": ["bagging"]}}]}}]}),
        ),
    ] {
        let refused = fit(algorithm, &samples, hyperparameters.clone()).expect_err("it makes no sense");
        let known = matches!(
            refused,
            LearnError::Parameter { .. } | LearnError::Hyperparameters { .. } | LearnError::NoSuchLearner { .. }
        );
        assert!(known, "{algorithm} {hyperparameters}: {refused}");
    }
}

#[test]
fn learning_ends_when_nobody_waits() {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    let gone = Arc::new(AtomicBool::new(true));
    let cancel = Cancel::new(gone, std::time::Instant::now() + std::time::Duration::from_secs(60));
    for (samples, task) in [(iris(), Task::Classification), (diabetes(), Task::Regression)] {
        for algorithm in there().filter(|algorithm| algorithm.does(task)) {
            let learner = learner(algorithm, task, &serde_json::Map::new()).expect("defaults are good");
            let ended = learner.fit(&samples, &Run::quiet(1, &cancel));
            assert_eq!(ended.expect_err("nobody waits"), LearnError::Cancelled, "{algorithm}");
        }
    }
}
