//! The numbers of a tensor.

use std::fmt;

use half::{bf16, f16};
use prost::Enumeration;
use thiserror::Error;

use super::proto::TensorProto;

/// Element types of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
#[expect(missing_docs, reason = "named after the types")]
pub enum DataType {
    Undefined = 0,
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Uint16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    Uint32 = 12,
    Uint64 = 13,
    Complex64 = 14,
    Complex128 = 15,
    Bfloat16 = 16,
    Float8E4m3fn = 17,
    Float8E4m3fnuz = 18,
    Float8E5m2 = 19,
    Float8E5m2fnuz = 20,
    Uint4 = 21,
    Int4 = 22,
    Float4e2m1 = 23,
}

impl DataType {
    /// Whether tensors of this type are read as `f32`.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float | Self::Float16 | Self::Bfloat16 | Self::Double)
    }
}

/// `FLOAT16`: as the specification writes it.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_uppercase())
    }
}

/// Why a tensor cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TensorError {
    /// Its numbers are in another file.
    #[error("tensor {name} keeps its numbers outside the model file; save the model with its weights inside")]
    External {
        /// The name in question.
        name: String,
    },
    /// Its shape is impossible.
    #[error("tensor {name} has the impossible shape {dims:?}")]
    Shape {
        /// The name in question.
        name: String,
        /// What it says.
        dims: Vec<i64>,
    },
    /// Its shape and its numbers do not agree.
    #[error("tensor {name} should have {expected} numbers by its shape and has {found}")]
    Count {
        /// The name in question.
        name: String,
        /// By its shape.
        expected: usize,
        /// In the file.
        found: usize,
    },
    /// It does not hold floating-point numbers.
    #[error("tensor {name} holds {data_type}, not floating-point numbers")]
    NotFloat {
        /// The name in question.
        name: String,
        /// What it holds.
        data_type: DataType,
    },
}

impl TensorProto {
    /// What it holds; `Undefined` also for types newer than this program.
    #[must_use]
    pub fn kind(&self) -> DataType {
        DataType::try_from(self.data_type).unwrap_or(DataType::Undefined)
    }

    /// Its shape.
    ///
    /// # Errors
    /// When a size is negative or the product passes all bounds.
    pub fn shape(&self) -> Result<Vec<usize>, TensorError> {
        let sizes = self.dims.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<_>>>();
        let sizes = sizes.filter(|sizes| sizes.iter().try_fold(1_usize, |all, &size| all.checked_mul(size)).is_some());
        sizes.ok_or_else(|| TensorError::Shape { name: self.name.clone(), dims: self.dims.clone() })
    }

    /// Shape and numbers, rounded to `f32`.
    ///
    /// # Errors
    /// When it does not hold floating-point numbers, or not as many as its shape says.
    pub fn floats(&self) -> Result<(Vec<usize>, Vec<f32>), TensorError> {
        let name = || self.name.clone();
        if self.data_location != 0 || !self.external_data.is_empty() {
            return Err(TensorError::External { name: name() });
        }
        let shape = self.shape()?;
        let expected: usize = shape.iter().product();
        let (width, found) = match self.kind() {
            DataType::Float => (4, self.float_data.len()),
            DataType::Float16 | DataType::Bfloat16 => (2, self.int32_data.len()),
            DataType::Double => (8, self.double_data.len()),
            data_type => return Err(TensorError::NotFloat { name: name(), data_type }),
        };
        let raw = self.raw_data.len();
        let found = if raw > 0 { raw / width } else { found };
        if found != expected || !raw.is_multiple_of(width) {
            return Err(TensorError::Count { name: name(), expected, found });
        }
        Ok((shape, self.read_floats()))
    }

    /// Only for a tensor of floating-point numbers whose count is right.
    #[expect(clippy::cast_possible_truncation, reason = "f64 is rounded, and 16 bits sit in an i32 by specification")]
    #[expect(clippy::cast_sign_loss, reason = "bits, not a number")]
    fn read_floats(&self) -> Vec<f32> {
        let raw = &self.raw_data;
        match (self.kind(), raw.is_empty()) {
            (DataType::Float16, false) => pieces(raw, |bits| f16::from_le_bytes(bits).to_f32()),
            (DataType::Bfloat16, false) => pieces(raw, |bits| bf16::from_le_bytes(bits).to_f32()),
            (DataType::Double, false) => pieces(raw, |bits| f64::from_le_bytes(bits) as f32),
            (_, false) => pieces(raw, f32::from_le_bytes),
            (DataType::Float16, true) => {
                self.int32_data.iter().map(|&bits| f16::from_bits(bits as u16).to_f32()).collect()
            }
            (DataType::Bfloat16, true) => {
                self.int32_data.iter().map(|&bits| bf16::from_bits(bits as u16).to_f32()).collect()
            }
            (DataType::Double, true) => self.double_data.iter().map(|&x| x as f32).collect(),
            (_, true) => self.float_data.clone(),
        }
    }
}

fn pieces<const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    raw.as_chunks().0.iter().map(|&piece| number(piece)).collect()
}
