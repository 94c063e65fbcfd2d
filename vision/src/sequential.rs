//! Which of two is better, looked at as often as one likes while numbers come in.
//!
//! A test with a fixed number of trials errs far more often than it says when somebody looks before the end. These do not: what they
//! say holds at all times together, exactly and for any number of trials, whatever order they came in.
//!
//! For a rate `p`, the mixture of likelihood ratios over a Beta(a, b) prior (Robbins, "Statistical methods related to the law of the
//! iterated logarithm", 1970) after `s` successes and `f` failures is
//!
//! ```text
//! M(p) = B(a + s, b + f) / B(a, b) / (p^s (1 - p)^f)
//! ```
//!
//! It is a martingale of mean 1 when `p` is the rate, so it ever reaches 1 / alpha with a chance of alpha at most (Ville's
//! inequality). Rates that it has not ruled out are an interval. Of two that have one rate in common, the product of both is such a
//! martingale, too; at the rate that suits it best it is no larger than at the true one, so where even that reaches 1 / alpha the
//! rates differ (Turner, Ly, Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping",
//! 2024).

/// Chance of a wrong verdict that this project accepts, however often it is asked.
pub const ALPHA: f64 = 0.05;

/// Of the prior: Jeffreys', which favours no rate.
const PRIOR: f64 = 0.5;

/// Successes among trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Proportion {
    /// Successes.
    pub right: u64,
    /// Trials, successes among them.
    pub of: u64,
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Nothing yet: more trials are needed, or there is no difference.
    NotYet,
    /// The first is better.
    A,
    /// The second is.
    B,
}

impl Choice {
    /// `not yet`, `a` or `b`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotYet => "not yet",
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl Proportion {
    /// Successes as a fraction of the trials; `None` without any.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.of > 0).then(|| self.right as f64 / self.of as f64)
    }

    fn counts(&self) -> (f64, f64) {
        let right = self.right.min(self.of);
        (right as f64, (self.of - right) as f64)
    }

    /// Logarithm of the mixture without the rate that is held against it.
    fn evidence(&self) -> f64 {
        let (right, wrong) = self.counts();
        ln_beta(PRIOR + right, PRIOR + wrong) - ln_beta(PRIOR, PRIOR)
    }

    /// Rates that are not ruled out: all intervals of a stream of trials together hold the true rate, with a chance of `1 - alpha` at
    /// least.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> (f64, f64) {
        let Some(rate) = self.rate() else { return (0.0, 1.0) };
        let (right, wrong) = self.counts();
        let limit = (1.0 / alpha).ln();
        let ruled_out = |p: f64| self.evidence() - ln_likelihood(right, wrong, p) >= limit;
        // The likelihood falls on both sides of the rate that was seen.
        let edge = |mut inside: f64, mut outside: f64| {
            if !ruled_out(outside) {
                return outside;
            }
            for _ in 0..60 {
                let middle = f64::midpoint(inside, outside);
                if ruled_out(middle) { outside = middle } else { inside = middle }
            }
            outside
        };
        (edge(rate, 0.0), edge(rate, 1.0))
    }
}

/// Which of two rates is larger, wrongly with a chance of `alpha` at most when they are equal, however often it is asked.
#[must_use]
pub fn choose(a: Proportion, b: Proportion, alpha: f64) -> Choice {
    let (Some(rate_a), Some(rate_b)) = (a.rate(), b.rate()) else { return Choice::NotYet };
    let ((right_a, wrong_a), (right_b, wrong_b)) = (a.counts(), b.counts());
    let (right, wrong) = (right_a + right_b, wrong_a + wrong_b);
    let common = ln_likelihood(right, wrong, right / (right + wrong));
    // Written so that NaN says nothing.
    if !(a.evidence() + b.evidence() - common >= (1.0 / alpha).ln()) {
        return Choice::NotYet;
    }
    if rate_a > rate_b { Choice::A } else { Choice::B }
}

/// `s ln p + f ln(1 - p)`, where nothing times minus infinity is nothing.
fn ln_likelihood(right: f64, wrong: f64, p: f64) -> f64 {
    let times = |count: f64, logarithm: f64| if count == 0.0 { 0.0 } else { count * logarithm };
    times(right, p.ln()) + times(wrong, (-p).ln_1p())
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// Logarithm of the gamma function of a positive number: Stirling's series (Abramowitz and Stegun, 6.1.41) beyond 10, where four
/// terms leave an error below 1e-12, and the recurrence `gamma(x + 1) = x gamma(x)` up to there.
fn ln_gamma(mut x: f64) -> f64 {
    let mut before = 0.0;
    while x < 10.0 {
        before -= x.ln();
        x += 1.0;
    }
    let squared = x * x;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * squared)) / squared) / squared) / x;
    before + (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series
}

#[cfg(test)]
mod tests {
    use crate::random::Random;

    use super::*;

    /// Streams of trials that are simulated.
    const STREAMS: u64 = 300;
    /// Trials of each.
    const TRIALS: u64 = 600;

    #[test]
    fn gamma_is_what_tables_say() {
        // Abramowitz and Stegun, table 6.1 and 6.4: gamma(1/2) = sqrt(pi), gamma(n + 1) = n!.
        let check = |x: f64, expected: f64| assert!((ln_gamma(x) - expected).abs() < 1e-11, "{x}: {}", ln_gamma(x));
        check(0.5, std::f64::consts::PI.sqrt().ln());
        check(1.0, 0.0);
        check(2.0, 0.0);
        check(5.0, 24_f64.ln());
        check(11.0, 3_628_800_f64.ln());
        check(1.5, (std::f64::consts::PI.sqrt() / 2.0).ln());
    }

    #[test]
    fn a_few_trials_by_hand() {
        // One success: B(3/2, 1/2) / B(1/2, 1/2) = 1/2, so rates below (1/2) alpha are ruled out.
        let (low, high) = Proportion { right: 1, of: 1 }.interval(ALPHA);
        assert!((low - 0.025).abs() < 1e-9 && high == 1.0, "{low} {high}");
        let (low, high) = Proportion { right: 0, of: 1 }.interval(ALPHA);
        assert!(low == 0.0 && (high - 0.975).abs() < 1e-9, "{low} {high}");
        assert_eq!(Proportion::default().interval(ALPHA), (0.0, 1.0));
        // Five and none of five: B(11/2, 1/2) / B(1/2, 1/2) = 63/256 each, against (1/2)^10: 62.016 >= 20.
        let (all, none) = (Proportion { right: 5, of: 5 }, Proportion { right: 0, of: 5 });
        assert_eq!((choose(all, none, ALPHA), choose(none, all, ALPHA)), (Choice::A, Choice::B));
        assert_eq!(choose(all, none, 1.0 / 62.0), Choice::A, "(63/256)^2 x 1024 = 62.016");
        assert_eq!(choose(all, none, 1.0 / 62.1), Choice::NotYet);
        assert_eq!(choose(all, all, ALPHA), Choice::NotYet);
        assert_eq!(choose(all, Proportion::default(), ALPHA), Choice::NotYet);
    }

    /// Streams of two rates, looked at after every pair of trials until something is said.
    fn said(rates: (f64, f64)) -> [u64; 3] {
        let mut said = [0; 3];
        for stream in 0..STREAMS {
            let mut random = Random::stream(17, stream);
            let (mut a, mut b) = (Proportion::default(), Proportion::default());
            let mut choice = Choice::NotYet;
            for _ in 0..TRIALS {
                for (rate, proportion) in [(rates.0, &mut a), (rates.1, &mut b)] {
                    proportion.of += 1;
                    proportion.right += u64::from(random.unit() < rate);
                }
                choice = choose(a, b, ALPHA);
                if choice != Choice::NotYet {
                    break;
                }
            }
            said[choice as usize] += 1;
        }
        said
    }

    #[test]
    fn equals_are_seldom_told_apart_however_often_one_looks() {
        for rate in [0.1, 0.5, 0.9] {
            let [_, a, b] = said((rate, rate));
            // A test of fixed size at 5 % says so in about 40 % of such streams.
            assert!((a + b) as f64 <= ALPHA * STREAMS as f64, "{rate}: {a} and {b} of {STREAMS}");
        }
    }

    #[test]
    fn the_better_one_is_found() {
        let [not_yet, a, b] = said((0.9, 0.75));
        assert!(a >= STREAMS * 95 / 100 && b == 0, "{not_yet} {a} {b}");
        let [_, a, b] = said((0.75, 0.9));
        assert!(b >= STREAMS * 95 / 100 && a == 0, "{a} {b}");
    }

    #[test]
    fn intervals_hold_the_rate_at_all_times() {
        let mut missed = 0;
        for stream in 0..STREAMS / 3 {
            let mut random = Random::stream(23, stream);
            let mut seen = Proportion::default();
            let mut always = true;
            for trial in 0..TRIALS {
                seen.of += 1;
                seen.right += u64::from(random.unit() < 0.8);
                if trial % 5 == 0 {
                    let (low, high) = seen.interval(ALPHA);
                    always &= (low..=high).contains(&0.8);
                }
            }
            missed += u64::from(!always);
            let (low, high) = seen.interval(ALPHA);
            assert!(high - low < 0.16, "after {TRIALS} trials it is {low}..{high}");
        }
        assert!(missed as f64 <= ALPHA * (STREAMS / 3) as f64, "{missed} of {}", STREAMS / 3);
    }
}
