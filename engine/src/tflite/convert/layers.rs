//! Convolutions, pools, matrix products.

use super::axes::{Axes, permuted};
use super::error::{ConvertError, refused};
use super::{Made, Value, source};
use crate::onnx::proto::NodeProto;
use crate::tflite::graph::{Activation, Op, Padding, TensorId, Values, Window};
use crate::tflite::shape::side;

/// Largest kernel, stride or padding.
const MAX_SIDE: usize = 1 << 12;

impl Made<'_> {
    /// Weights (O, I / groups, h, w): of one group, or of as many as channels. A cut that follows is done on the way.
    pub(super) fn convolution(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.image(node)?;
        let [weights, bias] = [1, 2].map(|at| node.input.get(at).filter(|name| !name.is_empty()));
        let weights = weights.ok_or_else(|| refused(node, "it has no weights"))?;
        let (shape, values) = self.source.floats(node, weights)?;
        let [outputs, _, height, width] = shape[..] else { return Err(refused(node, "its weights are no filters")) };
        if source::ints(node, "dilations").unwrap_or_default().iter().any(|step| *step != 1) {
            return Err(refused(node, "it is dilated"));
        }
        let channels = self.shape(&x)[1];
        let groups = source::int(node, "group", 1);
        let depthwise = groups != 1;
        if depthwise && (groups != channels as i64 || outputs != channels) {
            return Err(refused(node, format!("it has {groups} groups of {channels} channels")));
        }
        let (x, window) = self.window(node, &x, [height, width])?;
        let order = if depthwise { [1, 2, 3, 0] } else { [0, 2, 3, 1] };
        let (shape, values) = permuted(&shape, &values, &order);
        let mut inputs = vec![x.id, self.graph.constant(weights, &shape, Values::F32(values))];
        if let Some(bias) = bias {
            let (shape, values) = self.source.floats(node, bias)?;
            inputs.push(self.graph.constant(bias, &shape, Values::F32(values)));
        }
        let activation = self.cut_behind(node);
        let op = if depthwise { Op::DepthwiseConv2d(window, activation) } else { Op::Conv2d(window, activation) };
        let id = self.graph.node(op, &node.name, &inputs)?;
        Ok(Value { id, ..x })
    }

    /// What the only node behind cuts to.
    fn cut_behind(&mut self, node: &NodeProto) -> Activation {
        let Some(output) = node.output.first() else { return Activation::None };
        let Some(next) = self.source.only_taker(output).filter(|next| next.op_type == "Clip") else {
            return Activation::None;
        };
        let bound = |at: usize| {
            let name = next.input.get(at)?;
            self.source.floats(next, name).ok()?.1.first().copied()
        };
        if (bound(1), bound(2)) != (Some(0.0), Some(6.0)) {
            return Activation::None;
        }
        self.cut.insert(output.clone());
        Activation::Relu6
    }

    /// The first input, which must be an image.
    fn image(&self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.input(node, 0)?;
        if x.axes == Axes::channels_last(4) { Ok(x) } else { Err(refused(node, "its input is no image")) }
    }

    /// Stride and padding; zeros that fit neither of the schema's paddings are written around the image before.
    fn window(&mut self, node: &NodeProto, x: &Value, kernel: [usize; 2]) -> Result<(Value, Window), ConvertError> {
        let strides = source::ints(node, "strides").unwrap_or_else(|| vec![1, 1]);
        let pads = source::ints(node, "pads").unwrap_or_else(|| vec![0; 4]);
        let positive = |number: &i64| usize::try_from(*number).ok().filter(|number| *number <= MAX_SIDE);
        let strides: Option<Vec<usize>> = strides.iter().map(positive).collect();
        let pads: Option<Vec<usize>> = pads.iter().map(positive).collect();
        let (Some([down, right]), Some([top, left, bottom, wide])) = (strides.as_deref(), pads.as_deref()) else {
            return Err(refused(node, "its strides or pads cannot be read"));
        };
        let automatic = source::text(node, "auto_pad");
        if !matches!(automatic, b"" | b"NOTSET") {
            return Err(refused(node, "its padding is left to the engine"));
        }
        if *down == 0 || *right == 0 || kernel.iter().any(|side| *side > MAX_SIDE) {
            return Err(refused(node, "its strides or its kernel cannot be"));
        }
        let shape = self.shape(x);
        let same = |length: usize, kernel: usize, stride: usize, (before, after): (usize, usize)| {
            let (out, pad) = side(length, kernel, stride, Padding::Same);
            let needed = (out.saturating_sub(1) * stride + kernel).saturating_sub(length);
            (before, after) == (pad, needed - pad)
        };
        let stride = [*down, *right];
        if pads.as_deref() == Some(&[0; 4][..]) {
            return Ok((x.clone(), Window { stride, padding: Padding::Valid }));
        }
        if same(shape[2], kernel[0], *down, (*top, *bottom)) && same(shape[3], kernel[1], *right, (*left, *wide)) {
            return Ok((x.clone(), Window { stride, padding: Padding::Same }));
        }
        if node.op_type != "Conv" {
            return Err(refused(node, "it is padded in a way of its own"));
        }
        let around = [0, 0, *top, *bottom, *left, *wide, 0, 0];
        let paddings = self.ints(&format!("{}/pads", node.name), &[4, 2], &around);
        let id = self.graph.node(Op::Pad, &format!("{}/Pad", node.name), &[x.id, paddings])?;
        Ok((Value { id, ..x.clone() }, Window { stride, padding: Padding::Valid }))
    }

    pub(super) fn max_pool(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.image(node)?;
        let kernel = source::ints(node, "kernel_shape").unwrap_or_default();
        let kernel: Option<Vec<usize>> = kernel.iter().map(|side| usize::try_from(*side).ok()).collect();
        let Some([height, width]) = kernel.as_deref() else { return Err(refused(node, "it has no kernel")) };
        let kernel = [*height, *width];
        if source::int(node, "ceil_mode", 0) != 0 {
            return Err(refused(node, "it rounds sizes up"));
        }
        let (x, window) = self.window(node, &x, kernel)?;
        let id = self.graph.node(Op::MaxPool2d(window, kernel, Activation::None), &node.name, &[x.id])?;
        Ok(Value { id, ..x })
    }

    pub(super) fn global_average(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.image(node)?;
        let axes = self.ints(&format!("{}/axes", node.name), &[2], &[1, 2]);
        let id = self.graph.node(Op::Mean(true), &node.name, &[x.id, axes])?;
        Ok(Value { id, ..x })
    }

    /// A sum as a mean times how many.
    pub(super) fn sum(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.input(node, 0)?;
        let [axis] = self.source.list(node, 1)?[..] else { return Err(refused(node, "it is over several axes")) };
        let axis = x.axes.ours(axis).ok_or_else(|| refused(node, format!("there is no axis {axis}")))?;
        let keep = source::int(node, "keepdims", 1) != 0;
        let count = self.graph.tensor(x.id).shape[axis] as f32;
        let over = self.ints(&format!("{}/axis", node.name), &[1], &[axis]);
        let mean = self.graph.node(Op::Mean(keep), &format!("{}/mean", node.name), &[x.id, over])?;
        let count = self.graph.constant(&format!("{}/count", node.name), &[1], Values::F32(vec![count]));
        let id = self.graph.node(Op::Mul(Activation::None), &node.name, &[mean, count])?;
        Ok(Value { id, axes: if keep { x.axes } else { x.axes.without(axis) } })
    }

    /// `x W^T + b`, W (O, I).
    pub(super) fn gemm(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.input(node, 0)?;
        let plain = source::float(node, "alpha", 1.0) == 1.0 && source::float(node, "beta", 1.0) == 1.0;
        let turned = (source::int(node, "transA", 0), source::int(node, "transB", 0));
        if !plain || turned != (0, 1) || !x.axes.is_plain() || x.axes.len() != 2 {
            return Err(refused(node, "it is no plain layer of weights (outputs, inputs)"));
        }
        let mut inputs: Vec<TensorId> = vec![x.id];
        for name in node.input.iter().skip(1).filter(|name| !name.is_empty()) {
            let (shape, values) = self.source.floats(node, name)?;
            inputs.push(self.graph.constant(name, &shape, Values::F32(values)));
        }
        let id = self.graph.node(Op::FullyConnected(Activation::None), &node.name, &inputs)?;
        Ok(Value { id, ..x })
    }
}
