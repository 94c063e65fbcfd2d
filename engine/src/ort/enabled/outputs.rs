//! ONNX Runtime's results as `f32` arrays.

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn};
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, ValueType};

/// Integers beyond this have no exact `f32`.
const LARGEST_EXACT: i64 = 1 << f32::MANTISSA_DIGITS;

/// Whether results of this type can be handed out.
pub(super) fn is_supported(kind: &ValueType) -> bool {
    use TensorElementType as T;
    matches!(
        kind.tensor_type(),
        Some(
            T::Float32
                | T::Float16
                | T::Bfloat16
                | T::Float64
                | T::Int64
                | T::Int32
                | T::Int16
                | T::Uint16
                | T::Int8
                | T::Uint8
                | T::Bool
        )
    )
}

/// One result as `f32`: floating-point numbers rounded, integers and booleans exactly.
///
/// # Errors
/// A sentence, when the type has no such form or an integer is too large.
pub(super) fn to_f32(value: &DynValue) -> Result<ArrayD<f32>, String> {
    let Some(kind) = value.dtype().tensor_type() else {
        return Err(format!("a result of type {} is no array", value.dtype()));
    };
    match kind {
        TensorElementType::Float32 => convert(value, |x: f32| x),
        TensorElementType::Float16 => convert(value, f16::to_f32),
        TensorElementType::Bfloat16 => convert(value, bf16::to_f32),
        #[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is what the seam promises")]
        TensorElementType::Float64 => convert(value, |x: f64| x as f32),
        TensorElementType::Int64 => exact(value, |x: i64| x),
        TensorElementType::Int32 => exact(value, |x: i32| i64::from(x)),
        TensorElementType::Int16 => convert(value, |x: i16| f32::from(x)),
        TensorElementType::Uint16 => convert(value, |x: u16| f32::from(x)),
        TensorElementType::Int8 => convert(value, |x: i8| f32::from(x)),
        TensorElementType::Uint8 => convert(value, |x: u8| f32::from(x)),
        TensorElementType::Bool => convert(value, |x: bool| f32::from(u8::from(x))),
        other => Err(format!("a result of type {other} cannot be read as numbers")),
    }
}

fn convert<T: PrimitiveTensorElementType + Copy>(
    value: &DynValue,
    number: impl Fn(T) -> f32,
) -> Result<ArrayD<f32>, String> {
    let numbers = |slice: &[T]| slice.iter().map(|&x| number(x)).collect();
    extract(value, numbers)
}

#[expect(clippy::cast_precision_loss, reason = "checked against LARGEST_EXACT")]
fn exact<T: PrimitiveTensorElementType + Copy>(
    value: &DynValue,
    number: impl Fn(T) -> i64,
) -> Result<ArrayD<f32>, String> {
    let array = extract(value, |slice: &[T]| slice.iter().map(|&x| number(x)).collect::<Vec<_>>())?;
    match array.iter().find(|x| x.unsigned_abs() > LARGEST_EXACT.unsigned_abs()) {
        Some(large) => Err(format!("the integer {large} in a result has no exact 32-bit form")),
        None => Ok(array.mapv(|x| x as f32)),
    }
}

fn extract<T: PrimitiveTensorElementType, R>(
    value: &DynValue,
    numbers: impl Fn(&[T]) -> Vec<R>,
) -> Result<ArrayD<R>, String> {
    let shape: Vec<usize> = value.shape().iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
    // An empty array has no address that could be read.
    let numbers = if shape.contains(&0) {
        Vec::new()
    } else {
        let (_, slice) = value.try_extract_tensor::<T>().map_err(|error| error.to_string())?;
        numbers(slice)
    };
    ArrayD::from_shape_vec(IxDyn(&shape), numbers).map_err(|error| error.to_string())
}
