//! Bagging (Breiman 1996): one learner, many draws of rows.

use serde::{Deserialize, Serialize};
use vision::Random;

use super::form::Form;
use super::{Fitted, LearnError, Learner, Model, Predictor, Run, check_samples, require};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};

/// The mean of models, each of rows sampled with replacement.
pub struct Bagging {
    /// The learner.
    pub base: Box<dyn Learner>,
    /// Models.
    pub n_estimators: usize,
    /// Rows of each, as a fraction of all.
    pub max_samples: f64,
}

impl Learner for Bagging {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        check_samples(samples)?;
        require((1..=1_000).contains(&self.n_estimators), "n_estimators", self.n_estimators, "1 to 1000")?;
        let fraction = self.max_samples;
        require(fraction > 0.0 && fraction <= 1.0, "max_samples", fraction, "above 0 and at most 1")?;
        let mut models = Vec::with_capacity(self.n_estimators);
        for number in 0..self.n_estimators {
            let mut random = Random::stream(run.seed ^ 0xba6, number as u64);
            models.push(
                self.base.fit(&samples.take(&bootstrap(samples, fraction, &mut random)), &run.part(number))?.model,
            );
        }
        Ok(Model::Bagging(BaggingModel { models, outputs: samples.y.outputs() }).into())
    }
}

/// Rows sampled with replacement. A sample of one class alone cannot be learned from: another is made.
fn bootstrap(samples: &Samples, fraction: f64, random: &mut Random) -> Vec<usize> {
    const DRAWS: usize = 100;
    let rows = samples.rows();
    let count = ((fraction * rows as f64) as usize).max(1);
    let mut draw = || (0..count).map(|_| random.below(rows)).collect::<Vec<_>>();
    let mut taken = draw();
    let Target::Classes { of, .. } = &samples.y else { return taken };
    for _ in 0..DRAWS {
        if taken.iter().any(|row| of[*row] != of[taken[0]]) {
            break;
        }
        taken = draw();
    }
    taken
}

/// Models of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaggingModel {
    models: Vec<Model>,
    outputs: usize,
}

impl BaggingModel {
    pub(super) fn form(&self) -> Form {
        Form::Vote { members: self.models.iter().map(Model::form).collect(), hard: false }
    }
}

impl Predictor for BaggingModel {
    fn scores(&self, x: &Matrix) -> Matrix {
        let mut sum = Matrix::zeros(x.rows(), self.outputs);
        let part = 1.0 / self.models.len() as f64;
        for model in &self.models {
            let scores = model.scores(x);
            for row in 0..x.rows() {
                sum.row_mut(row).iter_mut().zip(scores.row(row)).for_each(|(sum, score)| *sum += part * score);
            }
        }
        sum
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        self.outputs == outputs
            && !self.models.is_empty()
            && self.models.iter().all(|model| model.is_sound(features, outputs))
    }
}
