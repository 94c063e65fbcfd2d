//! Dot products of many queries with many rows.
//!
//! Every dot product adds its terms in one order, whatever its place in the batch: equal vectors have equal similarities
//! to the last bit, so ties are real ties and can be broken by exemplar id.

use crate::simd::{multiply_add, multiversion};

multiversion! {
    /// `out[q * rows + r] = queries[q] . rows[r]`, for row-major `queries` (Q, `dimension`) and `rows` (R, `dimension`).
    pub(crate) fn dot_products(queries: &[f32], rows: &[f32], dimension: usize, out: &mut [f32]) = tiled {
        avx512: <true, 16, 4, 4>,
        avx2: <true, 8, 3, 4>,
        portable: <false, 4, 3, 4>,
    }
}

/// The dot product of one pair, bit for bit what [`dot_products`] gives for it.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut out = [0.0];
    dot_products(a, b, a.len(), &mut out);
    out[0]
}

/// Register tiles of `Q` queries by `R` rows: each loaded value is used `R` or `Q` times.
#[inline(always)]
fn tiled<const FUSED: bool, const LANES: usize, const Q: usize, const R: usize>(
    queries: &[f32],
    rows: &[f32],
    dimension: usize,
    out: &mut [f32],
) {
    let (query_count, row_count) = (queries.len() / dimension, rows.len() / dimension);
    assert_eq!(out.len(), query_count * row_count, "one result a pair");
    let mut q = 0;
    while q < query_count {
        let full_queries = q + Q <= query_count;
        let mut r = 0;
        while r < row_count {
            let full_rows = r + R <= row_count;
            match (full_queries, full_rows) {
                (true, true) => tile::<FUSED, LANES, Q, R>((queries, q), (rows, r), dimension, out),
                (true, false) => tile::<FUSED, LANES, Q, 1>((queries, q), (rows, r), dimension, out),
                (false, true) => tile::<FUSED, LANES, 1, R>((queries, q), (rows, r), dimension, out),
                (false, false) => tile::<FUSED, LANES, 1, 1>((queries, q), (rows, r), dimension, out),
            }
            r += if full_rows { R } else { 1 };
        }
        q += if full_queries { Q } else { 1 };
    }
}

#[inline(always)]
fn tile<const FUSED: bool, const LANES: usize, const Q: usize, const R: usize>(
    (queries, q): (&[f32], usize),
    (rows, r): (&[f32], usize),
    dimension: usize,
    out: &mut [f32],
) {
    let query: [&[f32]; Q] = std::array::from_fn(|i| &queries[(q + i) * dimension..][..dimension]);
    let row: [&[f32]; R] = std::array::from_fn(|j| &rows[(r + j) * dimension..][..dimension]);
    let mut sums = [[[0.0_f32; LANES]; R]; Q];

    let whole = dimension / LANES;
    for step in 0..whole {
        let at = step * LANES;
        for i in 0..Q {
            let a: &[f32; LANES] = query[i][at..at + LANES].try_into().expect("a slice of LANES values");
            for j in 0..R {
                let b: &[f32; LANES] = row[j][at..at + LANES].try_into().expect("a slice of LANES values");
                for lane in 0..LANES {
                    sums[i][j][lane] = multiply_add::<FUSED>(a[lane], b[lane], sums[i][j][lane]);
                }
            }
        }
    }

    let row_count = rows.len() / dimension;
    for i in 0..Q {
        for j in 0..R {
            for (lane, at) in (whole * LANES..dimension).enumerate() {
                sums[i][j][lane] = multiply_add::<FUSED>(query[i][at], row[j][at], sums[i][j][lane]);
            }
            out[(q + i) * row_count + r + j] = add_up(sums[i][j]);
        }
    }
}

/// Pairwise: shorter dependency chains and less rounding than one after the other.
#[inline(always)]
fn add_up<const LANES: usize>(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    #[test]
    fn every_shape_agrees_with_double_precision() {
        for dimension in [1, 3, 4, 15, 16, 17, 64, 100, 1280] {
            for (queries, rows) in [(1, 1), (1, 9), (5, 1), (4, 4), (7, 13), (60, 33)] {
                let (a, b) = (values(queries * dimension, 1), values(rows * dimension, 2));
                let mut out = vec![f32::NAN; queries * rows];
                dot_products(&a, &b, dimension, &mut out);
                for q in 0..queries {
                    for r in 0..rows {
                        let (x, y) = (&a[q * dimension..][..dimension], &b[r * dimension..][..dimension]);
                        let exact: f64 = x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
                        let got = out[q * rows + r];
                        assert!((f64::from(got) - exact).abs() < 1e-4, "{dimension} {queries}x{rows}: {got} {exact}");
                        assert_eq!(got.to_bits(), dot(x, y).to_bits(), "the place in the batch must not matter");
                    }
                }
            }
        }
    }

    #[test]
    fn the_portable_body_agrees_with_the_chosen_one() {
        let (a, b) = (values(5 * 77, 3), values(6 * 77, 4));
        let (mut chosen, mut portable) = (vec![0.0; 30], vec![0.0; 30]);
        dot_products(&a, &b, 77, &mut chosen);
        tiled::<false, 4, 3, 4>(&a, &b, 77, &mut portable);
        for (x, y) in chosen.iter().zip(&portable) {
            assert!((x - y).abs() < 1e-5);
        }
    }
}
