//! An image with what was seen of it.

use super::observe::Observed;
use crate::layout::ImageFile;
use crate::split::Part;

/// An image and where it belongs.
#[derive(Clone, Copy)]
pub(super) struct CheckedImage<'a> {
    pub(super) image: &'a ImageFile,
    pub(super) part: Option<Part>,
    pub(super) observed: &'a Observed,
}
