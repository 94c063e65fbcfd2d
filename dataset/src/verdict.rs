//! How a command ends, as data: the binary turns it into an exit code.

/// The three ways a data-set command can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Done, and nothing to object to.
    Clean,
    /// Done, and the answer is no: folders differ, a frozen split no longer fits, a check found errors.
    Objected,
    /// Not done: the input cannot be used.
    BadInput,
}

impl Verdict {
    /// The exit code: 0, 1 or 2.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Objected => 1,
            Self::BadInput => 2,
        }
    }

    /// [`Verdict::Clean`] or [`Verdict::Objected`].
    #[must_use]
    pub const fn clean_if(clean: bool) -> Self {
        if clean { Self::Clean } else { Self::Objected }
    }
}
