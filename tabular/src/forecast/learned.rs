//! What the next visit finds, learned: how many, by how much that is off, whether none.

use super::guess::Guess;
use super::inputs::COUNT;
use crate::learn::{Fitted, GradientBoosting, LearnError, Learner, Model, Predictor, Run};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};

/// Smallest spread, as a fraction of the mean one.
const LEAST: f64 = 0.2;

/// Three models of the same numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Learned {
    facings: Model,
    spread: Model,
    least_spread: f64,
    empty: Emptiness,
}

/// Whether none is left.
#[derive(Debug, Clone, PartialEq)]
enum Emptiness {
    Model(Model),
    /// It was seen always or never: nothing tells one from the other.
    Always(f64),
}

impl Learned {
    /// From visits (a row each) and the facings that the next visit found.
    pub(super) fn learn(visits: &[&[f64; COUNT]], found: &[f64], run: &Run<'_>) -> Result<Self, LearnError> {
        let learner =
            GradientBoosting { n_estimators: 80, max_depth: 4, min_samples_leaf: 15, ..GradientBoosting::default() };
        let mut samples = Samples { x: matrix(visits), y: Target::Values(found.to_vec()) };
        let Fitted { model: facings, .. } = learner.fit(&samples, &run.part(0))?;
        let told = facings.scores(&samples.x);
        let off: Vec<f64> = told.values().iter().zip(found).map(|(told, found)| (told - found).abs()).collect();
        let least_spread = (LEAST * crate::stats::mean(&off)).max(1e-3);
        samples.y = Target::Values(off);
        let shallow = GradientBoosting { n_estimators: 40, max_depth: 3, min_samples_leaf: 30, ..learner };
        let Fitted { model: spread, .. } = shallow.fit(&samples, &run.part(1))?;
        let of: Vec<usize> = found.iter().map(|found| usize::from(*found <= 0.0)).collect();
        let empties = of.iter().sum::<usize>();
        let empty = if empties == 0 || empties == of.len() {
            Emptiness::Always((empties as f64 + 1.0) / (of.len() as f64 + 2.0))
        } else {
            samples.y = Target::Classes { of, count: 2 };
            Emptiness::Model(shallow.fit(&samples, &run.part(2))?.model)
        };
        Ok(Self { facings, spread, least_spread, empty })
    }

    /// What the next visits find.
    pub(super) fn guess(&self, visits: &[&[f64; COUNT]]) -> Vec<Guess> {
        let x = matrix(visits);
        let (facings, spread) = (self.facings.scores(&x), self.spread.scores(&x));
        let empty = match &self.empty {
            Emptiness::Model(model) => model.scores(&x).column(1),
            Emptiness::Always(probability) => vec![*probability; visits.len()],
        };
        (0..visits.len())
            .map(|row| Guess {
                expected: facings.at(row, 0).max(0.0),
                spread: spread.at(row, 0).max(self.least_spread),
                empty: empty[row],
            })
            .collect()
    }
}

fn matrix(visits: &[&[f64; COUNT]]) -> Matrix {
    Matrix::new(visits.iter().flat_map(|visit| visit.iter().copied()).collect(), visits.len(), COUNT)
}
