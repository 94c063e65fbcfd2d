//! Limited-memory BFGS (Nocedal and Wright 2006, algorithms 7.4 and 7.5) with a line search by halving, for smooth convex functions.

use std::collections::VecDeque;

use super::LearnError;

/// Steps that are remembered.
const MEMORY: usize = 10;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) max_iterations: usize,
    /// Largest component of the gradient.
    pub(super) gradient: f64,
}

/// The point where `f` is smallest, from `start` on. `f` gives the value and writes the gradient; `check` is asked before each step.
pub(super) fn minimize(
    start: Vec<f64>,
    stop: Stop,
    f: impl Fn(&[f64], &mut [f64]) -> f64,
    check: impl Fn() -> Result<(), LearnError>,
) -> Result<Vec<f64>, LearnError> {
    let mut at = start;
    let mut gradient = vec![0.0; at.len()];
    let mut value = f(&at, &mut gradient);
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::with_capacity(MEMORY);
    for _ in 0..stop.max_iterations {
        check()?;
        if gradient.iter().all(|g| g.abs() <= stop.gradient) {
            break;
        }
        let mut direction = direction(&gradient, &memory);
        let mut slope = dot(&direction, &gradient);
        if !(slope < 0.0) {
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = -dot(&gradient, &gradient);
        }
        let first = if memory.is_empty() { 1.0 / norm(&gradient).max(1.0) } else { 1.0 };
        let Some((next, next_value, next_gradient)) = search(&at, value, (&direction, slope), first, &f) else { break };
        let moved: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&moved, &change);
        if curvature > 1e-12 * norm(&moved) * norm(&change) {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back((moved, change, curvature));
        }
        (at, value, gradient) = (next, next_value, next_gradient);
    }
    Ok(at)
}

/// The first point along a direction that is low enough (Armijo's condition).
fn search(
    at: &[f64],
    value: f64,
    (direction, slope): (&[f64], f64),
    first: f64,
    f: &impl Fn(&[f64], &mut [f64]) -> f64,
) -> Option<(Vec<f64>, f64, Vec<f64>)> {
    const ENOUGH: f64 = 1e-4;
    const HALVINGS: usize = 50;
    let mut length = first;
    let mut gradient = vec![0.0; at.len()];
    for _ in 0..HALVINGS {
        let next: Vec<f64> = at.iter().zip(direction).map(|(a, d)| a + length * d).collect();
        let next_value = f(&next, &mut gradient);
        if next_value <= value + ENOUGH * length * slope {
            return Some((next, next_value, gradient));
        }
        length /= 2.0;
    }
    None
}

fn direction(gradient: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>, f64)>) -> Vec<f64> {
    let mut q = gradient.to_vec();
    let mut alphas = Vec::with_capacity(memory.len());
    for (moved, change, curvature) in memory.iter().rev() {
        let alpha = dot(moved, &q) / curvature;
        q.iter_mut().zip(change).for_each(|(q, y)| *q -= alpha * y);
        alphas.push(alpha);
    }
    if let Some((_, change, curvature)) = memory.back() {
        let scale = curvature / dot(change, change);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((moved, change, curvature), alpha) in memory.iter().zip(alphas.into_iter().rev()) {
        let beta = dot(change, &q) / curvature;
        q.iter_mut().zip(moved).for_each(|(q, s)| *q += (alpha - beta) * s);
    }
    q.iter_mut().for_each(|q| *q = -*q);
    q
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
