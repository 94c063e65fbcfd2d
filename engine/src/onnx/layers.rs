//! Layers of convolutional networks as ONNX nodes.

use super::graph::{Attribute, GraphBuilder, GraphTensor};

/// Geometry of a convolution or pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Step.
    pub stride: usize,
    /// Rows and columns of padding: top, left, bottom, right.
    pub padding: [usize; 4],
    /// Groups of channels.
    pub groups: usize,
}

impl Window {
    /// A square kernel, padded by half its side.
    #[must_use]
    pub const fn square(kernel: usize, stride: usize) -> Self {
        Self { kernel: [kernel; 2], stride, padding: [kernel / 2; 4], groups: 1 }
    }
}

impl GraphBuilder {
    /// Convolution with bias. `weight` is (outputs, inputs / groups, height, width).
    pub fn conv(
        &mut self,
        name: &str,
        x: &GraphTensor,
        (weight, bias): (&GraphTensor, &GraphTensor),
        window: Window,
    ) -> GraphTensor {
        let Window { kernel, stride, padding, groups } = window;
        let kernel = kernel.map(|side| side as i64);
        let padding = padding.map(|side| side as i64);
        let attributes = [
            Attribute::Ints("dilations", &[1, 1]),
            Attribute::Int("group", groups as i64),
            Attribute::Ints("kernel_shape", &kernel),
            Attribute::Ints("pads", &padding),
            Attribute::Ints("strides", &[stride as i64; 2]),
        ];
        self.node("Conv", name, &[x, weight, bias], &attributes)
    }

    /// Maximum over windows, padded by minus infinity.
    pub fn max_pool(&mut self, name: &str, x: &GraphTensor, window: Window) -> GraphTensor {
        let kernel = window.kernel.map(|side| side as i64);
        let padding = window.padding.map(|side| side as i64);
        let attributes = [
            Attribute::Ints("kernel_shape", &kernel),
            Attribute::Ints("pads", &padding),
            Attribute::Ints("strides", &[window.stride as i64; 2]),
        ];
        self.node("MaxPool", name, &[x], &attributes)
    }

    /// `x * sigmoid(x)`.
    pub fn silu(&mut self, name: &str, x: &GraphTensor) -> GraphTensor {
        let gate = self.node("Sigmoid", name, &[x], &[]);
        self.node("Mul", name, &[x, &gate], &[])
    }

    /// Cut to `0..=6`.
    pub fn relu6(&mut self, name: &str, x: &GraphTensor) -> GraphTensor {
        let low = self.floats(&format!("{name}/low"), &[], &[0.0]);
        let high = self.floats(&format!("{name}/high"), &[], &[6.0]);
        self.node("Clip", name, &[x, &low, &high], &[])
    }

    /// Joins along an axis.
    pub fn concat(&mut self, name: &str, parts: &[&GraphTensor], axis: i64) -> GraphTensor {
        self.node("Concat", name, parts, &[Attribute::Int("axis", axis)])
    }

    /// Cuts along an axis into parts of these lengths.
    pub fn split(&mut self, name: &str, x: &GraphTensor, axis: i64, lengths: &[i64]) -> Vec<GraphTensor> {
        let lengths_tensor = self.ints(&format!("{name}/lengths"), lengths);
        self.nodes(("Split", name), &[x, &lengths_tensor], &[Attribute::Int("axis", axis)], lengths.len())
    }

    /// Twice as high and wide, every pixel four times.
    pub fn double(&mut self, name: &str, x: &GraphTensor) -> GraphTensor {
        let scales = self.floats(&format!("{name}/scales"), &[4], &[1.0, 1.0, 2.0, 2.0]);
        let none = GraphTensor::none();
        let attributes = [
            Attribute::Text("coordinate_transformation_mode", "asymmetric"),
            Attribute::Text("mode", "nearest"),
            Attribute::Text("nearest_mode", "floor"),
        ];
        self.node("Resize", name, &[x, &none, &scales], &attributes)
    }

    /// Another shape; 0 keeps an axis, -1 follows from the rest.
    pub fn reshape(&mut self, name: &str, x: &GraphTensor, shape: &[i64]) -> GraphTensor {
        let shape = self.ints(&format!("{name}/shape"), shape);
        self.node("Reshape", name, &[x, &shape], &[])
    }
}
