//! A photo is looked at, perhaps more than once: [`YoloDetector`] as a [`Detector`].

use vision::sharpness::{OUT_OF_FOCUS, blur};
use vision::{
    Cancel, DetectOptions, Detection, DetectionTrace, Detections, Detector, Doubt, ModelError, NmsOptions, RgbImage,
    ScalePass, Tiling,
};

use crate::YoloDetector;
use crate::infer::{Job, Pass};
use crate::postprocess::MAX_NMS_CANDIDATES;
use crate::tiling::{self, Known, Layout, PassDetections, Sizes, TilePass};

/// What is known of one photo, pass by pass.
struct Photo {
    size: (u32, u32),
    passes: Vec<ScalePass>,
    /// What they showed, down to what only hints at a facing.
    shown: Vec<PassDetections>,
    next: Option<Layout>,
}

/// Height that facings are brought to when the photo's blur is judged.
const FOCUS_HEIGHT: f32 = 50.0;

/// How photos are looked at.
struct Plan<'a> {
    options: &'a DetectOptions,
    /// Network pixels a photo may take.
    budget: u64,
    /// Of each class, from which confidence on it counts.
    min_confidence: Vec<f32>,
    /// Down to what only hints at a facing.
    pass: Pass,
    nms: NmsOptions,
}

impl YoloDetector {
    fn plan<'a>(&self, options: &'a DetectOptions, cancel: &Cancel) -> Plan<'a> {
        let nms = NmsOptions {
            iou: options.iou,
            class_agnostic: options.class_agnostic,
            max_detections: options.max_detections,
        };
        let min_confidence = options.confidence.by_number(self.classes());
        let hints = min_confidence.iter().map(|min| min.min(self.spec.tiling.hint_confidence)).collect();
        // Hints must not use up the places of what counts.
        let places = options.max_detections.max(MAX_NMS_CANDIDATES);
        let mut pass = Pass::new(hints, false, NmsOptions { max_detections: places, ..nms }, false);
        pass.cancel = cancel.clone();
        let budget = u64::from(options.max_tiles.max(1)) * self.canvas().unit();
        Plan { options, budget, min_confidence, pass, nms }
    }

    /// All passes over all photos. Photos that want another pass take it together.
    fn find(&self, images: &[RgbImage], plan: &Plan<'_>) -> Result<Vec<Photo>, ModelError> {
        let first = |size| match plan.options.tiling {
            Tiling::Auto => self.spec.tiling.first(size, &self.canvas(), plan.budget),
            Tiling::Off | Tiling::Grid { .. } => self.canvas().whole(size),
        };
        let mut photos: Vec<Photo> = images
            .iter()
            .map(|image| (image.width(), image.height()))
            .map(|size| Photo { size, passes: Vec::new(), shown: Vec::new(), next: Some(first(size)) })
            .collect();
        while photos.iter().any(|photo| photo.next.is_some()) {
            plan.pass.cancel.check()?;
            self.run_passes(images, &mut photos, plan)?;
            for photo in &mut photos {
                photo.next = self.next_pass(photo, plan);
            }
        }
        Ok(photos)
    }

    fn run_passes(&self, images: &[RgbImage], photos: &mut [Photo], plan: &Plan<'_>) -> Result<(), ModelError> {
        let jobs_of = |(image, photo): (usize, &Photo)| {
            let layout = photo.next.clone();
            let job = move |(region, canvas)| Job { image, region, canvas };
            layout.into_iter().flat_map(|l| l.regions.into_iter().map(move |region| (region, l.pass.input))).map(job)
        };
        let jobs: Vec<Job> = photos.iter().enumerate().flat_map(jobs_of).collect();
        let mut found = self.run_jobs(images, &jobs, &plan.pass)?.into_iter();
        for photo in photos {
            // Without a next pass the last one was this photo's last.
            let Some(Layout { pass, regions }) = photo.next.take() else { continue };
            let tiles = regions.into_iter().zip(found.by_ref());
            let tiles = tiles.map(|(region, detections)| TilePass { region, detections }).collect();
            photo.passes.push(pass);
            photo.shown.push(PassDetections { scale: pass.scale, tiles });
        }
        Ok(())
    }

    /// As [`Detector::detect_detailed`], and with it what the same passes show down to confidence `floor`: what is served, and what curves are
    /// drawn from, for the price of one.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_down_to(
        &self,
        image: &RgbImage,
        options: &DetectOptions,
        floor: f32,
    ) -> Result<(Detections, Vec<Detection>), ModelError> {
        let served = self.plan(options, &Cancel::never());
        let all = DetectOptions { confidence: floor.into(), ..options.clone() };
        let down = self.plan(&all, &Cancel::never());
        let photos = self.find(std::slice::from_ref(image), &down)?;
        // One image, one photo.
        let photo = &photos[0];
        Ok((self.found(image, photo, &served), self.served(photo, &down).0))
    }

    /// What one pass over a photo shows, at this scale (network pixels per photo pixel) or, where it would take more than
    /// `options.max_tiles`, at the largest that does not: for measuring at which heights the network is good.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_at(
        &self,
        image: &RgbImage,
        scale: f32,
        options: &DetectOptions,
    ) -> Result<(ScalePass, Vec<Detection>), ModelError> {
        let plan = self.plan(options, &Cancel::never());
        let size = (image.width(), image.height());
        let layout = self.spec.tiling.pass_at(&self.canvas(), size, scale, plan.budget);
        let mut photos = [Photo { size, passes: Vec::new(), shown: Vec::new(), next: Some(layout) }];
        self.run_passes(std::slice::from_ref(image), &mut photos, &plan)?;
        let [photo] = photos;
        let pass = photo.passes[0];
        Ok((pass, self.served(&photo, &plan).0))
    }

    fn next_pass(&self, photo: &Photo, plan: &Plan<'_>) -> Option<Layout> {
        match plan.options.tiling {
            // The photo had its last pass when it wanted none.
            Tiling::Auto => self.spec.tiling.next(&self.canvas(), &self.known(photo, plan)),
            Tiling::Grid { columns, rows } if photo.passes.len() == 1 => {
                Some(self.canvas().grid(photo.size, columns, rows))
            }
            Tiling::Off | Tiling::Grid { .. } => None,
        }
    }

    fn known<'a>(&self, photo: &'a Photo, plan: &Plan<'_>) -> Known<'a> {
        let rule = &self.spec.tiling;
        let sure = |d: &Detection| d.confidence >= rule.min_confidence;
        let facings = tiling::merge(photo.size, &filtered(&photo.shown, sure), &rule.heights, &plan.pass.nms);
        let mut all = photo.shown.iter().flat_map(|pass| &pass.tiles).flat_map(|tile| &tile.detections);
        let hints = all.any(|d| d.confidence >= rule.hint_confidence);
        let sizes = Sizes::of(&facings, rule.min_confidence);
        Known { photo: photo.size, passes: &photo.passes, sizes, hints, budget: plan.budget }
    }

    /// What counts, merged, and what the passes showed of it.
    fn served(&self, photo: &Photo, plan: &Plan<'_>) -> (Vec<Detection>, Vec<PassDetections>) {
        let counts = |d: &Detection| plan.min_confidence.get(d.class.index()).is_some_and(|own| d.confidence >= *own);
        let shown = filtered(&photo.shown, counts);
        (tiling::merge(photo.size, &shown, &self.spec.tiling.heights, &plan.nms), shown)
    }

    fn found(&self, image: &RgbImage, photo: &Photo, plan: &Plan<'_>) -> Detections {
        let (detections, shown) = self.served(photo, plan);
        let disagreement = tiling::disagreement(photo.size, &detections, &shown);
        let known = self.known(photo, plan);
        let closest = photo.passes.last().map_or(0.0, |pass| pass.scale);
        let facing_height = known.sizes.map(|sizes| sizes.median * closest);
        let mut doubts = self.spec.tiling.doubts(&known, !detections.is_empty());
        // Large facings bear more blur than small ones.
        let scale = known.sizes.map_or(photo.passes[0].scale, |sizes| FOCUS_HEIGHT / sizes.median);
        if blur(image, scale).is_some_and(|blur| blur >= OUT_OF_FOCUS) {
            doubts.push(Doubt::OutOfFocus);
        }
        Detections {
            detections,
            disagreement,
            trace: DetectionTrace { passes: photo.passes.clone(), facing_height, doubts },
        }
    }
}

/// What of the passes is wanted.
fn filtered(passes: &[PassDetections], wanted: impl Fn(&Detection) -> bool) -> Vec<PassDetections> {
    let tile = |tile: &TilePass| TilePass {
        region: tile.region,
        detections: tile.detections.iter().copied().filter(|d| wanted(d)).collect(),
    };
    let pass =
        |pass: &PassDetections| PassDetections { scale: pass.scale, tiles: pass.tiles.iter().map(tile).collect() };
    passes.iter().map(pass).collect()
}

impl Detector for YoloDetector {
    fn detect(&self, images: &[RgbImage], options: &DetectOptions) -> Result<Vec<Vec<Detection>>, ModelError> {
        let plan = self.plan(options, &Cancel::never());
        Ok(self.find(images, &plan)?.iter().map(|photo| self.served(photo, &plan).0).collect())
    }

    fn detect_detailed(&self, images: &[RgbImage], options: &DetectOptions) -> Result<Vec<Detections>, ModelError> {
        self.detect_until(images, options, &Cancel::never())
    }

    fn detect_until(
        &self,
        images: &[RgbImage],
        options: &DetectOptions,
        cancel: &Cancel,
    ) -> Result<Vec<Detections>, ModelError> {
        let plan = self.plan(options, cancel);
        let photos = self.find(images, &plan)?;
        Ok(images.iter().zip(&photos).map(|(image, photo)| self.found(image, photo, &plan)).collect())
    }

    fn input_pixels(&self) -> u64 {
        self.canvas().unit()
    }

    fn classes(&self) -> &[String] {
        self.spec.classes.names()
    }

    fn describe(&self) -> String {
        self.describe.clone()
    }
}
