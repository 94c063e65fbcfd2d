//! [`YoloDetector`]: any YOLO-like network over any engine, as a [`Detector`](vision::Detector).

use engine::{EngineError, Session, in_parallel};
use ndarray::{Array4, ArrayView2};
use thiserror::Error;
use vision::preprocess::{Fit, Region};
use vision::{Cancel, Detection, Detector as _, Letterbox, ModelError, NmsOptions, PreprocessPlan, RgbImage};

use crate::anchors::{MAX_STRIDE, anchor_count};
use crate::batch::{self, Chunk};
use crate::postprocess::{OutputLayout, Selection, candidates, suppress};
use crate::probe::{self, ProbeError};
use crate::tiling::{AutoTiling, Canvas};
use crate::{ClassMap, SizeError};

/// What is known about a network besides its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct YoloSpec {
    /// Who it is, for [`vision::Detector::describe`]: `yolov8n-coco@9f86d081`.
    pub name: String,
    /// From pixels to input. Its size is the canvas of the whole photo; where the network takes any size, the canvas is cut
    /// to what the photo fills.
    pub plan: PreprocessPlan,
    /// Sides of the input must be multiples of this.
    pub stride: u32,
    /// Outputs and product classes.
    pub classes: ClassMap,
    /// At which scales photos are looked at.
    pub tiling: AutoTiling,
}

/// How a detector is measured: the protocol of COCO.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValidationOptions {
    /// Detections below this confidence are dropped.
    pub confidence: f32,
    /// Boxes of one class that overlap more than this are one object.
    pub iou: f32,
    /// At most so many detections per photo.
    pub max_detections: usize,
    /// An anchor may be several classes.
    pub multi_label: bool,
    /// Compare boxes of different classes too.
    pub class_agnostic: bool,
    /// Pad to the full canvas even where the network takes any size.
    pub square: bool,
}

impl Default for ValidationOptions {
    fn default() -> Self {
        Self {
            confidence: 0.001,
            iou: 0.7,
            max_detections: 300,
            multi_label: true,
            class_agnostic: false,
            square: true,
        }
    }
}

/// A network that cannot serve as a detector.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The network's input does not fit the plan.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// The network takes images of another kind.
    #[error("the network takes {0} colour planes, a detector takes 3 (RGB)")]
    Planes(usize),
    /// What comes out is no detector's output for these classes.
    #[error(
        "the network answers {found:?} for one image; a detector of {classes} classes answers [{}, {anchors}], \
         [{anchors}, {}] or [detections, 6]. RT-DETR, YOLOv5, YOLOX and others answer otherwise and are not read. Correct the classes in the model card, or export the model for the task \
         `detect`", 4 + classes, 4 + classes
    )]
    Output {
        /// Shape without the batch axis.
        found: Vec<usize>,
        /// Classes expected.
        classes: usize,
        /// Anchors of YOLOv8 for the input.
        anchors: usize,
    },
    /// Its numbers are not those of a YOLO-like detector.
    #[error(
        "the network is no detector of a kind that is read: {0}. Use a YOLOv8, YOLO11 or later export for the task `detect`, as \
         it comes from Ultralytics"
    )]
    Numbers(#[from] ProbeError),
    /// The engine cannot run it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Detects objects with a YOLO-like network run by any [`Session`].
pub struct YoloDetector {
    session: Box<dyn Session>,
    pub(crate) spec: YoloSpec,
    layout: OutputLayout,
    pub(crate) describe: String,
}

/// What is done with each region of a photo.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    /// Down to the lowest confidence of any class.
    selection: Selection,
    pub(crate) nms: NmsOptions,
    /// Of each class.
    confidences: Vec<f32>,
    square: bool,
    pub(crate) cancel: Cancel,
}

impl Pass {
    pub(crate) fn new(confidences: Vec<f32>, multi_label: bool, nms: NmsOptions, square: bool) -> Self {
        let confidence = confidences.iter().copied().fold(f32::INFINITY, f32::min);
        Self { selection: Selection { confidence, multi_label }, nms, confidences, square, cancel: Cancel::never() }
    }

    /// What the network says of one region, in pixels of its input.
    ///
    /// Classes are cut at their own confidence after NMS, not before. What is surest as a can, but not sure enough of one, does
    /// not come back as the bottle that ran up; the curves of `eval`, by which confidences are chosen, know no such bottle. A
    /// file that suppresses inside its graph leaves no other way either.
    fn detections(&self, output: &ArrayView2<'_, f32>, layout: OutputLayout, classes: &ClassMap) -> Vec<Detection> {
        let candidates = candidates(output, layout, classes, self.selection);
        let one_for_all = self.confidences.iter().all(|own| *own <= self.selection.confidence);
        // What falls to its class's confidence must not use up the places of what stays.
        let places = if one_for_all { self.nms.max_detections } else { usize::MAX };
        let mut kept = suppress(candidates, &NmsOptions { max_detections: places, ..self.nms });
        kept.retain(|d| self.confidences.get(d.class.index()).is_some_and(|own| d.confidence >= *own));
        kept.truncate(self.nms.max_detections);
        kept
    }
}

/// A region of one of the images, and the canvas it goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) image: usize,
    pub(crate) region: Region,
    pub(crate) canvas: (u32, u32),
}

impl YoloDetector {
    /// Puts a session to work. Runs it once on a made image, so that a network that does not fit, or whose numbers mean something
    /// else, is refused here and not at the first photo.
    ///
    /// # Errors
    /// When input or output of the network do not fit `spec`.
    pub fn new(session: Box<dyn Session>, spec: YoloSpec) -> Result<Self, SpecError> {
        let info = session.info();
        if info.input.channels != 3 {
            return Err(SpecError::Planes(info.input.channels));
        }
        SizeError::check(&spec, info.input)?;
        let side = |fixed: Option<usize>| fixed.unwrap_or(2 * MAX_STRIDE.max(spec.stride as usize));
        let (height, width) = (side(info.input.height), side(info.input.width));
        let image = probe::test_image([info.input.batch.unwrap_or(1), height, width]);
        let outputs = session.run(image.view())?;
        let (anchors, classes) = (anchor_count(height, width), spec.classes.outputs());
        let shape = outputs.first().map(|output| output.array.shape().to_vec()).unwrap_or_default();
        let layout = match shape.as_slice() {
            &[_, a, b] => OutputLayout::of([a, b], classes, (height, width)),
            _ => None,
        };
        let layout = layout.ok_or_else(|| SpecError::Output {
            found: shape.get(1..).unwrap_or_default().to_vec(),
            classes,
            anchors,
        })?;
        let answer = outputs.first().and_then(|output| output.array.view().into_dimensionality::<ndarray::Ix3>().ok());
        if let Some(image) = answer.as_ref().and_then(|answer| answer.outer_iter().next()) {
            probe::check(&image, layout, classes)?;
        }
        let describe = format!("{} ({} {}, {})", spec.name, info.engine, info.version, info.provider);
        Ok(Self { session, spec, layout, describe })
    }

    /// What is known about the network.
    #[must_use]
    pub fn spec(&self) -> &YoloSpec {
        &self.spec
    }

    /// What runs the network.
    #[must_use]
    pub fn session(&self) -> &dyn Session {
        &*self.session
    }

    /// Detections by the protocol with which detectors are measured. Never tiles. One list per image, most confident first.
    ///
    /// # Errors
    /// As [`vision::Detector::detect`].
    pub fn detect_for_validation(
        &self,
        images: &[RgbImage],
        options: &ValidationOptions,
    ) -> Result<Vec<Vec<Detection>>, ModelError> {
        let nms = NmsOptions {
            iou: options.iou,
            class_agnostic: options.class_agnostic,
            max_detections: options.max_detections,
        };
        let confidences = vec![options.confidence; self.classes().len()];
        self.whole_photos(images, &Pass::new(confidences, options.multi_label, nms, options.square))
    }

    /// What the network takes at once.
    #[must_use]
    pub fn canvas(&self) -> Canvas {
        let (plan, input) = (&self.spec.plan, self.session.info().input);
        let any_size = input.height.is_none() && input.width.is_none() && plan.fit == Fit::Letterbox;
        let input = (plan.width, plan.height);
        // A larger input than the network's own is never refused for its size.
        let max_pixels = self.spec.tiling.max_pixels.max(u64::from(input.0) * u64::from(input.1));
        Canvas { input, stride: self.spec.stride, max_pixels: any_size.then_some(max_pixels) }
    }

    fn whole_photos(&self, images: &[RgbImage], pass: &Pass) -> Result<Vec<Vec<Detection>>, ModelError> {
        let canvas = self.canvas();
        let job = |(image, photo): (usize, &RgbImage)| {
            let region = Region::whole(photo);
            let input = if pass.square { canvas.input } else { canvas.whole((region.width, region.height)).pass.input };
            Job { image, region, canvas: input }
        };
        let jobs: Vec<Job> = images.iter().enumerate().map(job).collect();
        let mut found = vec![Vec::new(); images.len()];
        for (job, detections) in jobs.iter().zip(self.run_jobs(images, &jobs, pass)?) {
            found[job.image] = detections;
        }
        Ok(found)
    }

    /// One list per job, in its photo's pixels, clipped to its region; nothing is found in a region without pixels.
    pub(crate) fn run_jobs(
        &self,
        images: &[RgbImage],
        jobs: &[Job],
        pass: &Pass,
    ) -> Result<Vec<Vec<Detection>>, ModelError> {
        let seen: Vec<usize> =
            (0..jobs.len()).filter(|&i| jobs[i].region.width > 0 && jobs[i].region.height > 0).collect();
        let canvases: Vec<_> = seen.iter().map(|&i| jobs[i].canvas).collect();
        let mut chunks = batch::chunks(&canvases, self.session.info());
        for chunk in &mut chunks {
            for item in &mut chunk.items {
                *item = seen[*item];
            }
        }
        let results =
            in_parallel(&chunks, self.session.info().parallelism, |chunk| self.run_chunk(images, jobs, chunk, pass))?;
        let mut found = vec![Vec::new(); jobs.len()];
        for (chunk, lists) in chunks.iter().zip(results) {
            for (&job, list) in chunk.items.iter().zip(lists) {
                found[job] = list;
            }
        }
        Ok(found)
    }

    fn run_chunk(
        &self,
        images: &[RgbImage],
        jobs: &[Job],
        chunk: &Chunk,
        pass: &Pass,
    ) -> Result<Vec<Vec<Detection>>, ModelError> {
        pass.cancel.check()?;
        let (width, height) = (chunk.canvas.0 as usize, chunk.canvas.1 as usize);
        // A network of fixed batch gets blank images for the rest.
        let batch = self.session.info().input.batch.unwrap_or(chunk.items.len());
        let mut input = Array4::zeros((batch, 3, height, width));
        let placements: Vec<(Letterbox, Region)> = chunk
            .items
            .iter()
            .zip(input.outer_iter_mut())
            .map(|(&job, out)| {
                let Job { image, region, .. } = jobs[job];
                (self.spec.plan.apply(&images[image], region, out), region)
            })
            .collect();
        let mut outputs = self.session.run(input.view()).map_err(ModelError::inference)?.into_iter();
        let output = outputs.next().map(|output| output.array);
        let shape = output.as_ref().map(|array| array.shape().to_vec()).unwrap_or_default();
        let unexpected = || ModelError::UnexpectedOutput {
            expected: format!("{batch} images' detections of {} classes", self.spec.classes.outputs()),
            found: format!("an array of shape {shape:?}"),
        };
        let output =
            output.and_then(|array| array.into_dimensionality::<ndarray::Ix3>().ok()).ok_or_else(unexpected)?;
        let (answered, a, b) = output.dim();
        if answered != batch
            || OutputLayout::of([a, b], self.spec.classes.outputs(), (height, width)) != Some(self.layout)
        {
            return Err(unexpected());
        }
        let answers = placements.into_iter().zip(output.outer_iter());
        Ok(answers.map(|((letterbox, region), answer)| self.boxes(&answer, &letterbox, &region, pass)).collect())
    }

    /// What the network says of one region, in pixels of the photo.
    fn boxes(
        &self,
        output: &ArrayView2<'_, f32>,
        letterbox: &Letterbox,
        region: &Region,
        pass: &Pass,
    ) -> Vec<Detection> {
        let mut kept = pass.detections(output, self.layout, &self.spec.classes);
        for detection in &mut kept {
            detection.bbox = clip_to(region, &letterbox.to_photo(&detection.bbox));
        }
        // What lay in the padding has no area left; what is thinner than a pixel is nothing that stands on a shelf.
        kept.retain(|d| d.bbox.is_valid() && d.bbox.width() >= MIN_SIDE && d.bbox.height() >= MIN_SIDE);
        kept
    }
}

/// Shortest side of a facing in pixels of the photo: one, less the rounding of a box that is a pixel wide.
const MIN_SIDE: f32 = 0.99;

fn clip_to(region: &Region, bbox: &vision::BBox) -> vision::BBox {
    let (x, y) = (region.x as f32, region.y as f32);
    bbox.translate(-x, -y).clip(region.width, region.height).translate(x, y)
}
