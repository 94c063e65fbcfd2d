//! A photo is looked at, perhaps more than once: [`YoloDetector`] as a [`Detector`].

use vision::sharpness::{OUT_OF_FOCUS, blur};
use vision::{
    Cancel, DetectOptions, Detection, Detector, Doubt, Look, Looked, ModelError, NmsOptions, RgbImage, Sightings,
    Tiling,
};

use crate::YoloDetector;
use crate::infer::{Job, Pass};
use crate::postprocess::MAX_NMS_CANDIDATES;
use crate::tiling::{self, Known, Layout, LookPass, Sizes, TilePass};

/// What is known of one photo, look by look.
struct Photo {
    size: (u32, u32),
    looks: Vec<Look>,
    /// What they showed, down to what only hints at a facing.
    shown: Vec<LookPass>,
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
    least: Vec<f32>,
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
        let least = options.confidence.by_number(self.classes());
        let hints = least.iter().map(|least| least.min(self.spec.tiling.hint_confidence)).collect();
        // Hints must not use up the places of what counts.
        let places = options.max_detections.max(MAX_NMS_CANDIDATES);
        let mut pass = Pass::new(hints, false, NmsOptions { max_detections: places, ..nms }, false);
        pass.cancel = cancel.clone();
        let budget = u64::from(options.max_tiles.max(1)) * self.canvas().unit();
        Plan { options, budget, least, pass, nms }
    }

    /// All looks at all photos. Photos that want another look take it together.
    fn find(&self, images: &[RgbImage], plan: &Plan<'_>) -> Result<Vec<Photo>, ModelError> {
        let first = |size| match plan.options.tiling {
            Tiling::Auto => self.spec.tiling.first(size, &self.canvas(), plan.budget),
            Tiling::Off | Tiling::Grid { .. } => self.canvas().whole(size),
        };
        let mut photos: Vec<Photo> = images
            .iter()
            .map(|image| (image.width(), image.height()))
            .map(|size| Photo { size, looks: Vec::new(), shown: Vec::new(), next: Some(first(size)) })
            .collect();
        while photos.iter().any(|photo| photo.next.is_some()) {
            plan.pass.cancel.check()?;
            self.take_looks(images, &mut photos, plan)?;
            for photo in &mut photos {
                photo.next = self.next_look(photo, plan);
            }
        }
        Ok(photos)
    }

    fn take_looks(&self, images: &[RgbImage], photos: &mut [Photo], plan: &Plan<'_>) -> Result<(), ModelError> {
        let jobs_of = |(image, photo): (usize, &Photo)| {
            let layout = photo.next.clone();
            let job = move |(region, canvas)| Job { image, region, canvas };
            layout.into_iter().flat_map(|l| l.regions.into_iter().map(move |region| (region, l.look.input))).map(job)
        };
        let jobs: Vec<Job> = photos.iter().enumerate().flat_map(jobs_of).collect();
        let mut found = self.run_jobs(images, &jobs, &plan.pass)?.into_iter();
        for photo in photos {
            // Without a next look the last one was this photo's last.
            let Some(Layout { look, regions }) = photo.next.take() else { continue };
            let tiles = regions.into_iter().zip(found.by_ref());
            let tiles = tiles.map(|(region, detections)| TilePass { region, detections }).collect();
            photo.looks.push(look);
            photo.shown.push(LookPass { scale: look.scale, tiles });
        }
        Ok(())
    }

    /// As [`Detector::look`], and with it what the same looks show down to confidence `floor`: what is served, and what curves are
    /// drawn from, for the price of one.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn look_down_to(
        &self,
        image: &RgbImage,
        options: &DetectOptions,
        floor: f32,
    ) -> Result<(Sightings, Vec<Detection>), ModelError> {
        let served = self.plan(options, &Cancel::never());
        let all = DetectOptions { confidence: floor.into(), ..options.clone() };
        let down = self.plan(&all, &Cancel::never());
        let photos = self.find(std::slice::from_ref(image), &down)?;
        // One image, one photo.
        let photo = &photos[0];
        Ok((self.sightings(image, photo, &served), self.served(photo, &down).0))
    }

    /// What one look at a photo shows, at this scale (network pixels per photo pixel) or, where it would take more than
    /// `options.max_tiles`, at the largest that does not: for measuring at which heights the network is good.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_at(
        &self,
        image: &RgbImage,
        scale: f32,
        options: &DetectOptions,
    ) -> Result<(Look, Vec<Detection>), ModelError> {
        let plan = self.plan(options, &Cancel::never());
        let size = (image.width(), image.height());
        let layout = self.spec.tiling.look_at(&self.canvas(), size, scale, plan.budget);
        let mut photos = [Photo { size, looks: Vec::new(), shown: Vec::new(), next: Some(layout) }];
        self.take_looks(std::slice::from_ref(image), &mut photos, &plan)?;
        let [photo] = photos;
        let look = photo.looks[0];
        Ok((look, self.served(&photo, &plan).0))
    }

    fn next_look(&self, photo: &Photo, plan: &Plan<'_>) -> Option<Layout> {
        match plan.options.tiling {
            // The photo had its last look when it wanted none.
            Tiling::Auto => self.spec.tiling.next(&self.canvas(), &self.known(photo, plan)),
            Tiling::Grid { columns, rows } if photo.looks.len() == 1 => {
                Some(self.canvas().grid(photo.size, columns, rows))
            }
            Tiling::Off | Tiling::Grid { .. } => None,
        }
    }

    fn known<'a>(&self, photo: &'a Photo, plan: &Plan<'_>) -> Known<'a> {
        let rule = &self.spec.tiling;
        let sure = |d: &Detection| d.confidence >= rule.min_confidence;
        let facings = tiling::merge(photo.size, &filtered(&photo.shown, sure), &rule.heights, &plan.pass.nms);
        let mut all = photo.shown.iter().flat_map(|look| &look.tiles).flat_map(|tile| &tile.detections);
        let hints = all.any(|d| d.confidence >= rule.hint_confidence);
        let sizes = Sizes::of(&facings, rule.min_confidence);
        Known { photo: photo.size, looks: &photo.looks, sizes, hints, budget: plan.budget }
    }

    /// What counts, merged, and what the looks showed of it.
    fn served(&self, photo: &Photo, plan: &Plan<'_>) -> (Vec<Detection>, Vec<LookPass>) {
        let counts = |d: &Detection| plan.least.get(d.class.index()).is_some_and(|own| d.confidence >= *own);
        let shown = filtered(&photo.shown, counts);
        (tiling::merge(photo.size, &shown, &self.spec.tiling.heights, &plan.nms), shown)
    }

    fn sightings(&self, image: &RgbImage, photo: &Photo, plan: &Plan<'_>) -> Sightings {
        let (detections, shown) = self.served(photo, plan);
        let disputed = tiling::disputed(photo.size, &detections, &shown);
        let known = self.known(photo, plan);
        let closest = photo.looks.last().map_or(0.0, |look| look.scale);
        let facing_height = known.sizes.map(|sizes| sizes.median * closest);
        let mut doubts = self.spec.tiling.doubts(&known, !detections.is_empty());
        // Large facings bear more blur than small ones.
        let scale = known.sizes.map_or(photo.looks[0].scale, |sizes| FOCUS_HEIGHT / sizes.median);
        if blur(image, scale).is_some_and(|blur| blur >= OUT_OF_FOCUS) {
            doubts.push(Doubt::OutOfFocus);
        }
        Sightings { detections, disputed, looked: Looked { looks: photo.looks.clone(), facing_height, doubts } }
    }
}

/// What of the looks is wanted.
fn filtered(looks: &[LookPass], wanted: impl Fn(&Detection) -> bool) -> Vec<LookPass> {
    let tile = |tile: &TilePass| TilePass {
        region: tile.region,
        detections: tile.detections.iter().copied().filter(|d| wanted(d)).collect(),
    };
    let look = |look: &LookPass| LookPass { scale: look.scale, tiles: look.tiles.iter().map(tile).collect() };
    looks.iter().map(look).collect()
}

impl Detector for YoloDetector {
    fn detect(&self, images: &[RgbImage], options: &DetectOptions) -> Result<Vec<Vec<Detection>>, ModelError> {
        let plan = self.plan(options, &Cancel::never());
        Ok(self.find(images, &plan)?.iter().map(|photo| self.served(photo, &plan).0).collect())
    }

    fn look(&self, images: &[RgbImage], options: &DetectOptions) -> Result<Vec<Sightings>, ModelError> {
        self.look_until(images, options, &Cancel::never())
    }

    fn look_until(
        &self,
        images: &[RgbImage],
        options: &DetectOptions,
        cancel: &Cancel,
    ) -> Result<Vec<Sightings>, ModelError> {
        let plan = self.plan(options, cancel);
        let photos = self.find(images, &plan)?;
        Ok(images.iter().zip(&photos).map(|(image, photo)| self.sightings(image, photo, &plan)).collect())
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
