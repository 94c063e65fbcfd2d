//! LightGBM (Ke and others 2017), by its own library.

mod api;
mod text;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use self::api::{Api, Booster, Dataset};
use super::place::Wanted;
use super::rounds::{Losses, run_rounds};
use crate::learn::boosting::Boosted;
use crate::learn::forest::fractions;
use crate::learn::{Algorithm, Fitted, LearnError, Learner, Model, Run, check_samples, classes, require};
use crate::samples::{Samples, Target};

const WANTED: Wanted =
    Wanted { variable: "LIGHTGBM_DYLIB_PATH", path: "lightgbm/lib/lib_lightgbm.so", wheel: "lightgbm" };

static LIBRARY: OnceLock<Result<Api, String>> = OnceLock::new();

fn library() -> Result<&'static Api, LearnError> {
    let load = || {
        let path = WANTED.find()?;
        Api::load(&path).map_err(|error| format!("{} cannot be loaded: {error}", path.display()))
    };
    let loaded = LIBRARY.get_or_init(load).as_ref();
    loaded.map_err(|reason| LearnError::NoLibrary { algorithm: Algorithm::LightGbm, reason: reason.clone() })
}

/// Whether its library is there.
pub(in crate::learn) fn is_there() -> bool {
    library().is_ok()
}

/// Gradient boosting of trees that grow leaf by leaf, on binned features. Hyperparameters and defaults are those of `LGBMClassifier`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LightGbm {
    /// Rounds; a round has one tree, or one for each of more than two classes.
    pub n_estimators: usize,
    /// What part of each tree's correction is made.
    pub learning_rate: f64,
    /// Leaves of a tree, at most.
    pub num_leaves: usize,
    /// Questions from the root to a leaf, at most; -1 for any number.
    pub max_depth: i32,
    /// Rows of a leaf.
    pub min_child_samples: usize,
    /// Sum of second derivatives in a leaf.
    pub min_child_weight: f64,
    /// Fraction of the rows of each round; it counts where `subsample_freq` is above 0.
    pub subsample: f64,
    /// Rounds after which rows are drawn anew; 0 for never.
    pub subsample_freq: usize,
    /// Fraction of the features of each tree.
    pub colsample_bytree: f64,
    /// L1 penalty.
    pub reg_alpha: f64,
    /// L2 penalty.
    pub reg_lambda: f64,
    /// Gain that a split needs.
    pub min_split_gain: f64,
    /// Bins of a feature.
    pub max_bin: usize,
}

impl Default for LightGbm {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            learning_rate: 0.1,
            num_leaves: 31,
            max_depth: -1,
            min_child_samples: 20,
            min_child_weight: 1e-3,
            subsample: 1.0,
            subsample_freq: 0,
            colsample_bytree: 1.0,
            reg_alpha: 0.0,
            reg_lambda: 0.0,
            min_split_gain: 0.0,
            max_bin: 255,
        }
    }
}

impl LightGbm {
    fn check(&self) -> Result<(), LearnError> {
        let fraction = |value: f64| value > 0.0 && value <= 1.0;
        let positive = |value: f64| value >= 0.0 && value.is_finite();
        require((1..=10_000).contains(&self.n_estimators), "n_estimators", self.n_estimators, "1 to 10000")?;
        let rate = self.learning_rate;
        require(rate > 0.0 && rate.is_finite(), "learning_rate", rate, "a positive number")?;
        require((2..=131_072).contains(&self.num_leaves), "num_leaves", self.num_leaves, "2 to 131072")?;
        require(
            self.max_depth == -1 || (1..=1_000).contains(&self.max_depth),
            "max_depth",
            self.max_depth,
            "-1, or 1 to 1000",
        )?;
        require(
            self.min_child_samples <= 1_000_000_000,
            "min_child_samples",
            self.min_child_samples,
            "at most 1000000000",
        )?;
        require(positive(self.min_child_weight), "min_child_weight", self.min_child_weight, "0 or more")?;
        require(fraction(self.subsample), "subsample", self.subsample, "above 0 and at most 1")?;
        require(self.subsample_freq <= 10_000, "subsample_freq", self.subsample_freq, "at most 10000")?;
        require(fraction(self.colsample_bytree), "colsample_bytree", self.colsample_bytree, "above 0 and at most 1")?;
        require(positive(self.reg_alpha), "reg_alpha", self.reg_alpha, "0 or more")?;
        require(positive(self.reg_lambda), "reg_lambda", self.reg_lambda, "0 or more")?;
        require(positive(self.min_split_gain), "min_split_gain", self.min_split_gain, "0 or more")?;
        require((2..=65_535).contains(&self.max_bin), "max_bin", self.max_bin, "2 to 65535")
    }

    /// As the library reads them: `name=value` with blanks between.
    fn parameters(&self, objective: &str, run: &Run<'_>) -> String {
        let Self { learning_rate, num_leaves, max_depth, min_child_samples, min_child_weight, .. } = self;
        let Self {
            subsample, subsample_freq, colsample_bytree, reg_alpha, reg_lambda, min_split_gain, max_bin, ..
        } = self;
        format!(
            "{objective} learning_rate={learning_rate} num_leaves={num_leaves} max_depth={max_depth} \
             min_data_in_leaf={min_child_samples} min_sum_hessian_in_leaf={min_child_weight} bagging_fraction={subsample} \
             bagging_freq={subsample_freq} feature_fraction={colsample_bytree} lambda_l1={reg_alpha} lambda_l2={reg_lambda} \
             min_gain_to_split={min_split_gain} max_bin={max_bin} seed={} deterministic=true force_col_wise=true \
             is_provide_training_metric=true verbosity=-1 num_threads={}",
            run.seed % 2_147_483_647,
            rayon::current_num_threads()
        )
    }
}

impl Learner for LightGbm {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        check_samples(samples)?;
        self.check()?;
        let (objective, outputs) = match &samples.y {
            Target::Values(_) => ("objective=regression metric=l2".to_owned(), 1),
            Target::Classes { .. } => match classes(samples, "lightgbm")?.1 {
                2 => ("objective=binary metric=binary_logloss".to_owned(), 1),
                count => (format!("objective=multiclass num_class={count} metric=multi_logloss"), count),
            },
        };
        run.check()?;
        let api = library()?;
        let failed = |message: String| LearnError::Library { algorithm: Algorithm::LightGbm, message };
        let parameters = self.parameters(&objective, run);
        let labels = |samples: &Samples| samples.y.numbers().into_iter().map(|y| y as f32).collect::<Vec<_>>();
        let train = Dataset::new(api, &samples.x, &labels(samples), &parameters, None).map_err(failed)?;
        let watched = run.validation.filter(|validation| validation.rows() > 0);
        let validation = watched
            .map(|watched| Dataset::new(api, &watched.x, &labels(watched), &parameters, Some(&train)))
            .transpose()
            .map_err(failed)?;
        let judged = validation.as_ref().is_some_and(|validation| validation.rows() > 0);
        let mut booster = Booster::new(api, &train, validation.as_ref(), &parameters).map_err(failed)?;
        let (history, kept) = run_rounds(run, self.n_estimators, |_| {
            booster.update().map_err(failed)?;
            let validation = if judged { Some(booster.loss(1).map_err(failed)?) } else { None };
            Ok(Losses { train: booster.loss(0).map_err(failed)?, validation })
        })?;
        let text = booster.text(kept).map_err(failed)?;
        let parsed = text::parse(&text, samples.x.columns()).map_err(failed)?;
        let classes = if let Target::Classes { count, .. } = samples.y { Some(count) } else { None };
        // Where nothing could be split any more, LightGBM ends with fewer rounds: whole ones all the same.
        let model = Boosted::of_trees(classes, vec![0.0; outputs], parsed.trees, fractions(parsed.gains));
        let model = model.ok_or_else(|| failed("its trees do not fit the classes".to_owned()))?;
        Ok(Fitted { model: Model::Boosted(model), history })
    }
}
