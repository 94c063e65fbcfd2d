//! Dot products of many queries with many rows.
//!
//! Rows are stored [`LANES`] at a time, interleaved, so that a vector register holds one component of several rows and no
//! sum ever has to be taken across a register. Every dot product adds its terms from the first component to the last,
//! whatever its place in the batch: equal vectors have equal similarities to the last bit, so ties are real ties and can be
//! broken by exemplar id.

/// Rows of a panel.
pub(crate) const LANES: usize = 32;

/// `out[q * LANES + lane] = queries[q] . row lane of panel`, for row-major `queries` (Q, `dimension`) and a panel
/// (`dimension`, [`LANES`]).
///
/// # Panics
/// When the sizes do not fit each other.
pub(crate) fn panel_products(panel: &[f32], queries: &[f32], dimension: usize, out: &mut [f32]) {
    assert!(dimension > 0 && panel.len() == dimension * LANES, "a panel of this dimension");
    assert!(queries.len().is_multiple_of(dimension) && out.len() == queries.len() / dimension * LANES, "LANES a query");
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { x86::avx512(panel, queries, dimension, out) };
        }
        if is_fused() {
            // SAFETY: as above.
            return unsafe { x86::avx2(panel, queries, dimension, out) };
        }
    }
    portable(panel, queries, dimension, out);
}

/// `query . row` for each row, bit for bit what [`panel_products`] gives.
pub(crate) fn dots<'a>(query: &[f32], rows: impl IntoIterator<Item = &'a [f32]>) -> Vec<f32> {
    let rows: Vec<&[f32]> = rows.into_iter().collect();
    let mut products = vec![0.0; rows.len()];
    for (rows, products) in rows.chunks(TOGETHER).zip(products.chunks_mut(TOGETHER)) {
        // The last few are joined by copies of their first.
        let rows: [&[f32]; TOGETHER] = std::array::from_fn(|i| *rows.get(i).unwrap_or(&rows[0]));
        let sums = eight_dots(query, rows);
        products.copy_from_slice(&sums[..products.len()]);
    }
    products
}

/// Sums that run at the same time: one alone would wait for the result of every addition.
const TOGETHER: usize = 8;

fn eight_dots(query: &[f32], rows: [&[f32]; TOGETHER]) -> [f32; TOGETHER] {
    #[cfg(target_arch = "x86_64")]
    if is_fused() {
        #[target_feature(enable = "avx2,fma")]
        fn fused(query: &[f32], rows: [&[f32]; TOGETHER]) -> [f32; TOGETHER] {
            eight_dots_body::<true>(query, rows)
        }
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { fused(query, rows) };
    }
    eight_dots_body::<false>(query, rows)
}

#[inline(always)]
fn eight_dots_body<const FUSED: bool>(query: &[f32], rows: [&[f32]; TOGETHER]) -> [f32; TOGETHER] {
    let rows = rows.map(|row| &row[..query.len()]);
    let mut sums = [0.0_f32; TOGETHER];
    for (at, &value) in query.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(&rows) {
            *sum = if FUSED { value.mul_add(row[at], *sum) } else { *sum + value * row[at] };
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
fn is_fused() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

fn portable(panel: &[f32], queries: &[f32], dimension: usize, out: &mut [f32]) {
    let panel = panel.as_chunks::<LANES>().0;
    for (query, sums) in queries.chunks_exact(dimension).zip(out.as_chunks_mut::<LANES>().0) {
        sums.fill(0.0);
        for (value, rows) in query.iter().zip(panel) {
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum += value * row;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_fmadd_ps,
        _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    use super::LANES;

    /// Defines a function that takes tiles of queries by `$vectors` registers of rows through the processor: every loaded
    /// value is used several times. The compiler's own vectoriser does not find this.
    macro_rules! kernel {
        ($name:ident, $features:literal, $width:literal x $vectors:literal, $queries:literal,
         $zero:ident, $set:ident, $load:ident, $fma:ident, $store:ident) => {
            #[target_feature(enable = $features)]
            pub(super) fn $name(panel: &[f32], queries: &[f32], dimension: usize, out: &mut [f32]) {
                /// `Q` queries with the `$width * $vectors` rows from lane `first` on.
                #[inline]
                #[target_feature(enable = $features)]
                // By index: an accumulator that an iterator borrows lives in memory.
                fn tile<const Q: usize>(
                    panel: &[f32],
                    first: usize,
                    queries: &[f32],
                    dimension: usize,
                    out: &mut [f32],
                ) {
                    assert!(panel.len() == dimension * LANES && first + $width * $vectors <= LANES);
                    assert!(queries.len() == Q * dimension && out.len() == Q * LANES);
                    let mut sums = [[$zero(); $vectors]; Q];
                    for at in 0..dimension {
                        let mut rows = [$zero(); $vectors];
                        for v in 0..$vectors {
                            // SAFETY: at < dimension and first + (v + 1) * width <= LANES, so this ends within the panel.
                            rows[v] = unsafe { $load(panel.as_ptr().add(at * LANES + first + v * $width)) };
                        }
                        for q in 0..Q {
                            // SAFETY: q < Q and at < dimension, so this lies within the queries.
                            let value = $set(unsafe { *queries.get_unchecked(q * dimension + at) });
                            for v in 0..$vectors {
                                sums[q][v] = $fma(value, rows[v], sums[q][v]);
                            }
                        }
                    }
                    for q in 0..Q {
                        for v in 0..$vectors {
                            // SAFETY: q < Q and first + (v + 1) * width <= LANES, so this ends within `out`.
                            unsafe { $store(out.as_mut_ptr().add(q * LANES + first + v * $width), sums[q][v]) };
                        }
                    }
                }

                let mut queries = queries;
                let mut out = out;
                while !queries.is_empty() {
                    let count = queries.len() / dimension;
                    let taken = if count >= $queries {
                        $queries
                    } else if count >= 4 {
                        4
                    } else {
                        1
                    };
                    let (these, rest) = queries.split_at(taken * dimension);
                    let (results, rest_of_out) = out.split_at_mut(taken * LANES);
                    for first in (0..LANES).step_by($width * $vectors) {
                        match taken {
                            1 => tile::<1>(panel, first, these, dimension, results),
                            4 => tile::<4>(panel, first, these, dimension, results),
                            _ => tile::<$queries>(panel, first, these, dimension, results),
                        }
                    }
                    (queries, out) = (rest, rest_of_out);
                }
            }
        };
    }

    kernel!(
        avx512, "avx512f", 16 x 2, 12,
        _mm512_setzero_ps, _mm512_set1_ps, _mm512_loadu_ps, _mm512_fmadd_ps, _mm512_storeu_ps
    );
    kernel!(
        avx2, "avx2,fma", 8 x 2, 6,
        _mm256_setzero_ps, _mm256_set1_ps, _mm256_loadu_ps, _mm256_fmadd_ps, _mm256_storeu_ps
    );
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

    /// A way to compute [`panel_products`].
    type Kernel = fn(&[f32], &[f32], usize, &mut [f32]);

    fn kernels() -> Vec<(&'static str, Kernel)> {
        let mut all: Vec<(&str, Kernel)> = vec![("chosen", panel_products), ("portable", portable)];
        #[cfg(target_arch = "x86_64")]
        if is_fused() {
            // SAFETY: the processor has what the function is compiled for.
            all.push(("avx2", |panel, queries, dimension, out| unsafe { x86::avx2(panel, queries, dimension, out) }));
        }
        all
    }

    #[test]
    fn every_kernel_agrees_with_double_precision_and_with_single_pairs() {
        for dimension in [1, 3, 16, 17, 100, 1280] {
            let panel = values(dimension * LANES, 1);
            let rows: Vec<Vec<f32>> =
                (0..LANES).map(|lane| panel.iter().skip(lane).step_by(LANES).copied().collect()).collect();
            // Full tiles of 12 and 6, tiles of 4, single ones, and their mixtures.
            for count in [0, 1, 3, 4, 6, 12, 13, 29, 60] {
                let queries = values(count * dimension, 2);
                for (name, kernel) in kernels() {
                    let mut out = vec![f32::NAN; count * LANES];
                    kernel(&panel, &queries, dimension, &mut out);
                    for (query, out) in queries.chunks_exact(dimension).zip(out.chunks_exact(LANES)) {
                        let pairs = dots(query, rows.iter().map(Vec::as_slice));
                        for ((row, &got), pair) in rows.iter().zip(out).zip(pairs) {
                            let exact: f64 = query.iter().zip(row).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                            assert!((f64::from(got) - exact).abs() < 1e-3, "{name} {dimension} {count}: {got} {exact}");
                            if name == "chosen" {
                                assert_eq!(got.to_bits(), pair.to_bits(), "the place in the batch must not matter");
                            }
                        }
                    }
                }
            }
        }
    }
}
