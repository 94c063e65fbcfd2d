//! What is guessed of the next visit, by a model or without one.

/// What is guessed of the next visit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Guess {
    /// Facings.
    pub(super) expected: f64,
    /// By how much such a guess is off, on some scale of its own; above 0.
    pub(super) spread: f64,
    /// Probability that none is left.
    pub(super) empty: f64,
}

impl Guess {
    /// How far off it was, in its own spreads.
    pub(super) fn score(&self, found: f64) -> f64 {
        (found - self.expected).abs() / self.spread
    }

    /// Whole facings within so many spreads; the nearest where there are none.
    pub(super) fn interval(&self, spreads: f64) -> (f64, f64) {
        let reach = spreads * self.spread;
        let (low, high) = ((self.expected - reach).max(0.0).ceil(), (self.expected + reach).max(0.0).floor());
        if low <= high { (low, high) } else { (self.expected.max(0.0).round(), self.expected.max(0.0).round()) }
    }
}
