//! How often somebody may ask: a bucket of tokens that fills at a steady rate.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What a key may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KeyLimits {
    /// How often it may ask.
    pub(crate) rate: RateLimit,
    /// Requests being answered at the same time, at least one.
    pub(crate) at_once: usize,
}

/// At most `burst` at once, and `rate` a second in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RateLimit {
    /// Tokens a second; none is no limit.
    pub(crate) rate: f64,
    /// Tokens at most, at least one.
    pub(crate) burst: f64,
}

/// Somebody's tokens.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn full(limit: RateLimit, now: Instant) -> Self {
        Self { limit, state: Mutex::new(State { tokens: limit.burst, at: now }) }
    }

    /// Takes a token, or says after how many whole seconds there will be one. Monotonic: no clock that is set changes it.
    pub(super) fn take(&self, now: Instant) -> Result<(), u64> {
        let RateLimit { rate, burst } = self.limit;
        if rate <= 0.0 {
            return Ok(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        state.tokens = burst.min(state.tokens + passed * rate);
        state.at = state.at.max(now);
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            return Ok(());
        }
        // Rounding must not send anybody away for a second more, nor let them come too soon.
        let seconds = ((1.0 - state.tokens) / rate - 1e-9).ceil();
        Err((seconds as u64).max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_comes_when_told_is_let_in_and_not_sooner() {
        for (rate, burst) in [(0.25, 1.0), (0.5, 3.0), (3.0, 2.0), (1.0, 1.0)] {
            let begin = Instant::now();
            let bucket = Bucket::full(RateLimit { rate, burst }, begin);
            for _ in 0..burst as u32 {
                assert_eq!(bucket.take(begin), Ok(()));
            }
            let mut now = begin;
            for _ in 0..20 {
                let seconds = bucket.take(now).expect_err("the bucket is empty");
                assert_eq!(seconds, ((1.0 / rate) as u64).max(1), "{rate}");
                if rate <= 1.0 {
                    assert!(bucket.take(now + Duration::from_secs_f64(seconds as f64 - 0.01)).is_err(), "too soon");
                }
                now += Duration::from_secs(seconds);
                assert_eq!(bucket.take(now), Ok(()), "as told");
                while bucket.take(now).is_ok() {}
            }
        }
    }

    #[test]
    fn it_fills_no_further_than_its_brim() {
        let begin = Instant::now();
        let bucket = Bucket::full(RateLimit { rate: 10.0, burst: 5.0 }, begin);
        let later = begin + Duration::from_secs(3_600);
        let taken = (0..100).filter(|_| bucket.take(later).is_ok()).count();
        assert_eq!(taken, 5);
        // A moment that lies before the last one gives nothing.
        assert!(bucket.take(begin).is_err());
        let open = Bucket::full(RateLimit { rate: 0.0, burst: 1.0 }, begin);
        assert!((0..1_000).all(|_| open.take(begin).is_ok()), "no limit");
    }
}
