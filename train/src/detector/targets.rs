//! The truth about an image, as the loss compares the network with it.

use std::sync::Arc;

use vision::BBox;

/// What is truly on an image.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    /// Its labelled objects.
    pub objects: Vec<Truth>,
    /// Where there may be objects that nobody labelled.
    pub unlabelled: Vec<Unlabelled>,
}

/// A labelled object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// In pixels of the network's input.
    pub bbox: BBox,
    /// Number of its class.
    pub class: usize,
}

/// A region in which a class is not learned as absent: where nothing is labelled, an object may stand all the same. What is
/// labelled inside is learned as everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Unlabelled {
    /// In pixels of the network's input; anchors with their centre inside are meant.
    pub region: BBox,
    /// Of which classes.
    pub classes: ClassSet,
}

/// Some of the classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassSet {
    /// All classes.
    All,
    /// Classes of these numbers.
    Only(Arc<[usize]>),
}

impl ClassSet {
    /// Whether a class is among them.
    #[must_use]
    pub fn contains(&self, class: usize) -> bool {
        match self {
            Self::All => true,
            Self::Only(classes) => classes.contains(&class),
        }
    }
}
