//! The ability to find containers in photos.

use crate::{Cancel, Confidences, Detection, Detections, ModelError, RgbImage, Tiling};

/// What may differ from request to request.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectOptions {
    /// Detections below the confidence of their class are dropped, after NMS: what a class is not sure enough of does not come
    /// back as another class.
    pub confidence: Confidences,
    /// Boxes that overlap more than this are one object (NMS), `0..=1`.
    pub iou: f32,
    /// At most so many detections per photo.
    pub max_detections: usize,
    /// One object, one box, whatever the class says: right for counting. `false` gives class-aware NMS (COCO).
    pub class_agnostic: bool,
    /// Whether a photo is cut into overlapping tiles.
    pub tiling: Tiling,
    /// What [`Tiling::Auto`] may cost a photo, first pass included, as a multiple of the network's own input.
    pub max_tiles: u32,
}

/// [`DetectOptions::max_tiles`] when nothing else is asked for.
pub const DEFAULT_MAX_TILES: u32 = 16;

impl Default for DetectOptions {
    fn default() -> Self {
        Self {
            confidence: Confidences::uniform(0.25),
            iou: 0.7,
            max_detections: 300,
            class_agnostic: true,
            tiling: Tiling::Auto,
            max_tiles: DEFAULT_MAX_TILES,
        }
    }
}

/// Finds objects. Batch-first and synchronous; callers keep it off async threads.
pub trait Detector: Send + Sync {
    /// One list per image, most confident first, boxes in pixels of that image.
    ///
    /// # Errors
    /// When the network cannot run or its output does not fit its card.
    fn detect(&self, images: &[RgbImage], options: &DetectOptions) -> Result<Vec<Vec<Detection>>, ModelError>;

    /// As [`Detector::detect`], with what several passes over one photo did not agree on. A detector that looks once agrees with
    /// itself.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    fn detect_detailed(&self, images: &[RgbImage], options: &DetectOptions) -> Result<Vec<Detections>, ModelError> {
        Ok(self.detect(images, options)?.into_iter().map(Detections::of_one_pass).collect())
    }

    /// As [`Detector::detect_detailed`], given up between tiles when nobody waits any more.
    ///
    /// # Errors
    /// As [`Detector::detect`], and [`ModelError::Cancelled`].
    fn detect_until(
        &self,
        images: &[RgbImage],
        options: &DetectOptions,
        cancel: &Cancel,
    ) -> Result<Vec<Detections>, ModelError> {
        cancel.check()?;
        self.detect_detailed(images, options)
    }

    /// Pixels of the network's input for a whole photo, or for one tile: what looking once costs. 0 when that is not known.
    fn input_pixels(&self) -> u64 {
        0
    }

    /// Names by [`crate::ClassId`].
    fn classes(&self) -> &[String];

    /// Which weights run where: `yolov8n-coco@9f86d081 (ONNX Runtime 1.31.1, CPU)`.
    fn describe(&self) -> String;
}
