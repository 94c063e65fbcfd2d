//! Which pixels are finished, a bit each: what stands behind is mostly hidden, and passes over them by 64 at a time.

/// Bits of an image, row by row; rows begin with a new word.
#[derive(Debug, Default)]
pub(super) struct Done {
    words: Vec<u64>,
    stride: usize,
}

const BITS: usize = 64;

impl Done {
    /// Nothing is finished.
    pub(super) fn reset(&mut self, (width, height): (usize, usize)) {
        // One more word, so that a shifted one always has a neighbour.
        self.stride = width.div_ceil(BITS) + 1;
        self.words.clear();
        self.words.resize(self.stride * height, 0);
    }

    /// Finishes the pixels from column `x` on that are set in `bits`.
    #[inline(always)]
    pub(super) fn set(&mut self, (x, y): (usize, usize), bits: u64) {
        let (at, shift) = (y * self.stride + x / BITS, x % BITS);
        self.words[at] |= bits << shift;
        // In two steps: a shift by all 64 bits is none.
        self.words[at + 1] |= bits >> 1 >> (BITS - 1 - shift);
    }

    /// The first pixels in a stretch of a row, from column `from` on and before `to`, that are not finished: from, to; empty at
    /// `to` when there are none.
    #[inline]
    pub(super) fn open_run(&self, y: usize, from: usize, to: usize) -> (usize, usize) {
        let row = &self.words[y * self.stride..(y + 1) * self.stride];
        let start = find(row, from, to, u64::MAX);
        (start, find(row, start, to, 0))
    }

    /// Whether any pixel of a stretch of a row is not finished.
    #[inline]
    pub(super) fn open_within(&self, y: usize, from: usize, to: usize) -> bool {
        find(&self.words[y * self.stride..(y + 1) * self.stride], from, to, u64::MAX) < to
    }
}

/// The first column from `from` on whose bit is not as in `like`; `to` when there is none before it.
#[inline(always)]
fn find(row: &[u64], from: usize, to: usize, like: u64) -> usize {
    if from >= to {
        return to;
    }
    let mut at = from / BITS;
    let mut other = (row[at] ^ like) & u64::MAX << (from % BITS);
    while other == 0 {
        at += 1;
        if at * BITS >= to {
            return to;
        }
        other = row[at] ^ like;
    }
    (at * BITS + other.trailing_zeros() as usize).min(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_those_of_a_list() {
        let (width, height) = (333, 4);
        let mut rng = crate::rng::Rng::new(9);
        let mut done = Done::default();
        done.reset((width, height));
        let mut list = vec![false; width * height];
        for round in 0..400 {
            let (y, x) = (rng.below(height), rng.below(width));
            let count = (1 + rng.below(BITS)).min(width - x);
            let bits = u64::MAX >> (BITS - count) & (u64::from(rng.next_u32()) << 32 | u64::from(rng.next_u32()));
            done.set((x, y), bits);
            (0..count).filter(|i| bits >> i & 1 == 1).for_each(|i| list[y * width + x + i] = true);
            let (y, from) = (rng.below(height), rng.below(width + 1));
            let to = from + rng.below(width + 1 - from);
            let row = &list[y * width..(y + 1) * width];
            let start = (from..to).find(|x| !row[*x]).unwrap_or(to);
            let end = (start..to).find(|x| row[*x]).unwrap_or(to);
            assert_eq!(done.open_run(y, from, to), (start, end), "{round}: {from}..{to}");
            assert_eq!(done.open_within(y, from, to), start < to);
        }
        assert!(list.iter().filter(|set| **set).count() > width);
    }
}
