//! Where the development data lies, and reproducible numbers.

#[path = "../../../vision/tests/shared/data.rs"]
mod development;

use std::path::PathBuf;

/// The development data, or `None` (said aloud).
pub(crate) fn shared_data() -> Option<PathBuf> {
    development::shared_data("")
}

/// Numbers in -1..1 that look random and are the same everywhere.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
