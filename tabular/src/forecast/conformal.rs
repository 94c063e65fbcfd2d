//! How far guesses are off, turned into how far an interval must reach.

/// The smallest number that at least `level` of as many scores and one more lie below, if they come in any order: the
/// `ceil((n + 1) level)`-th smallest of `n`. None of too few scores.
pub(super) fn reach(scores: &[f64], level: f64) -> Option<f64> {
    let rank = ((scores.len() + 1) as f64 * level - 1e-9).ceil() as usize;
    if rank == 0 || rank > scores.len() {
        return None;
    }
    let mut scores = scores.to_vec();
    let (_, score, _) = scores.select_nth_unstable_by(rank - 1, f64::total_cmp);
    Some(*score)
}

#[cfg(test)]
mod tests {
    use vision::Random;

    use super::reach;

    #[test]
    fn the_rank_is_that_of_split_conformal_prediction() {
        let scores: Vec<f64> = (1..=9).rev().map(f64::from).collect();
        for (level, expected) in [(0.9, Some(9.0)), (0.5, Some(5.0)), (0.1, Some(1.0)), (0.95, None), (0.0, None)] {
            assert_eq!(reach(&scores, level), expected, "{level}");
        }
        assert_eq!(reach(&[], 0.5), None);
    }

    #[test]
    fn so_many_of_what_comes_next_lie_below() {
        let mut random = Random::new(3);
        let mut below = 0;
        for _ in 0..2_000 {
            let mut scores: Vec<f64> = (0..40).map(|_| random.normal().abs()).collect();
            let next = scores.pop().expect("forty");
            below += usize::from(next <= reach(&scores, 0.9).expect("enough"));
        }
        assert!((1_750..1_860).contains(&below), "{below} of 2000");
    }
}
