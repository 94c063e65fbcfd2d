//! What features add: equal to LightGBM's own, and to the sum of the trees.

use serde_json::{Value, json};
use tabular::explain::contributions;
use tabular::learn::{Form, Link};
use tabular::{Algorithm, Matrix, Predictor, Run, Samples, learner};
use vision::Cancel;

use crate::boosters::{BOOSTERS, settings, two_kinds};
use crate::reference::{diabetes, iris, matrix, near};

fn fit(algorithm: Algorithm, samples: &Samples, hyperparameters: &Value) -> tabular::Model {
    let cancel = Cancel::never();
    let hyperparameters = hyperparameters.as_object().expect("an object");
    let learner = learner(algorithm, samples.y.task(), hyperparameters).expect("it is one");
    learner.fit(samples, &Run::quiet(42, &cancel)).expect("it learns").model
}

#[test]
fn they_are_those_of_lightgbm() {
    if !Algorithm::LightGbm.is_there() {
        eprintln!("SKIPPED: LightGBM is not there (`make setup` fetches it)");
        return;
    }
    for (name, samples) in [("iris", iris()), ("binary", two_kinds()), ("diabetes", diabetes())] {
        let model = fit(Algorithm::LightGbm, &samples, &settings(Algorithm::LightGbm));
        let expected = matrix(&BOOSTERS[name]["lightgbm_shap"]);
        let rows: Vec<usize> = (0..expected.rows()).collect();
        let found = contributions(&model, &samples.x.take(&rows), &samples.x).expect("trees");
        let width = samples.x.columns() + 1;
        for row in rows {
            for (output, values) in found.values.iter().enumerate() {
                for feature in 0..width - 1 {
                    let expected = expected.at(row, output * width + feature);
                    near(values.at(row, feature), expected, 1e-5, &format!("{name} {row} {output} {feature}"));
                }
                near(found.base[output], expected.at(row, output * width + width - 1), 1e-5, name);
            }
        }
    }
}

#[test]
fn they_add_up_to_what_the_model_says() {
    for (algorithm, samples, set) in [
        (Algorithm::RandomForest, iris(), json!({"n_estimators": 7})),
        (Algorithm::RandomForest, diabetes(), json!({"n_estimators": 7})),
        (Algorithm::DecisionTree, iris(), json!({})),
        (Algorithm::GradientBoosting, diabetes(), json!({"n_estimators": 9})),
    ] {
        let model = fit(algorithm, &samples, &set);
        assert!(matches!(model.form(), Form::Trees { link: Link::Identity, .. }), "{algorithm}");
        let found = contributions(&model, &samples.x, &samples.x).expect("trees");
        let scores = model.scores(&samples.x);
        for (output, values) in found.values.iter().enumerate() {
            for row in 0..samples.rows() {
                let sum = found.base[output] + values.row(row).iter().sum::<f64>();
                near(sum, scores.at(row, output), 1e-6, algorithm.name());
            }
        }
        assert!(found.importance().iter().all(|value| value.is_finite()));
    }
    let linear = fit(Algorithm::Ridge, &diabetes(), &json!({}));
    assert!(contributions(&linear, &diabetes().x, &diabetes().x).is_none());
}

#[test]
fn a_feature_that_changes_nothing_adds_nothing_and_equal_ones_share() {
    // y = a AND b, of all four rows: by hand, each adds a quarter of its own and half of what both do.
    let x = Matrix::new(vec![0.0, 0.0, 5.0, 0.0, 1.0, 5.0, 1.0, 0.0, 5.0, 1.0, 1.0, 5.0], 4, 3);
    let samples = Samples { x: x.clone(), y: tabular::Target::Values(vec![0.0, 0.0, 0.0, 1.0]) };
    let model = fit(Algorithm::DecisionTree, &samples, &json!({}));
    let found = contributions(&model, &x, &x).expect("a tree");
    near(found.base[0], 0.25, 1e-8, "base");
    for (row, expected) in [(0, [-0.125, -0.125, 0.0]), (3, [0.375, 0.375, 0.0]), (1, [-0.375, 0.125, 0.0])] {
        for (feature, expected) in expected.into_iter().enumerate() {
            near(found.values[0].at(row, feature), expected, 1e-6, &format!("row {row} feature {feature}"));
        }
    }
}
