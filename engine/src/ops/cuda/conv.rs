//! Convolution and its gradients.
//!
//! With one group it is a product of matrices: `im2col` lays out what every tap of a filter meets, cuBLAS multiplies, and for
//! the input's gradient `col2im` gathers. Filters of one pixel need neither. With a filter per channel it is computed directly.

use candle_core::backend::BackendStorage;
use candle_core::{CudaStorage, DType, Layout, Result, Shape, Tensor};

use super::launch::{LANES, THREADS, slices, wide, window};
use super::{Input, Kernel, compute};
use crate::ops::shape::Geometry;

/// Images of a batch whose columns are laid out at once: at most so many bytes of them.
/// Tests have more than one part so.
const COLUMNS: usize = if cfg!(test) { 1 << 15 } else { 1 << 30 };

/// Images that are convolved together.
pub(in crate::ops) fn images_at_once(g: &Geometry, dtype: DType) -> usize {
    if is_product(g) || is_depthwise(g) {
        return g.batch.max(1);
    }
    let image = depth(g) * pixels(g) * dtype.size_in_bytes();
    (COLUMNS / image.max(1)).clamp(1, g.batch.max(1))
}

/// Filters of one pixel that meet every pixel once.
fn is_product(g: &Geometry) -> bool {
    let p = g.conv.padding;
    g.kernel == (1, 1) && g.conv.stride == 1 && [p.top, p.bottom, p.left, p.right] == [0; 4]
}

fn is_depthwise(g: &Geometry) -> bool {
    g.conv.groups == g.inputs && g.outputs == g.inputs && g.inputs > 1
}

/// Numbers that an output pixel is summed from.
fn depth(g: &Geometry) -> usize {
    g.inputs * g.taps()
}

fn pixels(g: &Geometry) -> usize {
    g.out.0 * g.out.1
}

/// `conv(x, w)`
pub(in crate::ops) fn forward(g: &Geometry, x: Input<'_>, w: Input<'_>) -> Result<(CudaStorage, Shape)> {
    let (holds, shape) = (x.0.dtype(), Shape::from(g.out_shape()));
    if is_depthwise(g) {
        return Ok((Kernel::window("depthwise", holds, shape.elem_count(), g).launch(&[x, w])?, shape));
    }
    let (n, o, depth, pixels) = (g.batch, g.outputs, depth(g), pixels(g));
    let filters = Layout::new((n, o, depth).into(), vec![0, depth, 1], w.1.start_offset());
    let sizes = (n, o, pixels, depth);
    let y = if is_product(g) {
        w.0.matmul(x.0, sizes, &filters, &Layout::contiguous_with_offset((n, depth, pixels), x.1.start_offset()))?
    } else {
        let columns = Kernel::window("im2col", holds, n * depth * pixels, g).launch(&[x])?;
        w.0.matmul(&columns, sizes, &filters, &Layout::contiguous((n, depth, pixels)))?
    };
    Ok((y, shape))
}

/// Gradients of `x` and of `w`, as far as they are asked for.
pub(in crate::ops) fn gradients(
    g: &Geometry,
    x: &Tensor,
    w: &Tensor,
    gradient: &Tensor,
) -> Result<(Option<Tensor>, Option<Tensor>)> {
    let (want_x, want_w) = (x.track_op(), w.track_op());
    let (x, w, gradient) = (x.detach(), w.detach(), gradient.detach().contiguous()?);
    let (of_x, of_w) = if is_depthwise(g) {
        (depthwise_input as Gradient, depthwise_weight as Gradient)
    } else {
        (input as Gradient, weight as Gradient)
    };
    let dx = want_x.then(|| of_x(g, &w, &gradient)).transpose()?;
    let dw = want_w.then(|| of_w(g, &x, &gradient)).transpose()?;
    Ok((dx, dw))
}

/// From the other factor and the gradient of the product.
type Gradient = fn(&Geometry, &Tensor, &Tensor) -> Result<Tensor>;

fn input(g: &Geometry, w: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let (n, o, depth, pixels) = (g.batch, g.outputs, depth(g), pixels(g));
    let turned = w.reshape((1, o, depth))?.transpose(1, 2)?.broadcast_as((n, depth, o))?;
    let columns = turned.matmul(&gradient.reshape((n, o, pixels))?)?;
    if is_product(g) {
        return columns.reshape(g.in_shape());
    }
    let shape = Shape::from(g.in_shape());
    let kernel = Kernel::window("col2im", columns.dtype(), shape.elem_count(), g);
    compute(&[&columns], shape, |inputs| kernel.launch(inputs))
}

fn weight(g: &Geometry, x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let (n, o, depth, pixels) = (g.batch, g.outputs, depth(g), pixels(g));
    let columns = if is_product(g) {
        x.reshape((n, depth, pixels))?
    } else {
        let kernel = Kernel::window("im2col", x.dtype(), n * depth * pixels, g);
        compute(&[x], (n, depth, pixels), |inputs| kernel.launch(inputs))?
    };
    let each = gradient.reshape((n, o, pixels))?.matmul(&columns.transpose(1, 2)?)?;
    each.to_dtype(wide(x.dtype()))?.sum(0)?.reshape(g.weight_shape())?.to_dtype(x.dtype())
}

fn depthwise_input(g: &Geometry, w: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let shape = Shape::from(g.in_shape());
    let kernel = Kernel::window("depthwise_input", w.dtype(), shape.elem_count(), g);
    compute(&[gradient, w], shape, |inputs| kernel.launch(inputs))
}

fn depthwise_weight(g: &Geometry, x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let (taps, count) = (g.inputs * g.taps(), g.batch * pixels(g));
    let slices = slices(taps, count, LANES);
    let mut scalars = vec![slices.into()];
    scalars.extend(window(g));
    let (name, holds) = ("depthwise_weight", wide(x.dtype()));
    let blocks = (taps * slices).div_ceil(THREADS / LANES);
    let kernel = Kernel { name, holds, length: taps * slices, count, blocks: Some(blocks), scalars };
    let parts = compute(&[x, gradient], (taps, slices), |inputs| kernel.launch(inputs))?;
    parts.sum(1)?.reshape(g.weight_shape())?.to_dtype(x.dtype())
}
