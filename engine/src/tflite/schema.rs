//! Numbers of the schema (version 3): operators, options, slots of fields.

use super::graph::{Activation, Element, Op, Padding};

/// Bytes 4 to 8 of every file.
pub(super) const IDENTIFIER: [u8; 4] = *b"TFL3";
/// Version of the schema.
pub(super) const VERSION: i32 = 3;

/// Slots of `Model`.
pub(super) mod model {
    pub(in crate::tflite) const VERSION: usize = 0;
    pub(in crate::tflite) const OPERATOR_CODES: usize = 1;
    pub(in crate::tflite) const SUBGRAPHS: usize = 2;
    pub(in crate::tflite) const DESCRIPTION: usize = 3;
    pub(in crate::tflite) const BUFFERS: usize = 4;
}

/// Slots of `OperatorCode`.
pub(super) mod code {
    pub(in crate::tflite) const OLD: usize = 0;
    pub(in crate::tflite) const VERSION: usize = 2;
    pub(in crate::tflite) const BUILTIN: usize = 3;
}

/// Slots of `SubGraph`.
pub(super) mod subgraph {
    pub(in crate::tflite) const TENSORS: usize = 0;
    pub(in crate::tflite) const INPUTS: usize = 1;
    pub(in crate::tflite) const OUTPUTS: usize = 2;
    pub(in crate::tflite) const OPERATORS: usize = 3;
    pub(in crate::tflite) const NAME: usize = 4;
}

/// Slots of `Tensor`.
pub(super) mod tensor {
    pub(in crate::tflite) const SHAPE: usize = 0;
    pub(in crate::tflite) const TYPE: usize = 1;
    pub(in crate::tflite) const BUFFER: usize = 2;
    pub(in crate::tflite) const NAME: usize = 3;
    pub(in crate::tflite) const QUANTIZATION: usize = 4;
    pub(in crate::tflite) const VARIABLE: usize = 5;
    pub(in crate::tflite) const SPARSITY: usize = 6;
}

/// Slots of `QuantizationParameters`.
pub(super) mod quantization {
    pub(in crate::tflite) const SCALE: usize = 2;
    pub(in crate::tflite) const ZERO_POINT: usize = 3;
    pub(in crate::tflite) const AXIS: usize = 6;
}

/// Slots of `Buffer`.
pub(super) mod buffer {
    pub(in crate::tflite) const DATA: usize = 0;
    pub(in crate::tflite) const OFFSET: usize = 1;
}

/// Slots of `Operator`.
pub(super) mod operator {
    pub(in crate::tflite) const CODE: usize = 0;
    pub(in crate::tflite) const INPUTS: usize = 1;
    pub(in crate::tflite) const OUTPUTS: usize = 2;
    pub(in crate::tflite) const OPTIONS_TYPE: usize = 3;
    pub(in crate::tflite) const OPTIONS: usize = 4;
}

/// Number of an operator, and of the table with its options.
pub(super) fn codes(op: &Op) -> (i32, u8) {
    match op {
        Op::Add(_) => (0, 11),
        Op::AveragePool2d(..) => (1, 5),
        Op::Concat(_) => (2, 10),
        Op::Conv2d(..) => (3, 1),
        Op::DepthwiseConv2d(..) => (4, 2),
        Op::Dequantize => (6, 38),
        Op::FullyConnected(_) => (9, 8),
        Op::L2Normalize => (11, 12),
        Op::Logistic => (14, 0),
        Op::MaxPool2d(..) => (17, 5),
        Op::Mul(_) => (18, 21),
        Op::Relu => (19, 0),
        Op::Relu6 => (21, 0),
        Op::Reshape => (22, 17),
        Op::Softmax(_) => (25, 9),
        Op::Pad => (34, 22),
        Op::Transpose => (39, 26),
        Op::Mean(_) => (40, 27),
        Op::Slice => (65, 48),
        Op::ResizeNearest { .. } => (97, 74),
        Op::Quantize => (114, 89),
    }
}

/// Version of an operator that works on int8, or on floats; `channels`: a fully connected layer with a scale per output.
pub(super) fn version(op: &Op, input: Element, channels: bool) -> i32 {
    if input != Element::I8 {
        return 1;
    }
    match op {
        Op::FullyConnected(_) => {
            if channels {
                12
            } else {
                4
            }
        }
        Op::Conv2d(..) | Op::DepthwiseConv2d(..) => 3,
        Op::Reshape => 1,
        _ => 2,
    }
}

/// Number of what a tensor holds.
pub(super) fn element(element: Element) -> u8 {
    match element {
        Element::F32 => 0,
        Element::I32 => 2,
        Element::I8 => 9,
    }
}

/// What a number says a tensor holds.
pub(super) fn element_of(number: u8) -> Option<Element> {
    match number {
        0 => Some(Element::F32),
        2 => Some(Element::I32),
        9 => Some(Element::I8),
        _ => None,
    }
}

/// Number of an activation.
pub(super) fn activation(activation: Activation) -> u8 {
    match activation {
        Activation::None => 0,
        Activation::Relu => 1,
        Activation::Relu6 => 3,
    }
}

/// The activation of a number.
pub(super) fn activation_of(number: u8) -> Option<Activation> {
    match number {
        0 => Some(Activation::None),
        1 => Some(Activation::Relu),
        3 => Some(Activation::Relu6),
        _ => None,
    }
}

/// Number of a padding.
pub(super) fn padding(padding: Padding) -> u8 {
    u8::from(padding == Padding::Valid)
}

/// The padding of a number.
pub(super) fn padding_of(number: u8) -> Option<Padding> {
    match number {
        0 => Some(Padding::Same),
        1 => Some(Padding::Valid),
        _ => None,
    }
}
