//! From lead and margin to a probability: logistic regression.

/// `p = 1 / (1 + exp(-(bias + lead * 10 l + margin * 10 m)))`, margins above [`MAX_MARGIN`] counting as that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mapping {
    /// Log-odds at lead and margin 0.
    pub bias: f64,
    /// Log-odds per tenth of lead; never negative.
    pub lead: f64,
    /// Log-odds per tenth of margin; never negative.
    pub margin: f64,
}

/// Beyond it a margin says nothing more.
const MAX_MARGIN: f32 = 0.3;
/// Pull towards the general mapping, in look-ups: it holds where there are few, and keeps separable data finite.
const PULL: f64 = 2.0;
/// Newton's method has long converged by then.
const STEPS: usize = 30;

impl Default for Mapping {
    /// Of photos of coolers with one exemplar a SKU (docs/results/calibration_coolers.csv).
    fn default() -> Self {
        Self { bias: 0.6, lead: 0.9, margin: 1.6 }
    }
}

impl Mapping {
    /// In `0..=1`; more lead or margin never gives less.
    #[must_use]
    pub fn probability(&self, lead: f32, margin: f32) -> f32 {
        let [one, lead, margin] = features(lead, margin);
        let odds = self.bias * one + self.lead * lead + self.margin * margin;
        (1.0 / (1.0 + (-odds).exp())) as f32
    }
}

impl Mapping {
    /// Odds at a lead and a margin; finite and above 0.
    pub(super) fn odds(&self, lead: f32, margin: f32) -> f64 {
        let [one, lead, margin] = features(lead, margin);
        // Beyond e^20 to one nothing changes any more.
        (self.bias * one + self.lead * lead + self.margin * margin).clamp(-20.0, 20.0).exp()
    }
}

/// An answer that turned out right or wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    features: [f64; 3],
    right: bool,
    weight: f64,
}

impl Sample {
    pub(super) fn new(lead: f32, margin: f32, right: bool) -> Self {
        Self { features: features(lead, margin), right, weight: 1.0 }
    }

    /// The same with another outcome.
    pub(super) fn being(self, right: bool) -> Self {
        Self { right, ..self }
    }

    /// The same, counting for so many.
    pub(super) fn weighing(self, weight: f64) -> Self {
        Self { weight, ..self }
    }
}

fn features(lead: f32, margin: f32) -> [f64; 3] {
    // NaN, which no similarity is, would count as no margin.
    [1.0, f64::from(lead) * 10.0, f64::from(margin.clamp(0.0, MAX_MARGIN)) * 10.0]
}

/// The mapping of the greatest likelihood near `general`; one that would fall with lead or margin goes without it.
pub(super) fn fit(samples: &[Sample], general: Mapping) -> Mapping {
    let prior = [general.bias, general.lead, general.margin];
    for free in [[true, true, true], [true, true, false], [true, false, true]] {
        let [bias, lead, margin] = newton(samples, prior, free);
        if lead >= 0.0 && margin >= 0.0 && bias.is_finite() {
            return Mapping { bias, lead, margin };
        }
    }
    general
}

fn newton(samples: &[Sample], prior: [f64; 3], free: [bool; 3]) -> [f64; 3] {
    let mut b: [f64; 3] = std::array::from_fn(|i| if free[i] { prior[i] } else { 0.0 });
    for _ in 0..STEPS {
        // Of each sample, how far off it is and how much that depends on the odds.
        let slopes: Vec<(f64, f64)> = samples
            .iter()
            .map(|sample| {
                let odds: f64 = b.iter().zip(sample.features).map(|(b, x)| b * x).sum();
                let p = 1.0 / (1.0 + (-odds).exp());
                let error = p - f64::from(u8::from(sample.right));
                // Kept from zero, so that a step is always possible.
                (sample.weight * error, sample.weight * (p * (1.0 - p)).max(1e-6))
            })
            .collect();
        let each = || samples.iter().map(|sample| sample.features).zip(&slopes);
        let gradient: [f64; 3] = std::array::from_fn(|i| match free[i] {
            true => each().map(|(x, slope)| slope.0 * x[i]).sum::<f64>() + PULL * (b[i] - prior[i]),
            false => 0.0,
        });
        let hessian: [[f64; 3]; 3] = std::array::from_fn(|i| {
            std::array::from_fn(|j| match (free[i] && free[j], i == j) {
                (true, same) => {
                    each().map(|(x, slope)| slope.1 * x[i] * x[j]).sum::<f64>() + if same { PULL } else { 0.0 }
                }
                (false, true) => 1.0,
                (false, false) => 0.0,
            })
        });
        let step = solved(hessian, gradient);
        // Bounded: far from the optimum the parabola of a logistic loss points too far.
        let length = step.iter().map(|s| s * s).sum::<f64>().sqrt();
        let scale = if length > 2.0 { 2.0 / length } else { 1.0 };
        b.iter_mut().zip(step).for_each(|(b, step)| *b -= scale * step);
        if length < 1e-9 {
            break;
        }
    }
    b
}

/// `x` of `a x = y`, `a` symmetric and positive definite.
fn solved(a: [[f64; 3]; 3], y: [f64; 3]) -> [f64; 3] {
    let minor = |r: [usize; 2], c: [usize; 2]| a[r[0]][c[0]] * a[r[1]][c[1]] - a[r[0]][c[1]] * a[r[1]][c[0]];
    let others = |i: usize| [[1, 2], [0, 2], [0, 1]][i];
    let cofactor = |i: usize, j: usize| {
        let sign = if (i + j).is_multiple_of(2) { 1.0 } else { -1.0 };
        sign * minor(others(i), others(j))
    };
    let determinant: f64 = (0..3).map(|j| a[0][j] * cofactor(0, j)).sum();
    std::array::from_fn(|i| (0..3).map(|j| cofactor(j, i) * y[j]).sum::<f64>() / determinant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vision::Random;

    #[test]
    fn it_finds_the_odds_that_made_the_samples() {
        let truth = Mapping { bias: -0.5, lead: 2.0, margin: 1.0 };
        let mut random = Random::new(3);
        let sample = |random: &mut Random| {
            let (lead, margin) = (random.range(-0.3, 0.2) as f32, random.range(0.0, 0.3) as f32);
            Sample::new(lead, margin, random.range(0.0, 1.0) < f64::from(truth.probability(lead, margin)))
        };
        let samples: Vec<Sample> = (0..20_000).map(|_| sample(&mut random)).collect();
        let found = fit(&samples, Mapping::default());
        for (found, truth) in [(found.bias, truth.bias), (found.lead, truth.lead), (found.margin, truth.margin)] {
            assert!((found - truth).abs() < 0.15, "{found} is not {truth}");
        }
    }

    #[test]
    fn separable_and_contrary_samples_give_a_sound_mapping() {
        let check = |right: fn(f32) -> bool| {
            let samples: Vec<Sample> =
                (-20..20).map(|i| Sample::new(i as f32 / 100.0, 0.1, right(i as f32 / 100.0))).collect();
            let found = fit(&samples, Mapping::default());
            let [low, high] = [-0.2, 0.2].map(|lead| found.probability(lead, 0.1));
            assert!(low <= high && low.is_finite() && high.is_finite(), "{found:?}: {low} to {high}");
        };
        check(|lead| lead > 0.0);
        check(|lead| lead < 0.0);
        check(|_| true);
        check(|_| false);
    }
}
