//! A model as plain data, for those who write it down in another language.

use super::svm::Kernel;
use crate::matrix::Matrix;

/// What becomes of sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// They are told as they are.
    Identity,
    /// One number, the log-odds of the second of two classes.
    Binary,
    /// One number for each class: probabilities by their exponentials.
    Softmax,
}

/// A node of a tree.
#[derive(Debug, Clone, PartialEq)]
pub enum FormNode {
    /// `x[feature] <= threshold` leads to `left`, all else to `right`: places among the nodes.
    Question {
        /// The feature.
        feature: usize,
        /// The threshold.
        threshold: f64,
        /// Where yes leads.
        left: usize,
        /// Where no leads.
        right: usize,
    },
    /// What is added, by output.
    Leaf(Vec<(usize, f64)>),
}

/// A model as plain data.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// `weights x + bias`, a row of weights for each output.
    Affine {
        /// Outputs by features.
        weights: Matrix,
        /// One for each output.
        bias: Vec<f64>,
        /// What becomes of it.
        link: Link,
    },
    /// The base and what the leaves add.
    Trees {
        /// Nodes of each tree, the root first.
        trees: Vec<Vec<FormNode>>,
        /// One for each output.
        base: Vec<f64>,
        /// What becomes of it.
        link: Link,
    },
    /// The value of the tree in the middle, by weight.
    Median {
        /// Nodes of each tree; leaves add to output 0.
        trees: Vec<Vec<FormNode>>,
        /// Above 0, one for each tree.
        weights: Vec<f64>,
    },
    /// `constant - sum((x - mean)^2 / variance) / 2` for each class, to probabilities by their exponentials.
    Bayes {
        /// One for each class.
        constants: Vec<f64>,
        /// Classes by features.
        means: Matrix,
        /// The same.
        variances: Matrix,
    },
    /// The mean of the answers of the nearest rows.
    Neighbors {
        /// The rows.
        rows: Matrix,
        /// What each row says: one number, or one for each class.
        answers: Matrix,
        /// How many are asked.
        k: usize,
        /// Whether they count by the inverse of their distance.
        by_distance: bool,
    },
    /// `weights kernel(vectors, x) + bias`, told as it is.
    Kernel {
        /// How alike two rows are.
        kernel: Kernel,
        /// Support vectors.
        vectors: Matrix,
        /// One for each vector.
        weights: Vec<f64>,
        /// Added.
        bias: f64,
    },
    /// Machines of pairs of classes.
    Pairs {
        /// How alike two rows are.
        kernel: Kernel,
        /// Support vectors.
        vectors: Matrix,
        /// Classes.
        classes: usize,
        /// In order: (0, 1), (0, 2) ... (1, 2) ...
        pairs: Vec<FormPair>,
    },
    /// The mean of scores, or of votes for single classes.
    Vote {
        /// The models.
        members: Vec<Form>,
        /// Votes for single classes.
        hard: bool,
    },
    /// A model of the last `kept` scores of each member.
    Stack {
        /// The models below.
        members: Vec<Form>,
        /// Scores of each that are passed on.
        kept: usize,
        /// The model above.
        meta: Box<Form>,
    },
}

/// The machine of two classes: above 0 is the first.
#[derive(Debug, Clone, PartialEq)]
pub struct FormPair {
    /// The first class.
    pub first: usize,
    /// The second.
    pub second: usize,
    /// One for each vector of all pairs; 0 where it supports another pair.
    pub weights: Vec<f64>,
    /// Added.
    pub bias: f64,
    /// The probability of the first is `1 / (1 + exp(a decision + b))`.
    pub sigmoid: (f64, f64),
}

impl Form {
    /// The class of a row is the one with the largest score, but for votes of pairs. Numbers of a row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Affine { bias: sums, link, .. } | Self::Trees { base: sums, link, .. } => {
                if *link == Link::Binary {
                    2
                } else {
                    sums.len()
                }
            }
            Self::Median { .. } | Self::Kernel { .. } => 1,
            Self::Bayes { constants, .. } => constants.len(),
            Self::Neighbors { answers, .. } => answers.columns(),
            Self::Pairs { classes, .. } => *classes,
            Self::Vote { members, .. } => members.first().map_or(1, Self::outputs),
            Self::Stack { meta, .. } => meta.outputs(),
        }
    }
}
