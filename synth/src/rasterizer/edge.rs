//! Where the outline of a container runs through a row of the image.

use super::super::profile::Silhouette;
use super::super::simd::{ABREAST, LENGTH, Lane, ROOM, Scratch, multiversion};

/// A row of the image on the plane through the axis: the place of the first column, and how far it is to the next.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) start: (f32, f32),
    pub(super) step: (f32, f32),
}

/// Pixels of a row that follow one another: where on the plane they are, and how much of each is covered.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) s: Lane,
    pub(super) h: Lane,
    /// At most 1; nothing is covered when it is not above 0.
    pub(super) cover: Lane,
    scratch: Scratch,
}

impl Edge {
    pub(super) fn new() -> Self {
        let lane = [0.0; ROOM];
        Self { s: lane, h: lane, cover: lane, scratch: Scratch::new() }
    }

    /// Measures `count` pixels, at most [`LENGTH`], from number `first` of the line on; `scale` is pixels a millimetre.
    pub(super) fn measure(&mut self, silhouette: &Silhouette, scale: f32, line: Line, part: (usize, usize)) {
        measure(self, silhouette, scale, line, part);
    }
}

multiversion! {
    fn measure(edge: &mut Edge, silhouette: &Silhouette, scale: f32, line: Line, part: (usize, usize)) = measure_body
}

#[inline(always)]
fn measure_body(edge: &mut Edge, silhouette: &Silhouette, scale: f32, line: Line, (first, count): (usize, usize)) {
    let (first, count) = (first as i32, count.min(LENGTH).next_multiple_of(ABREAST));
    let (s, h, cover) = (&mut edge.s[..count], &mut edge.h[..count], &mut edge.cover[..count]);
    for i in 0..count {
        let along = (first + i as i32) as f32;
        s[i] = line.start.0 + line.step.0 * along;
        h[i] = line.start.1 + line.step.1 * along;
    }
    silhouette.inside_all((s, h), &mut edge.scratch, cover);
    for cover in cover {
        *cover = (*cover * scale + 0.5).min(1.0);
    }
}
