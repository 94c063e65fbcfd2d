//! 2-D convolution with gradients.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, D, DType, Layout, Result, Shape, Tensor, bail};

use super::activation::{Activation, Elementwise, activate};
use super::kernel::{COLUMNS, Isa, Tile};
use super::norm::channel_sums;
use super::shape::{Conv2d, Geometry};
use super::storage::{contiguous, is_on_cuda, is_ours, on_cpu, planar, planes};
use super::{dense, depthwise, reference};
use crate::threads::on_threads;

/// `y[n, o, i, j] = bias[o] + sum over c, u, v of x[n, c, i * stride + u - top, j * stride + v - left] * weight[o, c, u, v]`
/// with zeros around `x`.
///
/// `x` is (N, C, H, W), `weight` (O, C / groups, K, L), `bias` (O). On a CPU `f32` goes through the vectorised loops of this
/// module and `f64` through plain ones; on CUDA it is cuBLAS between kernels of this module. Elsewhere it is candle's
/// convolution, whose gradients are right but, with groups, slow.
///
/// Filters and bias are used in the type of `x`: with images of `bf16` and filters of `f32` this is mixed precision.
///
/// # Errors
/// When the shapes do not fit each other, or candle fails.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, conv: Conv2d) -> Result<Tensor> {
    conv2d_with(Isa::best(), x, weight, bias, conv)
}

/// [`conv2d`], then [`activate`]; in one pass over memory where no gradient is asked for.
///
/// # Errors
/// As [`conv2d`].
pub fn conv2d_act(x: &Tensor, weight: &Tensor, bias: &Tensor, conv: Conv2d, activation: Activation) -> Result<Tensor> {
    let tracked = x.track_op() || weight.track_op() || bias.track_op();
    let g = Geometry::new(x.dims(), weight.dims(), conv)?;
    if tracked || !x.device().is_cpu() || x.dtype() != DType::F32 || !is_supported(&g) {
        return activate(&conv2d(x, weight, Some(bias), conv)?, activation);
    }
    check_bias(bias, &g)?;
    let op = Conv { g, isa: Isa::best(), activation };
    planar(x)?.apply_op3_no_bwd(&weight.contiguous()?, &bias.contiguous()?, &op)
}

pub(super) fn conv2d_with(
    isa: Isa,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    conv: Conv2d,
) -> Result<Tensor> {
    let g = Geometry::new(x.dims(), weight.dims(), conv)?;
    if let Some(bias) = bias {
        check_bias(bias, &g)?;
    }
    let bias = bias.map(|bias| bias.to_dtype(x.dtype())).transpose()?;
    let (weight, bias) = (&weight.to_dtype(x.dtype())?, bias.as_ref());
    if !is_ours(x) {
        return by_candle(x, weight, bias, conv);
    }
    if !is_supported(&g) && (x.dtype() != DType::F64 || is_on_cuda(x)) {
        return by_group(isa, x, weight, bias, &g);
    }
    let (x, weight) = (planar(x)?, weight.contiguous()?);
    let op = Conv { g, isa, activation: Activation::Identity };
    #[cfg(feature = "cuda")]
    if is_on_cuda(&x) {
        return with_bias(on_cuda(&x, &weight, op)?, bias);
    }
    match bias {
        None => x.apply_op2(&weight, op),
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op),
    }
}

fn check_bias(bias: &Tensor, g: &Geometry) -> Result<()> {
    if bias.dims() != [g.outputs] {
        bail!("a bias of {:?} for {} channels", bias.dims(), g.outputs);
    }
    Ok(())
}

/// One group, or a filter per channel.
fn is_supported(g: &Geometry) -> bool {
    g.conv.groups == 1 || is_depthwise(g)
}

fn is_depthwise(g: &Geometry) -> bool {
    g.conv.groups == g.inputs && g.outputs == g.inputs
}

fn by_candle(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, conv: Conv2d) -> Result<Tensor> {
    let p = conv.padding;
    let y = if p.top == p.bottom && p.top == p.left && p.top == p.right {
        x.conv2d(weight, p.top, conv.stride, 1, conv.groups)?
    } else {
        let x = x.pad_with_zeros(D::Minus2, p.top, p.bottom)?.pad_with_zeros(D::Minus1, p.left, p.right)?;
        x.conv2d(weight, 0, conv.stride, 1, conv.groups)?
    };
    with_bias(y, bias)
}

fn with_bias(y: Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match bias {
        None => Ok(y),
        Some(bias) => y.broadcast_add(&bias.reshape((1, (), 1, 1))?),
    }
}

/// As many images at a time as there is room for their columns.
#[cfg(feature = "cuda")]
fn on_cuda(x: &Tensor, weight: &Tensor, op: Conv) -> Result<Tensor> {
    let at_once = super::cuda::conv::images_at_once(&op.g, x.dtype());
    if at_once >= op.g.batch {
        return x.apply_op2(weight, op);
    }
    let part = |first: usize| {
        let batch = at_once.min(op.g.batch - first);
        let op = Conv { g: Geometry { batch, ..op.g }, ..op };
        x.narrow(0, first, batch)?.apply_op2(weight, op)
    };
    Tensor::cat(&(0..op.g.batch).step_by(at_once).map(part).collect::<Result<Vec<_>>>()?, 0)
}

fn by_group(isa: Isa, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, g: &Geometry) -> Result<Tensor> {
    let (inputs, outputs) = (g.inputs / g.conv.groups, g.outputs / g.conv.groups);
    let conv = Conv2d { groups: 1, ..g.conv };
    let group = |at: usize| {
        let bias = bias.map(|bias| bias.narrow(0, at * outputs, outputs)).transpose()?;
        let (x, weight) = (x.narrow(1, at * inputs, inputs)?, weight.narrow(0, at * outputs, outputs)?);
        conv2d_with(isa, &x, &weight, bias.as_ref(), conv)
    };
    Tensor::cat(&(0..g.conv.groups).map(group).collect::<Result<Vec<_>>>()?, 1)
}

/// The operation.
#[derive(Clone, Copy)]
struct Conv {
    g: Geometry,
    isa: Isa,
    activation: Activation,
}

/// Adds a bias and applies an activation while results are in the cache.
struct BiasActivation<'a> {
    bias: &'a [f32],
    activation: Activation,
}

impl dense::Finish for BiasActivation<'_> {
    fn apply(&self, isa: Isa, tile: &mut Tile, channel: usize, rows: usize) {
        for (row, &bias) in tile.iter_mut().zip(&self.bias[channel..channel + rows]) {
            f32::affine_act(isa, (1.0, bias), self.activation, &mut row[..COLUMNS]);
        }
    }
}

impl depthwise::FinishRow for BiasActivation<'_> {
    fn apply(&self, isa: Isa, values: &mut [f32], channel: usize) {
        f32::affine_act(isa, (1.0, self.bias[channel]), self.activation, values);
    }
}

impl Conv {
    fn forward(
        &self,
        (x, x_layout): (&CpuStorage, &Layout),
        (w, w_layout): (&CpuStorage, &Layout),
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let (g, isa) = (&self.g, self.isa);
        let storage = if matches!(x, CpuStorage::F64(_)) {
            let mut y = reference::forward(g, planes(x, x_layout)?, contiguous(w, w_layout)?);
            if let Some((bias, layout)) = bias {
                let bias = contiguous::<f64>(bias, layout)?;
                let plane = (g.out.0 * g.out.1).max(1);
                y.chunks_mut(plane)
                    .enumerate()
                    .for_each(|(at, y)| y.iter_mut().for_each(|y| *y += bias[at % g.outputs]));
            }
            CpuStorage::F64(y)
        } else {
            let (x, w) = (planes(x, x_layout)?, contiguous(w, w_layout)?);
            let finish = bias.map(|(bias, layout)| {
                Ok::<_, candle_core::Error>(BiasActivation {
                    bias: contiguous(bias, layout)?,
                    activation: self.activation,
                })
            });
            let finish = finish.transpose()?;
            CpuStorage::F32(on_threads(|| match (&finish, is_depthwise(g)) {
                (Some(finish), true) => depthwise::forward(isa, g, x, w, finish),
                (None, true) => depthwise::forward(isa, g, x, w, &()),
                (Some(finish), false) => dense::forward(isa, g, x, w, finish),
                (None, false) => dense::forward(isa, g, x, w, &()),
            }))
        };
        Ok((storage, Shape::from(g.out_shape())))
    }

    fn backward(&self, x: &Tensor, w: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let (g, isa) = (&self.g, self.isa);
        let cpu = &candle_core::Device::Cpu;
        let (want_x, want_w) = (x.track_op(), w.track_op());
        on_cpu(x, |xs, xl| {
            on_cpu(w, |ws, wl| {
                on_cpu(&gradient, |gs, gl| {
                    if matches!(xs, CpuStorage::F64(_)) {
                        let gradient = contiguous::<f64>(gs, gl)?;
                        let dx = reference::input_gradient(g, contiguous(ws, wl)?, gradient);
                        let dw = reference::weight_gradient(g, planes(xs, xl)?, gradient);
                        let dx = want_x.then(|| Tensor::from_vec(dx, g.in_shape(), cpu)).transpose()?;
                        return Ok((dx, Some(Tensor::from_vec(dw, g.weight_shape(), cpu)?)));
                    }
                    let (x, w, gradient) = (planes(xs, xl)?, contiguous(ws, wl)?, planes(gs, gl)?);
                    let (dx, dw) = on_threads(|| {
                        let dx = want_x.then(|| match is_depthwise(g) {
                            true => depthwise::input_gradient(isa, g, w, gradient),
                            false => dense::input_gradient(isa, g, w, gradient),
                        });
                        let dw = want_w.then(|| match is_depthwise(g) {
                            true => depthwise::weight_gradient(isa, g, x, gradient),
                            false => dense::weight_gradient(isa, g, x, gradient),
                        });
                        (dx, dw)
                    });
                    let dx = dx.map(|dx| Tensor::from_vec(dx, g.in_shape(), cpu)).transpose()?;
                    let dw = dw.map(|dw| Tensor::from_vec(dw, g.weight_shape(), cpu)).transpose()?;
                    Ok((dx, dw))
                })
            })
        })
    }
}

impl CustomOp2 for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout, w: &CpuStorage, wl: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((x, xl), (w, wl), None)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, xl: &Layout, w: &CudaStorage, wl: &Layout) -> Result<(CudaStorage, Shape)> {
        super::cuda::conv::forward(&self.g, (x, xl), (w, wl))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        #[cfg(feature = "cuda")]
        if is_on_cuda(x) {
            return super::cuda::conv::gradients(&self.g, x, w, gradient);
        }
        self.backward(x, w, gradient)
    }
}

impl CustomOp3 for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
        bias: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, xl), (w, wl), Some((bias, bl)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = self.backward(x, w, gradient)?;
        if gradient.dtype() != DType::F32 {
            return Ok((dx, dw, Some(gradient.sum((0, 2, 3))?)));
        }
        let gradient = gradient.contiguous()?;
        let g = &self.g;
        let sums = on_cpu(&gradient, |storage, layout| {
            let sizes = [g.batch, g.outputs, g.out.0 * g.out.1];
            let gradient = contiguous(storage, layout)?;
            Ok(on_threads(|| channel_sums(self.isa, gradient, sizes)))
        })?;
        Ok((dx, dw, Some(Tensor::from_vec(sums, g.outputs, gradient.device())?)))
    }
}
