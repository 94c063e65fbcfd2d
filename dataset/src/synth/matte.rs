//! Which pixels of a labelled box are the container: the upright, symmetric outline that best parts the colours of the
//! box's middle from those of its surroundings and runs along edges. What has no such outline is refused, so that nothing of
//! a foreign background is pasted.

use vision::RgbImage;

use super::canvas::Bounds;
use super::outline::{self, Outline};
use super::sku::Class;

/// A cut-out: straight RGB with opacity, cropped to what is opaque, its axis in the middle.
#[derive(Debug, Clone)]
pub struct Matte {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green, blue (not premultiplied), opacity.
    pub pixels: Vec<[u8; 4]>,
    /// Half the outline's width in each row, as a share of half of [`Matte::width`].
    pub half: Vec<f32>,
}

/// Why a box gives no cut-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// Fewer pixels than a facing in a photo has.
    Small,
    /// Other boxes, or the edge of the picture, leave no surroundings to tell it from.
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

impl Flaw {
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

/// Bins of a colour histogram along each axis.
const BINS: usize = 12;

/// Tallest cut-out kept, in pixels: larger than any facing in a photo.
const TALLEST: f32 = 260.0;

/// Cuts a box (pixels of `image`) out; `others` are the other boxes of the picture.
///
/// # Errors
/// Why the box gives no cut-out.
pub fn cut(image: &RgbImage, bbox: Bounds, others: &[Bounds], class: Class) -> Result<Matte, Flaw> {
    let [x1, y1, x2, y2] = bbox;
    let (w, h) = (x2 - x1, y2 - y1);
    let least = if class == Class::Bottle { 110.0 } else { 60.0 };
    if !(w >= 24.0 && h >= least) {
        return Err(Flaw::Small);
    }
    // A margin shows what the surroundings look like.
    let margin = (0.16 * w.min(h)).max(6.0);
    let shrink = (h / TALLEST).max(1.0);
    let around = [x1 - margin, y1 - margin, x2 + margin, y2 + margin];
    let patch = Patch::read(image, (around, bbox), others, shrink);
    if patch.surroundings() < 0.3 {
        return Err(Flaw::Crowded);
    }
    if patch.wedges() {
        return Err(Flaw::Wedge);
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
        return Err(Flaw::Shape);
    }
    if !patch.runs_along_edges(&found) || patch.lopsided(&found, &odds) {
        return Err(Flaw::Edge);
    }
    if patch.held(&found) {
        return Err(Flaw::Hand);
    }
    patch.lit_well(&found)?;
    Ok(patch.lift(&found))
}

struct Patch {
    width: usize,
    height: usize,
    colors: Vec<[f32; 3]>,
    /// Whether a pixel is of the picture and of no other box.
    usable: Vec<bool>,
    /// The box, in pixels of the patch.
    inner: Bounds,
}

impl Patch {
    /// Area averages, `shrink` pixels of the picture to one of the patch; the picture's edge is repeated outside.
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

    /// Share of the pixels around the box that show surroundings.
    fn surroundings(&self) -> f32 {
        let (mut all, mut usable) = (0.0_f32, 0.0);
        for (at, u, v) in self.each().filter(|(_, u, v)| u.abs().max(v.abs()) > 1.02) {
            // Left and right matter; above and below is air and board.
            let weight = if u.abs() > 1.02 && v.abs() < 1.0 { 3.0 } else { 1.0 };
            all += weight;
            usable += if self.usable[at] { weight } else { 0.0 };
        }
        if all > 0.0 { usable / all } else { 0.0 }
    }

    /// Whether corners of the box are of the black that rotating leaves behind, and the surroundings are not.
    fn wedges(&self) -> bool {
        let black = |at: usize| self.colors[at].iter().all(|v| *v < 14.0);
        let share = |keep: &dyn Fn(f32, f32) -> bool| {
            let (mut all, mut hits) = (1.0_f32, 0.0);
            for (at, _, _) in self.each().filter(|(_, u, v)| keep(*u, *v)) {
                all += 1.0;
                hits += f32::from(u8::from(black(at)));
            }
            hits / all
        };
        let around = share(&|u, v| u.abs().max(v.abs()) > 1.03);
        let corner =
            |su: f32, sv: f32| share(&move |u, v| (0.72..1.0).contains(&(u * su)) && (0.72..1.0).contains(&(v * sv)));
        let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(su, sv)| corner(su, sv));
        around > 0.25 || corners.iter().filter(|share| **share > 0.3).count() >= 2 && around < 0.1
    }

    /// Log odds of being container, by colour and place. Without an outline, the middle of the box is taken for container.
    fn odds(&self, outline: Option<&Outline>) -> Vec<f32> {
        let mut inside = vec![0.0_f32; BINS * BINS * BINS];
        let mut outside = vec![0.0_f32; BINS * BINS * BINS];
        for (at, u, v) in self.each() {
            let (x, y) = (at % self.width, at / self.width);
            let deep = outline.map_or_else(
                || (u / 0.55).powi(2) + (v / 0.85).powi(2) < 1.0,
                |o| (x as f32 + 0.5 - o.middle(y)).abs() < o.half[y] * 0.92,
            );
            let out = u.abs().max(v.abs()) > 1.02
                || outline.is_some_and(|o| (x as f32 + 0.5 - o.middle(y)).abs() > o.half[y] + 3.0 && v.abs() < 1.0);
            if deep {
                spread(&mut inside, self.colors[at]);
            } else if out && self.usable[at] {
                // What is near says most.
                spread(&mut outside, self.colors[at]);
            }
        }
        let (all_in, all_out) = (inside.iter().sum::<f32>().max(1.0), outside.iter().sum::<f32>().max(1.0));
        let flanks = self.flanks();
        self.each()
            .map(|(at, u, v)| {
                if u.abs() > 1.03 || v.abs() > 1.01 {
                    return -6.0;
                }
                let bin = bin(self.colors[at]);
                let color =
                    (((inside[bin] + 2.0) / (all_in + 900.0)) / ((outside[bin] + 2.0) / (all_out + 900.0))).ln();
                let near = flanks[at / self.width][usize::from(u > 0.0)];
                let local = near.map_or(0.0, |near| ((apart(self.colors[at], near) - 26.0) / 16.0).clamp(-1.4, 1.2));
                let odds = color.clamp(-2.5, 2.5) + local + 0.25;
                // The axis is always container; the edge of the box a little less likely than its middle.
                if u.abs() < 0.14 { odds.max(1.0) } else { odds - 0.5 * u.powi(8) }
            })
            .collect()
    }

    /// Mean colour of the surroundings left and right of each row, where there are any.
    fn flanks(&self) -> Vec<[Option<[f32; 3]>; 2]> {
        let [x1, _, x2, _] = self.inner;
        let spans = [(0, (x1 - 1.0).max(0.0) as usize), (((x2 + 2.0) as usize).min(self.width), self.width)];
        (0..self.height)
            .map(|y| {
                spans.map(|(from, to)| {
                    let (mut sum, mut count) = ([0.0; 3], 0.0_f32);
                    for near in y.saturating_sub(2)..(y + 3).min(self.height) {
                        for x in from..to {
                            let at = near * self.width + x;
                            if self.usable[at] {
                                (0..3).for_each(|i| sum[i] += self.colors[at][i]);
                                count += 1.0;
                            }
                        }
                    }
                    (count >= 8.0).then(|| sum.map(|v| v / count))
                })
            })
            .collect()
    }

    /// Change of colour sideways, `0..=1`.
    fn edges(&self) -> Vec<f32> {
        let mut edges = vec![0.0; self.width * self.height];
        for y in 0..self.height {
            for x in 2..self.width.saturating_sub(2) {
                let at = y * self.width + x;
                let side = |a: usize, b: usize| {
                    let (a, b) = (self.colors[a], self.colors[b]);
                    std::array::from_fn::<f32, 3, _>(|i| (a[i] + b[i]) / 2.0)
                };
                edges[at] = (apart(side(at - 2, at - 1), side(at, at + 1)) / 60.0).min(1.0);
            }
        }
        edges
    }

    fn plausible(&self, outline: &Outline, class: Class) -> bool {
        let [x1, y1, x2, y2] = self.inner;
        let (w, h) = (x2 - x1, y2 - y1);
        let rows: Vec<f32> = outline.rows().map(|y| 2.0 * outline.half[y]).collect();
        let widest = rows.iter().copied().fold(0.0, f32::max);
        if !((rows.len() as f32) > 0.9 * h && (0.8 * w..=1.08 * w).contains(&widest)) {
            return false;
        }
        let mean = |from: f32, to: f32| {
            let part = &rows[(from * rows.len() as f32) as usize..(to * rows.len() as f32) as usize];
            part.iter().sum::<f32>() / part.len().max(1) as f32 / widest
        };
        let narrowest = |from: f32, to: f32| {
            let part = &rows[(from * rows.len() as f32) as usize..(to * rows.len() as f32) as usize];
            part.iter().copied().fold(f32::MAX, f32::min) / widest
        };
        match class {
            Class::Can => narrowest(0.15, 0.85) > 0.8 && narrowest(0.03, 0.97) > 0.5,
            // Neck above, body below, and no waist that would be half of it lost.
            Class::Bottle => {
                (0.16..0.86).contains(&mean(0.01, 0.08))
                    && mean(0.55, 0.95) > 0.8
                    && narrowest(0.5, 0.96) > 0.68
                    && narrowest(0.02, 0.5) > 0.14
            }
            Class::Glass | Class::UnknownContainer => mean(0.1, 0.9) > 0.6,
        }
    }

    /// Whether colours differ on the two sides of the outline, left and right, nearly all along.
    fn runs_along_edges(&self, outline: &Outline) -> bool {
        let mut good = [0.0_f32; 2];
        let mut all = 0.0_f32;
        for y in outline.rows() {
            all += 1.0;
            for (side, good) in [-1.0_f32, 1.0].into_iter().zip(&mut good) {
                let mean = |from: i32, to: i32| {
                    let mut sum = [0.0; 3];
                    for k in from..=to {
                        let x = outline.middle(y) + side * (outline.half[y] + k as f32);
                        let x = (x.max(0.0) as usize).min(self.width - 1);
                        (0..3).for_each(|i| sum[i] += self.colors[y * self.width + x][i]);
                    }
                    sum.map(|v| v / (to - from + 1) as f32)
                };
                if apart(mean(-5, -2), mean(2, 4)) > 20.0 {
                    *good += 1.0;
                }
            }
        }
        good.iter().all(|good| *good > 0.74 * all) && good[0] + good[1] > 1.6 * all
    }

    /// Whether one side of what is within looks like the surroundings and the other does not: a leaning bottle in an upright
    /// outline.
    fn lopsided(&self, outline: &Outline, odds: &[f32]) -> bool {
        let (mut all, mut foreign) = ([1.0_f32; 2], [0.0_f32; 2]);
        for y in outline.rows() {
            for x in outline.span(y) {
                let side = usize::from(x as f32 > outline.middle(y));
                all[side] += 1.0;
                foreign[side] += f32::from(u8::from(odds[y * self.width + x] < 0.0));
            }
        }
        let share = [foreign[0] / all[0], foreign[1] / all[1]];
        (share[0] - share[1]).abs() > 0.16 || share[0] + share[1] > 1.1
    }

    /// Whether skin reaches from outside into the outline.
    fn held(&self, outline: &Outline) -> bool {
        let mut rows = 0;
        for y in outline.rows() {
            let touches = [-1.0_f32, 1.0].into_iter().any(|side| {
                (-6..=3).all(|k| {
                    let x = outline.middle(y) + side * (outline.half[y] + k as f32);
                    skin(self.colors[y * self.width + (x.max(0.0) as usize).min(self.width - 1)])
                })
            });
            rows += usize::from(touches);
        }
        let inside = outline.rows().flat_map(|y| outline.span(y).map(move |x| y * self.width + x));
        let (mut all, mut skins) = (0, 0);
        for at in inside {
            all += 1;
            skins += usize::from(skin(self.colors[at]));
        }
        rows * 14 > outline.rows().count() || (skins * 5 > all && rows * 40 > outline.rows().count())
    }

    fn lit_well(&self, outline: &Outline) -> Result<(), Flaw> {
        let mut luma: Vec<f32> = Vec::new();
        let mut change = 0.0_f64;
        for y in outline.rows() {
            for x in outline.span(y).skip(2) {
                let at = y * self.width + x;
                let [here, before] = [at, at - 1].map(|at| grey(self.colors[at]));
                luma.push(here);
                change += f64::from((here - before).abs());
            }
        }
        luma.sort_by(f32::total_cmp);
        let quantile = |share: f32| luma[((luma.len() - 1) as f32 * share) as usize];
        if luma.is_empty() || quantile(0.95) < 60.0 || quantile(0.5) > 246.0 || quantile(0.97) - quantile(0.03) < 40.0 {
            return Err(Flaw::Light);
        }
        // The sharpest edges within: a plain body may have few, but what is in focus has some.
        let mut steps: Vec<f32> = outline
            .rows()
            .flat_map(|y| outline.span(y).skip(2).map(move |x| y * self.width + x))
            .map(|at| (grey(self.colors[at]) - grey(self.colors[at - 1])).abs())
            .collect();
        steps.sort_by(f32::total_cmp);
        let sharp = steps[(steps.len() - 1) * 98 / 100];
        let mean = change / luma.len() as f64;
        if mean < 2.0 || sharp < 22.0 { Err(Flaw::Blurred) } else { Ok(()) }
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
                let (first, share) = (at as usize, at.fract());
                let row = &self.colors[y * self.width..(y + 1) * self.width];
                let [r, g, b] = std::array::from_fn(|i| row[first][i] + (row[first + 1][i] - row[first][i]) * share);
                pixels.push([r as u8, g as u8, b as u8, (opacity * 255.0) as u8]);
            }
        }
        Matte { width, height: rows.len(), pixels, half }
    }
}

/// Counts a colour, and a little of its neighbours.
fn spread(bins: &mut [f32], color: [f32; 3]) {
    let [r, g, b] = color.map(|v| ((v * BINS as f32 / 256.0) as usize).min(BINS - 1));
    let at = (r * BINS + g) * BINS + b;
    bins[at] += 1.0;
    for (value, step) in [(r, BINS * BINS), (g, BINS), (b, 1)] {
        if value > 0 {
            bins[at - step] += 0.25;
        }
        if value + 1 < BINS {
            bins[at + step] += 0.25;
        }
    }
}

fn bin(color: [f32; 3]) -> usize {
    let [r, g, b] = color.map(|v| ((v * BINS as f32 / 256.0) as usize).min(BINS - 1));
    (r * BINS + g) * BINS + b
}

fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f32>().sqrt()
}

fn grey([r, g, b]: [f32; 3]) -> f32 {
    0.3 * r + 0.59 * g + 0.11 * b
}

/// A colour skin often has: a hue between red and yellow, neither grey nor glaring.
fn skin([r, g, b]: [f32; 3]) -> bool {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let saturation = (high - low) / high.max(1.0);
    r > 70.0
        && r > g
        && g > b * 0.92
        && r - g > 10.0
        && (g - b) < (r - g) * 1.35 + 6.0
        && (0.14..0.62).contains(&saturation)
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
        assert_eq!(cut(&bottle(), [34.0, 20.0, 46.0, 40.0], &[], Class::Bottle).unwrap_err(), Flaw::Small);
        let beside = [[0.0, 0.0, 34.0, 220.0], [86.0, 0.0, 120.0, 220.0]];
        assert_eq!(cut(&bottle(), bbox, &beside, Class::Bottle).unwrap_err(), Flaw::Crowded);
        // A bottle's outline is no can's.
        assert_eq!(cut(&bottle(), bbox, &[], Class::Can).unwrap_err(), Flaw::Shape);
    }
}
