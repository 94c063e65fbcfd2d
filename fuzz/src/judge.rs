//! One input, one verdict.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::memory::measured;
use crate::{Answer, Target};

/// Longest that a reader may take for an input of [`MAX_INPUT`](crate::mutate::MAX_INPUT) bytes, in a build with checks.
pub const MAX_TIME: Duration = Duration::from_secs(4);

/// Why an input fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The reader panicked: its message.
    Panic(String),
    /// It broke a promise: which.
    Wrong(String),
    /// It took too long.
    Slow {
        /// How long.
        took: Duration,
        /// How long it may take.
        allowed: Duration,
    },
    /// It took too much memory, in bytes.
    Large(usize),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panic(message) => write!(f, "panicked: {message}"),
            Self::Wrong(what) => write!(f, "broke a promise: {what}"),
            Self::Slow { took, allowed } => {
                write!(f, "took {:.1} s, {} are allowed", took.as_secs_f64(), allowed.as_secs())
            }
            Self::Large(bytes) => write!(f, "allocated {:.0} MiB", *bytes as f64 / f64::from(1 << 20)),
        }
    }
}

/// Runs `target` on `data`.
///
/// # Errors
/// When the input fails.
pub fn judge(target: &Target, data: &[u8]) -> Result<Answer, Failure> {
    weighed(target, data).0
}

/// As [`judge`], with the bytes that were allocated at the peak.
pub fn weighed(target: &Target, data: &[u8]) -> (Result<Answer, Failure>, usize) {
    let start = Instant::now();
    let (result, bytes) = measured(|| catch_unwind(AssertUnwindSafe(|| (target.run)(data))));
    let time = start.elapsed();
    let verdict = match result {
        Err(panic) => Err(Failure::Panic(message(&*panic))),
        Ok(Answer::Wrong(what)) => Err(Failure::Wrong(what)),
        Ok(_) if time > target.max_time => Err(Failure::Slow { took: time, allowed: target.max_time }),
        Ok(_) if bytes > target.max_mib << 20 => Err(Failure::Large(bytes)),
        Ok(answer) => Ok(answer),
    };
    (verdict, bytes)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_named() {
        let target = |run| Target { name: "test", run, words: &[], mend: None, max_mib: 1, max_time: MAX_TIME };
        let read = target(|data| Answer::Read(data.len().to_string()));
        assert_eq!(judge(&read, b"abc"), Ok(Answer::Read("3".to_owned())));
        let panics = target(|data| panic!("byte {}", data[0]));
        assert_eq!(judge(&panics, &[7]), Err(Failure::Panic("byte 7".to_owned())));
        let breaks = target(|_| Answer::Wrong("500".to_owned()));
        assert_eq!(judge(&breaks, &[]), Err(Failure::Wrong("500".to_owned())));
    }
}
