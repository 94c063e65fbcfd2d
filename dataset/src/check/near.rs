//! Pairs of similar 64-bit hashes without comparing all with all.
//!
//! Multi-index hashing (Norouzi, Punjani, Fleet 2012): two hashes that differ in at most `d` of 64 bits differ in at most
//! `d / 4` bits of at least one of four 16-bit chunks. So each hash is looked up in four tables under every chunk value that
//! close: 1, 17 or 137 look-ups a table for `d` below 4, 8 or 12.

use std::collections::BTreeMap;

const CHUNKS: usize = 4;
const VALUES: usize = 1 << 16;

/// The largest distance that can be asked for: beyond it the tables are slower than comparing all with all.
pub const MAX_DISTANCE: u32 = 11;

/// Two different hashes that are near each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NearPair {
    /// Position of one.
    pub one: u32,
    /// Position of the other; may equal `one` when a hash is near its own mirror image.
    pub other: u32,
    /// Whether it is the mirror image of `other` that is near.
    pub mirrored: bool,
    /// Bits that differ.
    pub distance: u32,
}

/// Hashes by the values of their chunks.
#[derive(Debug)]
pub struct NearIndex<'a> {
    hashes: &'a [u64],
    // For each chunk: positions sorted by chunk value, and where each value begins.
    tables: [(Vec<u32>, Vec<u32>); CHUNKS],
}

impl<'a> NearIndex<'a> {
    /// Indexes distinct hashes.
    #[must_use]
    pub fn new(hashes: &'a [u64]) -> Self {
        let tables = std::array::from_fn(|chunk| {
            let mut starts = vec![0_u32; VALUES + 1];
            for &hash in hashes {
                starts[value(hash, chunk) + 1] += 1;
            }
            for at in 0..VALUES {
                starts[at + 1] += starts[at];
            }
            let mut next = starts.clone();
            let mut positions = vec![0; hashes.len()];
            for (at, &hash) in (0_u32..).zip(hashes) {
                let slot = &mut next[value(hash, chunk)];
                positions[*slot as usize] = at;
                *slot += 1;
            }
            (positions, starts)
        });
        Self { hashes, tables }
    }

    /// Positions of hashes within `distance` bits of `hash`, with their distances, each once, in order.
    #[must_use]
    pub fn near(&self, hash: u64, distance: u32) -> BTreeMap<u32, u32> {
        let distance = distance.min(MAX_DISTANCE);
        let mut found = BTreeMap::new();
        for chunk in 0..CHUNKS {
            let (positions, starts) = &self.tables[chunk];
            each_within(distance / CHUNKS as u32, |flips| {
                let value = value(hash, chunk) ^ flips;
                for &at in &positions[starts[value] as usize..starts[value + 1] as usize] {
                    let apart = (self.hashes[at as usize] ^ hash).count_ones();
                    if apart <= distance {
                        found.insert(at, apart);
                    }
                }
            });
        }
        found
    }
}

fn value(hash: u64, chunk: usize) -> usize {
    (hash >> (16 * chunk) & 0xffff) as usize
}

/// Calls `visit` with every 16-bit number of at most `bits` (0 to 2) set bits.
fn each_within(bits: u32, mut visit: impl FnMut(usize)) {
    visit(0);
    for a in 0..16 {
        if bits >= 1 {
            visit(1 << a);
        }
        for b in 0..a {
            if bits >= 2 {
                visit(1 << a | 1 << b);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_comparing_all_with_all_finds(
            bases in prop::collection::vec(any::<u64>(), 1..8),
            flips in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(0_u32..64, 0..14)), 1..60),
            distance in 0_u32..=MAX_DISTANCE,
        ) {
            let mut hashes: Vec<u64> = flips
                .iter()
                .map(|(base, bits)| bits.iter().fold(*base.get(&bases), |hash, bit| hash ^ 1 << bit))
                .collect();
            hashes.sort_unstable();
            hashes.dedup();
            let index = NearIndex::new(&hashes);
            for &query in hashes.iter().chain(&bases) {
                let expected: BTreeMap<u32, u32> = (0_u32..)
                    .zip(&hashes)
                    .map(|(at, hash)| (at, (hash ^ query).count_ones()))
                    .filter(|(_, apart)| *apart <= distance)
                    .collect();
                prop_assert_eq!(index.near(query, distance), expected);
            }
        }
    }
}
