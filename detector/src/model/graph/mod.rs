//! Backbone, neck and head as ONNX nodes, from weights whose batch norms are folded in. Weights keep their names; constants
//! that are no weights have a `/` in theirs.

mod head;

use engine::backbone::GraphPart;
use engine::onnx::{GraphBuilder, GraphTensor, Window};
use engine::{Backbone, EngineError, Weights};
use vision::PreprocessPlan;

use super::Scale;

/// Height and width of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Any multiples of 32.
    Any,
    /// These, multiples of 32.
    Fixed {
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
}

/// Writes layers by the names of their weights.
pub struct Writer<'a> {
    /// The graph it adds to.
    pub graph: GraphBuilder,
    weights: &'a Weights,
}

/// All of them are padded alike.
const SOME_MULTIPLE_OF_32: (usize, usize) = (640, 640);

/// Features at strides 8, 16 and 32.
pub type Levels = [GraphTensor; 3];

impl<'a> Writer<'a> {
    /// An empty graph called `name`, of these weights.
    #[must_use]
    pub fn new(name: &str, weights: &'a Weights) -> Self {
        Self { graph: GraphBuilder::new(name), weights }
    }

    /// The tensor `name` of the weights as a constant.
    fn weight(&mut self, name: &str) -> Result<GraphTensor, EngineError> {
        let shape = self.weights.shape(name).unwrap_or_default().to_vec();
        let values = self.weights.take(name, &shape)?;
        Ok(self.graph.floats(name, &shape, values))
    }

    /// Side of the kernel of the convolution `name`.
    fn kernel(&self, name: &str) -> usize {
        self.weights.shape(&format!("{name}.weight")).and_then(|shape| shape.last().copied()).unwrap_or(1)
    }

    /// A convolution with bias.
    pub(super) fn conv(&mut self, name: &str, x: &GraphTensor, window: Window) -> Result<GraphTensor, EngineError> {
        let (weight, bias) = (self.weight(&format!("{name}.weight"))?, self.weight(&format!("{name}.bias"))?);
        Ok(self.graph.conv(name, x, (&weight, &bias), window))
    }

    /// YOLOv8's convolution: padded by half its kernel, then SiLU.
    pub(super) fn block(&mut self, name: &str, x: &GraphTensor, stride: usize) -> Result<GraphTensor, EngineError> {
        let conv = format!("{name}.conv");
        let window = Window::square(self.kernel(&conv), stride);
        let y = self.conv(&conv, x, window)?;
        Ok(self.graph.silu(name, &y))
    }

    fn c2f(
        &mut self,
        layer: usize,
        x: &GraphTensor,
        repeats: usize,
        shortcut: bool,
    ) -> Result<GraphTensor, EngineError> {
        let name = format!("model.{layer}");
        let y = self.block(&format!("{name}.cv1"), x, 1)?;
        let half = self.weights.shape(&format!("{name}.cv1.conv.weight")).map_or(0, |shape| shape[0]) as i64 / 2;
        let mut parts = self.graph.split(&name, &y, 1, &[half, half]);
        for i in 0..repeats {
            let last = parts[parts.len() - 1].clone();
            let bottleneck = format!("{name}.m.{i}");
            let y = self.block(&format!("{bottleneck}.cv1"), &last, 1)?;
            let y = self.block(&format!("{bottleneck}.cv2"), &y, 1)?;
            parts.push(if shortcut { self.graph.node("Add", &bottleneck, &[&last, &y], &[]) } else { y });
        }
        let all = self.graph.concat(&name, &parts.iter().collect::<Vec<_>>(), 1);
        self.block(&format!("{name}.cv2"), &all, 1)
    }

    /// Pooling over ever larger windows.
    fn sppf(&mut self, x: &GraphTensor) -> Result<GraphTensor, EngineError> {
        let name = "model.9";
        let mut parts = vec![self.block(&format!("{name}.cv1"), x, 1)?];
        for _ in 0..3 {
            let pooled = self.graph.max_pool(name, &parts[parts.len() - 1], Window::square(5, 1));
            parts.push(pooled);
        }
        let all = self.graph.concat(name, &parts.iter().collect::<Vec<_>>(), 1);
        self.block(&format!("{name}.cv2"), &all, 1)
    }

    pub(super) fn yolo_backbone(&mut self, images: &GraphTensor, scale: Scale) -> Result<Levels, EngineError> {
        let mut x = self.block("model.0", images, 2)?;
        let mut levels = Vec::new();
        for (stage, base) in [3, 6, 6, 3].into_iter().enumerate() {
            x = self.block(&format!("model.{}", 2 * stage + 1), &x, 2)?;
            x = self.c2f(2 * stage + 2, &x, scale.repeats(base), true)?;
            levels.push(x.clone());
        }
        let p5 = self.sppf(&levels[3])?;
        Ok([levels[1].clone(), levels[2].clone(), p5])
    }

    pub(super) fn lateral_backbone(
        &mut self,
        images: &GraphTensor,
        backbone: &dyn Backbone,
    ) -> Result<Levels, EngineError> {
        let PreprocessPlan { mean, std, .. } = backbone.plan();
        let scale: Vec<f32> = std.iter().map(|std| 255.0 / std).collect();
        let shift: Vec<f32> = mean.iter().zip(std).map(|(mean, std)| -mean / std).collect();
        let scale = self.graph.floats("model.colours/scale", &[1, 3, 1, 1], &scale);
        let shift = self.graph.floats("model.colours/shift", &[1, 3, 1, 1], &shift);
        let x = self.graph.node("Mul", "model.colours", &[images, &scale], &[]);
        let x = self.graph.node("Add", "model.colours", &[&x, &shift], &[]);
        let part = GraphPart { graph: &mut self.graph, weights: self.weights, prefix: "model.trunk." };
        let [p3, p4, p5] = backbone.write_pyramid(part, &x, SOME_MULTIPLE_OF_32)?;
        let p3 = self.block("model.lateral3", &p3, 1)?;
        let p4 = self.block("model.lateral4", &p4, 1)?;
        let p5 = self.block("model.lateral5", &p5, 1)?;
        Ok([p3, p4, self.sppf(&p5)?])
    }

    pub(super) fn neck(&mut self, [p3, p4, p5]: &Levels, scale: Scale) -> Result<Levels, EngineError> {
        let repeats = scale.repeats(3);
        let up = self.graph.double("model.10", p5);
        let joined = self.graph.concat("model.11", &[&up, p4], 1);
        let up4 = self.c2f(12, &joined, repeats, false)?;
        let up = self.graph.double("model.13", &up4);
        let joined = self.graph.concat("model.14", &[&up, p3], 1);
        let p3 = self.c2f(15, &joined, repeats, false)?;
        let down = self.block("model.16", &p3, 2)?;
        let joined = self.graph.concat("model.17", &[&down, &up4], 1);
        let p4 = self.c2f(18, &joined, repeats, false)?;
        let down = self.block("model.19", &p4, 2)?;
        let joined = self.graph.concat("model.20", &[&down, p5], 1);
        let p5 = self.c2f(21, &joined, repeats, false)?;
        Ok([p3, p4, p5])
    }
}
