//! The head as ONNX nodes: from features to boxes and scores of all anchors.

use engine::EngineError;
use engine::onnx::{Attribute, GraphTensor, Window};

use super::super::head::REG_MAX;
use super::{Levels, Size, Writer};
use crate::anchors::{STRIDES, anchors};

impl Writer<'_> {
    /// (B, 4 + classes, A): centre x, centre y, width and height in pixels, then a probability per class.
    pub(in crate::model) fn head(
        &mut self,
        features: &Levels,
        classes: usize,
        size: Size,
    ) -> Result<GraphTensor, EngineError> {
        let (boxes, scores) = (self.branches("cv2", features, 4 * REG_MAX)?, self.branches("cv3", features, classes)?);
        let name = "model.22";
        let g = &mut self.graph;
        // The expected bin of each side's distribution.
        let bins = g.reshape(&format!("{name}.dfl"), &boxes, &[0, 4, REG_MAX as i64, -1]);
        let probabilities = g.node("Softmax", &format!("{name}.dfl"), &[&bins], &[Attribute::Int("axis", 2)]);
        let numbers: Vec<f32> = (0..REG_MAX).map(|bin| bin as f32).collect();
        let numbers = g.floats(&format!("{name}.dfl/bins"), &[1, 1, REG_MAX, 1], &numbers);
        let weighted = g.node("Mul", &format!("{name}.dfl"), &[&probabilities, &numbers], &[]);
        let axis = g.ints(&format!("{name}.dfl/axis"), &[2]);
        let distances =
            g.node("ReduceSum", &format!("{name}.dfl"), &[&weighted, &axis], &[Attribute::Int("keepdims", 0)]);
        let (centers, strides) = match size {
            Size::Fixed { height, width } => self.fixed_anchors(height, width),
            Size::Any => self.anchors_of(features),
        };
        let g = &mut self.graph;
        let distances = g.node("Mul", &format!("{name}.distances"), &[&distances, &strides], &[]);
        let sides = g.split(&format!("{name}.sides"), &distances, 1, &[2, 2]);
        let spread = g.node("Sub", &format!("{name}.center"), &[&sides[1], &sides[0]], &[]);
        let two = g.floats(&format!("{name}/two"), &[], &[2.0]);
        let offset = g.node("Div", &format!("{name}.center"), &[&spread, &two], &[]);
        let center = g.node("Add", &format!("{name}.center"), &[&offset, &centers], &[]);
        let extent = g.node("Add", &format!("{name}.extent"), &[&sides[0], &sides[1]], &[]);
        let scores = g.node("Sigmoid", &format!("{name}.scores"), &[&scores], &[]);
        Ok(g.concat(name, &[&center, &extent, &scores], 1))
    }

    /// One kind of branch at all levels: (B, outputs, A).
    fn branches(&mut self, kind: &str, features: &Levels, outputs: usize) -> Result<GraphTensor, EngineError> {
        let mut levels = Vec::new();
        for (level, x) in features.iter().enumerate() {
            let name = format!("model.22.{kind}.{level}");
            let y = self.block(&format!("{name}.0"), x, 1)?;
            let y = self.block(&format!("{name}.1"), &y, 1)?;
            let y = self.conv(&format!("{name}.2"), &y, Window::square(1, 1))?;
            levels.push(self.graph.reshape(&name, &y, &[0, outputs as i64, -1]));
        }
        Ok(self.graph.concat(&format!("model.22.{kind}"), &levels.iter().collect::<Vec<_>>(), 2))
    }

    /// Centres (1, 2, A) and strides (1, 1, A) in pixels, as constants.
    fn fixed_anchors(&mut self, height: usize, width: usize) -> (GraphTensor, GraphTensor) {
        let all = anchors(height, width);
        let centers: Vec<f32> = all.iter().map(|a| a.x).chain(all.iter().map(|a| a.y)).collect();
        let strides: Vec<f32> = all.iter().map(|a| a.stride).collect();
        (
            self.graph.floats("model.22/anchors", &[1, 2, all.len()], &centers),
            self.graph.floats("model.22/strides", &[1, 1, all.len()], &strides),
        )
    }

    /// The same, worked out from the shapes of the features when the network runs.
    fn anchors_of(&mut self, features: &Levels) -> (GraphTensor, GraphTensor) {
        let (mut centers, mut strides) = (Vec::new(), Vec::new());
        let g = &mut self.graph;
        let scalar = |g: &mut engine::onnx::GraphBuilder, name: &str, value: i64| {
            let list = g.ints(&format!("{name}/value"), &[value]);
            let none = g.ints(&format!("{name}/axes"), &[0]);
            g.node("Squeeze", name, &[&list, &none], &[])
        };
        let (zero, one) = (scalar(g, "model.22.zero", 0), scalar(g, "model.22.one", 1));
        let half = g.floats("model.22/half", &[], &[0.5]);
        for (level, (feature, stride)) in features.iter().zip(STRIDES).enumerate() {
            let name = format!("model.22.anchors.{level}");
            let shape = g.node("Shape", &name, &[feature], &[Attribute::Int("start", 2)]);
            let step = g.floats(&format!("{name}/stride"), &[], &[stride as f32]);
            let sides = g.split(&name, &shape, 0, &[1, 1]);
            let line = |g: &mut engine::onnx::GraphBuilder, side: &GraphTensor, as_row: bool| {
                let axes = g.ints(&format!("{name}/axes"), &[0]);
                let count = g.node("Squeeze", &name, &[side, &axes], &[]);
                let numbers = g.node("Range", &name, &[&zero, &count, &one], &[]);
                let numbers = g.node("Cast", &name, &[&numbers], &[Attribute::Int("to", 1)]);
                let numbers = g.node("Add", &name, &[&numbers, &half], &[]);
                let numbers = g.node("Mul", &name, &[&numbers, &step], &[]);
                let numbers = g.reshape(&name, &numbers, if as_row { &[1, -1] } else { &[-1, 1] });
                let all = g.node("Expand", &name, &[&numbers, &shape], &[]);
                g.reshape(&name, &all, &[1, 1, -1])
            };
            let (y, x) = (line(g, &sides[0], false), line(g, &sides[1], true));
            centers.push(g.concat(&name, &[&x, &y], 1));
            // As many strides as centres.
            let nothing = g.node("Sub", &name, &[&x, &x], &[]);
            strides.push(g.node("Add", &name, &[&nothing, &step], &[]));
        }
        (
            g.concat("model.22.anchors", &centers.iter().collect::<Vec<_>>(), 2),
            g.concat("model.22.strides", &strides.iter().collect::<Vec<_>>(), 2),
        )
    }
}
