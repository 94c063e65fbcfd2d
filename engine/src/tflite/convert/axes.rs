//! The order of axes.

/// For each axis of ours, which it is in ONNX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axes(Vec<usize>);

impl Axes {
    /// The same order.
    pub(super) fn plain(rank: usize) -> Self {
        Self((0..rank).collect())
    }

    /// Batch, then all places, then channels, which are axis 1 in ONNX.
    pub(super) fn channels_last(rank: usize) -> Self {
        Self::blocks(rank, 2)
    }

    /// Batch, then the axes from `from` on, then those from 1 to it.
    pub(super) fn blocks(rank: usize, from: usize) -> Self {
        Self(std::iter::once(0).chain(from..rank).chain(1..from).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_plain(&self) -> bool {
        self.0.iter().enumerate().all(|(at, axis)| at == *axis)
    }

    pub(super) fn is_channels_last(&self) -> bool {
        self.len() > 2 && *self == Self::channels_last(self.len())
    }

    /// Ours for ONNX's, which may be counted from the last.
    pub(super) fn ours(&self, axis: i64) -> Option<usize> {
        let axis = if axis < 0 { axis + self.len() as i64 } else { axis };
        self.0.iter().position(|onnx| *onnx as i64 == axis)
    }

    /// Lengths in ONNX's order.
    pub(super) fn onnx_shape(&self, ours: &[usize]) -> Vec<usize> {
        let mut shape = vec![0; ours.len()];
        self.0.iter().zip(ours).for_each(|(axis, length)| shape[*axis] = *length);
        shape
    }

    /// The order that gives ONNX's back.
    pub(super) fn back(&self) -> Vec<usize> {
        let places: Vec<usize> = (0..self.len()).collect();
        self.onnx_shape(&places)
    }

    /// The order without an axis of ours.
    pub(super) fn without(&self, axis: usize) -> Self {
        let gone = self.0[axis];
        let left = self.0.iter().filter(|onnx| **onnx != gone);
        Self(left.map(|onnx| if *onnx > gone { onnx - 1 } else { *onnx }).collect())
    }

    /// A constant in ONNX's order, in ours.
    pub(super) fn of_ours(&self, shape: &[usize], values: &[f32]) -> (Vec<usize>, Vec<f32>) {
        permuted(shape, values, &self.0)
    }
}

/// Numbers with their axes in another order: axis `i` of the result is axis `order[i]`.
pub(super) fn permuted(shape: &[usize], values: &[f32], order: &[usize]) -> (Vec<usize>, Vec<f32>) {
    let out: Vec<usize> = order.iter().map(|axis| shape[*axis]).collect();
    let turned = crate::tflite::run::part(values, shape, &out, (order, &vec![0; shape.len()]));
    (out, turned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_undone() {
        let axes = Axes::channels_last(4);
        assert_eq!(axes.onnx_shape(&[1, 5, 7, 3]), [1, 3, 5, 7]);
        assert_eq!(axes.back(), [0, 3, 1, 2]);
        assert_eq!((axes.ours(1), axes.ours(-1), axes.ours(4), axes.ours(-5)), (Some(3), Some(2), None, None));
        assert!(axes.is_channels_last() && !axes.is_plain() && Axes::plain(3).is_plain());
        // (1, A, 4, 16) of (1, 4, 16, A), and without the 16.
        let split = Axes::blocks(4, 3);
        assert_eq!(split.onnx_shape(&[1, 9, 4, 16]), [1, 4, 16, 9]);
        assert_eq!(split.without(3), Axes::channels_last(3));
        assert_eq!(Axes::channels_last(2), Axes::plain(2));
        let (shape, values) = axes.of_ours(&[1, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!((shape, values), (vec![1, 1, 2, 2], vec![1.0, 3.0, 2.0, 4.0]));
    }
}
