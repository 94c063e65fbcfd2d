//! AVX-512: sixteen lanes, 32 registers, 24 of which accumulate.

use std::arch::x86_64::{
    __m128, __m512, _mm_add_ps, _mm_loadu_ps, _mm_storeu_ps, _mm256_add_ps, _mm256_castps256_ps128,
    _mm256_extractf128_ps, _mm256_hadd_ps, _mm512_castps512_ps256, _mm512_extractf32x8_ps, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::{DOT_COLUMNS, DOT_ROWS, Dots, LANES, ROWS, Tile};

/// See [`super::Isa::tile`]; `V` vectors.
///
/// # Safety
/// The processor has AVX-512F; `offsets` has as many entries as `panel`, and from each of them on `pixels` holds
/// `V * LANES` numbers.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn tile<const V: usize>(panel: &[[f32; ROWS]], offsets: &[u32], pixels: &[f32], tile: &mut Tile) {
    let mut sums = [[_mm512_setzero_ps(); V]; ROWS];
    for (weights, &offset) in panel.iter().zip(offsets) {
        // SAFETY: by this function's contract `V * LANES` numbers follow.
        let from = unsafe { pixels.as_ptr().add(offset as usize) };
        let mut values = [_mm512_setzero_ps(); V];
        for (at, value) in values.iter_mut().enumerate() {
            // SAFETY: as above; `at < V`.
            *value = unsafe { _mm512_loadu_ps(from.add(at * LANES)) };
        }
        for (sums, &weight) in sums.iter_mut().zip(weights) {
            let weight = _mm512_set1_ps(weight);
            for (sum, &value) in sums.iter_mut().zip(&values) {
                *sum = _mm512_fmadd_ps(weight, value, *sum);
            }
        }
    }
    for (row, sums) in tile.iter_mut().zip(&sums) {
        for (to, &sum) in row.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
            // SAFETY: `to` has sixteen numbers.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), sum) };
        }
    }
}

/// See [`super::Isa::dots`].
///
/// # Safety
/// The processor has AVX-512F and DQ; `rows` holds `length` numbers from each of the first four multiples of `stride` on, `pixels`
/// from each of `offsets` on.
#[target_feature(enable = "avx512f,avx512dq")]
#[expect(clippy::too_many_arguments, reason = "operands of an inner loop")]
pub(super) unsafe fn dots(
    rows: &[f32],
    stride: usize,
    pixels: &[f32],
    offsets: &[u32; DOT_COLUMNS],
    length: usize,
    sums: &mut Dots,
) {
    let mut lanes: [[__m512; DOT_COLUMNS]; DOT_ROWS] = [[_mm512_setzero_ps(); DOT_COLUMNS]; DOT_ROWS];
    let (rows, pixels) = (rows.as_ptr(), pixels.as_ptr());
    for at in (0..length).step_by(LANES) {
        let mut left = [_mm512_setzero_ps(); DOT_ROWS];
        for (i, value) in left.iter_mut().enumerate() {
            // SAFETY: `at + LANES <= length`, and `length` numbers lie at `i * stride`.
            *value = unsafe { _mm512_loadu_ps(rows.add(i * stride + at)) };
        }
        for (j, &offset) in offsets.iter().enumerate() {
            // SAFETY: as above, for `pixels`.
            let right = unsafe { _mm512_loadu_ps(pixels.add(offset as usize + at)) };
            for (lanes, &left) in lanes.iter_mut().zip(&left) {
                lanes[j] = _mm512_fmadd_ps(left, right, lanes[j]);
            }
        }
    }
    // Four sums at a time: each is spread over sixteen lanes.
    let (sums, lanes) = (sums.as_flattened_mut(), lanes.as_flattened());
    for (sums, lanes) in sums.as_chunks_mut::<4>().0.iter_mut().zip(lanes.as_chunks::<4>().0) {
        // SAFETY: four numbers are read and written.
        unsafe { _mm_storeu_ps(sums.as_mut_ptr(), _mm_add_ps(_mm_loadu_ps(sums.as_ptr()), totals(lanes))) };
    }
}

/// The sum of each of four vectors.
#[target_feature(enable = "avx512f,avx512dq")]
fn totals(lanes: &[__m512; 4]) -> __m128 {
    let [a, b, c, d] =
        lanes.map(|lanes| _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps::<1>(lanes)));
    let sums = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps::<1>(sums))
}
