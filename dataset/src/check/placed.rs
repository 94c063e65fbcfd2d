//! A picture with what was seen of it.

use super::observe::Observed;
use crate::layout::Picture;
use crate::split::Part;

/// A picture and where it belongs.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) picture: &'a Picture,
    pub(super) part: Option<Part>,
    pub(super) observed: &'a Observed,
}
