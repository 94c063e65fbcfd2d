//! Decisions to probabilities: Platt's sigmoid, fitted as Lin, Lin and Weng (2007) do, and probabilities of pairs to those of classes
//! (Wu, Lin and Weng 2004, second method).

use serde::{Deserialize, Serialize};

use crate::learn::lbfgs::dot;
use crate::matrix::Matrix;

/// `1 / (1 + exp(a * decision + b))`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sigmoid {
    a: f64,
    b: f64,
}

impl Sigmoid {
    /// Fits decisions to classes (+1 and -1) by Newton's method with halving of steps.
    pub(super) fn fit(decisions: &[f64], y: &[f64]) -> Self {
        const ROUNDS: usize = 100;
        const SHORTEST: f64 = 1e-10;
        /// Keeps the Hessian invertible.
        const RIDGE: f64 = 1e-12;
        let positive = y.iter().filter(|y| **y > 0.0).count() as f64;
        let negative = y.len() as f64 - positive;
        // Targets a little off 0 and 1: their Bayes estimates.
        let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
        let target = |y: f64| if y > 0.0 { high } else { low };
        let loss = |s: Self| -> f64 {
            let of = |(decision, y): (&f64, &f64)| {
                let raw = s.a * decision + s.b;
                if raw >= 0.0 {
                    target(*y) * raw + (-raw).exp().ln_1p()
                } else {
                    (target(*y) - 1.0) * raw + raw.exp().ln_1p()
                }
            };
            decisions.iter().zip(y).map(of).sum()
        };
        let mut at = Self { a: 0.0, b: ((negative + 1.0) / (positive + 1.0)).ln() };
        let mut value = loss(at);
        for _ in 0..ROUNDS {
            let (mut h11, mut h22, mut h21, mut g1, mut g2) = (RIDGE, RIDGE, 0.0, 0.0, 0.0);
            for (decision, y) in decisions.iter().zip(y) {
                let p = at.probability(*decision);
                let curvature = p * (1.0 - p);
                h11 += decision * decision * curvature;
                h22 += curvature;
                h21 += decision * curvature;
                g1 += decision * (target(*y) - p);
                g2 += target(*y) - p;
            }
            if g1.abs() < 1e-5 && g2.abs() < 1e-5 {
                break;
            }
            let determinant = h11 * h22 - h21 * h21;
            let (da, db) = (-(h22 * g1 - h21 * g2) / determinant, -(h11 * g2 - h21 * g1) / determinant);
            let slope = g1 * da + g2 * db;
            let mut length = 1.0;
            loop {
                let next = Self { a: at.a + length * da, b: at.b + length * db };
                let next_value = loss(next);
                if next_value < value + 1e-4 * length * slope {
                    (at, value) = (next, next_value);
                    break;
                }
                length /= 2.0;
                if length < SHORTEST {
                    return at;
                }
            }
        }
        at
    }

    /// `a` and `b`.
    pub(super) fn parts(self) -> (f64, f64) {
        (self.a, self.b)
    }

    /// The probability of the first class.
    pub(super) fn probability(self, decision: f64) -> f64 {
        let raw = self.a * decision + self.b;
        if raw >= 0.0 { (-raw).exp() / (1.0 + (-raw).exp()) } else { 1.0 / (1.0 + raw.exp()) }
    }

    pub(super) fn is_sound(self) -> bool {
        self.a.is_finite() && self.b.is_finite()
    }
}

/// The probabilities of classes that fit those of pairs best: `pairwise[i][j]` is the probability of `i` where it is `i` or `j`.
pub(super) fn couple(pairwise: &Matrix, p: &mut [f64]) {
    /// Never quite sure of a pair.
    const LEAST: f64 = 1e-7;
    let count = p.len();
    let r = |i: usize, j: usize| pairwise.at(i, j).clamp(LEAST, 1.0 - LEAST);
    if count == 2 {
        p.copy_from_slice(&[r(0, 1), 1.0 - r(0, 1)]);
        return;
    }
    let mut q = Matrix::zeros(count, count);
    for i in 0..count {
        for j in (0..count).filter(|j| *j != i) {
            *q.at_mut(i, i) += r(j, i).powi(2);
            *q.at_mut(i, j) = -r(j, i) * r(i, j);
        }
    }
    p.fill(1.0 / count as f64);
    for _ in 0..count.max(100) {
        let mut qp: Vec<f64> = (0..count).map(|i| dot(q.row(i), p)).collect();
        let mut pqp = dot(p, &qp);
        if qp.iter().all(|value| (value - pqp).abs() < 0.005 / count as f64) {
            break;
        }
        for i in 0..count {
            let change = (pqp - qp[i]) / q.at(i, i);
            p[i] += change;
            pqp = (pqp + change * (change * q.at(i, i) + 2.0 * qp[i])) / (1.0 + change).powi(2);
            for j in 0..count {
                qp[j] = (qp[j] + change * q.at(i, j)) / (1.0 + change);
                p[j] /= 1.0 + change;
            }
        }
    }
}
