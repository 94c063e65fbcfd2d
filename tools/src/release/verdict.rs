//! Which of two releases people find right more often.

use vision::sequential::{ALPHA, Proportion, choose};

/// Of facings that were right among those that were judged: fractions that are not ruled out of the one and of the other, and
/// `not yet`, `a` or `b`.
pub(super) fn verdict(one: Proportion, other: Proportion) -> [String; 3] {
    let [a, b] = [one, other].map(|proportion| {
        let (low, high) = proportion.interval(ALPHA);
        format!("{low:.3}..{high:.3}")
    });
    [a, b, choose(one, other, ALPHA).as_str().to_owned()]
}
