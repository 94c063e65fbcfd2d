//! Sequential minimal optimisation with second-order choice of the pair (Fan, Chen and Lin 2005).
//!
//! Minimises `a'Qa / 2 + p'a` under `y'a = 0` and `0 <= a <= C`. Both machines are such problems.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::learn::{LearnError, Run};

/// What is solved.
pub(super) struct Problem<'a> {
    /// +1 or -1.
    pub(super) y: Vec<f64>,
    pub(super) p: Vec<f64>,
    pub(super) c: f64,
    /// When the largest violation is below this, it is done.
    pub(super) tolerance: f64,
    /// A row of `Q`.
    pub(super) q: &'a dyn Fn(usize) -> Vec<f64>,
    /// The diagonal of `Q`.
    pub(super) diagonal: Vec<f64>,
}

/// What was found: the numbers, and the constant of the decision `sum(y a K) + bias`.
pub(super) struct Solution {
    pub(super) alpha: Vec<f64>,
    pub(super) bias: f64,
}

/// Bytes of kept rows of `Q`.
const CACHE: usize = 256 << 20;

struct Rows<'a> {
    make: &'a dyn Fn(usize) -> Vec<f64>,
    kept: HashMap<usize, Rc<Vec<f64>>>,
    order: VecDeque<usize>,
    room: usize,
}

impl Rows<'_> {
    fn get(&mut self, row: usize) -> Rc<Vec<f64>> {
        if let Some(kept) = self.kept.get(&row) {
            return Rc::clone(kept);
        }
        if self.order.len() >= self.room
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
        let made = Rc::new((self.make)(row));
        self.kept.insert(row, Rc::clone(&made));
        self.order.push_back(row);
        made
    }
}

impl Problem<'_> {
    /// Solves it.
    pub(super) fn solve(&self, run: &Run<'_>) -> Result<Solution, LearnError> {
        const STEPS_BETWEEN_CHECKS: usize = 500;
        /// A curvature that is none.
        const FLAT: f64 = 1e-12;
        let size = self.y.len();
        let mut rows = Rows {
            make: self.q,
            kept: HashMap::new(),
            order: VecDeque::new(),
            room: (CACHE / (8 * size.max(1))).max(2),
        };
        let mut alpha = vec![0.0; size];
        let mut gradient = self.p.clone();
        let max_steps = (100 * size).max(10_000_000);
        for step in 0..max_steps {
            if step % STEPS_BETWEEN_CHECKS == 0 {
                run.check()?;
            }
            let Some((i, highest)) = self.most_violating(&alpha, &gradient) else { break };
            let q_i = rows.get(i);
            let (mut j, mut gain, mut lowest) = (None, 0.0, f64::INFINITY);
            for t in (0..size).filter(|t| self.may_fall(alpha[*t], *t)) {
                let value = -self.y[t] * gradient[t];
                lowest = lowest.min(value);
                let difference = highest - value;
                if difference > 0.0 {
                    let curvature = self.curvature(i, t, &q_i).max(FLAT);
                    if difference * difference / curvature > gain {
                        (j, gain) = (Some(t), difference * difference / curvature);
                    }
                }
            }
            let Some(j) = j.filter(|_| highest - lowest >= self.tolerance) else { break };
            let q_j = rows.get(j);
            // Along this direction y'a stays what it is: the first goes up by y_i d, the second down by y_j d.
            let step = (highest + self.y[j] * gradient[j]) / self.curvature(i, j, &q_i).max(FLAT);
            let room = |up: bool, alpha: f64| if up { self.c - alpha } else { alpha };
            let step = step.min(room(self.y[i] > 0.0, alpha[i])).min(room(self.y[j] < 0.0, alpha[j]));
            let (by_i, by_j) = (self.y[i] * step, -self.y[j] * step);
            alpha[i] = (alpha[i] + by_i).clamp(0.0, self.c);
            alpha[j] = (alpha[j] + by_j).clamp(0.0, self.c);
            for ((gradient, q_i), q_j) in gradient.iter_mut().zip(q_i.iter()).zip(q_j.iter()) {
                *gradient += q_i * by_i + q_j * by_j;
            }
        }
        Ok(Solution { bias: self.bias(&alpha, &gradient), alpha })
    }

    fn curvature(&self, i: usize, t: usize, q_i: &[f64]) -> f64 {
        self.diagonal[i] + self.diagonal[t] - 2.0 * self.y[i] * self.y[t] * q_i[t]
    }

    fn may_rise(&self, alpha: f64, at: usize) -> bool {
        if self.y[at] > 0.0 { alpha < self.c } else { alpha > 0.0 }
    }

    fn may_fall(&self, alpha: f64, at: usize) -> bool {
        if self.y[at] > 0.0 { alpha > 0.0 } else { alpha < self.c }
    }

    fn most_violating(&self, alpha: &[f64], gradient: &[f64]) -> Option<(usize, f64)> {
        let candidates = (0..alpha.len()).filter(|at| self.may_rise(alpha[*at], *at));
        candidates.map(|at| (at, -self.y[at] * gradient[at])).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The mean over numbers that are free, or the middle of what the others allow.
    fn bias(&self, alpha: &[f64], gradient: &[f64]) -> f64 {
        let value = |at: usize| -self.y[at] * gradient[at];
        let free: Vec<f64> = (0..alpha.len()).filter(|at| alpha[*at] > 0.0 && alpha[*at] < self.c).map(value).collect();
        if !free.is_empty() {
            return crate::stats::mean(&free);
        }
        let all = 0..alpha.len();
        let above =
            all.clone().filter(|at| self.may_rise(alpha[*at], *at)).map(value).fold(f64::NEG_INFINITY, f64::max);
        let below = all.filter(|at| self.may_fall(alpha[*at], *at)).map(value).fold(f64::INFINITY, f64::min);
        let middle = f64::midpoint(above, below);
        if middle.is_finite() { middle } else { 0.0 }
    }
}
