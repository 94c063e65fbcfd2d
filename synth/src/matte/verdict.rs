//! Whether an outline that was found may be believed, and what is within it is worth pasting.

use super::super::outline::Outline;
use super::super::sku::Class;
use super::{Patch, RejectReason, apart};

impl Patch {
    pub(super) fn plausible(&self, outline: &Outline, class: Class) -> bool {
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
    pub(super) fn runs_along_edges(&self, outline: &Outline) -> bool {
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
    pub(super) fn lopsided(&self, outline: &Outline, odds: &[f32]) -> bool {
        let (mut all, mut foreign) = ([1.0_f32; 2], [0.0_f32; 2]);
        for y in outline.rows() {
            for x in outline.span(y) {
                let side = usize::from(x as f32 > outline.middle(y));
                all[side] += 1.0;
                foreign[side] += f32::from(u8::from(odds[y * self.width + x] < 0.0));
            }
        }
        let fraction = [foreign[0] / all[0], foreign[1] / all[1]];
        (fraction[0] - fraction[1]).abs() > 0.16 || fraction[0] + fraction[1] > 1.1
    }

    /// Whether skin reaches from outside into the outline.
    pub(super) fn held(&self, outline: &Outline) -> bool {
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

    pub(super) fn lit_well(&self, outline: &Outline) -> Result<(), RejectReason> {
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
        let quantile = |fraction: f32| luma[((luma.len() - 1) as f32 * fraction) as usize];
        if luma.is_empty() || quantile(0.95) < 60.0 || quantile(0.5) > 246.0 || quantile(0.97) - quantile(0.03) < 40.0 {
            return Err(RejectReason::Light);
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
        if mean < 2.0 || sharp < 22.0 { Err(RejectReason::Blurred) } else { Ok(()) }
    }
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
