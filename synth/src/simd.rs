//! The loops over rows of numbers, compiled once more for AVX2 and chosen while running.
//!
//! Both versions compute the same: sums and products are never fused, so that a photo does not depend on the processor.

/// Defines a function that runs one `#[inline(always)]` body, with AVX2 where the processor has it.
macro_rules! multiversion {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident) => {
        $(#[$meta])*
        $visibility fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) {
                    $body($($arg),*);
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has these instructions: just asked.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body($($arg),*);
        }
    };
}

pub(super) use multiversion;

/// Pixels of a row that vector instructions work on together.
pub(super) const ABREAST: usize = 8;

/// Maximum number of pixels of a row that are worked on in one go.
pub(super) const LENGTH: usize = 64;

/// Room for them, and for those that are worked on though nobody asked: loops go on to a multiple of [`ABREAST`], rather
/// than take the last few pixels one by one.
pub(super) const ROOM: usize = LENGTH + ABREAST;

/// A number for each pixel.
pub(super) type Lane = [f32; ROOM];

/// A place in a table for each pixel.
pub(super) type Places = [u32; ROOM];

/// Space to look things up in tables. Vectors work out the places, then things are fetched one by one, then vectors go on:
/// a loop that does all of it is taken pixel by pixel.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    pub(super) places: [Places; 6],
    pub(super) lanes: [Lane; 6],
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { places: [[0; ROOM]; 6], lanes: [[0.0; ROOM]; 6] }
    }
}

/// The whole number nearest to `v`, for `0 <= v < 2^22` (some number below 2^22 for any other). A sum and a mask, of which
/// vectors of eight are quick; a conversion that saturates takes a dozen instructions.
#[inline(always)]
#[must_use]
pub(super) fn nearest(v: f32) -> usize {
    ((v + 8_388_608.0).to_bits() & 0x3f_ffff) as usize
}

/// The step of a table below `v`, cut to `0..=last`, and the fraction of the way from it to the next.
#[inline(always)]
#[must_use]
pub(super) fn between(v: f32, last: f32) -> (usize, f32) {
    let v = v.max(0.0).min(last);
    let step = nearest((v - 0.5).max(0.0));
    (step, v - step as i32 as f32)
}

/// The next whole number below, for `v` within `-2^21..2^21`; `f32::floor` is a library call on plain x86-64.
#[inline(always)]
#[must_use]
pub(super) fn floor(v: f32) -> f32 {
    let near = (v + 12_582_912.0) - 12_582_912.0;
    if near > v { near - 1.0 } else { near }
}

/// What is left of `v` after whole numbers, within `-0.5..=0.5`; for `v` within `-2^21..2^21`.
#[inline(always)]
#[must_use]
pub(super) fn remainder(v: f32) -> f32 {
    v - ((v + 12_582_912.0) - 12_582_912.0)
}

/// `sin(2 pi v)` within .0012, the same on every machine.
#[inline(always)]
#[must_use]
pub(super) fn wave(v: f32) -> f32 {
    let t = remainder(v);
    let parabola = t * (8.0 - 16.0 * t.abs());
    parabola * (0.775 + 0.225 * parabola.abs())
}

/// A number of `0..=65504` in 16 bits: a half-precision float without its sign and without what is smaller than its
/// normal numbers, which becomes the smallest of those, 0.00006. A framebuffer is large: half the bytes are half the waiting.
#[inline(always)]
#[must_use]
pub(super) fn thin(v: f32) -> u16 {
    let bits = v.max(f32::from_bits(MIN_NORMAL)).min(65_504.0).to_bits();
    // To the nearest; half a step is 2^12.
    ((bits - ONE_LESS + 0x1000) >> 13) as u16
}

/// What [`thin`] has put away.
#[inline(always)]
#[must_use]
pub(super) fn thick(bits: u16) -> f32 {
    f32::from_bits((u32::from(bits) << 13) + ONE_LESS)
}

/// 2^-14 as bits, and how much larger the exponent is in 32 bits than in 16.
const MIN_NORMAL: u32 = 113 << 23;
const ONE_LESS: u32 = 112 << 23;

/// Numbers that stay in registers while the rows are added up.
const BLOCK: usize = 32;

multiversion! {
    /// `out[j] = sum over k of weights[k] * rows[k][j]`; every row is at least as long as `out`.
    pub(super) fn weigh(out: &mut [f32], rows: &[&[f32]], weights: &[f32]) = weigh_body
}

#[inline(always)]
fn weigh_body(out: &mut [f32], rows: &[&[f32]], weights: &[f32]) {
    let mut start = 0;
    let mut blocks = out.chunks_exact_mut(BLOCK);
    for block in blocks.by_ref() {
        let mut sums = [0.0_f32; BLOCK];
        for (row, &weight) in rows.iter().zip(weights) {
            let row = &row[start..start + BLOCK];
            for j in 0..BLOCK {
                sums[j] += weight * row[j];
            }
        }
        block.copy_from_slice(&sums);
        start += BLOCK;
    }
    for (j, v) in blocks.into_remainder().iter_mut().enumerate() {
        *v = rows.iter().zip(weights).map(|(row, weight)| weight * row[start + j]).sum();
    }
}

multiversion! {
    /// `sums[j] += light beyond a white sheet in row[j]`, of [`thin`] numbers.
    pub(super) fn spill(sums: &mut [f32], row: &[u16]) = spill_body
}

#[inline(always)]
fn spill_body(sums: &mut [f32], row: &[u16]) {
    for (sum, v) in sums.iter_mut().zip(row) {
        *sum += (thick(*v) - 0.75).clamp(0.0, 4.0);
    }
}

multiversion! {
    /// `out[j] = min(row[j], limit)`, of [`thin`] numbers.
    pub(super) fn cut(out: &mut [f32], row: &[u16], limit: f32) = cut_body
}

#[inline(always)]
fn cut_body(out: &mut [f32], row: &[u16], limit: f32) {
    for (out, v) in out.iter_mut().zip(row) {
        *out = thick(*v).min(limit);
    }
}

multiversion! {
    /// `out[j] += factor * row[j]`.
    pub(super) fn add(out: &mut [f32], row: &[f32], factor: f32) = add_body
}

#[inline(always)]
fn add_body(out: &mut [f32], row: &[f32], factor: f32) {
    for (out, v) in out.iter_mut().zip(row) {
        *out += factor * v;
    }
}

multiversion! {
    /// Every number of `cells` (one more than there are blocks) spread evenly over 8 pixels to the next.
    pub(super) fn widen(out: &mut [f32], cells: &[f32]) = widen_body
}

#[inline(always)]
fn widen_body(out: &mut [f32], cells: &[f32]) {
    for (block, ends) in out.chunks_exact_mut(8).zip(cells.windows(2)) {
        for (k, v) in block.iter_mut().enumerate() {
            *v = ends[0] + (ends[1] - ends[0]) * ((k as f32 + 0.5) / 8.0);
        }
    }
}

multiversion! {
    /// Steps of the tone curve: `sqrt(light * (gain - fall * down))`, at most `last`; `columns` are gain and fall.
    pub(super) fn steps(out: &mut [u32], light: &[f32], columns: [&[f32]; 2], down: f32, last: f32) = steps_body
}

#[inline(always)]
fn steps_body(out: &mut [u32], light: &[f32], columns: [&[f32]; 2], down: f32, last: f32) {
    let [gain, fall] = columns;
    for (((out, light), gain), fall) in out.iter_mut().zip(light).zip(gain).zip(fall) {
        let v = light * (gain - fall * down);
        *out = nearest(v.max(0.0).sqrt().min(last)) as u32;
    }
}

/// How colours and noise of a row are put together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mixing {
    /// 1 leaves colours as they are.
    pub(super) saturation: f32,
    /// Strength of the grains that are grey.
    pub(super) loud: f32,
    /// Strength of those that are coloured.
    pub(super) soft: f32,
}

multiversion! {
    /// Bytes of red, green, blue from tones and grains, all of one length.
    pub(super) fn mix(out: [&mut [u8]; 3], tones: [&[f32]; 3], grains: [&[i8]; 2], how: Mixing) = mix_body
}

#[inline(always)]
fn mix_body(out: [&mut [u8]; 3], tones: [&[f32]; 3], grains: [&[i8]; 2], how: Mixing) {
    let [out_r, out_g, out_b] = out;
    let count = out_r.len();
    let (out_g, out_b) = (&mut out_g[..count], &mut out_b[..count]);
    let [r, g, b] = tones.map(|v| &v[..count]);
    let [first, second] = grains.map(|v| &v[..count]);
    // The tone curve has half a step of rounding in it.
    let byte = |v: f32| nearest(v.clamp(0.5, 255.5) - 0.5) as u8;
    for x in 0..count {
        let grey = 0.3 * r[x] + 0.59 * g[x] + 0.11 * b[x];
        // Shot noise: strongest in the middle tones after the tone curve has done its work.
        let amount = 0.55 + 2.2 / 255.0 * grey * (1.0 - grey * (1.0 / 290.0));
        let (n, m) = (f32::from(first[x]) * amount * how.loud, f32::from(second[x]) * amount * how.soft);
        out_r[x] = byte(grey + (r[x] - grey) * how.saturation + n + m);
        out_g[x] = byte(grey + (g[x] - grey) * how.saturation + n - 0.3 * m);
        out_b[x] = byte(grey + (b[x] - grey) * how.saturation + n - 1.2 * m);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, salt: u32) -> Vec<f32> {
        (0..count as u32).map(|i| ((i * 7919 + salt * 104_729) % 1000) as f32 / 300.0 - 0.4).collect()
    }

    #[test]
    fn steps_and_waves_are_those_of_the_library() {
        for k in 0..=3200 {
            let v = k as f32 * 0.1;
            assert!((nearest(v) as f32 - v).abs() <= 0.5, "{v}");
            let (step, fraction) = between(v, 300.0);
            assert!((step as f32 + fraction - v.min(300.0)).abs() < 1e-3 && (0.0..=1.0).contains(&fraction), "{v}");
            let turns = (v - 160.0) * 0.037;
            assert_eq!((floor(turns), floor(-v)), (turns.floor(), (-v).floor()));
            assert!((wave(turns) - (turns * std::f32::consts::TAU).sin()).abs() < 1.5e-3, "{turns}");
        }
        assert_eq!((nearest(0.4), nearest(0.6), nearest(511.7)), (0, 1, 512));
        assert_eq!((between(-3.0, 7.0), between(f32::NAN, 7.0), between(9.0, 7.0)), ((0, 0.0), (0, 0.0), (6, 1.0)));
    }

    #[test]
    fn thin_numbers_are_near() {
        for k in 0..20_000 {
            let v = (k as f32 * 0.001).exp() * 7e-5 - 7e-5;
            let again = thick(thin(v));
            assert!((again - v).abs() <= v.max(0.0) / 2048.0 + 6.2e-5, "{v} {again}");
            assert_eq!(thin(again), thin(v));
        }
        assert_eq!([0.5, 1.0, 1.5, 16.0].map(|v| thick(thin(v))), [0.5, 1.0, 1.5, 16.0]);
        assert_eq!((thick(thin(1e9)), thick(thin(f32::NAN))), (65_504.0, f32::from_bits(MIN_NORMAL)));
    }

    #[test]
    fn both_versions_compute_the_same() {
        for count in [1, 5, 31, 32, 33, 97, 600] {
            let rows: Vec<Vec<f32>> = (0..5).map(|salt| numbers(count, salt)).collect();
            let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
            let (mut a, mut b) = (vec![0.0; count], vec![0.0; count]);
            let weights = [0.1, -0.2, 0.9, 0.3, 0.05];
            weigh(&mut a, &rows, &weights);
            weigh_body(&mut b, &rows, &weights);
            assert_eq!(a, b);
            let one = |j: usize| rows.iter().zip(&weights).map(|(row, weight)| weight * row[j]).sum::<f32>();
            assert!((0..count).all(|j| (a[j] - one(j)).abs() < 1e-5));
            let (mut a, mut b) = (vec![0; count], vec![0; count]);
            steps(&mut a, rows[0], [rows[1], rows[2]], 0.5, 40.0);
            steps_body(&mut b, rows[0], [rows[1], rows[2]], 0.5, 40.0);
            assert_eq!(a, b);
            let grains: Vec<i8> = (0..count).map(|i| (i * 37 % 255) as u8 as i8).collect();
            let tones: Vec<Vec<f32>> = (0..3).map(|i| rows[i].iter().map(|v| v * 100.0).collect()).collect();
            let tones = [&tones[0][..], &tones[1], &tones[2]];
            let how = Mixing { saturation: 1.1, loud: 0.4, soft: 0.2 };
            let mut bytes = vec![[vec![0_u8; count], vec![0; count], vec![0; count]]; 2];
            let [r, g, b] = &mut bytes[0];
            mix([r, g, b], tones, [&grains, &grains], how);
            let [r, g, b] = &mut bytes[1];
            mix_body([r, g, b], tones, [&grains, &grains], how);
            assert_eq!(bytes[0], bytes[1]);
        }
    }

    #[test]
    fn widening_is_linear_between_the_cells() {
        let mut out = [0.0; 16];
        widen(&mut out, &[0.0, 8.0, 0.0]);
        assert_eq!(out[..8], [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]);
        assert_eq!((out[8], out[15]), (7.5, 0.5));
    }
}
