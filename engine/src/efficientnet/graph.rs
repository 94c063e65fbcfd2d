//! The network as ONNX nodes, from weights whose batch norms are folded in.

use super::config::{Activation, BlockShape, Config};
use crate::EngineError;
use crate::backbone::{GraphPart, Padding};
use crate::onnx::{GraphTensor, Window};

/// Writes the layers of an EfficientNet under the names of their weights.
pub(super) struct GraphWriter<'a> {
    /// Where it writes.
    pub(super) part: GraphPart<'a>,
    /// The network.
    pub(super) config: &'a Config,
}

impl GraphWriter<'_> {
    /// Stem, blocks and last convolution, on images `x` of these height and width: features (N, C, H / 32, W / 32).
    ///
    /// # Errors
    /// When a weight is missing or holds numbers that are not finite.
    pub(super) fn features(&mut self, x: &GraphTensor, size: (usize, usize)) -> Result<GraphTensor, EngineError> {
        let blocks = self.blocks(x, size)?;
        let last = blocks.last().unwrap_or(x);
        self.conv("conv_head", last, Window::square(1, 1), Some(self.config.activation))
    }

    /// Stem and blocks, on images `x` of these height and width: what comes out of every block. Multiples of 32 are all padded
    /// alike, so where the size is not known yet but will be one, any of them stands for it.
    ///
    /// # Errors
    /// When a weight is missing or holds numbers that are not finite.
    pub(super) fn blocks(
        &mut self,
        x: &GraphTensor,
        (height, width): (usize, usize),
    ) -> Result<Vec<GraphTensor>, EngineError> {
        let window = self.window(3, 2, 1, (height, width));
        let mut x = self.conv("conv_stem", x, window, Some(self.config.activation))?;
        let (mut height, mut width) = (height.div_ceil(2), width.div_ceil(2));
        let mut blocks = Vec::new();
        for shape in self.config.blocks() {
            x = self.block(&x, shape, (height, width))?;
            (height, width) = (height.div_ceil(shape.stride), width.div_ceil(shape.stride));
            blocks.push(x.clone());
        }
        Ok(blocks)
    }

    fn block(&mut self, x: &GraphTensor, shape: BlockShape, size: (usize, usize)) -> Result<GraphTensor, EngineError> {
        let name = format!("blocks.{}.{}", shape.stage, shape.place);
        let activation = Some(self.config.activation);
        let mut y = x.clone();
        let project = if shape.expansion == 1 {
            "conv_pw"
        } else {
            y = self.conv(&format!("{name}.conv_pw"), x, Window::square(1, 1), activation)?;
            "conv_pwl"
        };
        let depthwise = self.window(shape.kernel, shape.stride, shape.input * shape.expansion, size);
        y = self.conv(&format!("{name}.conv_dw"), &y, depthwise, activation)?;
        if self.config.squeezed(shape.input).is_some() {
            let se = format!("{name}.se");
            let node = format!("{}{se}", self.part.prefix);
            let pooled = self.part.graph.node("GlobalAveragePool", &node, &[&y], &[]);
            let reduced = self.conv(&format!("{se}.conv_reduce"), &pooled, Window::square(1, 1), activation)?;
            let expanded = self.conv(&format!("{se}.conv_expand"), &reduced, Window::square(1, 1), None)?;
            let gate = self.part.graph.node("Sigmoid", &node, &[&expanded], &[]);
            y = self.part.graph.node("Mul", &node, &[&y, &gate], &[]);
        }
        let y = self.conv(&format!("{name}.{project}"), &y, Window::square(1, 1), None)?;
        let residual = shape.stride == 1 && shape.input == shape.output;
        Ok(if residual {
            self.part.graph.node("Add", &format!("{}{name}", self.part.prefix), &[&y, x], &[])
        } else {
            y
        })
    }

    fn conv(
        &mut self,
        name: &str,
        x: &GraphTensor,
        window: Window,
        activation: Option<Activation>,
    ) -> Result<GraphTensor, EngineError> {
        let (weight, bias) = (self.part.weight(&format!("{name}.weight"))?, self.part.weight(&format!("{name}.bias"))?);
        let name = format!("{}{name}", self.part.prefix);
        let y = self.part.graph.conv(&name, x, (&weight, &bias), window);
        Ok(match activation {
            Some(Activation::Swish) => self.part.graph.silu(&name, &y),
            Some(Activation::Relu6) => self.part.graph.relu6(&name, &y),
            None => y,
        })
    }

    /// As the layers pad images of this height and width.
    fn window(&self, kernel: usize, stride: usize, groups: usize, (height, width): (usize, usize)) -> Window {
        let side = |length: usize| match self.config.padding {
            Padding::Symmetric => ((kernel - 1) / 2, (kernel - 1) / 2),
            Padding::Same => {
                let total = ((length.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(length);
                (total / 2, total - total / 2)
            }
        };
        let ((top, bottom), (left, right)) = (side(height), side(width));
        Window { kernel: [kernel; 2], stride, padding: [top, left, bottom, right], groups }
    }
}
