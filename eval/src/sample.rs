//! What is compared: images, the boxes truly in them, and the boxes found.

use thiserror::Error;
use vision::BBox;

/// A box as COCO writes it: left, top, width, height in pixels, `f64` throughout so that overlaps come out as
/// pycocotools computes them. (`vision::BBox` keeps corners in `f32`: right for serving, half a micro-IoU off here.)
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Horizontal extent, not negative.
    pub width: f64,
    /// Vertical extent, not negative.
    pub height: f64,
}

impl Rect {
    /// The box with this corner and size.
    #[must_use]
    pub const fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    /// The box between two corners.
    #[must_use]
    pub fn from_corners(x1: f64, y1: f64, x2: f64, y2: f64) -> Self {
        Self::new(x1, y1, x2 - x1, y2 - y1)
    }

    /// Area in square pixels.
    #[must_use]
    pub fn area(&self) -> f64 {
        self.width * self.height
    }

    /// Area shared with `other`.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> f64 {
        let width = (self.width + self.x).min(other.width + other.x) - self.x.max(other.x);
        let height = (self.height + self.y).min(other.height + other.y) - self.y.max(other.y);
        if width > 0.0 && height > 0.0 { width * height } else { 0.0 }
    }

    /// Overlap of a found box (`self`) with a true one. COCO: intersection over union; where the truth is a crowd,
    /// intersection over the found box alone, because any member of the crowd will do. 0 when nothing is shared.
    #[must_use]
    pub fn overlap(&self, truth: &Self, crowd: bool) -> f64 {
        let shared = self.intersection(truth);
        if shared > 0.0 { shared / if crowd { self.area() } else { self.area() + truth.area() - shared } } else { 0.0 }
    }

    /// Intersection over union in `0..=1`.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        self.overlap(other, false)
    }

    fn fault(&self) -> Option<RectFault> {
        if ![self.x, self.y, self.width, self.height].iter().all(|v| v.is_finite()) {
            Some(RectFault::NotFinite)
        } else if self.width < 0.0 || self.height < 0.0 {
            Some(RectFault::NegativeSize)
        } else {
            None
        }
    }

    /// Refuses a box no image can have.
    ///
    /// # Errors
    /// When a number is not finite or a side is negative.
    pub fn check(self) -> Result<Self, RectFault> {
        self.fault().map_or(Ok(self), Err)
    }
}

impl From<BBox> for Rect {
    fn from(b: BBox) -> Self {
        Self::from_corners(b.x1.into(), b.y1.into(), b.x2.into(), b.y2.into())
    }
}

/// What is wrong with a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RectFault {
    /// NaN or infinite.
    #[error("a coordinate is not a finite number")]
    NotFinite,
    /// Width or height below zero: usually x1,y1,x2,y2 with the corners swapped.
    #[error("the box has a negative width or height (are its corners swapped?)")]
    NegativeSize,
}

/// An image both sides speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// File name, as given.
    pub name: String,
    /// Width and height in pixels where known.
    pub size: Option<(u32, u32)>,
}

/// A box that is truly there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// Index of its image.
    pub image: u32,
    /// Index of its class.
    pub class: u32,
    /// Box in pixels.
    pub rect: Rect,
    /// Area that decides small/medium/large; COCO's is the segment's, otherwise the box's.
    pub area: f64,
    /// Stands for many: never counted as missed, and absorbs any number of found boxes.
    pub crowd: bool,
}

/// A box that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Index of its image.
    pub image: u32,
    /// Index of its class.
    pub class: u32,
    /// Box in pixels.
    pub rect: Rect,
    /// Confidence; any finite number orders, thresholds assume `0..=1`.
    pub score: f64,
}

/// Truth and predictions over the same images and classes. Its indices are always in range and its numbers finite.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectionSet {
    images: Vec<ImageInfo>,
    classes: Vec<String>,
    truths: Vec<Truth>,
    predictions: Vec<Prediction>,
}

/// Why boxes are no set to evaluate.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SetError {
    /// Nothing to evaluate on.
    #[error("there are no images to evaluate")]
    NoImages,
    /// Too many to number.
    #[error("{count} {what} are more than can be numbered ({limit})", limit = u32::MAX)]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// A box speaks of an image or class that is not there.
    #[error("{side} box {at} speaks of {what} {index}, but there are only {known}")]
    Unknown {
        /// "true" or "predicted".
        side: &'static str,
        /// Position of the box.
        at: usize,
        /// "image" or "class".
        what: &'static str,
        /// Index it names.
        index: u32,
        /// How many there are.
        known: usize,
    },
    /// A box no image can have.
    #[error("{side} box {at}: {fault}")]
    Box {
        /// "true" or "predicted".
        side: &'static str,
        /// Position of the box.
        at: usize,
        /// What is wrong.
        fault: RectFault,
    },
    /// A score that does not order, or an area that is no number.
    #[error("{side} box {at}: {what} is not a finite number")]
    NotFinite {
        /// "true" or "predicted".
        side: &'static str,
        /// Position of the box.
        at: usize,
        /// "score" or "area".
        what: &'static str,
    },
}

impl DetectionSet {
    /// Checks and keeps. The order of images and of boxes decides between equal scores, as in pycocotools
    /// (images by ascending id, boxes as in the file).
    ///
    /// # Errors
    /// When there is no image, an index is out of range, or a number is not finite or a size negative.
    pub fn new(
        images: Vec<ImageInfo>,
        classes: Vec<String>,
        truths: Vec<Truth>,
        predictions: Vec<Prediction>,
    ) -> Result<Self, SetError> {
        if images.is_empty() {
            return Err(SetError::NoImages);
        }
        let sizes = [("images", images.len()), ("true boxes", truths.len()), ("predictions", predictions.len())];
        if let Some((what, count)) = sizes.into_iter().find(|(_, count)| u32::try_from(*count).is_err()) {
            return Err(SetError::TooMany { what, count });
        }
        let known = |side, at, image: u32, class: u32| {
            for (what, index, known) in [("image", image, images.len()), ("class", class, classes.len())] {
                if index as usize >= known {
                    return Err(SetError::Unknown { side, at, what, index, known });
                }
            }
            Ok(())
        };
        for (at, t) in truths.iter().enumerate() {
            let side = "true";
            known(side, at, t.image, t.class)?;
            t.rect.check().map_err(|fault| SetError::Box { side, at, fault })?;
            if !t.area.is_finite() {
                return Err(SetError::NotFinite { side, at, what: "area" });
            }
        }
        for (at, p) in predictions.iter().enumerate() {
            let side = "predicted";
            known(side, at, p.image, p.class)?;
            p.rect.check().map_err(|fault| SetError::Box { side, at, fault })?;
            if !p.score.is_finite() {
                return Err(SetError::NotFinite { side, at, what: "score" });
            }
        }
        Ok(Self { images, classes, truths, predictions })
    }

    /// The same images and truth with other predictions.
    ///
    /// # Errors
    /// As [`DetectionSet::new`].
    pub fn with_predictions(&self, predictions: Vec<Prediction>) -> Result<Self, SetError> {
        Self::new(self.images.clone(), self.classes.clone(), self.truths.clone(), predictions)
    }

    /// Images, by index.
    #[must_use]
    pub fn images(&self) -> &[ImageInfo] {
        &self.images
    }

    /// Class names, by index.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// True boxes.
    #[must_use]
    pub fn truths(&self) -> &[Truth] {
        &self.truths
    }

    /// Found boxes.
    #[must_use]
    pub fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }
}
