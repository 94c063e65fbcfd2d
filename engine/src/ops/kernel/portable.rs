//! Plain Rust: arrays of lanes that the compiler puts into whatever registers the target has.

use super::{DOT_COLUMNS, DOT_ROWS, Dots, LANES, ROWS, Tile};

const WIDE: usize = 8;
const HALF: usize = ROWS / 2;

/// See [`super::Isa::tile`].
pub(super) fn tile(panel: &[[f32; ROWS]], offsets: &[u32], pixels: &[f32], vectors: usize, tile: &mut Tile) {
    for row in [0, HALF] {
        for column in (0..vectors * LANES).step_by(WIDE) {
            let mut sums = [[0.0_f32; WIDE]; HALF];
            for (weights, &offset) in panel.iter().zip(offsets) {
                let values = &pixels[offset as usize + column..][..WIDE];
                for (sums, weight) in sums.iter_mut().zip(&weights[row..row + HALF]) {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum += weight * value;
                    }
                }
            }
            for (to, sums) in tile[row..row + HALF].iter_mut().zip(&sums) {
                to[column..column + WIDE].copy_from_slice(sums);
            }
        }
    }
}

/// See [`super::Isa::dots`].
#[expect(clippy::too_many_arguments, reason = "operands of an inner loop")]
pub(super) fn dots(
    rows: &[f32],
    stride: usize,
    pixels: &[f32],
    offsets: &[u32; DOT_COLUMNS],
    length: usize,
    sums: &mut Dots,
) {
    for (i, sums) in sums.iter_mut().enumerate().take(DOT_ROWS) {
        for (sum, &offset) in sums.iter_mut().zip(offsets) {
            let mut lanes = [0.0_f32; WIDE];
            let left = rows[i * stride..][..length].as_chunks::<WIDE>().0;
            let right = pixels[offset as usize..][..length].as_chunks::<WIDE>().0;
            for (left, right) in left.iter().zip(right) {
                for (lane, (left, right)) in lanes.iter_mut().zip(left.iter().zip(right)) {
                    *lane += left * right;
                }
            }
            *sum += lanes.iter().sum::<f32>();
        }
    }
}
