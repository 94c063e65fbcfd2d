//! How a command ends, as data: the binary turns it into an exit code.

use serde::{Deserialize, Serialize};

/// The three ways a command that judges can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Done, and nothing to object to: every gate passed, no check found an error.
    Passed,
    /// Done, and the answer is no: a gate failed, folders differ, a frozen split no longer fits, a check found errors.
    Failed,
    /// Not done: nothing was there to judge by.
    NotEvaluated,
}

impl Verdict {
    /// The exit code: 0, 1 or 2.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::NotEvaluated => 2,
        }
    }

    /// [`Verdict::Passed`] or [`Verdict::Failed`].
    #[must_use]
    pub const fn passed_if(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }
}
