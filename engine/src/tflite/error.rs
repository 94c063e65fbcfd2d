//! Why a file is no network that can be run, or a network cannot be written.

use thiserror::Error;

use super::graph::Element;

/// What an operator has against its tensors.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misfit {
    /// Another number of inputs.
    #[error("it has {found} inputs, which it cannot take")]
    Inputs {
        /// How many.
        found: usize,
    },
    /// A tensor of another rank or lengths than fit the others.
    #[error("shapes {shapes:?} do not fit together")]
    Shapes {
        /// Of its inputs.
        shapes: Vec<Vec<usize>>,
    },
    /// Its output has another shape than follows.
    #[error("its output is said to be {found:?}, and is {expected:?}")]
    Output {
        /// What follows from the inputs.
        expected: Vec<usize>,
        /// What the file says.
        found: Vec<usize>,
    },
    /// Numbers of another kind.
    #[error("{what} holds {found}")]
    Element {
        /// Which tensor.
        what: &'static str,
        /// What it holds.
        found: Element,
    },
    /// Something that must be known is computed.
    #[error("{what} must be constant")]
    NotConstant {
        /// Which input.
        what: &'static str,
    },
    /// A number outside its range.
    #[error("{what} is {value}")]
    Range {
        /// Which.
        what: &'static str,
        /// Its value.
        value: i64,
    },
    /// int8 without a meaning, or with one that kernels do not take.
    #[error("the scale or zero point of {what} cannot be used")]
    Quantization {
        /// Which tensor.
        what: &'static str,
    },
    /// An input that nothing has computed before, or a result that is computed twice.
    #[error("tensor {tensor} is used before it is computed, or computed twice")]
    Order {
        /// Its place.
        tensor: usize,
    },
}

/// Why a file is no network that can be run, or a network cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TfliteError {
    /// Other bytes.
    #[error("it is no TFLite file: the identifier TFL3 is missing at byte 4")]
    NotTflite,
    /// A part outside of the file.
    #[error("it is cut off or broken: at byte {at} something points outside of the file")]
    Outside {
        /// Where.
        at: usize,
    },
    /// Text that is none.
    #[error("it is broken: a name near byte {at} is not UTF-8")]
    NotText {
        /// Where.
        at: usize,
    },
    /// More than may be read or run.
    #[error("{what} of the network are {found}, more than the limit of {limit}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// Parts that are used over and over, as no program writes them.
    #[error("it is broken: the same bytes are used over and over")]
    Repeated,
    /// What this reader does not know.
    #[error("{what} {number} is not supported")]
    Unsupported {
        /// Of what kind.
        what: &'static str,
        /// Its number in the schema.
        number: i64,
    },
    /// An index that leads nowhere.
    #[error("{what} {index} is not in the file")]
    Index {
        /// Of what kind.
        what: &'static str,
        /// The index.
        index: i64,
    },
    /// A tensor whose bytes do not fit its shape, or whose shape cannot be.
    #[error("tensor {at} ({name:?}) has a shape, a scale or bytes that cannot be")]
    Tensor {
        /// Its place.
        at: usize,
        /// Its name.
        name: String,
    },
    /// An operator that cannot work.
    #[error("operator {at} ({op}): {misfit}")]
    Node {
        /// Its place.
        at: usize,
        /// Its name.
        op: &'static str,
        /// What it has against its tensors.
        misfit: Misfit,
    },
    /// A network without inputs or outputs.
    #[error("the network has no {0}")]
    Without(&'static str),
    /// What is to go in does not fit.
    #[error("input {at} takes {expected} numbers ({element}), not {found}")]
    Input {
        /// Which.
        at: usize,
        /// Numbers it takes.
        expected: usize,
        /// What it takes.
        element: Element,
        /// What came.
        found: usize,
    },
    /// Nothing to learn ranges from.
    #[error("give at least one sample: ranges of int8 are those of samples")]
    NoSamples,
    /// A sample or weight that is not finite, or makes the network compute what is not.
    #[error("{tensor} is not finite")]
    NotFinite {
        /// The tensor.
        tensor: String,
    },
    /// C source is written of int8 alone.
    #[error("C source is written of networks of int8; {tensor} holds {element}")]
    NotInt8 {
        /// The tensor.
        tensor: String,
        /// What it holds.
        element: Element,
    },
    /// Only networks of floats are made int8.
    #[error("only a network of floats can be written in int8; {tensor} holds {element}")]
    NotFloat {
        /// The tensor.
        tensor: String,
        /// What it holds.
        element: Element,
    },
}
