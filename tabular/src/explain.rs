//! What each feature adds to what a model of trees says of a row: exact Shapley values of its trees (Lundberg and others 2020, algorithm
//! 2), where a feature that is not known is followed both ways, as often as the rows of a background went.
//!
//! They are of sums before these become probabilities: log-odds for boosting, frequencies for forests. They add up to the sum.

use rayon::prelude::*;

use crate::learn::{Form, FormNode, Model};
use crate::matrix::Matrix;

/// What features add.
#[derive(Debug, Clone, PartialEq)]
pub struct Contributions {
    /// What the model says when nothing is known: one number for each output.
    pub base: Vec<f64>,
    /// For each output, rows by features.
    pub values: Vec<Matrix>,
}

impl Contributions {
    /// The mean absolute contribution of each feature, over rows and outputs.
    #[must_use]
    pub fn importance(&self) -> Vec<f64> {
        let features = self.values.first().map_or(0, Matrix::columns);
        let mut sums = vec![0.0; features];
        for output in &self.values {
            for row in 0..output.rows() {
                sums.iter_mut().zip(output.row(row)).for_each(|(sum, value)| *sum += value.abs());
            }
        }
        let count = self.values.iter().map(Matrix::rows).sum::<usize>().max(1) as f64;
        sums.iter_mut().for_each(|sum| *sum /= count);
        sums
    }
}

/// What features add to what a model says of rows; `None` of models that are no sum of trees. `background` says how often each way is
/// taken: the rows that were learned from.
///
/// # Panics
/// When rows have fewer features than the model asks for.
#[must_use]
pub fn contributions(model: &Model, x: &Matrix, background: &Matrix) -> Option<Contributions> {
    let Form::Trees { trees, mut base, .. } = model.form() else { return None };
    let (outputs, features) = (base.len(), x.columns());
    let trees: Vec<Covered> = trees.par_iter().map(|nodes| Covered::new(nodes, background)).collect();
    trees.iter().for_each(|tree| tree.add_mean(&mut base));
    let rows: Vec<Vec<f64>> = (0..x.rows())
        .into_par_iter()
        .map(|row| {
            let mut added = vec![0.0; outputs * features];
            trees.iter().for_each(|tree| tree.explain(x.row(row), features, &mut added));
            added
        })
        .collect();
    let of_output = |output: usize| {
        let values =
            rows.iter().flat_map(|row| row[output * features..(output + 1) * features].iter().copied()).collect();
        Matrix::new(values, rows.len(), features)
    };
    Some(Contributions { base, values: (0..outputs).map(of_output).collect() })
}

/// How much work the contributions of one row are: leaves times squared depth, over all trees. 0 of models that are no sum of trees.
#[must_use]
pub fn work(model: &Model) -> usize {
    let Form::Trees { trees, .. } = model.form() else { return 0 };
    let of_tree = |nodes: &Vec<FormNode>| {
        let mut depth = vec![1_usize; nodes.len()];
        let mut work = 0_usize;
        for (at, node) in nodes.iter().enumerate() {
            match node {
                FormNode::Question { left, right, .. } => {
                    // Children come after their parents.
                    (depth[*left], depth[*right]) = (depth[at] + 1, depth[at] + 1);
                }
                FormNode::Leaf(_) => work = work.saturating_add(depth[at] * depth[at]),
            }
        }
        work
    };
    trees.iter().map(of_tree).fold(0, usize::saturating_add)
}

/// A tree with how many rows of the background came to each node.
struct Covered<'a> {
    nodes: &'a [FormNode],
    cover: Vec<f64>,
}

/// A feature on the way to a node: how much of it goes on when the feature is not known, and when it is; and the weight of sets of so many
/// known features.
#[derive(Debug, Clone, Copy)]
struct Step {
    feature: Option<usize>,
    unknown: f64,
    known: f64,
    weight: f64,
}

impl<'a> Covered<'a> {
    fn new(nodes: &'a [FormNode], background: &Matrix) -> Self {
        /// A way that no row of the background went is taken hardly ever, but not never: it would divide by nothing.
        const HARDLY: f64 = 1e-9;
        let mut cover = vec![0.0; nodes.len()];
        for row in 0..background.rows() {
            cover[leaf(nodes, background.row(row))] += 1.0;
        }
        for at in (0..nodes.len()).rev() {
            match nodes[at] {
                FormNode::Question { left, right, .. } => cover[at] = cover[left] + cover[right],
                FormNode::Leaf(_) => cover[at] += HARDLY,
            }
        }
        Self { nodes, cover }
    }

    fn add_mean(&self, base: &mut [f64]) {
        for (node, cover) in self.nodes.iter().zip(&self.cover) {
            if let FormNode::Leaf(said) = node {
                said.iter().for_each(|(output, value)| base[*output] += value * cover / self.cover[0]);
            }
        }
    }

    fn explain(&self, row: &[f64], features: usize, added: &mut [f64]) {
        let first = Step { feature: None, unknown: 1.0, known: 1.0, weight: 0.0 };
        self.follow((row, features), 0, (&[], first), added);
    }

    fn follow(&self, of: (&[f64], usize), node: usize, (before, step): (&[Step], Step), added: &mut [f64]) {
        let (row, features) = of;
        let mut path = before.to_vec();
        extend(&mut path, step);
        match &self.nodes[node] {
            FormNode::Leaf(said) => {
                for at in 1..path.len() {
                    let Step { feature, unknown, known, .. } = path[at];
                    let Some(feature) = feature else { continue };
                    let part = unwound(&path, at) * (known - unknown);
                    said.iter().for_each(|(output, value)| added[output * features + feature] += part * value);
                }
            }
            FormNode::Question { feature, threshold, left, right } => {
                let (hot, cold) = if row[*feature] <= *threshold { (*left, *right) } else { (*right, *left) };
                let (mut unknown, mut known) = (1.0, 1.0);
                // A feature that was asked about before is one step, not two.
                if let Some(at) = path.iter().position(|step| step.feature == Some(*feature)) {
                    (unknown, known) = (path[at].unknown, path[at].known);
                    unwind(&mut path, at);
                }
                for (child, known) in [(hot, known), (cold, 0.0)] {
                    let unknown = unknown * self.cover[child] / self.cover[node];
                    let step = Step { feature: Some(*feature), unknown, known, weight: 0.0 };
                    self.follow(of, child, (&path, step), added);
                }
            }
        }
    }
}

/// The leaf that a row falls into.
fn leaf(nodes: &[FormNode], row: &[f64]) -> usize {
    let mut at = 0;
    while let FormNode::Question { feature, threshold, left, right } = &nodes[at] {
        at = if row[*feature] <= *threshold { *left } else { *right };
    }
    at
}

fn extend(path: &mut Vec<Step>, step: Step) {
    let length = path.len();
    path.push(Step { weight: if length == 0 { 1.0 } else { 0.0 }, ..step });
    let whole = (length + 1) as f64;
    for at in (0..length).rev() {
        path[at + 1].weight += step.known * path[at].weight * (at + 1) as f64 / whole;
        path[at].weight *= step.unknown * (length - at) as f64 / whole;
    }
}

/// Takes a step out again.
fn unwind(path: &mut Vec<Step>, out: usize) {
    let last = path.len() - 1;
    let Step { unknown, known, .. } = path[out];
    let whole = (last + 1) as f64;
    let mut next = path[last].weight;
    for at in (0..last).rev() {
        let weight = path[at].weight;
        if known == 0.0 {
            path[at].weight = weight * whole / (unknown * (last - at) as f64);
        } else {
            path[at].weight = next * whole / ((at + 1) as f64 * known);
            next = weight - path[at].weight * unknown * (last - at) as f64 / whole;
        }
    }
    for at in out..last {
        path[at] = Step { weight: path[at].weight, ..path[at + 1] };
    }
    path.pop();
}

/// The sum of the weights when a step is taken out.
fn unwound(path: &[Step], out: usize) -> f64 {
    let last = path.len() - 1;
    let Step { unknown, known, .. } = path[out];
    let whole = (last + 1) as f64;
    let (mut next, mut total) = (path[last].weight, 0.0);
    for at in (0..last).rev() {
        if known == 0.0 {
            total += path[at].weight * whole / (unknown * (last - at) as f64);
        } else {
            let weight = next * whole / ((at + 1) as f64 * known);
            total += weight;
            next = path[at].weight - weight * unknown * (last - at) as f64 / whole;
        }
    }
    total
}
