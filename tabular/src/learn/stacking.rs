//! A model over models (Wolpert 1992): it learns from what the others tell of rows that they did not learn from.

use serde::{Deserialize, Serialize};

use super::form::Form;
use super::{Fitted, LearnError, Learner, Model, Predictor, Run, require};
use crate::fold::{FoldKind, folds};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};

/// Base models and the one that is asked last.
pub struct Stacking {
    /// The learners below.
    pub members: Vec<Box<dyn Learner>>,
    /// The learner of their answers.
    pub meta: Box<dyn Learner>,
    /// Folds by which the members answer for rows that they did not learn from.
    pub folds: usize,
}

impl Learner for Stacking {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        require(!self.members.is_empty(), "models", 0, "at least 1")?;
        let folds =
            folds(&samples.y, self.folds, FoldKind::Stratified, run.seed).map_err(|_| LearnError::Parameter {
                name: "cv",
                value: self.folds.to_string(),
                must: "2 or more, and no more than the rows of the smallest class",
            })?;
        let kept = kept(&samples.y);
        let mut answers = Matrix::zeros(samples.rows(), kept * self.members.len());
        let mut models = Vec::with_capacity(self.members.len());
        for (number, member) in self.members.iter().enumerate() {
            for (at, fold) in folds.iter().enumerate() {
                let part = run.part(number * (folds.len() + 1) + at + 1);
                let model = member.fit(&samples.take(&fold.train), &part)?.model;
                let scores = model.scores(&samples.x.take(&fold.test));
                for (row, place) in fold.test.iter().enumerate() {
                    let told = scores.row(row);
                    let range = number * kept..(number + 1) * kept;
                    answers.row_mut(*place)[range].copy_from_slice(&told[told.len() - kept..]);
                }
            }
            models.push(member.fit(samples, &run.part(number * (folds.len() + 1)))?.model);
        }
        let above = Samples { x: answers, y: samples.y.clone() };
        let meta = Box::new(self.meta.fit(&above, run)?.model);
        Ok(Model::Stacking(StackedModel { models, meta, outputs: samples.y.outputs() }).into())
    }
}

/// Numbers of each member that are passed on: of two classes one tells the other.
fn kept(y: &Target) -> usize {
    match y {
        Target::Classes { count, .. } if *count > 2 => *count,
        _ => 1,
    }
}

/// Models and the one above them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackedModel {
    models: Vec<Model>,
    meta: Box<Model>,
    outputs: usize,
}

impl StackedModel {
    fn kept(&self) -> usize {
        if self.outputs > 2 { self.outputs } else { 1 }
    }

    pub(super) fn form(&self) -> Form {
        let members = self.models.iter().map(Model::form).collect();
        Form::Stack { members, kept: self.kept(), meta: Box::new(self.meta.form()) }
    }

    fn answers(&self, x: &Matrix) -> Matrix {
        let kept = self.kept();
        let mut answers = Matrix::zeros(x.rows(), kept * self.models.len());
        for (number, model) in self.models.iter().enumerate() {
            let scores = model.scores(x);
            for row in 0..x.rows() {
                let told = scores.row(row);
                answers.row_mut(row)[number * kept..(number + 1) * kept].copy_from_slice(&told[told.len() - kept..]);
            }
        }
        answers
    }
}

impl Predictor for StackedModel {
    fn scores(&self, x: &Matrix) -> Matrix {
        self.meta.scores(&self.answers(x))
    }

    fn classes(&self, x: &Matrix) -> Vec<usize> {
        self.meta.classes(&self.answers(x))
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        self.outputs == outputs
            && !self.models.is_empty()
            && self.models.iter().all(|model| model.is_sound(features, outputs))
            && self.meta.is_sound(self.kept() * self.models.len(), outputs)
    }
}
