//! AVX2 and FMA: eight lanes and 16 registers, so a tile is computed in four or two parts of 12 or 8 accumulators.

use std::arch::x86_64::{
    __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_shuffle_ps, _mm256_castps256_ps128,
    _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
};

use super::{DOT_COLUMNS, DOT_ROWS, Dots, LANES, ROWS, Tile};

const WIDE: usize = 8;
const HALF: usize = ROWS / 2;

/// See [`super::Isa::tile`].
///
/// # Safety
/// The processor has AVX2 and FMA; `offsets` has as many entries as `panel`, and from each of them on `pixels` holds
/// `vectors * LANES` numbers.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn tile(panel: &[[f32; ROWS]], offsets: &[u32], pixels: &[f32], vectors: usize, tile: &mut Tile) {
    for first in [0, HALF] {
        // SAFETY: the parts lie within the `vectors * LANES` pixels that the caller vouches for.
        unsafe {
            match vectors {
                1 => part::<2>(panel, offsets, pixels, (first, 0), tile),
                2 => {
                    part::<2>(panel, offsets, pixels, (first, 0), tile);
                    part::<2>(panel, offsets, pixels, (first, LANES), tile);
                }
                _ => {
                    part::<3>(panel, offsets, pixels, (first, 0), tile);
                    part::<3>(panel, offsets, pixels, (first, 3 * WIDE), tile);
                }
            }
        }
    }
}

/// Four rows and `V` vectors of a tile, from `row` and `column` on.
///
/// # Safety
/// As [`tile`], for the pixels `column..column + V * WIDE`.
#[target_feature(enable = "avx2,fma")]
unsafe fn part<const V: usize>(
    panel: &[[f32; ROWS]],
    offsets: &[u32],
    pixels: &[f32],
    (row, column): (usize, usize),
    tile: &mut Tile,
) {
    let mut sums = [[_mm256_setzero_ps(); V]; HALF];
    for (weights, &offset) in panel.iter().zip(offsets) {
        // SAFETY: by this function's contract `column + V * WIDE` numbers follow.
        let from = unsafe { pixels.as_ptr().add(offset as usize + column) };
        let mut values = [_mm256_setzero_ps(); V];
        for (at, value) in values.iter_mut().enumerate() {
            // SAFETY: as above; `at < V`.
            *value = unsafe { _mm256_loadu_ps(from.add(at * WIDE)) };
        }
        for (sums, &weight) in sums.iter_mut().zip(&weights[row..row + HALF]) {
            let weight = _mm256_set1_ps(weight);
            for (sum, &value) in sums.iter_mut().zip(&values) {
                *sum = _mm256_fmadd_ps(weight, value, *sum);
            }
        }
    }
    for (row, sums) in tile[row..row + HALF].iter_mut().zip(&sums) {
        for (to, &sum) in row[column..].as_chunks_mut::<WIDE>().0.iter_mut().zip(sums) {
            // SAFETY: `to` has eight numbers.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr(), sum) };
        }
    }
}

/// See [`super::Isa::dots`].
///
/// # Safety
/// The processor has AVX2 and FMA; `rows` holds `length` numbers from each of the first four multiples of `stride` on,
/// `pixels` from each of `offsets` on.
#[target_feature(enable = "avx2,fma")]
#[expect(clippy::too_many_arguments, reason = "operands of an inner loop")]
pub(super) unsafe fn dots(
    rows: &[f32],
    stride: usize,
    pixels: &[f32],
    offsets: &[u32; DOT_COLUMNS],
    length: usize,
    sums: &mut Dots,
) {
    const PART: usize = DOT_COLUMNS / 2;
    let (rows, pixels) = (rows.as_ptr(), pixels.as_ptr());
    for first in [0, PART] {
        let mut lanes: [[__m256; PART]; DOT_ROWS] = [[_mm256_setzero_ps(); PART]; DOT_ROWS];
        for at in (0..length).step_by(WIDE) {
            let mut right = [_mm256_setzero_ps(); PART];
            for (value, &offset) in right.iter_mut().zip(&offsets[first..]) {
                // SAFETY: `at + WIDE <= length`, and `length` numbers lie at `offset`.
                *value = unsafe { _mm256_loadu_ps(pixels.add(offset as usize + at)) };
            }
            for (i, lanes) in lanes.iter_mut().enumerate() {
                // SAFETY: as above, for `rows`.
                let left = unsafe { _mm256_loadu_ps(rows.add(i * stride + at)) };
                for (lanes, &right) in lanes.iter_mut().zip(&right) {
                    *lanes = _mm256_fmadd_ps(left, right, *lanes);
                }
            }
        }
        for (sums, lanes) in sums.iter_mut().zip(&lanes) {
            for (sum, &lanes) in sums[first..].iter_mut().zip(lanes) {
                *sum += total(lanes);
            }
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn total(lanes: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
