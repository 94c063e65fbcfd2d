//! Suppression of duplicates as ONNX nodes, for tools that have none of their own.

use engine::onnx::{Attribute, GraphBuilder, GraphTensor};

/// How duplicates are suppressed inside a file: whatever their class, most confident first. What is below `confidence` or
/// suppressed cannot be asked for later, so both are chosen with room: who runs the file can be stricter, not laxer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suppression {
    /// Boxes that overlap a more confident one by more are dropped.
    pub iou: f32,
    /// Minimum confidence, 0 to 1.
    pub confidence: f32,
    /// Detections per image.
    pub max_detections: usize,
}

impl Default for Suppression {
    fn default() -> Self {
        Self { iou: 0.7, confidence: 0.001, max_detections: 300 }
    }
}

/// From (B, 4 + classes, A) to (B, max_detections, 6): x1, y1, x2, y2, score, class.
pub(super) fn suppress(g: &mut GraphBuilder, output: &GraphTensor, classes: usize, nms: Suppression) -> GraphTensor {
    let parts = g.split("nms.parts", output, 1, &[2, 2, classes as i64]);
    let two = g.floats("nms.two", &[], &[2.0]);
    let half = g.node("Div", "nms.half", &[&parts[1], &two], &[]);
    let low = g.node("Sub", "nms.low", &[&parts[0], &half], &[]);
    let high = g.node("Add", "nms.high", &[&parts[0], &half], &[]);
    let score =
        g.node("ReduceMax", "nms.score", &[&parts[2]], &[Attribute::Ints("axes", &[1]), Attribute::Int("keepdims", 1)]);
    let class =
        g.node("ArgMax", "nms.class", &[&parts[2]], &[Attribute::Int("axis", 1), Attribute::Int("keepdims", 1)]);
    let class = g.node("Cast", "nms.class", &[&class], &[Attribute::Int("to", 1)]);
    let anchors_first = [Attribute::Ints("perm", &[0, 2, 1])];
    let corners = g.concat("nms.corners", &[&low, &high], 1);
    let corners = g.node("Transpose", "nms.corners", &[&corners], &anchors_first);

    let max_detections = g.ints("nms.most", &[nms.max_detections as i64]);
    let iou = g.floats("nms.iou", &[1], &[nms.iou]);
    let confidence = g.floats("nms.confidence", &[1], &[nms.confidence]);
    let chosen = g.node("NonMaxSuppression", "nms", &[&corners, &score, &max_detections, &iou, &confidence], &[]);
    // (found, 3): image, class, anchor.
    let column = |g: &mut engine::onnx::GraphBuilder, name: &str, at: i64| {
        let at = g.ints(&format!("{name}/at"), &[at]);
        g.node("Gather", name, &[&chosen, &at], &[Attribute::Int("axis", 1)])
    };
    let (image, anchor) = (column(g, "nms.picture", 0), column(g, "nms.anchor", 2));
    let rows = g.concat("nms.rows", &[&low, &high, &score, &class], 1);
    let rows = g.node("Transpose", "nms.rows", &[&rows], &anchors_first);
    let place = g.concat("nms.from", &[&image, &anchor], 1);
    let found = g.node("GatherND", "nms.found", &[&rows, &place], &[]);

    // Which of its image's detections each is: counted along the list, image by image.
    let shape = g.node("Shape", "nms.batch", &[output], &[Attribute::Int("start", 0), Attribute::Int("end", 1)]);
    let count = g.node("ReduceProd", "nms.batch", &[&shape], &[Attribute::Int("keepdims", 0)]);
    let scalar = |g: &mut engine::onnx::GraphBuilder, name: &str, value: i64| {
        let list = g.ints(&format!("{name}/value"), &[value]);
        g.node("ReduceProd", name, &[&list], &[Attribute::Int("keepdims", 0)])
    };
    let (zero, one) = (scalar(g, "nms.zero", 0), scalar(g, "nms.one", 1));
    let numbers = g.node("Range", "nms.pictures", &[&zero, &count, &one], &[]);
    let mine = g.node("Equal", "nms.mine", &[&image, &numbers], &[]);
    let mine = g.node("Cast", "nms.mine", &[&mine], &[Attribute::Int("to", 7)]);
    let sum = g.node("CumSum", "nms.rank", &[&mine, &zero], &[]);
    let sum = g.node("Mul", "nms.rank", &[&sum, &mine], &[]);
    let axis = g.ints("nms.rank/axis", &[1]);
    let rank = g.node("ReduceSum", "nms.rank", &[&sum, &axis], &[Attribute::Int("keepdims", 1)]);
    let rank = g.node("Sub", "nms.rank", &[&rank, &one], &[]);
    let six = g.ints("nms.six", &[6]);
    let shape = g.concat("nms.shape", &[&shape, &max_detections, &six], 0);
    let empty = g.node("ConstantOfShape", "nms.empty", &[&shape], &[]);
    let place = g.concat("nms.to", &[&image, &rank], 1);
    g.node("ScatterND", "nms.detections", &[&empty, &place, &found], &[])
}
