//! What a flow is done for.

use std::fmt;

use store::flows::Flow;
use store::model::now;
use store::photos::{Day, Month, ParsePeriodError};

/// What a flow is done for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A day, by the daily flow.
    Day(Day),
    /// A month, by the monthly one.
    Month(Month),
}

impl Period {
    /// The flow that is done for it.
    #[must_use]
    pub fn flow(self) -> Flow {
        match self {
            Self::Day(_) => Flow::Daily,
            Self::Month(_) => Flow::Monthly,
        }
    }

    /// The one before it.
    #[must_use]
    pub fn before(self) -> Self {
        match self {
            Self::Day(day) => Self::Day(Day(day.0 - 1)),
            Self::Month(month) => Self::Month(month.before()),
        }
    }

    /// A period of a flow: `2026-11-30` for the daily one; `2026-11`, or a day of it, for the monthly one.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(flow: Flow, text: &str) -> Result<Self, ParsePeriodError> {
        match flow {
            Flow::Daily => text.parse().map(Self::Day),
            Flow::Monthly => match text.parse::<Day>() {
                Ok(day) => Ok(Self::Month(day.month())),
                Err(_) => text.parse().map(Self::Month),
            },
        }
    }

    /// The last one of a flow that is over.
    #[must_use]
    pub fn last(flow: Flow) -> Self {
        match flow {
            Flow::Daily => Self::Day(Day(Day::of(now()).0 - 1)),
            Flow::Monthly => Self::Month(Month::of(now()).before()),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Month(month) => month.fmt(f),
        }
    }
}
