//! The safetensors file format (<https://huggingface.co/docs/safetensors>): eight bytes with the length of a JSON header,
//! the header, the numbers.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::SafeTensors;
use safetensors::{Dtype, SafeTensorError};
use serde_json::json;

use super::{Tensor, Weights};
use crate::{EngineError, files};

/// Longest header read. Ten thousand tensors need about one megabyte.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// As they are.
    F32,
    /// Rounded to half the size.
    #[default]
    F16,
}

/// Adds the tensors and metadata of the file `bytes` to `weights`. The error is a cause and a remedy.
pub(super) fn read(bytes: &[u8], weights: &mut Weights) -> Result<(), String> {
    check_header(bytes)?;
    let broken = |error: SafeTensorError| format!("it is no whole safetensors file: {error}; copy it again");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    if let Some(metadata) = header.metadata() {
        weights.metadata.extend(metadata.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    for (name, tensor) in SafeTensors::deserialize(bytes).map_err(broken)?.tensors() {
        let values = match tensor.dtype() {
            Dtype::F32 => pieces(tensor.data(), f32::from_le_bytes),
            Dtype::F16 => pieces(tensor.data(), |bits| f16::from_le_bytes(bits).to_f32()),
            Dtype::BF16 => pieces(tensor.data(), |bits| bf16::from_le_bytes(bits).to_f32()),
            #[expect(clippy::cast_possible_truncation, reason = "rounded, as documented")]
            Dtype::F64 => pieces(tensor.data(), |bits| f64::from_le_bytes(bits) as f32),
            other => {
                weights.skipped.insert(name, other.to_string());
                continue;
            }
        };
        weights.put(name, tensor.shape().to_vec(), values);
    }
    Ok(())
}

/// Says more about a bad header than the reader does, and bounds what it may cost.
fn check_header(bytes: &[u8]) -> Result<(), String> {
    let again = "copy it again";
    let Some((len, rest)) = bytes.split_first_chunk() else {
        return Err(format!("it has {} bytes, too few for a safetensors file; {again}", bytes.len()));
    };
    let len = u64::from_le_bytes(*len);
    if rest.first() != Some(&b'{') {
        return Err(format!("it is no safetensors file: no header begins at byte 8; {again} or convert it"));
    }
    if len > MAX_HEADER_BYTES {
        return Err(format!(
            "its header claims {len} bytes, more than the {MAX_HEADER_BYTES} that any network needs; {again}"
        ));
    }
    if len > rest.len() as u64 {
        return Err(format!("it is cut off: its header has {len} bytes, the file {}; {again}", bytes.len()));
    }
    Ok(())
}

pub(super) fn write(weights: &Weights, path: &Path, precision: Precision) -> Result<(), EngineError> {
    let failed = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let save = |source| EngineError::Save { path: path.to_owned(), source };
    let (dtype, width) = match precision {
        Precision::F32 => ("F32", 4),
        Precision::F16 => ("F16", 2),
    };
    // The header is written here because the crate's writer keeps metadata in an unordered map: the same weights would
    // give other bytes, and another digest, from run to run.
    let mut header = BTreeMap::new();
    if !weights.metadata.is_empty() {
        header.insert("__metadata__", json!(weights.metadata));
    }
    let mut numbers = Vec::with_capacity(weights.parameters() * width);
    for (name, tensor) in &weights.tensors {
        if name == "__metadata__" {
            return Err(save(failed("a tensor is called __metadata__, which the format keeps for itself".to_owned())));
        }
        let begin = numbers.len();
        append(&mut numbers, name, tensor, precision).map_err(|reason| save(failed(reason)))?;
        header.insert(name, json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [begin, numbers.len()] }));
    }
    let mut header = serde_json::to_vec(&header).map_err(|error| save(error.into()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    files::write(path, &[&(header.len() as u64).to_le_bytes(), &header, &numbers])
}

fn append(bytes: &mut Vec<u8>, name: &str, tensor: &Tensor, precision: Precision) -> Result<(), String> {
    match precision {
        Precision::F32 => bytes.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes())),
        Precision::F16 => {
            let too_large = |value: &&f32| value.is_finite() && !f16::from_f32(**value).is_finite();
            if let Some(value) = tensor.values.iter().find(too_large) {
                return Err(format!("tensor {name} holds {value}, too large for 16 bits; save it with 32"));
            }
            bytes.extend(tensor.values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
        }
    }
    Ok(())
}

fn pieces<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&piece| number(piece)).collect()
}
