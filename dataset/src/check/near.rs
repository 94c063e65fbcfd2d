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
pub struct NearIndex {
    tables: [Table; CHUNKS],
}

/// All hashes in the order of one chunk's value.
#[derive(Debug)]
struct Table {
    /// Where each value begins.
    starts: Vec<u32>,
    /// The hashes themselves: most of what is looked at is not near, and need not be looked up elsewhere.
    hashes: Vec<u64>,
    /// Their positions.
    positions: Vec<u32>,
}

impl NearIndex {
    /// Indexes distinct hashes.
    #[must_use]
    pub fn new(hashes: &[u64]) -> Self {
        let tables = std::array::from_fn(|chunk| {
            let mut starts = vec![0_u32; VALUES + 1];
            for &hash in hashes {
                starts[value(hash, chunk) + 1] += 1;
            }
            for at in 0..VALUES {
                starts[at + 1] += starts[at];
            }
            let mut next = starts.clone();
            let mut table = Table { starts, hashes: vec![0; hashes.len()], positions: vec![0; hashes.len()] };
            for (at, &hash) in (0_u32..).zip(hashes) {
                let slot = &mut next[value(hash, chunk)];
                (table.hashes[*slot as usize], table.positions[*slot as usize]) = (hash, at);
                *slot += 1;
            }
            table
        });
        Self { tables }
    }

    /// Positions of hashes within `distance` bits of `hash`, with their distances, each once, in order.
    #[must_use]
    pub fn near(&self, hash: u64, distance: u32) -> BTreeMap<u32, u32> {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "popcnt")]
            fn counting(index: &NearIndex, hash: u64, distance: u32) -> BTreeMap<u32, u32> {
                index.search(hash, distance)
            }
            if std::arch::is_x86_feature_detected!("popcnt") {
                // SAFETY: the processor has the instruction: just asked.
                return unsafe { counting(self, hash, distance) };
            }
        }
        self.search(hash, distance)
    }

    /// [`NearIndex::near`], compiled twice: counting bits is one instruction, or a dozen.
    #[inline(always)]
    fn search(&self, hash: u64, distance: u32) -> BTreeMap<u32, u32> {
        let distance = distance.min(MAX_DISTANCE);
        let mut found = BTreeMap::new();
        for (chunk, Table { starts, hashes, positions }) in self.tables.iter().enumerate() {
            each_within(distance / CHUNKS as u32, |flips| {
                let value = value(hash, chunk) ^ flips;
                let range = starts[value] as usize..starts[value + 1] as usize;
                for (other, at) in hashes[range.clone()].iter().zip(&positions[range]) {
                    let apart = (other ^ hash).count_ones();
                    if apart <= distance {
                        found.insert(*at, apart);
                    }
                }
            });
        }
        found
    }
}

#[inline(always)]
fn value(hash: u64, chunk: usize) -> usize {
    (hash >> (16 * chunk) & 0xffff) as usize
}

/// Calls `visit` with every 16-bit number of at most `bits` (0 to 2) set bits.
#[inline(always)]
fn each_within(bits: u32, mut visit: impl FnMut(usize)) {
    visit(0);
    if bits >= 1 {
        (0..16).for_each(|a| visit(1 << a));
    }
    if bits >= 2 {
        (0..16).for_each(|a| (0..a).for_each(|b| visit(1 << a | 1 << b)));
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
