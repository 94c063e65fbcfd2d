//! A vote of different models.

use serde::{Deserialize, Serialize};

use super::form::Form;
use super::{Fitted, LearnError, Learner, Model, Predictor, Run, require};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// The mean of probabilities, or of numbers.
    #[default]
    Soft,
    /// The class that most models tell; of several the first.
    Hard,
}

/// Models that all learn from the same rows.
pub struct Voting {
    /// The learners.
    pub members: Vec<Box<dyn Learner>>,
    /// What is counted.
    pub vote: Vote,
}

impl Learner for Voting {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        require(!self.members.is_empty(), "models", 0, "at least 1")?;
        let models =
            self.members.iter().enumerate().map(|(number, member)| Ok(member.fit(samples, &run.part(number))?.model));
        let classes = if let Target::Classes { count, .. } = samples.y { Some(count) } else { None };
        let models = models.collect::<Result<Vec<_>, LearnError>>()?;
        Ok(Model::Voting(VotingModel { models, vote: self.vote, classes }).into())
    }
}

/// Models with one vote each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VotingModel {
    models: Vec<Model>,
    vote: Vote,
    /// Classes, or none where a number is told.
    classes: Option<usize>,
}

impl VotingModel {
    pub(super) fn form(&self) -> Form {
        let hard = self.vote == Vote::Hard && self.classes.is_some();
        Form::Vote { members: self.models.iter().map(Model::form).collect(), hard }
    }
}

impl Predictor for VotingModel {
    fn scores(&self, x: &Matrix) -> Matrix {
        let outputs = self.classes.unwrap_or(1);
        let mut sum = Matrix::zeros(x.rows(), outputs);
        let part = 1.0 / self.models.len() as f64;
        for model in &self.models {
            if self.vote == Vote::Hard && self.classes.is_some() {
                model.classes(x).into_iter().enumerate().for_each(|(row, class)| *sum.at_mut(row, class) += part);
                continue;
            }
            let scores = model.scores(x);
            for row in 0..x.rows() {
                sum.row_mut(row).iter_mut().zip(scores.row(row)).for_each(|(sum, score)| *sum += part * score);
            }
        }
        sum
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        self.classes.unwrap_or(1) == outputs
            && !self.models.is_empty()
            && self.models.iter().all(|model| model.is_sound(features, outputs))
    }
}
