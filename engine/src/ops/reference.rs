//! Convolution in `f64`, as it is defined: for finite differences and to hold the fast loops to.

use super::shape::Geometry;
use super::strip::Planes;

/// Calls `each(output index, input index, weight index)` for every product of a convolution.
fn products(g: &Geometry, image_stride: usize, mut each: impl FnMut(usize, usize, usize)) {
    let (group_in, group_out) = (g.inputs / g.conv.groups, g.outputs / g.conv.groups);
    let ((height, width), (rows, columns), (k, l)) = (g.size, g.out, g.kernel);
    let (stride, padding) = (g.conv.stride, g.conv.padding);
    for n in 0..g.batch {
        for o in 0..g.outputs {
            for c in 0..group_in {
                let input = n * image_stride + (o / group_out * group_in + c) * height * width;
                for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                    for (u, v) in (0..k).flat_map(|u| (0..l).map(move |v| (u, v))) {
                        let y = (i * stride + u).checked_sub(padding.top).filter(|&y| y < height);
                        let x = (j * stride + v).checked_sub(padding.left).filter(|&x| x < width);
                        if let (Some(y), Some(x)) = (y, x) {
                            let output = ((n * g.outputs + o) * rows + i) * columns + j;
                            each(output, input + y * width + x, ((o * group_in + c) * k + u) * l + v);
                        }
                    }
                }
            }
        }
    }
}

/// `y = conv(x, w)`
pub(super) fn forward(g: &Geometry, x: Planes<'_, f64>, w: &[f64]) -> Vec<f64> {
    let mut y = vec![0.0; g.batch * g.outputs * g.out.0 * g.out.1];
    products(g, x.image_stride, |output, input, weight| y[output] += x.data[input] * w[weight]);
    y
}

/// The gradient of `x`, contiguous; so is that of the output.
pub(super) fn input_gradient(g: &Geometry, w: &[f64], gradient: &[f64]) -> Vec<f64> {
    let stride = g.inputs * g.size.0 * g.size.1;
    let mut dx = vec![0.0; g.batch * stride];
    products(g, stride, |output, input, weight| dx[input] += gradient[output] * w[weight]);
    dx
}

/// The gradient of the filters.
pub(super) fn weight_gradient(g: &Geometry, x: Planes<'_, f64>, gradient: &[f64]) -> Vec<f64> {
    let mut dw = vec![0.0; g.outputs * g.inputs / g.conv.groups * g.taps()];
    products(g, x.image_stride, |output, input, weight| dw[weight] += gradient[output] * x.data[input]);
    dw
}
