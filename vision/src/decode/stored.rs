//! An image as its header says it is stored.

use super::orientation::Metadata;

/// What a format's header says of the image as it is stored.
pub(super) struct Stored<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) metadata: Metadata<'a>,
}
