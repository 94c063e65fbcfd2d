//! XGBoost (Chen and Guestrin 2016), by its own library.

mod api;
mod json;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use self::api::{Api, Booster, Matrix};
use self::json::Link;
use super::place::Wanted;
use super::rounds::{Losses, run_rounds};
use crate::learn::boosting::Boosted;
use crate::learn::forest::fractions;
use crate::learn::{Algorithm, Fitted, LearnError, Learner, Model, Run, check_samples, classes, require};
use crate::samples::{Samples, Target};

const WANTED: Wanted =
    Wanted { variable: "XGBOOST_DYLIB_PATH", path: "xgboost/lib/libxgboost.so", wheel: "xgboost-cpu" };

static LIBRARY: OnceLock<Result<Api, String>> = OnceLock::new();

fn library() -> Result<&'static Api, LearnError> {
    let load = || {
        let path = WANTED.find()?;
        Api::load(&path).map_err(|error| format!("{} cannot be loaded: {error}", path.display()))
    };
    let loaded = LIBRARY.get_or_init(load).as_ref();
    loaded.map_err(|reason| LearnError::NoLibrary { algorithm: Algorithm::XgBoost, reason: reason.clone() })
}

/// Whether its library is there.
pub(in crate::learn) fn is_there() -> bool {
    library().is_ok()
}

/// Gradient boosting of trees with second derivatives and penalties, on binned features. Hyperparameters and defaults are those of
/// `XGBClassifier`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XgBoost {
    /// Rounds; a round has one tree, or one for each of more than two classes.
    pub n_estimators: usize,
    /// What part of each tree's correction is made.
    pub learning_rate: f64,
    /// Questions from the root to a leaf, at most.
    pub max_depth: usize,
    /// Sum of second derivatives in a leaf.
    pub min_child_weight: f64,
    /// Fraction of the rows of each round.
    pub subsample: f64,
    /// Fraction of the features of each tree.
    pub colsample_bytree: f64,
    /// Gain that a split needs.
    pub gamma: f64,
    /// L1 penalty.
    pub reg_alpha: f64,
    /// L2 penalty.
    pub reg_lambda: f64,
    /// Bins of a feature.
    pub max_bin: usize,
}

impl Default for XgBoost {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            learning_rate: 0.3,
            max_depth: 6,
            min_child_weight: 1.0,
            subsample: 1.0,
            colsample_bytree: 1.0,
            gamma: 0.0,
            reg_alpha: 0.0,
            reg_lambda: 1.0,
            max_bin: 256,
        }
    }
}

impl XgBoost {
    fn check(&self) -> Result<(), LearnError> {
        let fraction = |value: f64| value > 0.0 && value <= 1.0;
        let positive = |value: f64| value >= 0.0 && value.is_finite();
        require((1..=10_000).contains(&self.n_estimators), "n_estimators", self.n_estimators, "1 to 10000")?;
        let rate = self.learning_rate;
        require(rate > 0.0 && rate.is_finite(), "learning_rate", rate, "a positive number")?;
        require((1..=20).contains(&self.max_depth), "max_depth", self.max_depth, "1 to 20")?;
        require(positive(self.min_child_weight), "min_child_weight", self.min_child_weight, "0 or more")?;
        require(fraction(self.subsample), "subsample", self.subsample, "above 0 and at most 1")?;
        require(fraction(self.colsample_bytree), "colsample_bytree", self.colsample_bytree, "above 0 and at most 1")?;
        require(positive(self.gamma), "gamma", self.gamma, "0 or more")?;
        require(positive(self.reg_alpha), "reg_alpha", self.reg_alpha, "0 or more")?;
        require(positive(self.reg_lambda), "reg_lambda", self.reg_lambda, "0 or more")?;
        require((2..=65_535).contains(&self.max_bin), "max_bin", self.max_bin, "2 to 65535")
    }

    fn parameters(&self, run: &Run<'_>) -> Vec<(&'static str, String)> {
        vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("max_depth", self.max_depth.to_string()),
            ("min_child_weight", self.min_child_weight.to_string()),
            ("subsample", self.subsample.to_string()),
            ("colsample_bytree", self.colsample_bytree.to_string()),
            ("gamma", self.gamma.to_string()),
            ("reg_alpha", self.reg_alpha.to_string()),
            ("reg_lambda", self.reg_lambda.to_string()),
            ("max_bin", self.max_bin.to_string()),
            ("tree_method", "hist".to_owned()),
            ("seed", (run.seed % 2_147_483_647).to_string()),
            ("nthread", rayon::current_num_threads().to_string()),
            ("verbosity", "0".to_owned()),
        ]
    }
}

impl Learner for XgBoost {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        check_samples(samples)?;
        self.check()?;
        let mut parameters = self.parameters(run);
        let (classes, outputs, link) = match &samples.y {
            Target::Values(_) => {
                parameters.extend([("objective", "reg:squarederror".to_owned()), ("eval_metric", "rmse".to_owned())]);
                (None, 1, Link::Identity)
            }
            Target::Classes { .. } => match classes(samples, "xgboost")?.1 {
                2 => {
                    let objective = "binary:logistic".to_owned();
                    parameters.extend([("objective", objective), ("eval_metric", "logloss".to_owned())]);
                    (Some(2), 1, Link::Logit)
                }
                count => {
                    parameters.extend([("objective", "multi:softprob".to_owned()), ("num_class", count.to_string())]);
                    parameters.push(("eval_metric", "mlogloss".to_owned()));
                    (Some(count), count, Link::Identity)
                }
            },
        };
        run.check()?;
        let api = library()?;
        let failed = |message: String| LearnError::Library { algorithm: Algorithm::XgBoost, message };
        let train = matrix(api, samples).map_err(failed)?;
        let watched = run.validation.filter(|validation| validation.rows() > 0);
        let validation = watched.map(|watched| matrix(api, watched)).transpose().map_err(failed)?;
        let mut booster = Booster::new(api, &train, validation.as_ref(), &parameters).map_err(failed)?;
        // Losses as other learners tell them: the mean square, not its root.
        let loss = |value: f64| if classes.is_none() { value * value } else { value };
        let (history, kept) = run_rounds(run, self.n_estimators, |round| {
            booster.update(round).map_err(failed)?;
            let losses = booster.losses(round).map_err(failed)?;
            Ok(Losses { train: loss(losses[0]), validation: losses.get(1).copied().map(loss) })
        })?;
        let bytes = booster.json().map_err(failed)?;
        let mut parsed = json::parse(&bytes, samples.x.columns(), outputs, link).map_err(failed)?;
        parsed.trees.truncate(kept * outputs);
        let model = Boosted::of_trees(classes, parsed.start, parsed.trees, fractions(parsed.gains));
        let model = model.ok_or_else(|| failed("its trees do not fit the classes".to_owned()))?;
        Ok(Fitted { model: Model::Boosted(model), history })
    }
}

fn matrix<'a>(api: &'a Api, samples: &Samples) -> Result<Matrix<'a>, String> {
    let values: Vec<f32> = samples.x.values().iter().map(|value| *value as f32).collect();
    let labels: Vec<f32> = samples.y.numbers().into_iter().map(|y| y as f32).collect();
    Matrix::new(api, &values, samples.x.columns(), &labels)
}
