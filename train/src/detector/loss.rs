//! What training minimises: how far the head's raw output is from the truth, and the gradient by that output.
//!
//! The loss is worked out in plain Rust, not of tensor operations: it touches few numbers but in hundreds of small steps,
//! which cost more than the convolutions when each is a tensor of its own. candle learns of it through
//! [`Loss::objective`], whose gradient by the head's output is the gradient found here.

use candle_core::{DType, Tensor};
use rayon::prelude::*;
use thiserror::Error;

use super::assigner::{AssignerConfig, Assignment, Prediction, assign};
use super::targets::{Targets, Truth};
use super::terms::{
    CompleteIou, Corners, cross_entropy, distribution, distribution_focal, distribution_gradient, sigmoid,
};
use detector::anchors::{Anchor, anchors};
use detector::model::HeadOutput;
use detector::model::head::REG_MAX;

/// What counts how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossConfig {
    /// Weight of `1 - complete IoU`.
    pub box_gain: f64,
    /// Weight of the cross-entropy of classes.
    pub class_gain: f64,
    /// Weight of the distribution focal loss.
    pub dfl_gain: f64,
    /// Which anchors answer for an object.
    pub assigner: AssignerConfig,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self { box_gain: 7.5, class_gain: 0.5, dfl_gain: 1.5, assigner: AssignerConfig::default() }
    }
}

/// The loss in its parts, gains included, each divided by the sum of the scores that anchors should give (at least one).
/// Times the number of images they make the number that is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossParts {
    /// `1 - complete IoU` of the anchors that answer for an object, weighted by their scores.
    pub boxes: f64,
    /// Cross-entropy of every class at every anchor.
    pub classes: f64,
    /// Distribution focal loss of the four sides, weighted as the boxes.
    pub dfl: f64,
}

impl LossParts {
    /// Their sum.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.boxes + self.classes + self.dfl
    }
}

/// The loss of a batch.
#[derive(Debug, Clone)]
pub struct Loss {
    /// What to show.
    pub parts: LossParts,
    /// Anchors that answer for an object.
    pub positives: usize,
    /// A number to call `backward` on. Only its gradient means something: it is `sum(output * gradient)`, the gradient being
    /// that of `parts.total() * images`, taken as constant.
    pub objective: Tensor,
}

/// Truth and output that do not fit each other.
#[derive(Debug, Error)]
pub enum LossError {
    /// Not as many.
    #[error("{targets} images have targets, {images} went through the network")]
    ImageCount {
        /// Given with truth.
        targets: usize,
        /// Given to the network.
        images: usize,
    },
    /// The network has no such class.
    #[error("image {image} of the batch has an object of class {class}; the network tells {classes} classes apart")]
    Class {
        /// Which image.
        image: usize,
        /// Number of the class, too large for the network.
        class: usize,
        /// How many there are.
        classes: usize,
    },
    /// The numbers are not those of a head.
    #[error("{distances} distances and {classes} class logits are no output for {anchors} anchors")]
    Shape {
        /// Numbers given.
        distances: usize,
        /// Numbers given.
        classes: usize,
        /// Anchors of that size of image.
        anchors: usize,
    },
    /// candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// The loss of the output of the head for images with these targets.
///
/// # Errors
/// When the two do not fit each other, or candle fails.
pub fn detection_loss(output: &HeadOutput, targets: &[Targets], config: &LossConfig) -> Result<Loss, LossError> {
    let (distances, classes) = (output.distances.to_dtype(DType::F32)?, output.classes.to_dtype(DType::F32)?);
    let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
    let raw = RawOutput {
        distances: &values(&distances)?,
        classes: &values(&classes)?,
        images: classes.dim(0)?,
        class_count: classes.dim(1)?,
        image: output.image,
    };
    let RawLoss { parts, positives, distances: by_distances, classes: by_classes } = raw_loss(raw, targets, config)?;
    let term = |output: &Tensor, gradient: Vec<f32>| {
        (output * Tensor::from_vec(gradient, output.dims(), output.device())?)?.sum_all()
    };
    let objective = (term(&distances, by_distances)? + term(&classes, by_classes)?)?;
    Ok(Loss { parts, positives, objective })
}

/// Numbers the network computes with.
pub trait Value: Copy + Default + Send + Sync {
    /// The same value, exactly.
    fn to_f64(self) -> f64;
    /// The nearest value.
    fn from_f64(value: f64) -> Self;
}

impl Value for f32 {
    fn to_f64(self) -> f64 {
        self.into()
    }
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Value for f64 {
    fn to_f64(self) -> f64 {
        self
    }
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// The output of the head as it lies in memory.
#[derive(Debug, Clone, Copy)]
pub struct RawOutput<'a, T> {
    /// (images, 4 * [`REG_MAX`], anchors)
    pub distances: &'a [T],
    /// (images, classes, anchors)
    pub classes: &'a [T],
    /// Number of images.
    pub images: usize,
    /// Number of classes.
    pub class_count: usize,
    /// Height and width of the images.
    pub image: (usize, usize),
}

/// [`Loss`] with the gradient of `parts.total() * images` in memory, laid out as the output.
#[derive(Debug, Clone)]
pub struct RawLoss<T> {
    /// What to show.
    pub parts: LossParts,
    /// Anchors that answer for an object.
    pub positives: usize,
    /// By the distances.
    pub distances: Vec<T>,
    /// By the class logits.
    pub classes: Vec<T>,
}

/// One image's part of a [`RawOutput`].
struct ImageOutput<'a, T> {
    distances: &'a [T],
    classes: &'a [T],
    anchors: &'a [Anchor],
}

impl<T: Value> ImageOutput<'_, T> {
    fn logits(&self, anchor: usize, side: usize) -> [f64; REG_MAX] {
        std::array::from_fn(|bin| self.distances[(side * REG_MAX + bin) * self.anchors.len() + anchor].to_f64())
    }
}

impl<T: Value> Prediction for ImageOutput<'_, T> {
    fn probability(&self, anchor: usize, class: usize) -> f64 {
        sigmoid(self.classes[class * self.anchors.len() + anchor].to_f64())
    }

    fn corners(&self, anchor: usize) -> Corners {
        let expected = std::array::from_fn(|side| distribution(&self.logits(anchor, side)).1);
        corners(&self.anchors[anchor], &expected)
    }
}

/// The box at these distances (left, top, right, bottom; in strides) from an anchor.
fn corners(anchor: &Anchor, [left, top, right, bottom]: &[f64; 4]) -> Corners {
    let [x, y, stride] = [anchor.x, anchor.y, anchor.stride].map(f64::from);
    [x - left * stride, y - top * stride, x + right * stride, y + bottom * stride]
}

/// Predictions are asked for once per object that an anchor lies in; in a crowd that is often.
struct CachedCorners<'a, T> {
    view: &'a ImageOutput<'a, T>,
    corners: std::cell::RefCell<Vec<Option<Corners>>>,
}

impl<T: Value> Prediction for CachedCorners<'_, T> {
    fn probability(&self, anchor: usize, class: usize) -> f64 {
        self.view.probability(anchor, class)
    }

    fn corners(&self, anchor: usize) -> Corners {
        *self.corners.borrow_mut()[anchor].get_or_insert_with(|| self.view.corners(anchor))
    }
}

/// The loss and its gradient. Images are worked on in parallel; the result does not depend on how.
///
/// # Errors
/// When truth and output do not fit each other.
pub fn raw_loss<T: Value>(
    output: RawOutput<'_, T>,
    targets: &[Targets],
    config: &LossConfig,
) -> Result<RawLoss<T>, LossError> {
    let RawOutput { distances, classes, images, class_count, image } = output;
    let anchors = anchors(image.0, image.1);
    check(&output, targets, anchors.len())?;
    let (distance_size, class_size) = (4 * REG_MAX * anchors.len(), class_count * anchors.len());
    let mut by_distances = vec![T::default(); distances.len()];
    let mut by_classes = vec![T::default(); classes.len()];
    if distances.is_empty() || classes.is_empty() {
        let parts = LossParts::default();
        return Ok(RawLoss { parts, positives: 0, distances: by_distances, classes: by_classes });
    }
    let views: Vec<ImageOutput<'_, T>> = distances
        .chunks_exact(distance_size)
        .zip(classes.chunks_exact(class_size))
        .map(|(distances, classes)| ImageOutput { distances, classes, anchors: &anchors })
        .collect();
    let assigned: Vec<Vec<Option<Assignment>>> = views
        .par_iter()
        .zip(targets)
        .map(|(view, targets)| {
            let corners = std::cell::RefCell::new(vec![None; anchors.len()]);
            assign(&anchors, &targets.objects, &CachedCorners { view, corners }, &config.assigner)
        })
        .collect();
    let scores: f64 = assigned.iter().flatten().flatten().map(|assignment| assignment.score).sum();
    let job = Job { config, weight: 1.0 / scores.max(1.0), images: images as f64, class_count };
    let parts: Vec<LossParts> = views
        .par_iter()
        .zip(targets)
        .zip(&assigned)
        .zip(by_distances.par_chunks_exact_mut(distance_size).zip(by_classes.par_chunks_exact_mut(class_size)))
        .map(|(((view, targets), assigned), (by_distances, by_classes))| {
            let (boxes, dfl) = job.boxes(view, &targets.objects, assigned, by_distances);
            LossParts { boxes, dfl, classes: job.classes(view, targets, assigned, by_classes) }
        })
        .collect();
    let sum = |part: fn(&LossParts) -> f64| parts.iter().map(part).sum();
    let parts = LossParts { boxes: sum(|p| p.boxes), classes: sum(|p| p.classes), dfl: sum(|p| p.dfl) };
    let positives = assigned.iter().flatten().flatten().count();
    Ok(RawLoss { parts, positives, distances: by_distances, classes: by_classes })
}

fn check<T>(output: &RawOutput<'_, T>, targets: &[Targets], anchors: usize) -> Result<(), LossError> {
    let &RawOutput { distances, classes, images, class_count, .. } = output;
    if targets.len() != images {
        return Err(LossError::ImageCount { targets: targets.len(), images });
    }
    if distances.len() != images * 4 * REG_MAX * anchors || classes.len() != images * class_count * anchors {
        return Err(LossError::Shape { distances: distances.len(), classes: classes.len(), anchors });
    }
    for (image, targets) in targets.iter().enumerate() {
        if let Some(Truth { class, .. }) = targets.objects.iter().find(|truth| truth.class >= class_count) {
            return Err(LossError::Class { image, class: *class, classes: class_count });
        }
    }
    Ok(())
}

/// What all images of a batch have in common.
struct Job<'a> {
    config: &'a LossConfig,
    /// One by the sum of all scores.
    weight: f64,
    images: f64,
    class_count: usize,
}

impl Job<'_> {
    /// Box and distribution focal loss; writes the gradient.
    fn boxes<T: Value>(
        &self,
        view: &ImageOutput<'_, T>,
        objects: &[Truth],
        assigned: &[Option<Assignment>],
        gradient: &mut [T],
    ) -> (f64, f64) {
        let (mut boxes, mut dfl) = (0.0, 0.0);
        for (number, assignment) in assigned.iter().enumerate() {
            let Some(Assignment { object, score }) = *assignment else { continue };
            let anchor = &view.anchors[number];
            let stride = f64::from(anchor.stride);
            let sides: [_; 4] = std::array::from_fn(|side| distribution(&view.logits(number, side)));
            let expected = std::array::from_fn(|side| sides[side].1);
            let b = &objects[object].bbox;
            let truth = [b.x1, b.y1, b.x2, b.y2].map(f64::from);
            let (iou, by_corners) = CompleteIou::with_gradient(&corners(anchor, &expected), &truth);
            let box_weight = self.config.box_gain * score * self.weight;
            let dfl_weight = self.config.dfl_gain * score * self.weight / 4.0;
            boxes += box_weight * (1.0 - iou.value());
            let [x, y] = [anchor.x, anchor.y].map(f64::from);
            let wanted = [x - truth[0], y - truth[1], truth[2] - x, truth[3] - y];
            for (side, (probabilities, expected)) in sides.iter().enumerate() {
                let (value, by_logits) = distribution_focal(probabilities, wanted[side] / stride);
                dfl += dfl_weight * value;
                // Left and top grow against the axis.
                let outward = if side < 2 { -stride } else { stride };
                let by_expected = -box_weight * by_corners[side] * outward;
                let by_bins = distribution_gradient(probabilities, *expected);
                for bin in 0..REG_MAX {
                    let sum = by_expected * by_bins[bin] + dfl_weight * by_logits[bin];
                    gradient[(side * REG_MAX + bin) * view.anchors.len() + number] = T::from_f64(sum * self.images);
                }
            }
        }
        (boxes, dfl)
    }

    /// Cross-entropy of the classes; writes the gradient.
    fn classes<T: Value>(
        &self,
        view: &ImageOutput<'_, T>,
        targets: &Targets,
        assigned: &[Option<Assignment>],
        gradient: &mut [T],
    ) -> f64 {
        let weight = self.config.class_gain * self.weight;
        let count = view.anchors.len();
        let mut sum = 0.0;
        for class in 0..self.class_count {
            let open: Vec<_> = targets.unlabelled.iter().filter(|u| u.classes.contains(class)).collect();
            for (number, assignment) in assigned.iter().enumerate() {
                let target = match assignment {
                    Some(Assignment { object, score }) if targets.objects[*object].class == class => *score,
                    // An anchor that answers for something else shows that; it says nothing of what is beside it.
                    Some(_) => 0.0,
                    None => {
                        let Anchor { x, y, .. } = view.anchors[number];
                        let within = |r: &vision::BBox| x > r.x1 && x < r.x2 && y > r.y1 && y < r.y2;
                        if open.iter().any(|unlabelled| within(&unlabelled.region)) {
                            continue;
                        }
                        0.0
                    }
                };
                let at = class * count + number;
                let (value, slope) = cross_entropy(view.classes[at].to_f64(), target);
                sum += value;
                gradient[at] = T::from_f64(slope * weight * self.images);
            }
        }
        sum * weight
    }
}
