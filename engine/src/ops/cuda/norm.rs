//! Batch normalisation, of a batch and with known statistics, with the activation after it and with gradients.

use candle_core::{CpuStorage, CudaStorage, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail};

use super::launch::{THREADS, slices, wide};
use super::{Kernel, Scalar, compute};
use crate::ops::activation::Activation;

/// The batch's mean and biased variance of every channel, each (C).
pub(in crate::ops) fn moments(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let x = x.detach().contiguous()?;
    let (n, channels, h, w) = x.dims4()?;
    let (plane, holds) = (h * w, wide(x.dtype()));
    let count = n * plane;
    let slices = slices(channels, count, THREADS);
    let kernel = Kernel {
        name: "moments",
        holds,
        length: 2 * channels * slices,
        count,
        blocks: Some(channels * slices),
        scalars: vec![slices.into(), channels.into(), plane.into()],
    };
    let parts = compute(&[&x], (channels, slices, 2), |inputs| kernel.launch(inputs))?;
    let kernel = Kernel {
        name: "moments_together",
        holds,
        length: 2 * channels,
        count,
        blocks: Some(channels.div_ceil(THREADS)),
        scalars: vec![slices.into(), channels.into()],
    };
    let moments = compute(&[&parts], (2, channels), |inputs| kernel.launch(inputs))?;
    Ok((moments.get(0)?, moments.get(1)?))
}

/// `gamma * (x - mean) / sqrt(variance + eps) + beta`, then the activation; `mean` and `variance` are the batch's.
pub(in crate::ops) fn normalise(
    x: &Tensor,
    (gamma, beta): (&Tensor, &Tensor),
    (mean, variance): (&Tensor, &Tensor),
    eps: f64,
    activation: Activation,
) -> Result<Tensor> {
    let inverse = (variance + eps)?.sqrt()?.recip()?;
    let scale = (gamma.detach().to_dtype(inverse.dtype())? * &inverse)?;
    let shift = (beta.detach().to_dtype(inverse.dtype())? - (mean * &scale)?)?;
    let op = Normalise { scale, shift, statistics: Some((mean.clone(), inverse)), activation };
    x.contiguous()?.apply_op3(gamma, beta, op)
}

/// `activation(x * scale + shift)`
pub(in crate::ops) fn scale_shift(
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    let flat = |tensor: &Tensor| tensor.detach().to_dtype(wide(x.dtype()));
    let op = Normalise { scale: flat(scale)?, shift: flat(shift)?, statistics: None, activation };
    x.contiguous()?.apply_op3(scale, shift, op)
}

struct Normalise {
    scale: Tensor,
    shift: Tensor,
    /// Mean and `1 / sqrt(variance + eps)`, where `x` made them.
    statistics: Option<(Tensor, Tensor)>,
    activation: Activation,
}

impl Normalise {
    /// With `d` the gradient before the activation and `u = (x - mean) * inverse`: `dbeta = sum d`, `dgamma = sum d u`,
    /// `dx = scale * (d - dbeta / n - u * dgamma / n)`.
    fn gradients(&self, x: &Tensor, gradient: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let (x, gradient) = (x.detach(), gradient.detach().contiguous()?);
        let (n, channels, h, w) = x.dims4()?;
        let (plane, holds) = (h * w, wide(x.dtype()));
        let count = n * plane;
        let (scale, zero) = (&self.scale, self.scale.zeros_like()?);
        let centre = self.statistics.as_ref().map_or(&zero, |(mean, _)| mean);
        let slices = slices(channels, count, THREADS);
        let common = |first: Option<usize>| {
            let first = first.map(Scalar::from).into_iter();
            let rest = [channels.into(), plane.into(), kind(self.activation)];
            first.chain(rest).collect::<Vec<_>>()
        };
        let affine = Tensor::stack(&[scale, &self.shift, centre], 0)?;
        let kernel = Kernel {
            name: "normalise_sums",
            holds,
            length: 2 * channels * slices,
            count,
            blocks: Some(channels * slices),
            scalars: common(Some(slices)),
        };
        let sums = compute(&[&x, &gradient, &affine], (2, channels, slices), |inputs| kernel.launch(inputs))?.sum(2)?;
        let (dbeta, products) = (sums.get(0)?, sums.get(1)?);
        let (dgamma, by_x, constant) = match &self.statistics {
            None => (products, zero.clone(), zero),
            Some((mean, inverse)) => {
                let dgamma = (products * inverse)?;
                let scale_mean = -1.0 / count as f64;
                let by_x = ((scale * inverse)? * (&dgamma * scale_mean)?)?;
                let constant = ((scale * (&dbeta * scale_mean)?)? - (&by_x * mean)?)?;
                (dgamma, by_x, constant)
            }
        };
        let affine = Tensor::stack(&[scale, &self.shift, scale, &by_x, &constant], 0)?;
        let kernel = Kernel::each("normalise_input", x.dtype(), x.elem_count(), common(None));
        let dx = compute(&[&x, &gradient, &affine], x.shape(), |inputs| kernel.launch(inputs))?;
        Ok((dx, dgamma, dbeta))
    }
}

/// As kernels number them.
pub(super) fn kind(activation: Activation) -> Scalar {
    Scalar::Size(match activation {
        Activation::Identity => 0,
        Activation::Silu => 1,
        Activation::Relu => 2,
        Activation::Relu6 => 3,
        Activation::Sigmoid => 4,
    })
}

impl CustomOp3 for Normalise {
    fn name(&self) -> &'static str {
        "normalise"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        bail!("this normalisation is computed on CUDA only")
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        layout: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (_, channels, h, w) = layout.shape().dims4()?;
        let affine = Tensor::stack(&[&self.scale, &self.shift], 0)?;
        let (affine, affine_layout) = affine.storage_and_layout();
        let Storage::Cuda(affine) = &*affine else { bail!("all tensors of an operation lie on one device") };
        let scalars = vec![channels.into(), (h * w).into(), kind(self.activation)];
        let holds = candle_core::backend::BackendStorage::dtype(x);
        let kernel = Kernel::each("normalise", holds, layout.shape().elem_count(), scalars);
        Ok((kernel.launch(&[(x, layout), (affine, affine_layout)])?, layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dgamma, dbeta) = self.gradients(x, gradient)?;
        Ok((Some(dx), Some(dgamma.to_dtype(gamma.dtype())?), Some(dbeta.to_dtype(beta.dtype())?)))
    }
}
