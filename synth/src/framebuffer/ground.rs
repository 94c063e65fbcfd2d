//! What is known of pixels while something is laid on them. Vectors choose by bits, not by `if`.

use super::state::{CLOSED, DONE, TOUCHED};
use super::{HALF, NOBODY, OPAQUE, SEEN};
use crate::simd::{ABREAST, Lane, ROOM};

/// For each pixel all bits or none: vectors choose by bits.
type Masks = [u32; ROOM];

const NOTHING: Lane = [0.0; ROOM];

/// What is known of the pixels something is laid on: scratch space.
#[derive(Debug)]
pub(super) struct Ground {
    state: Masks,
    /// Where something was laid before.
    pub(super) touched: Masks,
    /// Where something is laid now.
    pub(super) active: Masks,
    /// Fraction of the light behind that gets through.
    pub(super) open: [Lane; 3],
    /// Where an item is seen, and how much of it.
    hits: Masks,
    fractions: Lane,
}

/// What is said of all pixels of a part.
pub(super) struct All {
    /// Nothing is laid on any of them.
    pub(super) none: bool,
    /// Something is laid on each of them.
    pub(super) whole: bool,
    /// Where something is laid nothing was before.
    pub(super) fresh: bool,
}

impl Ground {
    pub(super) fn new() -> Self {
        let none = [0; ROOM];
        Self { state: none, touched: none, active: none, open: [NOTHING; 3], hits: none, fractions: NOTHING }
    }

    /// Reads states.
    #[inline(always)]
    pub(super) fn read(&mut self, states: &[u8], cover: &[f32], asked: usize) -> All {
        let (count, asked) = (states.len(), asked as u32);
        let cover = &cover[..count];
        let (state, touched, active) =
            (&mut self.state[..count], &mut self.touched[..count], &mut self.active[..count]);
        let (mut active_any, mut active_all, mut touched_any) = (0, u32::MAX, 0);
        for i in 0..count {
            state[i] = u32::from(states[i]);
            touched[i] = mask(state[i] & u32::from(TOUCHED) != 0);
            active[i] = mask((i as u32) < asked) & mask(cover[i] > 0.0) & mask(state[i] & u32::from(DONE) == 0);
            active_any |= active[i];
            active_all &= active[i] | mask(i as u32 >= asked);
            touched_any |= active[i] & touched[i];
        }
        All { none: active_any == 0, whole: active_all != 0, fresh: touched_any == 0 }
    }

    /// Notes what is seen of an item.
    #[inline(always)]
    pub(super) fn note(&mut self, cover: &[f32], (id, owner): (u16, &mut [u16])) -> (f32, Option<(usize, usize)>) {
        let (count, id) = (owner.len(), u32::from(id));
        let (hits, fractions, cover) = (&mut self.hits[..count], &mut self.fractions[..count], &cover[..count]);
        let (state, active) = (&self.state[..count], &self.active[..count]);
        let [r, g, b] = self.open.each_ref().map(|lane| &lane[..count]);
        for i in 0..count {
            let open = (r[i] + g[i] + b[i]) * (1.0 / 3.0);
            // Squared: what shines through a glass is not seen as well as what stands before it.
            fractions[i] = pick(active[i], cover[i] * open * open, 0.0);
            let before = u32::from(owner[i]);
            // Parts of one item, such as the faces of a carton, do not hide one another.
            let free = mask(state[i] & u32::from(CLOSED) == 0) & mask(open >= SEEN);
            hits[i] = active[i] & mask(cover[i] >= HALF) & (mask(before == id) | free);
            let first = hits[i] & mask(before == u32::from(NOBODY));
            owner[i] = (before & !first | id & first) as u16;
        }
        let mut sums = [0.0; ABREAST];
        for fractions in fractions.chunks_exact(ABREAST) {
            for (sum, fraction) in sums.iter_mut().zip(fractions) {
                *sum += fraction;
            }
        }
        let hit = |hit: &u32| *hit != 0;
        let ends = hits.iter().position(hit).zip(hits.iter().rposition(hit));
        (sums.iter().sum(), ends)
    }

    /// Sets the states of the pixels now that something is laid on them, and `open` is what is left; returns whether
    /// any of them is still to be seen through.
    #[inline(always)]
    pub(super) fn pass(&self, cover: &[f32], [r, g, b]: [&[f32]; 3], states: &mut [u8]) -> bool {
        let count = states.len();
        let (cover, r, g, b) = (&cover[..count], &r[..count], &g[..count], &b[..count]);
        let (state, active) = (&self.state[..count], &self.active[..count]);
        let [left_r, left_g, left_b] = self.open.each_ref().map(|lane| &lane[..count]);
        let mut unfinished = 0;
        for i in 0..count {
            let closes = mask(cover[i] >= HALF) & mask(r[i] < SEEN) & mask(g[i] < SEEN) & mask(b[i] < SEEN);
            let done = mask(left_r[i] <= OPAQUE) & mask(left_g[i] <= OPAQUE) & mask(left_b[i] <= OPAQUE);
            let change = u32::from(TOUCHED) | closes & u32::from(CLOSED) | done & u32::from(DONE);
            states[i] = (state[i] | change & active[i]) as u8;
            unfinished |= active[i] & !done;
        }
        unfinished != 0
    }
}

/// [`DONE`] of each state as a bit.
#[inline(always)]
pub(super) fn bits(states: &[u8]) -> u64 {
    let eights = states.as_chunks::<ABREAST>().0;
    eights.iter().rev().fold(0, |bits, eight| {
        // Every byte is 0 or 1; the product gathers them in the highest one.
        let ones = u64::from_le_bytes(*eight) / u64::from(DONE);
        let ones = ones & 0x0101_0101_0101_0101;
        bits << 8 | ones.wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

/// All bits or none.
#[inline(always)]
pub(super) fn mask(set: bool) -> u32 {
    0_u32.wrapping_sub(u32::from(set))
}

/// One number or the other, by a mask.
#[inline(always)]
pub(super) fn pick(mask: u32, set: f32, unset: f32) -> f32 {
    f32::from_bits(set.to_bits() & mask | unset.to_bits() & !mask)
}

#[inline(always)]
pub(super) fn swap(mask: u32, set: u16, unset: u16) -> u16 {
    (u32::from(set) & mask | u32::from(unset) & !mask) as u16
}
