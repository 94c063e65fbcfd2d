//! Which pixels of a labelled box are the container: colours of its middle against colours of its surroundings, held
//! together by a shape that has no holes.

use vision::RgbImage;

use super::canvas::Bounds;

/// A cut-out: straight RGB with opacity, cropped to what is opaque.
#[derive(Debug, Clone)]
pub struct Matte {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green, blue (not premultiplied), opacity.
    pub pixels: Vec<[u8; 4]>,
}

/// Bins of a colour histogram along each axis.
const BINS: usize = 10;

/// Tallest cut-out kept, in pixels: larger than any facing in a photo.
const TALLEST: f32 = 280.0;

/// Cuts a box (pixels of `image`) out. `None` when it is too small to be of use.
#[must_use]
pub fn cut(image: &RgbImage, [x1, y1, x2, y2]: Bounds) -> Option<Matte> {
    let (w, h) = (x2 - x1, y2 - y1);
    if !(w >= 20.0 && h >= 40.0) {
        return None;
    }
    // A margin shows what the surroundings look like.
    let margin = 0.12 * w.min(h);
    let shrink = (h / TALLEST).max(1.0);
    let around = [x1 - margin, y1 - margin, x2 + margin, y2 + margin];
    let patch = Patch::read(image, around, shrink);
    let inner = [margin / shrink, margin / shrink, (margin + w) / shrink, (margin + h) / shrink];
    let mut score = patch.scores(inner);
    patch.smooth(&mut score);
    let spans = spans(&score, patch.width, inner).unwrap_or_else(|| rounded_box(inner, patch.height));
    Some(patch.lift(&spans))
}

struct Patch {
    width: usize,
    height: usize,
    colors: Vec<[f32; 3]>,
}

/// For each row, the columns from and to which it belongs to the container.
type Spans = Vec<Option<(f32, f32)>>;

impl Patch {
    /// Area averages, `shrink` pixels of the picture to one of the patch; the picture's edge is repeated outside.
    fn read(image: &RgbImage, [x1, y1, x2, y2]: Bounds, shrink: f32) -> Self {
        let (width, height) = (((x2 - x1) / shrink) as usize, ((y2 - y1) / shrink) as usize);
        let (right, bottom) = (i64::from(image.width()) - 1, i64::from(image.height()) - 1);
        let taps = shrink.ceil() as i64;
        let mut colors = Vec::with_capacity(width * height);
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
            }
        }
        Self { width, height, colors }
    }

    /// Log odds of being container, from colour and place.
    fn scores(&self, [x1, y1, x2, y2]: Bounds) -> Vec<f32> {
        let place = |x: usize, y: usize| {
            let u = (x as f32 + 0.5 - f32::midpoint(x1, x2)) / ((x2 - x1) / 2.0);
            let v = (y as f32 + 0.5 - f32::midpoint(y1, y2)) / ((y2 - y1) / 2.0);
            (u, v)
        };
        let mut inside = vec![0.5_f32; BINS * BINS * BINS];
        let mut outside = vec![0.5_f32; BINS * BINS * BINS];
        for y in 0..self.height {
            for x in 0..self.width {
                let (u, v) = place(x, y);
                let bin = bin(self.colors[y * self.width + x]);
                if (u / 0.55).powi(2) + (v / 0.85).powi(2) < 1.0 {
                    inside[bin] += 1.0;
                } else if u.abs().max(v.abs()) > 1.02 {
                    outside[bin] += 1.0;
                }
            }
        }
        let (all_in, all_out) = (inside.iter().sum::<f32>(), outside.iter().sum::<f32>());
        (0..self.width * self.height)
            .map(|i| {
                let (u, v) = place(i % self.width, i / self.width);
                let bin = bin(self.colors[i]);
                let color = ((inside[bin] / all_in) / (outside[bin] / all_out)).ln().clamp(-3.0, 3.0);
                // Middle for, corners against, beyond the box never.
                let edge = u.abs().powi(4) + v.abs().powi(10);
                if u.abs() > 1.0 || v.abs() > 1.0 { -6.0 } else { color + 3.4 - 5.0 * edge }
            })
            .collect()
    }

    /// Lets neighbours of one colour agree.
    fn smooth(&self, score: &mut Vec<f32>) {
        let (w, h) = (self.width as i64, self.height as i64);
        for _ in 0..6 {
            let old = score.clone();
            for y in 0..h {
                for x in 0..w {
                    let at = (y * w + x) as usize;
                    let (mut sum, mut weight) = (old[at], 1.0);
                    for (dx, dy) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
                        let (nx, ny) = (x + dx, y + dy);
                        if nx < 0 || ny < 0 || nx >= w || ny >= h {
                            continue;
                        }
                        let near = (ny * w + nx) as usize;
                        let apart: f32 = (0..3).map(|i| (self.colors[at][i] - self.colors[near][i]).powi(2)).sum();
                        let tie = 1.5 * (-apart / 900.0).exp();
                        sum += tie * old[near];
                        weight += tie;
                    }
                    score[at] = sum / weight;
                }
            }
        }
    }

    /// Pixels with the opacity the spans give, feathered, cropped.
    fn lift(&self, spans: &Spans) -> Matte {
        const FEATHER: f32 = 1.1;
        let cover = |x: usize, y: usize| {
            spans[y].map_or(0.0, |(from, to)| {
                let c = x as f32 + 0.5;
                ((c - from).min(to - c) / FEATHER + 0.5).clamp(0.0, 1.0)
            })
        };
        let used = |y: &usize| spans[*y].is_some();
        let (top, bottom) =
            ((0..self.height).find(used).unwrap_or(0), (0..self.height).rfind(used).map_or(self.height, |y| y + 1));
        let left = spans.iter().flatten().map(|s| s.0).fold(self.width as f32, f32::min).floor().max(0.0) as usize;
        let right =
            (spans.iter().flatten().map(|s| s.1).fold(0.0, f32::max).ceil() as usize).min(self.width).max(left + 1);
        let mut pixels = Vec::with_capacity((right - left) * (bottom - top));
        for y in top..bottom {
            for x in left..right {
                let [r, g, b] = self.colors[y * self.width + x].map(|v| v as u8);
                pixels.push([r, g, b, (cover(x, y) * 255.0) as u8]);
            }
        }
        Matte { width: right - left, height: bottom - top, pixels }
    }
}

fn bin(color: [f32; 3]) -> usize {
    let [r, g, b] = color.map(|v| ((v * BINS as f32 / 256.0) as usize).min(BINS - 1));
    (r * BINS + g) * BINS + b
}

/// The connected stretch around the middle of each row, with ragged edges smoothed; `None` when what came out is no
/// container: too thin, or far from the edges of its box.
fn spans(score: &[f32], width: usize, [x1, y1, x2, y2]: Bounds) -> Option<Spans> {
    let height = score.len() / width;
    let middle = f32::midpoint(x1, x2) as usize;
    let raw: Spans = (0..height)
        .map(|y| {
            let row = &score[y * width..(y + 1) * width];
            // Start at the best column near the middle, so that a leaning bottle keeps its neck.
            let near = (middle.saturating_sub(width / 6)..(middle + width / 6).min(width))
                .max_by(|&a, &b| row[a].total_cmp(&row[b]))?;
            if row[near] <= 0.0 {
                return None;
            }
            let from = (0..=near).rev().take_while(|&x| row[x] > 0.0).last()?;
            let to = (near..width).take_while(|&x| row[x] > 0.0).last()?;
            Some((from as f32, to as f32 + 1.0))
        })
        .collect();
    let smooth: Spans = (0..height)
        .map(|y| {
            let near = &raw[y.saturating_sub(4)..(y + 5).min(height)];
            let filled: Vec<(f32, f32)> = near.iter().flatten().copied().collect();
            if filled.len() * 2 <= near.len() {
                return None;
            }
            let median = |side: fn(&(f32, f32)) -> f32| {
                let mut v: Vec<f32> = filled.iter().map(side).collect();
                v.sort_by(f32::total_cmp);
                // The mean of the middle half: as steady as a median, without its steps.
                let part = &v[v.len() / 4..v.len() - v.len() / 4];
                part.iter().sum::<f32>() / part.len() as f32
            };
            Some((median(|s| s.0), median(|s| s.1)))
        })
        .collect();
    let area: f32 = smooth.iter().flatten().map(|s| s.1 - s.0).sum();
    let rows = smooth.iter().flatten().count() as f32;
    let wide = smooth.iter().flatten().map(|s| s.1 - s.0).fold(0.0, f32::max);
    let (w, h) = (x2 - x1, y2 - y1);
    (area > 0.42 * w * h && rows > 0.86 * h && wide > 0.82 * w).then_some(smooth)
}

/// What is taken when colours do not tell: the box with round corners.
fn rounded_box([x1, y1, x2, y2]: Bounds, height: usize) -> Spans {
    (0..height)
        .map(|y| {
            let v = (y as f32 + 0.5 - f32::midpoint(y1, y2)) / ((y2 - y1) / 2.0);
            let half = (1.0 - v.abs().powi(12)).max(0.0).powf(0.25) * (x2 - x1) / 2.0 * 0.97;
            let middle = f32::midpoint(x1, x2);
            (v.abs() < 1.0 && half > 1.0).then_some((middle - half, middle + half))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bottle_on_a_plain_ground_is_cut_along_its_outline() {
        // A red body with a narrow neck, grey around.
        let inside = |x: i32, y: i32| (x - 60).abs() < if y < 70 { 9 } else { 26 } && (20..200).contains(&y);
        let image = RgbImage::from_fn(120, 220, |x, y| {
            let shade = ((x * 7 + y * 13) % 9) as u8;
            if inside(x as i32, y as i32) {
                image::Rgb([180 + shade, 30, 40])
            } else {
                image::Rgb([150, 155, 150 + shade])
            }
        });
        let matte = cut(&image, [34.0, 20.0, 86.0, 200.0]).unwrap();
        assert!(matte.width.abs_diff(52) <= 4 && matte.height.abs_diff(180) <= 6, "{} x {}", matte.width, matte.height);
        let opaque = |x: usize, y: usize| matte.pixels[y * matte.width + x][3] > 127;
        assert!(opaque(matte.width / 2, 10) && opaque(4, matte.height - 20), "body and neck are there");
        assert!(!opaque(4, 10) && !opaque(matte.width - 5, 20), "the ground beside the neck is not");
    }

    #[test]
    fn without_a_difference_the_box_is_taken() {
        let image = RgbImage::from_pixel(100, 120, image::Rgb([90, 90, 90]));
        let matte = cut(&image, [20.0, 20.0, 70.0, 100.0]).unwrap();
        let opaque = matte.pixels.iter().filter(|p| p[3] > 127).count() as f32;
        assert!(opaque / (50.0 * 80.0) > 0.7, "{opaque}");
        assert!(cut(&image, [20.0, 20.0, 30.0, 30.0]).is_none());
    }
}
