//! A network as operators on tensors. Built node by node; shapes follow from operators, so what is built is sound.

use std::collections::BTreeMap;
use std::fmt;

use super::error::TfliteError;
use super::shape;

/// What a tensor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floats.
    F32,
    /// int8, with a [`Quantization`] that says what the numbers mean.
    I8,
    /// 32-bit integers: biases of int8 layers, shapes, axes.
    I32,
}

impl Element {
    /// Bytes of one.
    #[must_use]
    pub fn bytes(self) -> usize {
        if self == Self::I8 { 1 } else { 4 }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::I8 => "int8",
            Self::I32 => "int32",
        })
    }
}

/// The numbers of a tensor, row after row.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// int8.
    I8(Vec<i8>),
    /// 32-bit integers.
    I32(Vec<i32>),
}

impl Values {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::I32(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they are.
    #[must_use]
    pub fn element(&self) -> Element {
        match self {
            Self::F32(_) => Element::F32,
            Self::I8(_) => Element::I8,
            Self::I32(_) => Element::I32,
        }
    }
}

/// What integers mean: `(q - zero_point) * scale`. One scale, or one for each index of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantization {
    /// Positive; one, or as many as the axis is long.
    pub scales: Vec<f32>,
    /// As many as scales.
    pub zero_points: Vec<i32>,
    /// The axis of several scales.
    pub axis: usize,
}

impl Quantization {
    /// One scale for all.
    #[must_use]
    pub fn of_tensor(scale: f32, zero_point: i32) -> Self {
        Self { scales: vec![scale], zero_points: vec![zero_point], axis: 0 }
    }

    /// Scale and zero point of all.
    #[must_use]
    pub fn whole(&self) -> Option<(f32, i32)> {
        match (self.scales.as_slice(), self.zero_points.as_slice()) {
            ([scale], [zero_point]) => Some((*scale, *zero_point)),
            _ => None,
        }
    }
}

/// What flows between operators, or a constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// For people.
    pub name: String,
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    /// What it holds.
    pub element: Element,
    /// What its integers mean.
    pub quantization: Option<Quantization>,
    /// The numbers, where they are known: weights, shapes.
    pub constant: Option<Values>,
}

impl Tensor {
    /// Numbers in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether an axis has length 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A tensor's place in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub(in crate::tflite) usize);

impl TensorId {
    /// The place as a number.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// What is done to results before they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// Cut below 0.
    Relu,
    /// Cut to 0 to 6.
    Relu6,
}

/// Where zeros go around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// As few as give `ceil(size / stride)`, the odd one right and below.
    Same,
    /// None.
    Valid,
}

/// How a kernel moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// What lies around the image.
    pub padding: Padding,
}

/// Operators. Inputs are in the order of the schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// `activation(x W^T + b)`: x (..., I), W (O, I), b (O) or none; results (rows, O).
    FullyConnected(Activation),
    /// x (N, H, W, I), weights (O, h, w, I), b (O).
    Conv2d(Window, Activation),
    /// A filter for each channel: weights (1, h, w, C), b (C).
    DepthwiseConv2d(Window, Activation),
    /// Mean over windows of this height and width; what lies outside does not count.
    AveragePool2d(Window, [usize; 2], Activation),
    /// Maximum over windows.
    MaxPool2d(Window, [usize; 2], Activation),
    /// Mean over the axes that the second input lists; whether they stay with length 1.
    Mean(bool),
    /// Sum; the smaller shape is repeated.
    Add(Activation),
    /// Product; the smaller shape is repeated.
    Mul(Activation),
    /// Cut below 0.
    Relu,
    /// Cut to 0 to 6.
    Relu6,
    /// Nearest pixel; the second input holds height and width. Whether corners are aligned, and whether pixels have centres.
    ResizeNearest {
        /// Corners on corners.
        align_corners: bool,
        /// Pixels are taken at their centres.
        half_pixel_centers: bool,
    },
    /// Joins along an axis; negative ones count from the last.
    Concat(i32),
    /// The shape that the second input holds; -1 follows from the rest.
    Reshape,
    /// A part of each axis: the second input says where it begins, the third how long it is, -1 to the end.
    Slice,
    /// Axes in another order: the second input holds, for each axis of the result, which it is of the input.
    Transpose,
    /// `exp(beta x)` over its sum, along the last axis.
    Softmax(f32),
    /// `1 / (1 + exp(-x))`.
    Logistic,
    /// Zeros around: the second input (rank, 2) says how many before and after each axis.
    Pad,
    /// To unit length, along the last axis.
    L2Normalize,
    /// Floats to int8, or int8 to int8 of another scale.
    Quantize,
    /// int8 to floats.
    Dequantize,
}

impl Op {
    /// As the schema calls it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::FullyConnected(_) => "FULLY_CONNECTED",
            Self::Conv2d(..) => "CONV_2D",
            Self::DepthwiseConv2d(..) => "DEPTHWISE_CONV_2D",
            Self::AveragePool2d(..) => "AVERAGE_POOL_2D",
            Self::MaxPool2d(..) => "MAX_POOL_2D",
            Self::Mean(_) => "MEAN",
            Self::Add(_) => "ADD",
            Self::Mul(_) => "MUL",
            Self::Relu => "RELU",
            Self::Relu6 => "RELU6",
            Self::ResizeNearest { .. } => "RESIZE_NEAREST_NEIGHBOR",
            Self::Concat(_) => "CONCATENATION",
            Self::Reshape => "RESHAPE",
            Self::Slice => "SLICE",
            Self::Transpose => "TRANSPOSE",
            Self::Softmax(_) => "SOFTMAX",
            Self::Logistic => "LOGISTIC",
            Self::Pad => "PAD",
            Self::L2Normalize => "L2_NORMALIZATION",
            Self::Quantize => "QUANTIZE",
            Self::Dequantize => "DEQUANTIZE",
        }
    }
}

/// An operator at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// What it takes.
    pub inputs: Vec<TensorId>,
    /// What it gives.
    pub output: TensorId,
}

/// A network. Nodes stand in the order in which they can be computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    pub(in crate::tflite) tensors: Vec<Tensor>,
    pub(in crate::tflite) nodes: Vec<Node>,
    pub(in crate::tflite) inputs: Vec<TensorId>,
    pub(in crate::tflite) outputs: Vec<TensorId>,
    /// Words for people.
    pub description: String,
}

impl Graph {
    /// An empty network.
    #[must_use]
    pub fn new(description: &str) -> Self {
        Self { description: description.to_owned(), ..Self::default() }
    }

    /// Takes floats of this shape from outside.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> TensorId {
        let id = self.add(Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            element: Element::F32,
            quantization: None,
            constant: None,
        });
        self.inputs.push(id);
        id
    }

    /// Numbers that are known; as many as the shape says.
    ///
    /// # Panics
    /// When they are not.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: Values) -> TensorId {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "values of {name}");
        self.add(Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            element: values.element(),
            quantization: None,
            constant: Some(values),
        })
    }

    /// An operator on these tensors; its result has the name.
    ///
    /// # Errors
    /// [`TfliteError::Node`] when it cannot work on them.
    pub fn node(&mut self, op: Op, name: &str, inputs: &[TensorId]) -> Result<TensorId, TfliteError> {
        let taken: Vec<&Tensor> = inputs.iter().map(|id| &self.tensors[id.0]).collect();
        let misfit = |misfit| TfliteError::Node { at: self.nodes.len(), op: op.name(), misfit };
        let shape = shape::infer(&op, &taken).map_err(misfit)?;
        let element = match op {
            Op::Quantize => Element::I8,
            Op::Dequantize => Element::F32,
            _ => taken.first().map_or(Element::F32, |tensor| tensor.element),
        };
        let output = self.add(Tensor { name: name.to_owned(), shape, element, quantization: None, constant: None });
        self.nodes.push(Node { op, inputs: inputs.to_vec(), output });
        Ok(output)
    }

    /// Gives a tensor to the outside.
    pub fn output(&mut self, id: TensorId) {
        self.outputs.push(id);
    }

    pub(in crate::tflite) fn add(&mut self, tensor: Tensor) -> TensorId {
        self.tensors.push(tensor);
        TensorId(self.tensors.len() - 1)
    }

    /// All tensors, in order of their places.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// One tensor.
    ///
    /// # Panics
    /// When it is of another graph and not in this one.
    #[must_use]
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// Operators in the order in which they are computed.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What comes from outside.
    #[must_use]
    pub fn inputs(&self) -> &[TensorId] {
        &self.inputs
    }

    /// What goes out.
    #[must_use]
    pub fn outputs(&self) -> &[TensorId] {
        &self.outputs
    }

    /// Operators by name, each with how often it stands there.
    #[must_use]
    pub fn operators(&self) -> BTreeMap<&'static str, usize> {
        self.nodes.iter().fold(BTreeMap::new(), |mut counts, node| {
            *counts.entry(node.op.name()).or_default() += 1;
            counts
        })
    }

    /// Whether weights and what comes and goes are int8.
    #[must_use]
    pub fn is_int8(&self) -> bool {
        let mut ends = self.inputs.iter().chain(&self.outputs);
        ends.all(|id| self.tensor(*id).element == Element::I8)
    }
}
