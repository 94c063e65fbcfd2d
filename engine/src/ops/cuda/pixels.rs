//! Pools, upsampling, activations, channels. Tensors are contiguous.

use candle_core::backend::BackendStorage;
use candle_core::{CudaStorage, Result, Shape, Tensor};

use super::norm::kind;
use super::{Input, Kernel, Scalar, compute};
use crate::ops::activation::Activation;
use crate::ops::shape::Geometry;

pub(in crate::ops) fn activate(activation: Activation, x: Input<'_>) -> Result<CudaStorage> {
    Kernel::each("activate", x.0.dtype(), x.1.shape().elem_count(), vec![kind(activation)]).launch(&[x])
}

pub(in crate::ops) fn activate_gradient(activation: Activation, x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let kernel = Kernel::each("activate_input", x.dtype(), x.elem_count(), vec![kind(activation)]);
    compute(&[x, &gradient.contiguous()?], x.shape(), |inputs| kernel.launch(inputs))
}

/// `g` holds the pool's window over as many output as input channels.
pub(in crate::ops) fn max_pool(g: &Geometry, x: Input<'_>) -> Result<(CudaStorage, Shape)> {
    let shape = Shape::from(g.out_shape());
    Ok((Kernel::window("max_pool", x.0.dtype(), shape.elem_count(), g).launch(&[x])?, shape))
}

pub(in crate::ops) fn max_pool_gradient(g: &Geometry, x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let kernel = Kernel::window("max_pool_input", x.dtype(), x.elem_count(), g);
    compute(&[x, &gradient.contiguous()?], x.shape(), |inputs| kernel.launch(inputs))
}

pub(in crate::ops) fn upsample(factor: usize, x: Input<'_>) -> Result<(CudaStorage, Shape)> {
    let (n, c, h, w) = x.1.shape().dims4()?;
    let shape = Shape::from((n, c, h * factor, w * factor));
    let kernel = Kernel::each("upsample", x.0.dtype(), shape.elem_count(), vec![w.into(), factor.into()]);
    Ok((kernel.launch(&[x])?, shape))
}

pub(in crate::ops) fn upsample_gradient(factor: usize, x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let scalars = vec![x.dims4()?.3.into(), factor.into()];
    let kernel = Kernel::each("upsample_input", x.dtype(), x.elem_count(), scalars);
    compute(&[&gradient.contiguous()?], x.shape(), |inputs| kernel.launch(inputs))
}

/// (N, C, H, W) to (N, C).
pub(in crate::ops) fn channel_means(x: Input<'_>) -> Result<(CudaStorage, Shape)> {
    let (n, c, h, w) = x.1.shape().dims4()?;
    Ok((plane_sums(n * c, h * w, 1.0 / (h * w) as f64, &[x, x])?, Shape::from((n, c))))
}

pub(in crate::ops) fn channel_means_gradient(x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    let scalars = vec![(h * w).into(), Scalar::Factor(1.0 / (h * w) as f64)];
    let kernel = Kernel::each("plane_fill", x.dtype(), x.elem_count(), scalars);
    compute(&[&gradient.contiguous()?], x.shape(), |inputs| kernel.launch(inputs))
}

/// Every plane times its scale.
pub(in crate::ops) fn scale_channels(x: Input<'_>, scale: Input<'_>) -> Result<(CudaStorage, Shape)> {
    let (_, _, h, w) = x.1.shape().dims4()?;
    let scalars = vec![(h * w).into()];
    let kernel = Kernel::each("plane_scale", x.0.dtype(), x.1.shape().elem_count(), scalars);
    Ok((kernel.launch(&[x, scale])?, x.1.shape().clone()))
}

pub(in crate::ops) fn scale_channels_gradient(
    x: &Tensor,
    scale: &Tensor,
    gradient: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let ((n, c, h, w), gradient) = (x.dims4()?, gradient.contiguous()?);
    let dx = compute(&[&gradient, scale], x.shape(), |inputs| Ok(scale_channels(inputs[0], inputs[1])?.0))?;
    let ds = compute(&[x, &gradient], (n, c), |inputs| plane_sums(n * c, h * w, 1.0, inputs))?;
    Ok((dx, ds))
}

fn plane_sums(planes: usize, plane: usize, factor: f64, inputs: &[Input<'_>]) -> Result<CudaStorage> {
    let kernel = Kernel {
        name: "plane_sums",
        holds: inputs[0].0.dtype(),
        length: planes,
        count: planes,
        blocks: Some(planes),
        scalars: vec![plane.into(), Scalar::Factor(factor)],
    };
    kernel.launch(inputs)
}
