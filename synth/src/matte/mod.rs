//! Which pixels of a labelled box are the container: the upright, symmetric outline that best parts the colours of the
//! box's middle from those of its surroundings and runs along edges. What has no such outline is refused, so that nothing of
//! a foreign background is pasted.

mod evidence;
mod verdict;

use vision::RgbImage;

use super::canvas::Bounds;
use super::outline::{self, Outline};
use super::sku::Class;

/// A cut-out: straight RGB with opacity, cropped to what is opaque, its axis in the middle.
#[derive(Debug, Clone)]
pub struct Matte {
    /// Columns of pixels.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Red, green, blue (not premultiplied), opacity.
    pub pixels: Vec<[u8; 4]>,
    /// Half the outline's width in each row, as a fraction of half of [`Matte::width`].
    pub half: Vec<f32>,
}

/// Why a box gives no cut-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectReason {
    /// Fewer pixels than a facing in a photo has.
    Small,
    /// Other boxes, or the edge of the image, leave no surroundings to tell it from.
    Crowded,
    /// Its outline is none of this class: lying, cut off, or not found.
    Shape,
    /// Its outline does not run along an edge: what is cut would show a foreign background.
    Edge,
    /// A hand holds it.
    Hand,
    /// Black wedges lie in the box, as rotating augmentations leave them.
    Wedge,
    /// Too dark, too pale, or of one colour like the light it stood in.
    Light,
    /// Out of focus.
    Blurred,
}

impl RejectReason {
    /// In a word or two.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Crowded => "crowded",
            Self::Shape => "shape",
            Self::Edge => "no edge",
            Self::Hand => "held",
            Self::Wedge => "wedges",
            Self::Light => "light",
            Self::Blurred => "blurred",
        }
    }
}

/// Tallest cut-out kept, in pixels: larger than any facing in a photo.
const TALLEST: f32 = 260.0;

/// Cuts a box (pixels of `image`) out; `others` are the other boxes of the image.
///
/// # Errors
/// Why the box gives no cut-out.
pub fn cut(image: &RgbImage, bbox: Bounds, others: &[Bounds], class: Class) -> Result<Matte, RejectReason> {
    let [x1, y1, x2, y2] = bbox;
    let (w, h) = (x2 - x1, y2 - y1);
    let min_height = if class == Class::Bottle { 110.0 } else { 60.0 };
    if !(w >= 24.0 && h >= min_height) {
        return Err(RejectReason::Small);
    }
    // A margin shows what the surroundings look like.
    let margin = (0.16 * w.min(h)).max(6.0);
    let shrink = (h / TALLEST).max(1.0);
    let around = [x1 - margin, y1 - margin, x2 + margin, y2 + margin];
    let patch = Patch::read(image, (around, bbox), others, shrink);
    if patch.surroundings() < 0.3 {
        return Err(RejectReason::Crowded);
    }
    if patch.wedges() {
        return Err(RejectReason::Wedge);
    }
    let edges = patch.edges();
    let mut odds = patch.odds(None);
    let mut found = outline::find((patch.width, patch.height), &odds, &edges, patch.inner, None);
    for _ in 0..2 {
        odds = patch.odds(Some(&found));
        found = outline::find((patch.width, patch.height), &odds, &edges, patch.inner, Some(&found));
    }
    let found = found.smoothed();
    if found.tilt.abs() > 0.075 || !patch.plausible(&found, class) {
        return Err(RejectReason::Shape);
    }
    if !patch.runs_along_edges(&found) || patch.lopsided(&found, &odds) {
        return Err(RejectReason::Edge);
    }
    if patch.held(&found) {
        return Err(RejectReason::Hand);
    }
    patch.lit_well(&found)?;
    Ok(patch.lift(&found))
}

struct Patch {
    width: usize,
    height: usize,
    colors: Vec<[f32; 3]>,
    /// Whether a pixel is of the image and of no other box.
    usable: Vec<bool>,
    /// The box, in pixels of the patch.
    inner: Bounds,
}

impl Patch {
    /// Area averages, `shrink` pixels of the image to one of the patch; the image's edge is repeated outside.
    fn read(image: &RgbImage, ([x1, y1, x2, y2], inner): (Bounds, Bounds), others: &[Bounds], shrink: f32) -> Self {
        let (width, height) = (((x2 - x1) / shrink) as usize, ((y2 - y1) / shrink) as usize);
        let (right, bottom) = (i64::from(image.width()) - 1, i64::from(image.height()) - 1);
        let taps = shrink.ceil() as i64;
        let mut colors = Vec::with_capacity(width * height);
        let mut usable = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0; 3];
                for ty in 0..taps {
                    for tx in 0..taps {
                        let at = |from: f32, step: usize, tap: i64| {
                            (from + (step as f32 + (tap as f32 + 0.5) / taps as f32) * shrink).floor() as i64
                        };
                        let px = image
                            .get_pixel(at(x1, x, tx).clamp(0, right) as u32, at(y1, y, ty).clamp(0, bottom) as u32);
                        (0..3).for_each(|i| sum[i] += f32::from(px.0[i]));
                    }
                }
                colors.push(sum.map(|v| v / (taps * taps) as f32));
                let (px, py) = (x1 + (x as f32 + 0.5) * shrink, y1 + (y as f32 + 0.5) * shrink);
                let foreign = others.iter().any(|o| px > o[0] && px < o[2] && py > o[1] && py < o[3]);
                usable.push(!foreign && px >= 0.0 && py >= 0.0 && px <= right as f32 && py <= bottom as f32);
            }
        }
        let inner = [inner[0] - x1, inner[1] - y1, inner[2] - x1, inner[3] - y1].map(|v| v / shrink);
        Self { width, height, colors, usable, inner }
    }

    /// Place in the box: -1 and 1 are its edges.
    fn place(&self, x: usize, y: usize) -> (f32, f32) {
        let [x1, y1, x2, y2] = self.inner;
        let u = (x as f32 + 0.5 - f32::midpoint(x1, x2)) / ((x2 - x1) / 2.0);
        let v = (y as f32 + 0.5 - f32::midpoint(y1, y2)) / ((y2 - y1) / 2.0);
        (u, v)
    }

    fn each(&self) -> impl Iterator<Item = (usize, f32, f32)> + '_ {
        (0..self.width * self.height).map(|at| {
            let (u, v) = self.place(at % self.width, at / self.width);
            (at, u, v)
        })
    }

    /// Pixels with the opacity the outline gives, soft at the edge, straightened and cropped.
    fn lift(&self, outline: &Outline) -> Matte {
        // The outermost pixels hold light from behind: they are left out, and what is soft takes its colour from within.
        const TRIM: f32 = 0.8;
        const FEATHER: f32 = 1.6;
        const WITHIN: f32 = 2.2;
        let rows = outline.rows();
        // A strip of what it stood on often comes along.
        let foot = (rows.len() as f32 * 0.012).ceil() as usize;
        let rows = (rows.start + 1).min(rows.end - 1)..(rows.end - foot).max(rows.start + 2);
        let widest = rows.clone().map(|y| outline.half[y]).fold(0.0, f32::max) - TRIM;
        let width = (2.0 * widest).ceil().max(2.0) as usize;
        let mut pixels = Vec::with_capacity(width * rows.len());
        let mut half = Vec::with_capacity(rows.len());
        for y in rows.clone() {
            let own = (outline.half[y] - TRIM).max(0.5);
            half.push((own / (width as f32 / 2.0)).min(1.0));
            for x in 0..width {
                let d = x as f32 + 0.5 - width as f32 / 2.0;
                let opacity = ((own - d.abs()) / FEATHER + 0.5).clamp(0.0, 1.0);
                let deep = (own - WITHIN).max(0.0);
                let from = outline.middle(y) + d.clamp(-deep, deep);
                let at = (from - 0.5).clamp(0.0, self.width as f32 - 1.001);
                let (first, fraction) = (at as usize, at.fract());
                let row = &self.colors[y * self.width..(y + 1) * self.width];
                let [r, g, b] = std::array::from_fn(|i| row[first][i] + (row[first + 1][i] - row[first][i]) * fraction);
                pixels.push([r as u8, g as u8, b as u8, (opacity * 255.0) as u8]);
            }
        }
        Matte { width, height: rows.len(), pixels, half }
    }
}

fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A red body with a narrow neck on a grey ground, with a little texture.
    fn bottle() -> RgbImage {
        let inside = |x: i32, y: i32| (x - 60).abs() < if y < 70 { 9 } else { 26 } && (20..200).contains(&y);
        RgbImage::from_fn(120, 220, |x, y| {
            let shade = ((x * 7 + y * 13) % 9) as u8;
            let print = if (x / 5 + y / 7) % 2 == 0 { 130 } else { 0 };
            if inside(x as i32, y as i32) {
                image::Rgb([180 + shade, 30 + print, 40])
            } else {
                image::Rgb([150, 155, 150 + shade])
            }
        })
    }

    #[test]
    fn a_bottle_on_a_plain_ground_is_cut_along_its_outline() {
        let matte = cut(&bottle(), [34.0, 20.0, 86.0, 200.0], &[], Class::Bottle).unwrap();
        assert!(matte.width.abs_diff(51) <= 3 && matte.height.abs_diff(180) <= 4, "{} x {}", matte.width, matte.height);
        let opaque = |x: usize, y: usize| matte.pixels[y * matte.width + x][3] > 127;
        assert!(opaque(matte.width / 2, 10) && opaque(4, matte.height - 20), "body and neck are there");
        assert!(!opaque(4, 10) && !opaque(matte.width - 5, 20), "the ground beside the neck is not");
        let grey = matte.pixels.iter().filter(|p| p[3] > 60 && p[0].abs_diff(p[2]) < 60).count();
        assert!(grey * 100 < matte.pixels.len(), "{grey} pixels of the ground came along");
    }

    #[test]
    fn what_cannot_be_told_from_its_surroundings_is_refused() {
        let bbox = [34.0, 20.0, 86.0, 200.0];
        let blank = RgbImage::from_pixel(120, 220, image::Rgb([90, 90, 90]));
        assert!(cut(&blank, bbox, &[], Class::Bottle).is_err());
        assert_eq!(cut(&bottle(), [34.0, 20.0, 46.0, 40.0], &[], Class::Bottle).unwrap_err(), RejectReason::Small);
        let beside = [[0.0, 0.0, 34.0, 220.0], [86.0, 0.0, 120.0, 220.0]];
        assert_eq!(cut(&bottle(), bbox, &beside, Class::Bottle).unwrap_err(), RejectReason::Crowded);
        // A bottle's outline is no can's.
        assert_eq!(cut(&bottle(), bbox, &[], Class::Can).unwrap_err(), RejectReason::Shape);
    }
}
