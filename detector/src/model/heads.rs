//! The heads there are. A new one is its file and a line here.

use std::str::FromStr;

use thiserror::Error;

use super::Scale;
use super::detector_head::DetectorHead;

/// All heads; the first is meant where only a backbone is named. A new one is its file and a line here.
static HEADS: [&dyn DetectorHead; 5] = [&Scale::N, &Scale::S, &Scale::M, &Scale::L, &Scale::X];

/// All heads, smallest first.
pub fn all() -> impl Iterator<Item = &'static dyn DetectorHead> {
    HEADS.into_iter()
}

/// Text that names no head.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("detector head {text:?} is not known; known are {known}", known = names())]
pub struct ParseHeadError {
    text: String,
}

/// The names of all heads, for people.
pub(super) fn names() -> String {
    all().map(DetectorHead::name).collect::<Vec<_>>().join(", ")
}

impl FromStr for &'static dyn DetectorHead {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        all().find(|head| head.name() == text).ok_or_else(|| ParseHeadError { text: text.chars().take(40).collect() })
    }
}
