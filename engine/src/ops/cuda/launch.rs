//! From candle's memory to a kernel and back.

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::{CudaDType, WrapErr};
use candle_core::{
    CpuStorage, CudaDevice, CudaStorage, CustomOp1, DType, Layout, Result, Shape, Storage, Tensor, bail,
};
use half::bf16;

use crate::ops::shape::Geometry;

const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));
/// Threads of a block, as `SUMMING` in the kernels.
pub(super) const THREADS: usize = 256;
/// Threads that take a sum of their own where sums are short, as `LANES` in the kernels.
pub(super) const LANES: usize = 32;
/// Blocks of a grid whose threads take one number after another.
const MAX_BLOCKS: usize = 1 << 20;

/// A tensor's memory.
pub(super) type Input<'a> = (&'a CudaStorage, &'a Layout);

/// What kernels take beside memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar {
    /// 32 bits there.
    Size(usize),
    Factor(f64),
}

impl From<usize> for Scalar {
    fn from(value: usize) -> Self {
        Self::Size(value)
    }
}

impl Scalar {
    fn size(self) -> Result<u32> {
        match self {
            Self::Size(value) => match u32::try_from(value) {
                Ok(value) => Ok(value),
                Err(_) => bail!("{value} is more than a side or a number of channels can be on CUDA"),
            },
            Self::Factor(_) => Ok(0),
        }
    }
}

/// A kernel about to be launched. Its arguments are the inputs, the output, a count and the scalars.
#[derive(Debug)]
pub(super) struct Kernel<'a> {
    /// Without the type at its end, which is that of the first input.
    pub(super) name: &'a str,
    /// What the output holds.
    pub(super) holds: DType,
    /// Numbers of the output.
    pub(super) length: usize,
    /// What is counted: the output's numbers unless the kernel says otherwise.
    pub(super) count: usize,
    /// `None`: as many as the count needs.
    pub(super) blocks: Option<usize>,
    /// What follows the count.
    pub(super) scalars: Vec<Scalar>,
}

impl<'a> Kernel<'a> {
    /// A thread for each number of the output.
    pub(super) fn each(name: &'a str, holds: DType, length: usize, scalars: Vec<Scalar>) -> Self {
        Self { name, holds, length, count: length, blocks: None, scalars }
    }

    /// A kernel whose thread slides a window over images.
    pub(super) fn window(name: &'a str, holds: DType, length: usize, g: &Geometry) -> Self {
        Self::each(name, holds, length, window(g))
    }

    /// Runs it.
    pub(super) fn launch(&self, inputs: &[Input<'_>]) -> Result<CudaStorage> {
        match self.holds {
            DType::F32 => self.launch_into::<f32>(inputs),
            DType::F64 => self.launch_into::<f64>(inputs),
            DType::BF16 => self.launch_into::<bf16>(inputs),
            other => bail!("{} does not make {other:?}", self.name),
        }
    }

    fn launch_into<T: CudaDType + DeviceRepr>(&self, inputs: &[Input<'_>]) -> Result<CudaStorage> {
        let Some(&(first, _)) = inputs.first() else { bail!("{} takes tensors", self.name) };
        let device: &CudaDevice = first.device();
        // SAFETY: the kernel writes every number of its output.
        let mut output: CudaSlice<T> = unsafe { device.alloc(self.length) }?;
        let blocks = self.blocks.unwrap_or_else(|| self.count.div_ceil(THREADS).min(MAX_BLOCKS));
        if blocks == 0 || self.length == 0 {
            return Ok(CudaStorage::wrap_cuda_slice(output, device.clone()));
        }
        let suffix = match first.dtype() {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::BF16 => "bf16",
            other => bail!("{} takes f32, f64 or bf16 on CUDA, not {other:?}", self.name),
        };
        let function = device.get_or_load_custom_func(&format!("{}_{suffix}", self.name), "shelf_ops", PTX)?;
        let views = inputs.iter().map(|&(storage, layout)| View::of(storage, layout)).collect::<Result<Vec<_>>>()?;
        let count = self.count as u64;
        let sizes = self.scalars.iter().map(|scalar| scalar.size()).collect::<Result<Vec<_>>>()?;
        let mut arguments = function.builder();
        for view in &views {
            match view {
                View::F32(view) => arguments.arg(view),
                View::F64(view) => arguments.arg(view),
                View::Bf16(view) => arguments.arg(view),
            };
        }
        arguments.arg(&mut output).arg(&count);
        for (scalar, size) in self.scalars.iter().zip(&sizes) {
            match scalar {
                Scalar::Size(_) => arguments.arg(size),
                Scalar::Factor(value) => arguments.arg(value),
            };
        }
        let Ok(blocks) = u32::try_from(blocks) else { bail!("{}: {blocks} blocks are too many", self.name) };
        let config = LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (THREADS as u32, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the arguments are those the kernel of that name declares; it stays within what they say.
        unsafe { arguments.launch(config) }.w()?;
        drop(arguments);
        Ok(CudaStorage::wrap_cuda_slice(output, device.clone()))
    }
}

/// The numbers of a contiguous tensor.
enum View<'a> {
    F32(CudaView<'a, f32>),
    F64(CudaView<'a, f64>),
    Bf16(CudaView<'a, bf16>),
}

impl<'a> View<'a> {
    fn of(storage: &'a CudaStorage, layout: &Layout) -> Result<Self> {
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("this operation takes contiguous tensors") };
        Ok(match storage.dtype() {
            DType::F32 => Self::F32(storage.as_cuda_slice()?.slice(start..end)),
            DType::F64 => Self::F64(storage.as_cuda_slice()?.slice(start..end)),
            DType::BF16 => Self::Bf16(storage.as_cuda_slice()?.slice(start..end)),
            other => bail!("this operation takes f32, f64 or bf16 on CUDA, not {other:?}"),
        })
    }
}

/// The sizes of a window, as kernels take them.
pub(super) fn window(g: &Geometry) -> Vec<Scalar> {
    let (padding, stride) = (g.conv.padding, g.conv.stride);
    let sizes =
        [g.inputs, g.size.0, g.size.1, g.kernel.0, g.kernel.1, g.out.0, g.out.1, stride, padding.top, padding.left];
    sizes.map(Scalar::from).into()
}

/// What sums of a type are taken in.
pub(super) fn wide(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// Slices that `count` numbers of each of `sums` are cut into, so that all of the device has work. `threads` take a slice.
pub(super) fn slices(sums: usize, count: usize, threads: usize) -> usize {
    const ALL: usize = 1024 * THREADS;
    let shortest = 16 * threads;
    (ALL / threads / sums.max(1)).clamp(1, 64).min((count / shortest).max(1))
}

/// A tensor computed from others, without a gradient: `work` gets their memory in order.
pub(super) fn compute(
    inputs: &[&Tensor],
    shape: impl Into<Shape>,
    work: impl Fn(&[Input<'_>]) -> Result<CudaStorage>,
) -> Result<Tensor> {
    let Some((first, others)) = inputs.split_first() else { bail!("computed from nothing") };
    first.apply_op1_no_bwd(&Compute { others, shape: shape.into(), work })
}

struct Compute<'a, F> {
    others: &'a [&'a Tensor],
    shape: Shape,
    work: F,
}

impl<F: Fn(&[Input<'_>]) -> Result<CudaStorage>> CustomOp1 for Compute<'_, F> {
    fn name(&self) -> &'static str {
        "compute"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        bail!("this is computed on CUDA only")
    }

    fn cuda_fwd(&self, first: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let others: Vec<_> = self.others.iter().map(|tensor| tensor.storage_and_layout()).collect();
        let mut inputs = vec![(first, layout)];
        for (storage, layout) in &others {
            let Storage::Cuda(storage) = &**storage else { bail!("all tensors of an operation lie on one device") };
            inputs.push((storage, layout));
        }
        Ok(((self.work)(&inputs)?, self.shape.clone()))
    }
}
