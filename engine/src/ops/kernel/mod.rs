//! The innermost loops, written once per instruction set and chosen at run time.
//!
//! | instructions | processors |
//! |---|---|
//! | AVX-512 | servers since 2017, Zen 4 and later |
//! | AVX2 and FMA | almost every x86-64 since 2013 |
//! | portable | everything else: plain Rust that the compiler turns into what the target surely has |

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use std::sync::LazyLock;

/// Output channels of a tile.
pub(super) const ROWS: usize = 8;
/// Output pixels of a tile: three vectors of [`LANES`].
pub(super) const COLUMNS: usize = 48;
/// Pixels come in multiples of this.
pub(super) const LANES: usize = 16;
/// Channels of the gradient that [`Isa::dots`] takes at once.
pub(super) const DOT_ROWS: usize = 4;
/// Shifted images that [`Isa::dots`] takes at once.
pub(super) const DOT_COLUMNS: usize = 6;

/// A tile of results: 8 channels of 48 pixels fill 24 of the 32 vector registers of AVX-512, which leaves room for the
/// operands, hides the latency of the fused multiply-adds, and 8 divides every channel count of the networks here.
pub(super) type Tile = [[f32; COLUMNS]; ROWS];

/// Sums of products along pixels.
pub(super) type Dots = [[f32; DOT_COLUMNS]; DOT_ROWS];

/// Instructions to compute with. A value other than [`Isa::Portable`] exists only on a processor that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Isa(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

/// Where the operands of a tile lie relative to its first pixel.
#[derive(Debug, Clone)]
pub(super) struct Taps {
    offsets: Vec<u32>,
    reach: usize,
}

impl Taps {
    /// Panics past 2^32: scratch memory is far smaller.
    pub(super) fn new(offsets: impl Iterator<Item = usize>) -> Self {
        let offsets: Vec<u32> = offsets.map(|at| u32::try_from(at).expect("scratch below 16 GiB")).collect();
        let reach = offsets.iter().max().map_or(0, |&at| at as usize);
        Self { offsets, reach }
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }
}

impl Isa {
    /// The fastest of this processor.
    pub(crate) fn best() -> Self {
        static BEST: LazyLock<Isa> = LazyLock::new(|| Isa::all()[0]);
        *BEST
    }

    /// All of this processor, fastest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq");
            if avx2 && wide {
                all.push(Self(Set::Avx512));
            }
            if avx2 {
                all.push(Self(Set::Avx2));
            }
        }
        all.push(Self(Set::Portable));
        all
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_avx512(self) -> bool {
        self.0 == Set::Avx512
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_avx2(self) -> bool {
        self.0 == Set::Avx2
    }

    /// `tile[r][p] = sum over k of panel[k][r] * pixels[start + taps[k] + p]` for the first `vectors * LANES` pixels.
    ///
    /// # Panics
    /// When the operands are shorter than that.
    #[expect(clippy::too_many_arguments, reason = "operands of an inner loop")]
    pub(super) fn tile(
        self,
        panel: &[[f32; ROWS]],
        taps: &Taps,
        pixels: &[f32],
        start: usize,
        vectors: usize,
        tile: &mut Tile,
    ) {
        assert!(panel.len() == taps.len() && (1..=COLUMNS / LANES).contains(&vectors));
        assert!(start + taps.reach + vectors * LANES <= pixels.len(), "pixels end before the tile");
        let pixels = &pixels[start..];
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions (`Set::Avx512` is only made when they were found); the panel has
            // one entry per tap, and every tap reads `vectors * LANES` pixels from at most `reach`: both checked above.
            Set::Avx512 => unsafe {
                match vectors {
                    1 => avx512::tile::<1>(panel, &taps.offsets, pixels, tile),
                    2 => avx512::tile::<2>(panel, &taps.offsets, pixels, tile),
                    _ => avx512::tile::<3>(panel, &taps.offsets, pixels, tile),
                }
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Set::Avx2 => unsafe { avx2::tile(panel, &taps.offsets, pixels, vectors, tile) },
            Set::Portable => portable::tile(panel, &taps.offsets, pixels, vectors, tile),
        }
    }

    /// `sums[i][j] += sum over p of rows[i * stride + p] * pixels[start + offsets[j] + p]` for `length` pixels, a multiple
    /// of [`LANES`].
    ///
    /// # Panics
    /// When the operands are shorter than that.
    #[expect(clippy::too_many_arguments, reason = "operands of an inner loop")]
    pub(super) fn dots(
        self,
        (rows, stride): (&[f32], usize),
        (pixels, start): (&[f32], usize),
        offsets: &[u32; DOT_COLUMNS],
        length: usize,
        sums: &mut Dots,
    ) {
        let reach = offsets.iter().max().map_or(0, |&at| at as usize);
        assert!(length.is_multiple_of(LANES) && (DOT_ROWS - 1) * stride + length <= rows.len());
        assert!(start + reach + length <= pixels.len(), "pixels end before the sums");
        let pixels = &pixels[start..];
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions (see `Isa`); all reads end before the slices do, checked above.
            Set::Avx512 => unsafe { avx512::dots(rows, stride, pixels, offsets, length, sums) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Set::Avx2 => unsafe { avx2::dots(rows, stride, pixels, offsets, length, sums) },
            Set::Portable => portable::dots(rows, stride, pixels, offsets, length, sums),
        }
    }
}

/// Defines a function that compiles one `#[inline(always)]` body for every instruction set and calls the one that `isa`
/// names: fixed-size arrays of lanes become vector registers once the compiler may use them.
///
/// The body of a `fused` one has a constant parameter that says whether a fused multiply-add is one instruction: in software
/// it is a hundred times slower than two.
macro_rules! multiversion {
    (
        $(#[$meta:meta])*
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $result:ty)? = fused $body:ident
    ) => {
        multiversion!(@ $(#[$meta])* $name($($arg: $ty),*) ($(-> $result)?) ($body::<true>) ($body::<false>));
    };
    (
        $(#[$meta:meta])*
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $result:ty)? = $body:ident
    ) => {
        multiversion!(@ $(#[$meta])* $name($($arg: $ty),*) ($(-> $result)?) ($body) ($body));
    };
    (
        @ $(#[$meta:meta])* $name:ident($($arg:ident: $ty:ty),*) ($($result:tt)*) ($($fused:tt)*) ($($plain:tt)*)
    ) => {
        $(#[$meta])*
        fn $name(isa: $crate::ops::kernel::Isa, $($arg: $ty),*) $($result)* {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                fn avx512($($arg: $ty),*) $($result)* {
                    $($fused)*($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) $($result)* {
                    $($fused)*($($arg),*)
                }
                if isa.is_avx512() {
                    // SAFETY: such an `Isa` exists only where these instructions were found.
                    return unsafe { avx512($($arg),*) };
                }
                if isa.is_avx2() {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            let _ = isa;
            $($plain)*($($arg),*)
        }
    };
}

pub(super) use multiversion;
