//! By a test that may be looked at as often as one likes.

use eval::{Proportion, choose};

/// Chance of a wrong verdict, however often it is asked.
const ALPHA: f64 = 0.05;

/// Of facings that were right among those that were judged: fractions that are not ruled out of the one and of the other, and
/// `not yet`, `a` or `b`.
pub(in crate::release) fn verdict(one: (u64, u64), other: (u64, u64)) -> [String; 3] {
    let [one, other] = [one, other].map(|(right, of)| Proportion { right, of });
    let [a, b] = [one, other].map(|proportion| {
        let (low, high) = proportion.interval(ALPHA);
        format!("{low:.3}..{high:.3}")
    });
    [a, b, choose(one, other, ALPHA).as_str().to_owned()]
}
