//! Decision trees (Breiman, Friedman, Olshen and Stone 1984): the one grower under trees, forests and boosting.
//!
//! The split of a node is the one that lowers the squared error most. For classes, coded one-hot, that is the Gini impurity: with `W` the
//! weight and `S_k` the weighted sums of a side, both are `W - sum(S_k^2) / W` up to a constant, so one criterion serves both.

use serde::{Deserialize, Serialize};
use vision::Random;

use super::form::FormNode;
use crate::matrix::Matrix;

/// Values of a feature that are closer than this are one value, as in scikit-learn.
const SAME: f64 = 1e-7;
/// A node whose impurity is below this is a leaf.
const PURE: f64 = f64::EPSILON;
/// Marks a leaf.
const LEAF: i32 = -1;

/// A tree of binary questions `x[feature] <= threshold`. A node's children come after it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The feature that is asked about, or -1 at a leaf.
    feature: Vec<i32>,
    threshold: Vec<f64>,
    /// The child for yes; at a leaf its number.
    left: Vec<u32>,
    right: Vec<u32>,
    /// Values of the leaves, `outputs` each.
    values: Vec<f64>,
}

impl Tree {
    /// The number of the leaf that a row falls into.
    ///
    /// # Panics
    /// When the row has fewer features than were learned from.
    #[must_use]
    pub fn leaf(&self, row: &[f64]) -> usize {
        let mut node = 0;
        loop {
            let feature = self.feature[node];
            if feature == LEAF {
                return self.left[node] as usize;
            }
            let yes = row[feature as usize] <= self.threshold[node];
            node = if yes { self.left[node] } else { self.right[node] } as usize;
        }
    }

    /// The values of the leaf that a row falls into.
    ///
    /// # Panics
    /// When the row has fewer features than were learned from.
    #[must_use]
    pub fn value(&self, row: &[f64], outputs: usize) -> &[f64] {
        let leaf = self.leaf(row);
        &self.values[leaf * outputs..(leaf + 1) * outputs]
    }

    /// Leaves.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.feature.iter().filter(|feature| **feature == LEAF).count()
    }

    pub(super) fn set_values(&mut self, values: Vec<f64>) {
        self.values = values;
    }

    /// Whether every way through it ends at a leaf with values.
    pub(super) fn is_sound(&self, features: usize, outputs: usize) -> bool {
        let nodes = self.feature.len();
        let same = [self.threshold.len(), self.left.len(), self.right.len()].iter().all(|len| *len == nodes);
        let leaves = self.values.len() / outputs.max(1);
        let below = |node: usize, child: u32| (child as usize) > node && (child as usize) < nodes;
        nodes > 0
            && same
            && self.values.iter().all(|value| value.is_finite())
            && (0..nodes).all(|node| match self.feature[node] {
                LEAF => (self.left[node] as usize) < leaves,
                feature => {
                    (0..features as i64).contains(&i64::from(feature))
                        && self.threshold[node].is_finite()
                        && below(node, self.left[node])
                        && below(node, self.right[node])
                }
            })
    }
}

/// A node of a tree that was grown elsewhere. Children are places among the nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Node {
    Question { feature: usize, threshold: f64, left: usize, right: usize },
    Leaf(f64),
}

impl Tree {
    /// A tree of one output from nodes in any order, of which the first is the root; `None` when they are no tree, or a number is not
    /// finite. Nodes that no way leads to are left out.
    pub(super) fn of_nodes(nodes: &[Node]) -> Option<Self> {
        let mut tree = Self::default();
        let mut seen = vec![false; nodes.len()];
        // Where a node comes from, and whether by yes.
        let mut waiting: Vec<(usize, Option<(usize, bool)>)> = vec![(0, None)];
        while let Some((place, above)) = waiting.pop() {
            // Every node is entered once: shared children and circles are no tree.
            if std::mem::replace(seen.get_mut(place)?, true) {
                return None;
            }
            let at = tree.feature.len();
            let number = u32::try_from(at).ok()?;
            match above {
                Some((parent, true)) => *tree.left.get_mut(parent)? = number,
                Some((parent, false)) => *tree.right.get_mut(parent)? = number,
                None => {}
            }
            match nodes[place] {
                Node::Leaf(value) => {
                    tree.feature.push(LEAF);
                    tree.threshold.push(0.0);
                    tree.left.push(u32::try_from(tree.values.len()).ok()?);
                    tree.values.push(Some(value).filter(|value| value.is_finite())?);
                }
                Node::Question { feature, threshold, left, right } => {
                    tree.feature.push(i32::try_from(feature).ok()?);
                    tree.threshold.push(Some(threshold).filter(|threshold| threshold.is_finite())?);
                    tree.left.push(0);
                    waiting.push((right, Some((at, false))));
                    waiting.push((left, Some((at, true))));
                }
            }
            tree.right.push(0);
        }
        Some(tree)
    }

    /// The questions and leaves, one after the other; children are places among them.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = TreeNode> {
        (0..self.feature.len()).map(|node| match self.feature[node] {
            LEAF => TreeNode::Leaf { leaf: self.left[node] as usize },
            feature => TreeNode::Question {
                feature: feature as usize,
                threshold: self.threshold[node],
                left: self.left[node] as usize,
                right: self.right[node] as usize,
            },
        })
    }

    /// The same with what each leaf adds.
    pub(super) fn form(&self, add: impl Fn(usize) -> Vec<(usize, f64)>) -> Vec<FormNode> {
        let node = |node| match node {
            TreeNode::Question { feature, threshold, left, right } => {
                FormNode::Question { feature, threshold, left, right }
            }
            TreeNode::Leaf { leaf } => FormNode::Leaf(add(leaf)),
        };
        self.nodes().map(node).collect()
    }

    /// Values of a leaf.
    pub(crate) fn leaf_values(&self, leaf: usize, outputs: usize) -> &[f64] {
        &self.values[leaf * outputs..(leaf + 1) * outputs]
    }
}

/// A node as it is shown to those who explain or export a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum TreeNode {
    /// `x[feature] <= threshold` leads to `left`, all else to `right`.
    Question { feature: usize, threshold: f64, left: usize, right: usize },
    /// The number of the leaf.
    Leaf { leaf: usize },
}

/// How far a tree grows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    pub(super) max_depth: usize,
    pub(super) min_samples_split: usize,
    pub(super) min_samples_leaf: usize,
    /// Features that are looked at for each split.
    pub(super) max_features: usize,
}

/// Rows column by column, and their order by each feature: made once for all trees of a model.
pub(super) struct Columns {
    values: Vec<Vec<f64>>,
    order: Vec<Vec<u32>>,
    rows: usize,
}

impl Columns {
    pub(super) fn new(x: &Matrix) -> Self {
        use rayon::prelude::*;
        let values: Vec<Vec<f64>> = (0..x.columns()).into_par_iter().map(|column| x.column(column)).collect();
        let order = values.par_iter().map(|column| {
            let mut order: Vec<u32> = (0..x.rows() as u32).collect();
            order.sort_by(|a, b| column[*a as usize].total_cmp(&column[*b as usize]));
            order
        });
        Self { order: order.collect(), values, rows: x.rows() }
    }

    pub(super) fn features(&self) -> usize {
        self.values.len()
    }
}

/// What the rows are.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    Classes { of: &'a [usize], count: usize },
    Values(&'a [f64]),
}

/// A tree, with what is known of its growth.
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// The leaf of each row that it grew from; unspecified for the others.
    pub(super) leaf_of: Vec<u32>,
    /// How far each feature lowered the impurity, in weighted rows.
    pub(super) importance: Vec<f64>,
}

/// Grows a tree from the rows with a positive weight.
pub(super) fn grow(x: &Columns, y: Outcome<'_>, weights: &[f64], growth: &Growth, random: &mut Random) -> Grown {
    let mut grower = Grower::new(x, y, weights, growth);
    let mut waiting = vec![(grower.node(), 0, grower.rows, 0)];
    while let Some((node, start, end, depth)) = waiting.pop() {
        let question = if depth < growth.max_depth { grower.best(start, end, random) } else { None };
        let Some(question) = question else {
            grower.finish(node, start, end);
            continue;
        };
        let middle = grower.divide(start, end, &question);
        let (left, right) = (grower.node(), grower.node());
        let tree = &mut grower.grown.tree;
        (tree.feature[node], tree.threshold[node]) = (question.feature as i32, question.threshold);
        (tree.left[node], tree.right[node]) = (left as u32, right as u32);
        grower.grown.importance[question.feature] += question.gain;
        waiting.push((right, middle, end, depth + 1));
        waiting.push((left, start, middle, depth + 1));
    }
    grower.grown
}

struct Question {
    feature: usize,
    threshold: f64,
    gain: f64,
}

struct Grower<'a> {
    x: &'a Columns,
    y: Outcome<'a>,
    weights: &'a [f64],
    growth: &'a Growth,
    /// For each feature the rows of the tree in its order; the rows of a node are one range, the same for all features.
    orders: Vec<Vec<u32>>,
    rows: usize,
    features: Vec<usize>,
    goes_left: Vec<bool>,
    scratch: Vec<u32>,
    sums: Sums,
    grown: Grown,
}

/// Weighted sums of one side of a split: per class, or of the one number.
struct Sums {
    left: Vec<f64>,
    right: Vec<f64>,
    total: Vec<f64>,
}

impl<'a> Grower<'a> {
    fn new(x: &'a Columns, y: Outcome<'a>, weights: &'a [f64], growth: &'a Growth) -> Self {
        let kept = |order: &Vec<u32>| order.iter().copied().filter(|row| weights[*row as usize] > 0.0).collect();
        let orders: Vec<Vec<u32>> = x.order.iter().map(kept).collect();
        let outputs = if let Outcome::Classes { count, .. } = y { count } else { 1 };
        let rows = orders.first().map_or(0, Vec::len);
        Self {
            x,
            y,
            weights,
            growth,
            orders,
            rows,
            features: (0..x.features()).collect(),
            goes_left: vec![false; x.rows],
            scratch: Vec::with_capacity(rows),
            sums: Sums { left: vec![0.0; outputs], right: vec![0.0; outputs], total: vec![0.0; outputs] },
            grown: Grown { tree: Tree::default(), leaf_of: vec![0; x.rows], importance: vec![0.0; x.features()] },
        }
    }

    fn node(&mut self) -> usize {
        let tree = &mut self.grown.tree;
        tree.feature.push(LEAF);
        tree.threshold.push(0.0);
        tree.left.push(0);
        tree.right.push(0);
        tree.feature.len() - 1
    }

    /// Sums the rows of a node; gives their weight.
    fn total(&mut self, start: usize, end: usize) -> f64 {
        self.sums.total.fill(0.0);
        let mut weight = 0.0;
        for row in &self.orders[0][start..end] {
            let row = *row as usize;
            weight += self.weights[row];
            match self.y {
                Outcome::Classes { of, .. } => self.sums.total[of[row]] += self.weights[row],
                Outcome::Values(values) => self.sums.total[0] += self.weights[row] * values[row],
            }
        }
        weight
    }

    fn best(&mut self, start: usize, end: usize, random: &mut Random) -> Option<Question> {
        let rows = end - start;
        let min_leaf = self.growth.min_samples_leaf;
        if rows < self.growth.min_samples_split || rows < 2 * min_leaf {
            return None;
        }
        let weight = self.total(start, end);
        // Numbers are taken from their mean: a far-off mean would drown the differences.
        let mean = if let Outcome::Values(_) = self.y { self.sums.total[0] / weight } else { 0.0 };
        if self.impurity(start, end, weight, mean) <= PURE {
            return None;
        }
        let parent = match self.y {
            Outcome::Classes { .. } => self.sums.total.iter().map(|sum| sum * sum).sum::<f64>() / weight,
            Outcome::Values(_) => 0.0,
        };
        let mut best: Option<Question> = None;
        let mut tried = 0;
        let mut usable = 0;
        while tried < self.features.len() && (tried < self.growth.max_features || usable == 0) {
            if self.growth.max_features < self.features.len() {
                let other = tried + random.below(self.features.len() - tried);
                self.features.swap(tried, other);
            }
            let feature = self.features[tried];
            tried += 1;
            let values = &self.x.values[feature];
            let order = &self.orders[feature][start..end];
            if values[order[rows - 1] as usize] <= values[order[0] as usize] + SAME {
                continue;
            }
            usable += 1;
            let found = match self.y {
                Outcome::Classes { of, .. } => {
                    scan_classes((values, order), of, self.weights, min_leaf, &mut self.sums)
                }
                Outcome::Values(y) => scan_values((values, order), y, self.weights, min_leaf, mean),
            };
            if let Some((score, threshold)) = found
                && best.as_ref().is_none_or(|best| score - parent > best.gain)
            {
                best = Some(Question { feature, threshold, gain: score - parent });
            }
        }
        best
    }

    fn impurity(&self, start: usize, end: usize, weight: f64, mean: f64) -> f64 {
        match self.y {
            Outcome::Classes { .. } => 1.0 - self.sums.total.iter().map(|sum| (sum / weight).powi(2)).sum::<f64>(),
            Outcome::Values(values) => {
                let rows = self.orders[0][start..end].iter().map(|row| *row as usize);
                rows.map(|row| self.weights[row] * (values[row] - mean).powi(2)).sum::<f64>() / weight
            }
        }
    }

    /// Puts the rows that answer yes before the others, in every order; gives where the others begin.
    fn divide(&mut self, start: usize, end: usize, question: &Question) -> usize {
        let values = &self.x.values[question.feature];
        let mut middle = start;
        for row in &self.orders[question.feature][start..end] {
            let yes = values[*row as usize] <= question.threshold;
            self.goes_left[*row as usize] = yes;
            middle += usize::from(yes);
        }
        for order in &mut self.orders {
            let range = &mut order[start..end];
            self.scratch.clear();
            let mut kept = 0;
            for at in 0..range.len() {
                let row = range[at];
                if self.goes_left[row as usize] {
                    range[kept] = row;
                    kept += 1;
                } else {
                    self.scratch.push(row);
                }
            }
            range[kept..].copy_from_slice(&self.scratch);
        }
        middle
    }

    fn finish(&mut self, node: usize, start: usize, end: usize) {
        let weight = self.total(start, end);
        let outputs = self.sums.total.len();
        let leaf = self.grown.tree.values.len() / outputs;
        self.grown.tree.left[node] = leaf as u32;
        self.grown.tree.values.extend(self.sums.total.iter().map(|sum| sum / weight));
        for row in &self.orders[0][start..end] {
            self.grown.leaf_of[*row as usize] = leaf as u32;
        }
    }
}

/// Between two values, and never at the upper one.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= high || !middle.is_finite() { low } else { middle }
}

/// The best place to divide rows that are sorted by a feature: its score and threshold.
fn scan_classes(
    (values, order): (&[f64], &[u32]),
    of: &[usize],
    weights: &[f64],
    min_leaf: usize,
    sums: &mut Sums,
) -> Option<(f64, f64)> {
    sums.left.fill(0.0);
    sums.right.copy_from_slice(&sums.total);
    let mut right_weight: f64 = sums.total.iter().sum();
    let mut left_weight = 0.0;
    // Sums of squares, followed row by row.
    let mut left_squares = 0.0;
    let mut right_squares: f64 = sums.total.iter().map(|sum| sum * sum).sum();
    let mut best: Option<(f64, f64)> = None;
    for at in 1..order.len() {
        let row = order[at - 1] as usize;
        let (class, weight) = (of[row], weights[row]);
        left_squares += weight * (2.0 * sums.left[class] + weight);
        right_squares -= weight * (2.0 * sums.right[class] - weight);
        sums.left[class] += weight;
        sums.right[class] -= weight;
        left_weight += weight;
        right_weight -= weight;
        let (low, high) = (values[row], values[order[at] as usize]);
        if high <= low + SAME || at < min_leaf || order.len() - at < min_leaf {
            continue;
        }
        let score = left_squares / left_weight + right_squares / right_weight;
        if best.is_none_or(|(best, _)| score > best) {
            best = Some((score, between(low, high)));
        }
    }
    best
}

fn scan_values(
    (values, order): (&[f64], &[u32]),
    y: &[f64],
    weights: &[f64],
    min_leaf: usize,
    mean: f64,
) -> Option<(f64, f64)> {
    let total_weight: f64 = order.iter().map(|row| weights[*row as usize]).sum();
    let (mut left, mut left_weight) = (0.0, 0.0);
    let mut best: Option<(f64, f64)> = None;
    for at in 1..order.len() {
        let row = order[at - 1] as usize;
        left += weights[row] * (y[row] - mean);
        left_weight += weights[row];
        let (low, high) = (values[row], values[order[at] as usize]);
        if high <= low + SAME || at < min_leaf || order.len() - at < min_leaf {
            continue;
        }
        // Around their mean the numbers add up to nothing: the right sum is the left one's opposite.
        let score = left * left * (1.0 / left_weight + 1.0 / (total_weight - left_weight));
        if best.is_none_or(|(best, _)| score > best) {
            best = Some((score, between(low, high)));
        }
    }
    best
}
