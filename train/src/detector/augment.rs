//! Augmentation: images are changed before the network sees them, so that it learns what matters.

use crate::core::photometric::{blur, recolour, relight, through_jpeg};
use crate::core::warp::{Warp, warp};
use vision::rng::Rng;
use vision::{BBox, RgbImage};

use super::cache::LoadedSample;
use super::error::DataError;
use super::targets::{ClassSet, Targets, Truth, Unlabelled};

/// How strongly images are changed. Chances and strengths of zero leave them as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augment {
    /// Chance that four images are put together.
    pub mosaic: f32,
    /// Hue turned by up to this fraction of the circle, saturation and value changed by up to these fractions.
    pub hsv: [f32; 3],
    /// Moved by up to this fraction of a side.
    pub translate: f32,
    /// Scaled by `1 - scale` to `1 + scale`.
    pub scale: f32,
    /// Turned by up to so many degrees.
    pub degrees: f32,
    /// Chance to be mirrored.
    pub fliplr: f32,
    /// Chance to go through JPEG at a quality of 30 to 90.
    pub jpeg: f32,
    /// Chance to be blurred a little.
    pub blur: f32,
    /// Chance of other light: darker or brighter, more on one side.
    pub light: f32,
}

impl Augment {
    /// No augmentation.
    pub const OFF: Self = Self {
        mosaic: 0.0,
        hsv: [0.0; 3],
        translate: 0.0,
        scale: 0.0,
        degrees: 0.0,
        fliplr: 0.0,
        jpeg: 0.0,
        blur: 0.0,
        light: 0.0,
    };
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            mosaic: 1.0,
            hsv: [0.015, 0.7, 0.4],
            translate: 0.1,
            scale: 0.5,
            degrees: 3.0,
            fliplr: 0.5,
            jpeg: 0.15,
            blur: 0.1,
            light: 0.2,
        }
    }
}

/// An image as the network will see it, with its truth in pixels.
#[derive(Debug, Clone)]
pub struct View {
    /// 8-bit RGB of the canvas.
    pub image: RgbImage,
    /// What is on it.
    pub targets: Targets,
}

/// Grey around images, as the serving path has it.
pub const PAD: u8 = 114;
/// Boxes whose width or height is not above this are too small to be learned, in pixels.
const MIN_SIDE: f32 = 2.0;
/// Longer by shorter side above which a box is a sliver.
const MAX_ASPECT: f32 = 100.0;
/// Fraction of a box that must be left in view.
const MIN_LEFT: f32 = 0.1;

impl View {
    /// An empty canvas.
    fn blank(width: u32, height: u32) -> Self {
        Self { image: RgbImage::from_pixel(width, height, image::Rgb([PAD; 3])), targets: Targets::default() }
    }

    /// Lays a shot on the canvas with its upper left corner at `(left, top)`, which may lie outside. Boxes are not cut yet.
    fn lay(&mut self, sample: &LoadedSample, (left, top): (i64, i64)) {
        let (width, height) = sample.image.dimensions();
        let (canvas_width, canvas_height) = self.image.dimensions();
        let span = |start: i64, length: u32, limit: u32| {
            (start.clamp(0, limit.into()), (start + i64::from(length)).clamp(0, limit.into()))
        };
        let ((x1, x2), (y1, y2)) = (span(left, width, canvas_width), span(top, height, canvas_height));
        let columns = (x2 - x1) as usize * 3;
        let (source, target) = (sample.image.as_raw(), &mut *self.image);
        for y in y1..y2 {
            let from = ((y - top) as usize * width as usize + (x1 - left) as usize) * 3;
            let to = (y as usize * canvas_width as usize + x1 as usize) * 3;
            target[to..][..columns].copy_from_slice(&source[from..][..columns]);
        }
        let place = |[x1, y1, x2, y2]: [f64; 4]| {
            let (w, h) = (f64::from(width), f64::from(height));
            let (x, y) = (left as f64, top as f64);
            BBox::new((x1 * w + x) as f32, (y1 * h + y) as f32, (x2 * w + x) as f32, (y2 * h + y) as f32)
        };
        self.targets.objects.extend(sample.objects.iter().map(|o| Truth { bbox: place(o.edges), class: o.class }));
        let regions = sample.unlabelled.iter();
        self.targets.unlabelled.extend(regions.map(|r| {
            let region = place(r.edges).clip(canvas_width, canvas_height);
            Unlabelled { region, classes: r.classes.clone() }
        }));
    }

    /// One image in the middle of a canvas of this size.
    #[must_use]
    pub fn single(sample: &LoadedSample, (width, height): (u32, u32)) -> Self {
        let mut view = Self::blank(width, height);
        let (w, h) = sample.image.dimensions();
        let middle = |canvas: u32, length: u32| (i64::from(canvas) - i64::from(length)).div_euclid(2);
        view.lay(sample, (middle(width, w), middle(height, h)));
        view
    }

    /// Four images around a point of a canvas of twice this side: above left, above right, below left, below right.
    #[must_use]
    pub fn mosaic(samples: [&LoadedSample; 4], side: u32, rng: &mut Rng) -> Self {
        let mut view = Self::blank(2 * side, 2 * side);
        let mut point = || i64::from(rng.int(side / 2, side + side / 2));
        let (x, y) = (point(), point());
        for (number, sample) in samples.into_iter().enumerate() {
            let (w, h) = sample.image.dimensions();
            let (w, h) = (i64::from(w), i64::from(h));
            let left = if number % 2 == 0 { x - w } else { x };
            let top = if number < 2 { y - h } else { y };
            view.lay(sample, (left, top));
        }
        let canvas = 2 * side;
        // What one image says of its open regions ends with it; what of objects fell off the canvas is gone.
        view.cut(&|bbox| *bbox, canvas, canvas, 1.0);
        view
    }

    /// Moves, turns, scales and cuts to a canvas of this size.
    #[must_use]
    pub fn warped(&self, augment: &Augment, (width, height): (u32, u32), rng: &mut Rng) -> Self {
        let map = sample_warp(augment, self.image.dimensions(), (width, height), rng);
        let image = warp(&self.image, &map, (width, height), PAD);
        let mut view = Self { image, targets: self.targets.clone() };
        view.cut(&|bbox| map.bbox(bbox), width, height, map.scale() * map.scale());
        view
    }

    /// Maps boxes, cuts them to the canvas, and leaves out those of which too little is left; what is left of those is
    /// neither object nor background. `growth` is what the map does to areas.
    fn cut(&mut self, map: &dyn Fn(&BBox) -> BBox, width: u32, height: u32, growth: f32) {
        let Targets { objects, unlabelled } = std::mem::take(&mut self.targets);
        for Truth { bbox, class } in objects {
            let cut = map(&bbox).clip(width, height);
            let (w, h) = (cut.width(), cut.height());
            let aspect = (w / h.max(1e-6)).max(h / w.max(1e-6));
            let left = w * h / (bbox.area() * growth).max(1e-6);
            if w > MIN_SIDE && h > MIN_SIDE && aspect < MAX_ASPECT && left > MIN_LEFT {
                self.targets.objects.push(Truth { bbox: cut, class });
            } else if w > 0.0 && h > 0.0 {
                self.targets.unlabelled.push(Unlabelled { region: cut, classes: ClassSet::Only([class].into()) });
            }
        }
        for Unlabelled { region, classes } in unlabelled {
            let region = map(&region).clip(width, height);
            if region.width() > 0.0 && region.height() > 0.0 {
                self.targets.unlabelled.push(Unlabelled { region, classes });
            }
        }
    }

    /// Mirrored left to right.
    pub fn flip(&mut self) {
        image::imageops::flip_horizontal_in_place(&mut self.image);
        let width = self.image.width() as f32;
        let mirror = |b: &mut BBox| *b = BBox::new(width - b.x2, b.y1, width - b.x1, b.y2);
        self.targets.objects.iter_mut().for_each(|truth| mirror(&mut truth.bbox));
        self.targets.unlabelled.iter_mut().for_each(|open| mirror(&mut open.region));
    }

    /// Everything that happens to colours, and the mirror.
    ///
    /// # Errors
    /// When the image does not go through JPEG.
    pub fn finish(&mut self, augment: &Augment, rng: &mut Rng) -> Result<(), DataError> {
        if rng.chance(augment.fliplr) {
            self.flip();
        }
        if rng.chance(augment.light) {
            relight(&mut self.image, rng);
        }
        if augment.hsv != [0.0; 3] {
            let [hue, saturation, value] = augment.hsv.map(|reach| rng.range(-reach, reach));
            recolour(&mut self.image, hue, 1.0 + saturation, 1.0 + value);
        }
        if rng.chance(augment.blur) {
            blur(&mut self.image);
        }
        if rng.chance(augment.jpeg) {
            let quality = rng.int(30, 90) as u8;
            self.image = through_jpeg(&self.image, quality)?;
        }
        Ok(())
    }
}

/// A random map from the middle of `source` to about the middle of `target`.
fn sample_warp(augment: &Augment, source: (u32, u32), target: (u32, u32), rng: &mut Rng) -> Warp {
    let angle = rng.range(-augment.degrees, augment.degrees).to_radians();
    let scale = rng.range(1.0 - augment.scale, 1.0 + augment.scale).max(0.01);
    let mut middle = |side: u32| rng.range(0.5 - augment.translate, 0.5 + augment.translate) * side as f32;
    let to = (middle(target.0), middle(target.1));
    Warp::about((source.0 as f32 / 2.0, source.1 as f32 / 2.0), to, scale, angle)
}
