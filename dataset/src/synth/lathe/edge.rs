//! Where the outline of a container runs through a row of the picture.

use super::super::profile::Silhouette;
use super::super::simd::multiversion;
use super::strip::{LENGTH, Lane, ROOM};

/// A row of the picture on the plane through the axis: the place of the first column, and how far it is to the next.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) start: (f32, f32),
    pub(super) step: (f32, f32),
}

/// Pixels of a row that follow one another: where on the plane they are, and how much of each is covered.
pub(super) struct Edge {
    pub(super) s: Lane,
    pub(super) h: Lane,
    /// At most 1; nothing is covered when it is not above 0.
    pub(super) cover: Lane,
}

impl Edge {
    pub(super) fn new() -> Self {
        let lane = [0.0; ROOM];
        Self { s: lane, h: lane, cover: lane }
    }

    /// Measures `count` pixels, at most [`LENGTH`], from number `first` of the line on; `scale` is pixels a millimetre.
    pub(super) fn measure(&mut self, silhouette: &Silhouette, scale: f32, line: Line, (first, count): (usize, usize)) {
        measure(self, silhouette, scale, line, first, count.min(LENGTH));
    }
}

multiversion! {
    fn measure(edge: &mut Edge, silhouette: &Silhouette, scale: f32, line: Line, first: usize, count: usize) = measure_body
}

#[inline(always)]
fn measure_body(edge: &mut Edge, silhouette: &Silhouette, scale: f32, line: Line, first: usize, count: usize) {
    let first = first as i32;
    for block in 0..count.div_ceil(8) {
        let at = block * 8..block * 8 + 8;
        let (s, h, cover) = (&mut edge.s[at.clone()], &mut edge.h[at.clone()], &mut edge.cover[at]);
        for i in 0..8 {
            let along = (first + (block * 8 + i) as i32) as f32;
            s[i] = line.start.0 + line.step.0 * along;
            h[i] = line.start.1 + line.step.1 * along;
            cover[i] = (silhouette.inside(s[i], h[i]) * scale + 0.5).min(1.0);
        }
    }
}
