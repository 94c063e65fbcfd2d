//! When a release that was refused is tried again: at once when somebody asks for it, else later and later.

use std::time::{Duration, Instant};

/// Pause after a first refusal; each further one doubles it.
const FIRST: Duration = Duration::from_secs(5);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(600);

/// What was refused last.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    refused: Option<Refused>,
}

#[derive(Debug)]
struct Refused {
    id: String,
    at: Instant,
    pause: Duration,
}

impl Attempts {
    /// Whether it may be tried now.
    pub(crate) fn may(&self, id: &str, now: Instant) -> bool {
        self.refused.as_ref().is_none_or(|refused| refused.id != id || now >= refused.at + refused.pause)
    }

    /// It was tried and refused.
    pub(crate) fn refused(&mut self, id: &str, now: Instant) {
        let before = self.refused.take().filter(|refused| refused.id == id);
        let pause = before.map_or(FIRST, |refused| (refused.pause * 2).min(LONGEST));
        self.refused = Some(Refused { id: id.to_owned(), at: now, pause });
    }

    /// Somebody asks: whatever was refused may be tried.
    pub(crate) fn forget(&mut self) {
        self.refused = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_rests_longer_each_time() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut attempts = Attempts::default();
        assert!(attempts.may("a", start));
        attempts.refused("a", start);
        assert!(!attempts.may("a", start + 4 * second) && attempts.may("a", start + 5 * second));
        assert!(attempts.may("b", start), "another one need not wait");
        attempts.refused("a", start + 5 * second);
        assert!(!attempts.may("a", start + 14 * second) && attempts.may("a", start + 15 * second));
        for _ in 0..20 {
            attempts.refused("a", start);
        }
        assert!(attempts.may("a", start + LONGEST));
        attempts.refused("b", start);
        assert!(attempts.may("b", start + FIRST), "it begins anew");
        attempts.forget();
        assert!(attempts.may("b", start));
    }
}
