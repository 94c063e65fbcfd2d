//! Lays what was shaded in the framebuffer, eight pixels of a row at a time.

use std::ops::Range;

use super::ground::{bits, mask, pick, swap};
use super::state::{CLOSED, DONE, TOUCHED};
use super::{Footprint, Framebuffer};
use crate::simd::{ABREAST, LENGTH, Lane, ROOM, multiversion, thick, thin};

/// What is laid on pixels of a row that follow one another: a number for each, and [`ABREAST`] less one beyond what is meant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coat<'a> {
    /// Fraction of the pixel that is covered; pixels with none of it are left alone.
    pub(crate) cover: &'a [f32],
    /// Linear light.
    pub(crate) color: [&'a [f32]; 3],
    /// Fraction of the light behind that is let through; nothing when there are no numbers.
    pub(crate) through: Option<[&'a [f32]; 3]>,
}

const NOTHING: Lane = [0.0; ROOM];

multiversion! {
    /// Lays a coat behind what is there, on at most [`LENGTH`] pixels from a column of a row on; of an item, it is noted what
    /// is seen of it.
    pub(super) fn lay(
        frame: &mut Framebuffer,
        place: (usize, usize),
        count: usize,
        coat: &Coat<'_>,
        item: Option<(u16, &mut Footprint)>
    ) = lay_body
}

#[inline(always)]
fn lay_body(
    frame: &mut Framebuffer,
    (x, y): (usize, usize),
    count: usize,
    coat: &Coat<'_>,
    mut item: Option<(u16, &mut Footprint)>,
) {
    let count = count.min(LENGTH);
    let end = count.next_multiple_of(ABREAST);
    let mut plain = [0_u8; ROOM];
    {
        let (plain, cover) = (&mut plain[..end], &coat.cover[..end]);
        let states = &frame.state[y * frame.width + x..][..end];
        let [r, g, b] = coat.through.unwrap_or([&NOTHING; 3]).map(|lane| &lane[..end]);
        for i in 0..end {
            let whole = mask(cover[i] >= 1.0) & mask(r[i] == 0.0) & mask(g[i] == 0.0) & mask(b[i] == 0.0);
            plain[i] = (whole & mask(states[i] == 0) & 1) as u8;
        }
    }
    let mut from = 0;
    while from < count {
        let same = plain[from];
        let to = from + plain[from..count].iter().take_while(|plain| **plain == same).count();
        if same == 1 {
            hide(frame, (x, y), coat, from..to, &mut item);
        } else if to - from < FEW {
            for i in from..to {
                dot(frame, (x, y), coat, i, &mut item);
            }
        } else {
            add(frame, (x, y), coat, from..to, &mut item);
        }
        from = to;
    }
}

/// Most pixels: all of them is covered by something opaque, and nothing was there before.
#[inline(always)]
fn hide(
    frame: &mut Framebuffer,
    (x, y): (usize, usize),
    coat: &Coat<'_>,
    part: Range<usize>,
    item: &mut Option<(u16, &mut Footprint)>,
) {
    let count = part.len();
    for c in 0..3 {
        let at = (y * 3 + c) * frame.width + x + part.start;
        for (light, color) in frame.light[at..at + count].iter_mut().zip(&coat.color[c][part.clone()]) {
            *light = thin(*color);
        }
    }
    let at = y * frame.width + x + part.start;
    frame.state[at..at + count].fill(TOUCHED | CLOSED | DONE);
    frame.done.set((x + part.start, y), u64::MAX >> (LENGTH - count));
    if let Some((id, print)) = item {
        frame.owner[at..at + count].fill(*id);
        print.seen += count as f32;
        print.touch(x + part.start, y);
        print.touch(x + part.end - 1, y);
    }
}

/// Pixels for which vectors are not worth their while.
const FEW: usize = 4;

/// One pixel, as most edges have.
#[inline(always)]
fn dot(
    frame: &mut Framebuffer,
    (x, y): (usize, usize),
    coat: &Coat<'_>,
    i: usize,
    item: &mut Option<(u16, &mut Footprint)>,
) {
    let (x, cover) = (x + i, coat.cover[i]);
    if !(cover > 0.0) || frame.state[y * frame.width + x] & DONE != 0 {
        return;
    }
    if let Some((id, print)) = item {
        frame.note((x, y), cover, (*id, print));
    }
    let through = coat.through.map_or([0.0; 3], |lanes| lanes.map(|lane| lane[i]));
    frame.put((x, y), cover, (coat.color.map(|lane| lane[i]), through));
}

/// Pixels that are partly covered, or were before, or let light through.
#[inline(always)]
fn add(
    frame: &mut Framebuffer,
    (x, y): (usize, usize),
    coat: &Coat<'_>,
    part: Range<usize>,
    item: &mut Option<(u16, &mut Footprint)>,
) {
    let (x, asked, count) = (x + part.start, part.len(), part.len().next_multiple_of(ABREAST));
    let at = y * frame.width + x;
    let light_at = [0, 1, 2].map(|c| (y * 3 + c) * frame.width + x);
    let cover = &coat.cover[part.start..][..count];
    let through = coat.through.map_or([&NOTHING[..count]; 3], |lanes| lanes.map(|lane| &lane[part.start..][..count]));
    let ground = &mut *frame.ground;
    let all = ground.read(&frame.state[at..][..count], cover, asked);
    if all.none {
        return;
    }
    for (c, at) in light_at.into_iter().enumerate() {
        let open = &mut ground.open[c][..count];
        // What nobody has touched is not looked up: it is rarely in the cache.
        if all.fresh {
            open.fill(1.0);
            continue;
        }
        let (left, touched) = (&frame.through[at..][..count], &ground.touched[..count]);
        for i in 0..count {
            open[i] = pick(touched[i], thick(left[i]), 1.0);
        }
    }
    if let Some((id, print)) = item {
        let (seen, ends) = ground.note(cover, (*id, &mut frame.owner[at..][..count]));
        print.seen += seen;
        if let Some((first, last)) = ends {
            print.touch(x + first, y);
            print.touch(x + last, y);
        }
    }
    let (touched, active) = (&ground.touched[..count], &ground.active[..count]);
    for (c, at) in light_at.into_iter().enumerate() {
        let (light, color) = (&mut frame.light[at..][..count], &coat.color[c][part.start..][..count]);
        let open = &ground.open[c][..count];
        if all.fresh && all.whole {
            // Nor is it waited for.
            for i in 0..asked {
                light[i] = thin(open[i] * cover[i] * color[i]);
            }
            continue;
        }
        for i in 0..count {
            let sum = pick(touched[i], thick(light[i]), 0.0) + open[i] * cover[i] * color[i];
            light[i] = swap(active[i], thin(sum), light[i]);
        }
    }
    for c in 0..3 {
        let (open, through) = (&mut ground.open[c][..count], through[c]);
        for i in 0..count {
            open[i] *= 1.0 - cover[i] * (1.0 - through[i]);
        }
    }
    let states = &mut frame.state[at..][..count];
    let unfinished = ground.pass(cover, through, states);
    // Those beside the part have their bits already where they are finished.
    frame.done.set((x, y), bits(states));
    if unfinished {
        let active = &ground.active[..count];
        for (c, at) in light_at.into_iter().enumerate() {
            let (left, open) = (&mut frame.through[at..][..count], &ground.open[c][..count]);
            if all.whole {
                for i in 0..asked {
                    left[i] = thin(open[i]);
                }
                continue;
            }
            for i in 0..count {
                left[i] = swap(active[i], thin(open[i]), left[i]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framebuffer::{HALF, NOBODY, OPAQUE, SEEN};

    /// What the framebuffer should do, told for a single pixel: light, what is let through, owner.
    struct Pixel {
        light: [f32; 3],
        open: [f32; 3],
        closed: bool,
        owner: u16,
    }

    impl Pixel {
        fn lay(&mut self, cover: f32, (color, through): ([f32; 3], [f32; 3]), (id, seen): (u16, &mut f32)) -> bool {
            if !(cover > 0.0) || self.open.iter().all(|v| *v <= OPAQUE) {
                return false;
            }
            let mean = self.open.iter().sum::<f32>() / 3.0;
            *seen += cover * mean * mean;
            let hit = cover >= HALF && (self.owner == id || !self.closed && mean >= SEEN);
            if hit && self.owner == NOBODY {
                self.owner = id;
            }
            for c in 0..3 {
                self.light[c] = thick(thin(self.light[c] + self.open[c] * cover * color[c]));
                self.open[c] = thick(thin(self.open[c] * (1.0 - cover * (1.0 - through[c]))));
            }
            self.closed |= cover >= HALF && through.iter().all(|v| *v < SEEN);
            hit
        }
    }

    #[test]
    fn rows_are_laid_as_single_pixels_would_be() {
        let (width, height) = (61, 3);
        let mut rng = crate::rng::Rng::new(5);
        for plain in [false, true] {
            let mut frame = Framebuffer::new(width, height);
            let mut pixels: Vec<Pixel> =
                (0..width).map(|_| Pixel { light: [0.0; 3], open: [1.0; 3], closed: false, owner: NOBODY }).collect();
            for id in 0..40_u16 {
                let x = rng.below(width);
                let count = 1 + rng.below(width - x);
                let lane = |count: usize, value: &mut dyn FnMut() -> f32| -> Vec<f32> {
                    (0..count + ABREAST).map(|_| value()).collect()
                };
                let opaque = rng.chance(0.4);
                let cover = lane(count, &mut || if rng.chance(0.6) { 1.0 } else { rng.range(-0.2, 1.0) });
                let color = [(); 3].map(|()| lane(count, &mut || rng.range(0.0, 2.0)));
                let through = [(); 3].map(|()| lane(count, &mut || if opaque { 0.0 } else { rng.range(0.0, 1.0) }));
                let coat = Coat {
                    cover: &cover,
                    color: color.each_ref().map(Vec::as_slice),
                    through: Some(through.each_ref().map(Vec::as_slice)),
                };
                let mut print = Footprint::default();
                let item = Some((id, &mut print));
                if plain {
                    lay_body(&mut frame, (x, 1), count, &coat, item);
                } else {
                    lay(&mut frame, (x, 1), count, &coat, item);
                }
                let (mut seen, mut hits) = (0.0, Vec::new());
                for i in 0..count {
                    let at = |lanes: &[Vec<f32>; 3]| lanes.each_ref().map(|lane| lane[i]);
                    if pixels[x + i].lay(cover[i], (at(&color), at(&through)), (id, &mut seen)) {
                        hits.push((x + i) as i32);
                    }
                }
                assert!((print.seen - seen).abs() < 1e-3, "{} {seen}", print.seen);
                let bounds = hits.first().map(|first| [*first, 1, hits[hits.len() - 1], 1]);
                assert_eq!(bounds.unwrap_or(Footprint::default().extent), print.extent);
            }
            frame.darken();
            let row: Vec<f32> = frame.row(1).iter().map(|v| thick(*v)).collect();
            for (x, pixel) in pixels.iter().enumerate() {
                for c in 0..3 {
                    assert!((row[c * width + x] - pixel.light[c]).abs() < 1e-4, "{x}");
                    let open = frame.through(x, 1)[c];
                    assert!((open - pixel.open[c]).abs() < 1e-4 || pixel.open[c] <= OPAQUE && open == 0.0, "{x}");
                }
                assert_eq!(frame.owners()[width + x], pixel.owner);
            }
            // Nothing beside the row is touched.
            let beside = |y: usize| frame.row(y).iter().all(|v| *v == thin(0.0)) && frame.through(0, y) == [1.0; 3];
            assert!(beside(0) && beside(2));
        }
    }
}
