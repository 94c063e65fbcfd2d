//! The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl 2011).
//!
//! The points so far are divided into good and bad ones; the next point is, of some that are sampled from the density of the good, the one
//! where the good are densest against the bad.

use vision::Random;

use super::space::{Point, Range};

/// Points that are sampled at random first.
pub(super) const STARTUP: usize = 10;
/// Points that are sampled from the good ones.
const CANDIDATES: usize = 24;
/// Good points, at most.
const MAX_GOOD: usize = 25;

/// The next point.
pub(super) fn propose(ranges: &[&Range], tried: &[(Point, f64)], random: &mut Random) -> Point {
    let mut order: Vec<&(Point, f64)> = tried.iter().collect();
    // What failed has no score and is bad.
    order.sort_by(|a, b| score(b.1).total_cmp(&score(a.1)));
    let good = tried.len().div_ceil(10).clamp(1, MAX_GOOD);
    let (good, bad) = order.split_at(good);
    (0..ranges.len())
        .map(|at| {
            let of = |points: &[&(Point, f64)]| points.iter().map(|(point, _)| point[at]).collect::<Vec<_>>();
            match ranges[at].choices() {
                Some(choices) => choose(&of(good), &of(bad), choices, random),
                None => between(&of(good), &of(bad), random),
            }
        })
        .collect()
}

fn score(score: f64) -> f64 {
    if score.is_nan() { f64::NEG_INFINITY } else { score }
}

fn choose(good: &[f64], bad: &[f64], choices: usize, random: &mut Random) -> f64 {
    // One more of each: what was never tried is not impossible.
    let density = |points: &[f64], choice: usize| {
        let count = points.iter().filter(|point| **point as usize == choice).count();
        (count as f64 + 1.0) / (points.len() as f64 + choices as f64)
    };
    let draw = |random: &mut Random| {
        let mut left = random.unit();
        (0..choices).find(|choice| (left -= density(good, *choice), left < 0.0).1).unwrap_or(choices - 1)
    };
    let candidates: Vec<usize> = (0..CANDIDATES).map(|_| draw(random)).collect();
    let gain = |choice: usize| density(good, choice) / density(bad, choice);
    candidates.into_iter().max_by(|a, b| gain(*a).total_cmp(&gain(*b))).unwrap_or(0) as f64
}

fn between(good: &[f64], bad: &[f64], random: &mut Random) -> f64 {
    let (good, bad) = (Parzen::of(good), Parzen::of(bad));
    let candidates: Vec<f64> = (0..CANDIDATES).map(|_| good.draw(random)).collect();
    let gain = |at: f64| good.log_density(at) - bad.log_density(at);
    candidates.into_iter().max_by(|a, b| gain(*a).total_cmp(&gain(*b))).unwrap_or(0.5)
}

/// Normal distributions around points of 0 to 1, cut off at both ends, and a wide one over all.
struct Parzen(Vec<(f64, f64)>);

impl Parzen {
    fn of(points: &[f64]) -> Self {
        let mut sorted = points.to_vec();
        sorted.push(0.5);
        sorted.sort_unstable_by(f64::total_cmp);
        let narrowest = 1.0 / (1.0 + sorted.len() as f64).min(100.0);
        let wide = sorted.iter().position(|point| *point == 0.5);
        let kernels = (0..sorted.len()).map(|at| {
            if Some(at) == wide {
                return (0.5, 1.0);
            }
            // As wide as the larger distance to a neighbour.
            let below = if at == 0 { sorted[at] } else { sorted[at] - sorted[at - 1] };
            let above = sorted.get(at + 1).map_or(1.0 - sorted[at], |next| next - sorted[at]);
            (sorted[at], below.max(above).clamp(narrowest, 1.0))
        });
        Self(kernels.collect())
    }

    fn draw(&self, random: &mut Random) -> f64 {
        const DRAWS: usize = 100;
        let (mean, width) = self.0[random.below(self.0.len())];
        let sampled = (0..DRAWS).map(|_| mean + width * random.normal()).find(|at| (0.0..=1.0).contains(at));
        sampled.unwrap_or(mean)
    }

    fn log_density(&self, at: f64) -> f64 {
        let logs: Vec<f64> = self
            .0
            .iter()
            .map(|(mean, width)| {
                let inside = cumulative((1.0 - mean) / width) - cumulative(-mean / width);
                -((at - mean) / width).powi(2) / 2.0 - (width * inside).ln()
            })
            .collect();
        crate::learn::log_sum_exp(&logs) - (self.0.len() as f64).ln()
    }
}

/// The cumulative normal distribution, to five digits (Abramowitz and Stegun 1964, 26.2.17): enough for a constant of a density.
fn cumulative(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let polynomial = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let sum = polynomial.iter().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    let tail = sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    if x >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_known() {
        // scipy.stats.norm.cdf
        for (x, expected) in [(0.0, 0.5), (1.0, 0.841_344_746), (-2.0, 0.022_750_132)] {
            assert!((cumulative(x) - expected).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn it_finds_a_peak_sooner_than_chance() {
        let range = Range::Float { low: 0.0, high: 1.0, log: false };
        let score = |point: &Point| -(point[0] - 0.3).powi(2) - (point[1] - 0.8).powi(2);
        let mut better = 0;
        for seed in 0..20 {
            let best = |by_chance: bool| {
                let mut random = Random::new(seed);
                let mut tried: Vec<(Point, f64)> = Vec::new();
                for trial in 0..50 {
                    let point = if by_chance || trial < STARTUP {
                        vec![random.unit(), random.unit()]
                    } else {
                        propose(&[&range, &range], &tried, &mut random)
                    };
                    tried.push((point.clone(), score(&point)));
                }
                tried.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max)
            };
            better += usize::from(best(false) > best(true));
        }
        assert!(better >= 15, "TPE was better in {better} of 20 searches");
    }
}
