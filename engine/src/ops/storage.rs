//! Numbers of candle's tensors as slices.

use std::marker::PhantomData;

use candle_core::{CpuStorage, DType, Layout, Result, Storage, Tensor, WithDType, bail};

use super::strip::Planes;

/// Floats that the operations here compute with: `f32` fast, `f64` for checking.
pub(super) trait Real: WithDType + Send + Sync {
    /// Its numbers in candle's memory.
    fn slice(storage: &CpuStorage) -> Option<&[Self]>;
    /// Into candle's memory.
    fn storage(values: Vec<Self>) -> CpuStorage;
    /// Rounds.
    fn of(value: f64) -> Self;
    /// `1 / (1 + exp(-x))`
    fn sigmoid(self) -> Self;
}

/// Runs `$body` with `$t` being the float type of `$dtype`.
macro_rules! with_real {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            candle_core::DType::F32 => {
                type $t = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $t = f64;
                $body
            }
            other => candle_core::bail!("this operation takes f32 or f64 on a CPU, not {other:?}"),
        }
    };
}

pub(super) use with_real;

impl Real for f64 {
    fn slice(storage: &CpuStorage) -> Option<&[Self]> {
        if let CpuStorage::F64(values) = storage { Some(values) } else { None }
    }

    fn storage(values: Vec<Self>) -> CpuStorage {
        CpuStorage::F64(values)
    }

    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn sigmoid(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }
}

impl Real for f32 {
    fn slice(storage: &CpuStorage) -> Option<&[Self]> {
        if let CpuStorage::F32(values) = storage { Some(values) } else { None }
    }

    fn storage(values: Vec<Self>) -> CpuStorage {
        CpuStorage::F32(values)
    }

    fn of(value: f64) -> Self {
        value as f32
    }

    /// With an exponential that the compiler can put into vectors, unlike the library's. Relative error below 3e-7.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        1.0 / (1.0 + exp(-self))
    }
}

/// `exp(x)` for `x` clipped to where it is neither zero nor infinite: `2^n * exp(r)` with `|r| <= ln(2) / 2` and the Taylor
/// polynomial of degree seven. NaN stays NaN.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding this rounds to an integer, whose bits end up lowest.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let tail = 1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0))));
    let series = 1.0 + r * (1.0 + r * (0.5 + r * tail));
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    series * power
}

/// The numbers of a contiguous tensor in CPU memory.
pub(super) fn contiguous<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    let (Some(values), Some((start, end))) = (T::slice(storage), layout.contiguous_offsets()) else {
        bail!("this operation takes contiguous tensors of {:?}", T::DTYPE);
    };
    Ok(&values[start..end])
}

/// The planes of (N, C, H, W), see [`planar`].
pub(super) fn planes<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<Planes<'a, T>> {
    let Some(values) = T::slice(storage).filter(|_| is_planar(layout)) else {
        bail!("this operation takes planar tensors of {:?}", T::DTYPE);
    };
    let image_stride = if layout.dims()[0] <= 1 { layout.shape().elem_count() } else { layout.stride()[0] };
    Ok(Planes { data: &values[layout.start_offset()..], image_stride })
}

fn is_planar(layout: &Layout) -> bool {
    let (&[_, c, h, w], &[_, sc, sh, sw]) = (layout.dims(), layout.stride()) else { return false };
    (w <= 1 || sw == 1) && (h <= 1 || sh == w) && (c <= 1 || sc == h * w)
}

/// The tensor, copied unless every image's planes follow each other, as they do in a contiguous tensor and in some of the
/// channels of one. On CUDA contiguous.
pub(super) fn planar(tensor: &Tensor) -> Result<Tensor> {
    if tensor.device().is_cpu() && is_planar(tensor.layout()) { Ok(tensor.clone()) } else { tensor.contiguous() }
}

/// Runs `work` with a tensor's CPU memory.
pub(super) fn on_cpu<R>(tensor: &Tensor, work: impl FnOnce(&CpuStorage, &Layout) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => work(storage, layout),
        _ => bail!("this is computed on a CPU only"),
    }
}

/// Whether the operations here compute this tensor, rather than candle's.
pub(super) fn is_ours(tensor: &Tensor) -> bool {
    match tensor.dtype() {
        DType::F32 | DType::F64 => tensor.device().is_cpu() || is_on_cuda(tensor),
        DType::BF16 => is_on_cuda(tensor),
        _ => false,
    }
}

/// Whether the kernels for CUDA compute this tensor.
pub(super) fn is_on_cuda(tensor: &Tensor) -> bool {
    cfg!(feature = "cuda") && tensor.device().is_cuda()
}

/// Memory that threads write disjoint parts of.
pub(super) struct Shared<'a, T> {
    pointer: *mut T,
    length: usize,
    memory: PhantomData<&'a mut [T]>,
}

// SAFETY: writing through it is unsafe, and whoever does it keeps the parts of the threads apart.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(super) fn new(memory: &'a mut [T]) -> Self {
        Self { pointer: memory.as_mut_ptr(), length: memory.len(), memory: PhantomData }
    }

    pub(super) fn pointer(&self) -> *mut T {
        self.pointer
    }

    /// # Safety
    /// Nobody else uses `start..start + length` meanwhile.
    ///
    /// # Panics
    /// When the memory ends before.
    #[expect(clippy::mut_from_ref, reason = "parts are disjoint by contract")]
    pub(super) unsafe fn slice(&self, start: usize, length: usize) -> &mut [T] {
        assert!(start <= self.length && length <= self.length - start, "{start} + {length} of {}", self.length);
        // SAFETY: within the memory as just checked, and nobody else's by contract.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.add(start), length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_close() {
        for at in -87_000..88_000 {
            let x = at as f32 / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "exp({x}) = {}, not {exact}", exp(x));
        }
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::INFINITY) > 1e38);
    }
}
