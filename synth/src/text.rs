//! Lettering: outlines of the DejaVu fonts, stretched, slanted, arched, made heavier, with outline and shadow.

use std::sync::OnceLock;

use ab_glyph::{Font as _, FontRef, GlyphId, PxScale, ScaleFont as _};

use super::canvas::Canvas;
use super::color::Rgb;

/// A typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Sans, bold.
    Sans,
    /// Sans, regular.
    Plain,
    /// Sans, bold and slanted.
    Slanted,
    /// Sans, bold and narrow.
    Narrow,
    /// Sans, thin.
    Light,
    /// Serif, bold.
    Serif,
    /// Serif, regular.
    Book,
    /// Serif, bold italic.
    Italic,
    /// Monospaced.
    Mono,
}

/// How text is set.
#[derive(Debug, Clone, Copy)]
pub struct Lettering {
    /// Typeface.
    pub face: Face,
    /// Sideways lean of the letters: 0.2 leans right.
    pub slant: f32,
    /// Made heavier by this fraction of the letters' height.
    pub weight: f32,
    /// Middle raised above the ends by this fraction of the text's width; negative sags.
    pub arch: f32,
    /// Extra space between letters, as a fraction of their height.
    pub tracking: f32,
    /// Turned, in radians, clockwise on the canvas.
    pub turn: f32,
    /// First and last letters larger than the middle by this fraction.
    pub flare: f32,
}

impl Lettering {
    /// Straight text.
    #[must_use]
    pub const fn new(face: Face) -> Self {
        Self { face, slant: 0.0, weight: 0.0, arch: 0.0, tracking: 0.0, turn: 0.0, flare: 0.0 }
    }
}

/// Where text goes: its centre, the width it must not exceed, and the height of its capitals.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    /// Centre, in pixels of the canvas.
    pub center: (f32, f32),
    /// Largest width; text that is longer is condensed, then made smaller.
    pub width: f32,
    /// Height of a capital letter.
    pub height: f32,
}

/// A border around letters.
#[derive(Debug, Clone, Copy)]
pub struct Outline {
    /// Colour of the letters.
    pub color: Rgb,
    /// Its width in pixels.
    pub width: f32,
    /// Moved by so many pixels, as a shadow is.
    pub shift: (f32, f32),
}

/// Paints a line of text.
pub fn write(canvas: &mut Canvas, text: &str, lettering: Lettering, spot: Spot, color: Rgb) {
    write_outlined(canvas, text, lettering, spot, (color, &[]));
}

/// Paints a line of text over its outlines, the first outline lowest.
pub fn write_outlined(
    canvas: &mut Canvas,
    text: &str,
    lettering: Lettering,
    spot: Spot,
    (color, outlines): (Rgb, &[Outline]),
) {
    let Some(mask) = Mask::set(text, lettering, spot) else { return };
    for outline in outlines {
        let wide = mask.dilate(outline.width);
        let (cx, cy) = spot.center;
        let moved = Spot { center: (cx + outline.shift.0, cy + outline.shift.1), ..spot };
        wide.lay(canvas, lettering, moved, outline.color);
    }
    mask.lay(canvas, lettering, spot, color);
}

fn font(face: Face) -> &'static FontRef<'static> {
    static FONTS: OnceLock<[FontRef<'static>; 9]> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        [
            dejavu::sans::bold(),
            dejavu::sans::regular(),
            dejavu::sans::bold_oblique(),
            dejavu::sans_condensed::bold(),
            dejavu::sans::extra_light(),
            dejavu::serif::bold(),
            dejavu::serif_condensed::regular(),
            dejavu::serif_condensed::bold_italic(),
            dejavu::sans_mono::bold(),
        ]
        .map(|bytes| FontRef::try_from_slice(bytes).expect("the fonts of the crate are sound"))
    });
    &fonts[face as usize]
}

/// Height of a capital of DejaVu as a fraction of ab_glyph's scale (ascent to descent).
const CAPITAL: f32 = 0.626;

/// Text as coverage, straight and upright, with a margin around.
struct Mask {
    width: usize,
    height: usize,
    cover: Vec<f32>,
    margin: f32,
}

impl Mask {
    fn set(text: &str, lettering: Lettering, spot: Spot) -> Option<Self> {
        let font = font(lettering.face);
        let glyphs: Vec<GlyphId> = text.chars().map(|c| font.glyph_id(c)).collect();
        let mut scale = PxScale::from(spot.height / CAPITAL);
        let natural = {
            let scaled = font.as_scaled(scale);
            let kern: f32 = glyphs.windows(2).map(|w| scaled.kern(w[0], w[1])).sum();
            let gaps = glyphs.len().saturating_sub(1) as f32 * lettering.tracking * spot.height;
            glyphs.iter().map(|&g| scaled.h_advance(g)).sum::<f32>() + kern + gaps
        };
        if !(natural > 0.5) || !(spot.width > 1.0) || !(spot.height > 0.5) {
            return None;
        }
        let fit = (spot.width / natural).min(1.0);
        // Too long: narrower letters first, as a designer does, then smaller ones.
        scale.x *= fit;
        scale.y *= fit.max(0.01).powf(0.45);
        let scaled = font.as_scaled(scale);
        let margin = (2.0 + spot.height * 0.25).ceil();
        let width = (natural * fit + 2.0 * margin + spot.height * 0.4).ceil() as usize;
        let height = (scaled.height() + 2.0 * margin).ceil() as usize;
        let mut mask = Self { width, height, cover: vec![0.0; width * height], margin };
        let baseline = margin + scaled.ascent();
        let mut x = margin + spot.height * 0.2;
        let mut before: Option<GlyphId> = None;
        for &id in &glyphs {
            if let Some(before) = before {
                x += scaled.kern(before, id) + lettering.tracking * spot.height * fit;
            }
            let glyph = id.with_scale_and_position(scale, ab_glyph::point(x, baseline));
            if let Some(outlined) = font.outline_glyph(glyph) {
                let bounds = outlined.px_bounds();
                outlined.draw(|gx, gy, c| {
                    let (px, py) = (bounds.min.x as i64 + i64::from(gx), bounds.min.y as i64 + i64::from(gy));
                    if px >= 0 && py >= 0 && (px as usize) < width && (py as usize) < height {
                        let cell = &mut mask.cover[py as usize * width + px as usize];
                        *cell = (*cell + c).min(1.0);
                    }
                });
            }
            x += scaled.h_advance(id);
            before = Some(id);
        }
        Some(if lettering.weight > 0.0 { mask.dilate(lettering.weight * spot.height) } else { mask })
    }

    /// Grown by `radius` pixels in every direction.
    fn dilate(&self, radius: f32) -> Self {
        let reach = radius.ceil() as i64;
        let mut offsets = Vec::new();
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                // Part of a pixel is covered at the rim of the disc.
                let cover = (radius + 0.5 - (dx as f32).hypot(dy as f32)).clamp(0.0, 1.0);
                if cover > 0.0 {
                    offsets.push((dx, dy, cover));
                }
            }
        }
        let mut grown = vec![0.0_f32; self.cover.len()];
        for y in 0..self.height as i64 {
            for x in 0..self.width as i64 {
                let c = self.cover[(y * self.width as i64 + x) as usize];
                if c <= 0.0 {
                    continue;
                }
                for &(dx, dy, fraction) in &offsets {
                    let (px, py) = (x + dx, y + dy);
                    if px >= 0 && py >= 0 && px < self.width as i64 && py < self.height as i64 {
                        let cell = &mut grown[(py * self.width as i64 + px) as usize];
                        *cell = cell.max(c * fraction);
                    }
                }
            }
        }
        Self { cover: grown, ..*self }
    }

    fn sample(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x - 0.5, y - 0.5);
        if x < 0.0 || y < 0.0 || x >= (self.width - 1) as f32 || y >= (self.height - 1) as f32 {
            return 0.0;
        }
        let (ix, iy) = (x as usize, y as usize);
        let (fx, fy) = (x - ix as f32, y - iy as f32);
        let at = iy * self.width + ix;
        let top = self.cover[at] * (1.0 - fx) + self.cover[at + 1] * fx;
        let low = self.cover[at + self.width] * (1.0 - fx) + self.cover[at + self.width + 1] * fx;
        top * (1.0 - fy) + low * fy
    }

    fn lay(&self, canvas: &mut Canvas, lettering: Lettering, spot: Spot, color: Rgb) {
        let (cx, cy) = spot.center;
        let (half_w, half_h) = (self.width as f32 / 2.0, self.height as f32 / 2.0);
        // Between baseline and capitals lies the visual centre, a little above the middle of ascent and descent.
        let middle = half_h + (self.height as f32 - 2.0 * self.margin) * 0.03;
        let rise = lettering.arch * self.width as f32;
        let reach = (half_w + spot.height * lettering.slant.abs()).hypot(half_h * (1.0 + lettering.flare) + rise.abs());
        let (sin, cos) = lettering.turn.sin_cos();
        canvas.paint([cx - reach, cy - reach, cx + reach, cy + reach], |px, py| {
            let (dx, dy) = (px - cx, py - cy);
            let (x, y) = (dx * cos + dy * sin, dy * cos - dx * sin);
            let along = x / half_w;
            let y = (y + rise * (0.5 - along * along)) / (1.0 + lettering.flare * along * along);
            let cover = self.sample(x + lettering.slant * y + half_w, y + middle);
            (cover > 0.0).then_some((color, cover))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_width_and_is_centred() {
        let mut canvas = Canvas::new(200, 60);
        let spot = Spot { center: (100.0, 30.0), width: 120.0, height: 20.0 };
        write(&mut canvas, "A LONG BRAND NAME", Lettering::new(Face::Sans), spot, [1.0; 3]);
        let inked: Vec<usize> = (0..200).filter(|&x| (0..60).any(|y| canvas.at(x, y)[3] > 0.3)).collect();
        let (first, last) = (inked[0], inked[inked.len() - 1]);
        assert!(last - first <= 122 && last - first > 100, "{first}..{last}");
        assert!((first + last).abs_diff(200) <= 6, "{first}..{last}");
    }
}
