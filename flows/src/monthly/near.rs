//! Which photos look alike, without comparing all with all.

use std::collections::BTreeMap;

use dataset::check::near::NearIndex;

/// Positions by hash: distinct hashes in an index, and who has each.
pub(super) struct Alike {
    index: NearIndex,
    by_hash: Vec<Vec<usize>>,
    bits: u32,
}

impl Alike {
    /// Of hashes, each with a position; photos that are blank have none.
    pub(super) fn of(hashes: impl Iterator<Item = (usize, u64)>, bits: u32) -> Self {
        let mut by_hash: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, hash) in hashes {
            by_hash.entry(hash).or_default().push(at);
        }
        let distinct: Vec<u64> = by_hash.keys().copied().collect();
        Self { index: NearIndex::new(&distinct), by_hash: by_hash.into_values().collect(), bits }
    }

    /// Positions of what may look like that, in order.
    pub(super) fn to(&self, hash: u64) -> Vec<usize> {
        let found = self.index.near(hash, self.bits);
        let mut all: Vec<usize> = found.into_keys().flat_map(|at| self.by_hash[at as usize].iter().copied()).collect();
        all.sort_unstable();
        all
    }
}
