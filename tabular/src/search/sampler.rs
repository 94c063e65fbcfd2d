//! Which point to try next.

use serde::{Deserialize, Serialize};
use vision::Random;

use super::space::{Point, Space};
use super::tpe;

/// How points are chosen. Names are those of the HTTP interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// All crossings of a grid, as fine as the trials allow.
    GridSearch,
    /// By chance.
    RandomSearch,
    /// By TPE, the tree-structured Parzen estimator, which is what Optuna does by default.
    Optuna,
}

/// Gives points one after the other.
pub struct Sampler<'a> {
    space: &'a Space,
    method: Method,
    grid: Vec<Point>,
    random: Random,
}

impl<'a> Sampler<'a> {
    /// A sampler of so many trials. A grid has as many points as trials at most.
    #[must_use]
    pub fn new(space: &'a Space, method: Method, trials: usize, seed: u64) -> Self {
        let grid = if method == Method::GridSearch { grid(space, trials) } else { Vec::new() };
        Self { space, method, grid, random: Random::named(seed, "search") }
    }

    /// The next point, given the points so far and their scores (larger is better); `None` when all is tried.
    pub fn next(&mut self, tried: &[(Point, f64)]) -> Option<Point> {
        match self.method {
            Method::GridSearch => self.grid.get(tried.len()).cloned(),
            Method::RandomSearch => Some(self.draw()),
            Method::Optuna if tried.len() < tpe::STARTUP => Some(self.draw()),
            Method::Optuna => Some(tpe::propose(&self.space.ranges(), tried, &mut self.random)),
        }
    }

    fn draw(&mut self) -> Point {
        self.space.ranges().iter().map(|range| range.draw(&mut self.random)).collect()
    }
}

/// The finest grid of at most so many points.
fn grid(space: &Space, trials: usize) -> Vec<Point> {
    let ranges = space.ranges();
    let points = |count: usize| -> Vec<Vec<f64>> { ranges.iter().map(|range| range.grid(count)).collect() };
    let size = |axes: &[Vec<f64>]| axes.iter().fold(1_usize, |size, axis| size.saturating_mul(axis.len()));
    let mut axes = points(1);
    for count in 2..=trials.min(1_000) {
        let finer = points(count);
        if size(&finer) > trials {
            break;
        }
        axes = finer;
    }
    let mut all = vec![Vec::new()];
    for axis in axes {
        all =
            all.into_iter().flat_map(|point| axis.iter().map(move |at| [point.clone(), vec![*at]].concat())).collect();
    }
    all.truncate(trials);
    all
}
