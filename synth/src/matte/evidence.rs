//! What speaks for a pixel being of the container or of its surroundings.

use super::super::outline::Outline;
use super::{Patch, apart};

/// Bins of a colour histogram along each axis.
const BINS: usize = 12;

impl Patch {
    /// Fraction of the pixels around the box that show surroundings.
    pub(super) fn surroundings(&self) -> f32 {
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
    pub(super) fn wedges(&self) -> bool {
        let black = |at: usize| self.colors[at].iter().all(|v| *v < 14.0);
        let fraction = |keep: &dyn Fn(f32, f32) -> bool| {
            let (mut all, mut hits) = (1.0_f32, 0.0);
            for (at, _, _) in self.each().filter(|(_, u, v)| keep(*u, *v)) {
                all += 1.0;
                hits += f32::from(u8::from(black(at)));
            }
            hits / all
        };
        let around = fraction(&|u, v| u.abs().max(v.abs()) > 1.03);
        let corner = |su: f32, sv: f32| {
            fraction(&move |u, v| (0.72..1.0).contains(&(u * su)) && (0.72..1.0).contains(&(v * sv)))
        };
        let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(su, sv)| corner(su, sv));
        around > 0.25 || corners.iter().filter(|fraction| **fraction > 0.3).count() >= 2 && around < 0.1
    }

    /// Log odds of being container, by colour and place. Without an outline, the middle of the box is taken for container.
    pub(super) fn odds(&self, outline: Option<&Outline>) -> Vec<f32> {
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
    pub(super) fn edges(&self) -> Vec<f32> {
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
