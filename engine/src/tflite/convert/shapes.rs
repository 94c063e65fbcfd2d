//! What moves numbers around.

use super::axes::Axes;
use super::error::{ConvertError, refused};
use super::{Made, Value, source};
use crate::onnx::proto::NodeProto;
use crate::tflite::graph::{Op, TensorId, Values};

impl Made<'_> {
    /// All axes from one on joined.
    pub(super) fn flatten(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.input(node, 0)?;
        if source::int(node, "axis", 1) != 1 {
            return Err(refused(node, "it does not begin behind the batch"));
        }
        let shape = self.shape(&x);
        let [first, rest @ ..] = shape.as_slice() else { return Err(refused(node, "its input has no axes")) };
        let wanted = [*first, rest.iter().product()];
        self.reshaped(node, &x, &wanted)
    }

    pub(super) fn reshape(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.input(node, 0)?;
        let wanted = self.source.list(node, 1)?;
        let shape = self.shape(&x);
        let count: usize = shape.iter().product();
        let mut known = Vec::with_capacity(wanted.len());
        for (at, length) in wanted.iter().enumerate() {
            known.push(match *length {
                0 => shape.get(at).copied(),
                -1 => Some(0),
                length => usize::try_from(length).ok(),
            });
        }
        let mut known =
            known.into_iter().collect::<Option<Vec<usize>>>().ok_or_else(|| refused(node, "its shape cannot be"))?;
        let rest =
            known.iter().filter(|length| **length != 0).try_fold(1_usize, |all, length| all.checked_mul(*length));
        let open = rest.and_then(|rest| count.checked_div(rest)).unwrap_or(0);
        known.iter_mut().filter(|length| **length == 0).for_each(|length| *length = open);
        if known.iter().try_fold(1_usize, |all, length| all.checked_mul(*length)) != Some(count) {
            return Err(refused(node, format!("{shape:?} has no shape {wanted:?}")));
        }
        self.reshaped(node, &x, &known)
    }

    /// The shape `wanted`, in ONNX's order. Where channels stand last they stay there, if what is joined or parted are
    /// channels among themselves and places among themselves.
    fn reshaped(&mut self, node: &NodeProto, x: &Value, wanted: &[usize]) -> Result<Value, ConvertError> {
        let shape = self.shape(x);
        if x.axes.is_channels_last() && wanted.first() == shape.first() {
            let channels = |from: &usize| {
                wanted[1..*from].iter().product::<usize>() == shape[1]
                    && wanted[*from..].iter().product::<usize>() == shape[2..].iter().product::<usize>()
            };
            if let Some(from) = (2..=wanted.len()).find(channels) {
                let axes = Axes::blocks(wanted.len(), from);
                let ours: Vec<usize> =
                    [&wanted[..1], &wanted[from..], &wanted[1..from]].into_iter().flatten().copied().collect();
                let id = self.with_shape(node, x.id, &ours)?;
                return Ok(Value { id, axes });
            }
        }
        let id = self.in_order(x, &node.name)?;
        let id = self.with_shape(node, id, wanted)?;
        Ok(Value { id, axes: Axes::plain(wanted.len()) })
    }

    fn with_shape(&mut self, node: &NodeProto, x: TensorId, shape: &[usize]) -> Result<TensorId, ConvertError> {
        let wanted = self.ints(&format!("{}/shape", node.name), &[shape.len()], shape);
        Ok(self.graph.node(Op::Reshape, &node.name, &[x, wanted])?)
    }

    pub(super) fn concat(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let parts = (0..node.input.len()).map(|at| self.input(node, at)).collect::<Result<Vec<_>, _>>()?;
        let first = parts.first().cloned().ok_or_else(|| refused(node, "it joins nothing"))?;
        if parts.iter().any(|part| part.axes != first.axes) {
            return Err(refused(node, "its inputs have their axes in different orders"));
        }
        let axis = self.axis(node, &first, 0)?;
        let ids: Vec<TensorId> = parts.iter().map(|part| part.id).collect();
        let id = self.graph.node(Op::Concat(axis as i32), &node.name, &ids)?;
        Ok(Value { id, ..first })
    }

    /// A slice for each part.
    pub(super) fn split(&mut self, node: &NodeProto) -> Result<(), ConvertError> {
        let x = self.input(node, 0)?;
        let axis = self.axis(node, &x, 0)?;
        let lengths = self.source.list(node, 1)?;
        let shape = self.graph.tensor(x.id).shape.clone();
        let mut begins = vec![0; shape.len()];
        for (at, length) in lengths.iter().enumerate() {
            let mut sizes = shape.clone();
            sizes[axis] = usize::try_from(*length).map_err(|_| refused(node, "a part has no length"))?;
            let name = format!("{}/{at}", node.name);
            let begin = self.ints(&format!("{name}/begin"), &[shape.len()], &begins);
            let size = self.ints(&format!("{name}/size"), &[shape.len()], &sizes);
            let id = self.graph.node(Op::Slice, &name, &[x.id, begin, size])?;
            begins[axis] += sizes[axis];
            self.gives(node, at, Value { id, axes: x.axes.clone() })?;
        }
        if begins[axis] == shape[axis] { Ok(()) } else { Err(refused(node, "its parts are not the whole")) }
    }

    /// Whole multiples of height and width, every pixel repeated.
    pub(super) fn resize(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.input(node, 0)?;
        let plain = source::text(node, "mode") == b"nearest"
            && source::text(node, "coordinate_transformation_mode") == b"asymmetric"
            && source::text(node, "nearest_mode") == b"floor";
        let scales = node.input.get(2).filter(|name| !name.is_empty());
        let scales = scales.ok_or_else(|| refused(node, "it has no scales"))?;
        let (_, scales) = self.source.floats(node, scales)?;
        let whole = |scale: f32| (1.0..=64.0).contains(&scale) && scale.fract() == 0.0;
        let [1.0, 1.0, down, right] = scales[..] else { return Err(refused(node, "it resizes more than images")) };
        if !plain || !whole(down) || !whole(right) || x.axes != Axes::channels_last(4) {
            return Err(refused(node, "it is no repetition of pixels"));
        }
        let shape = self.shape(&x);
        let size = [shape[2] * down as usize, shape[3] * right as usize];
        let size = size.map(|side| i32::try_from(side).unwrap_or(i32::MAX));
        let size = self.graph.constant(&format!("{}/size", node.name), &[2], Values::I32(size.to_vec()));
        let op = Op::ResizeNearest { align_corners: false, half_pixel_centers: false };
        let id = self.graph.node(op, &node.name, &[x.id, size])?;
        Ok(Value { id, ..x })
    }
}
