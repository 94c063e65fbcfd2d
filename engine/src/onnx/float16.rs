//! Networks with their weights in fp16 or bf16.

use std::collections::BTreeSet;
use std::path::Path;

use half::{bf16, f16};
use prost::Message as _;

use super::proto::{AttributeProto, AttributeType, NodeProto};
use super::{DataType, Model};
use crate::EngineError;

/// Fewer numbers than this are not worth a node.
const MIN_NUMBERS: usize = 64;

/// How weights are stored in 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Float16 {
    /// IEEE half precision: 11 significant bits, up to 65,504.
    Fp16,
    /// bfloat16: 8 significant bits and the range of 32-bit floats.
    Bf16,
}

impl Float16 {
    const fn data_type(self) -> DataType {
        match self {
            Self::Fp16 => DataType::Float16,
            Self::Bf16 => DataType::Bfloat16,
        }
    }

    /// Little-endian, the nearest there is; `None` for what lies beyond the range.
    fn bytes(self, value: f32) -> Option<[u8; 2]> {
        match self {
            Self::Fp16 => Some(f16::from_f32(value)).filter(|short| short.is_finite()).map(f16::to_le_bytes),
            Self::Bf16 => Some(bf16::from_f32(value)).filter(|short| short.is_finite()).map(bf16::to_le_bytes),
        }
    }
}

/// The network in `file` with weights stored as 16-bit floats. A runtime restores them when it loads the file and computes
/// in 32 bits as before; only the last digits of the weights are lost.
///
/// # Errors
/// When the file is no model, or a weight is too large for 16 bits.
pub fn to_float16(file: &[u8], format: Float16) -> Result<Vec<u8>, EngineError> {
    let path = Path::new("the network");
    let load = |reason: String| EngineError::Load { path: path.to_owned(), reason };
    let mut model = Model::decode(path, file.to_vec().into())?.proto().clone();
    let graph = model.graph.get_or_insert_default();
    let mut nodes = Vec::new();
    let mut stored = BTreeSet::new();
    for tensor in &mut graph.initializer {
        if tensor.kind() != DataType::Float {
            continue;
        }
        let (_, values) = tensor.floats().map_err(|error| load(error.to_string()))?;
        if values.len() < MIN_NUMBERS {
            continue;
        }
        let mut raw = Vec::with_capacity(2 * values.len());
        for &value in &values {
            let short = format.bytes(value);
            raw.extend(
                short
                    .ok_or_else(|| load(format!("tensor {} holds {value}, which 16 bits do not hold", tensor.name)))?,
            );
        }
        tensor.data_type = format.data_type().into();
        tensor.float_data.clear();
        tensor.raw_data = raw.into();
        stored.insert(tensor.name.clone());
        nodes.push(NodeProto {
            input: vec![tensor.name.clone()],
            output: vec![restored(&tensor.name)],
            name: format!("{}/Cast", tensor.name),
            op_type: "Cast".to_owned(),
            attribute: vec![AttributeProto {
                name: "to".to_owned(),
                r#type: AttributeType::Int.into(),
                i: i32::from(DataType::Float).into(),
                ..AttributeProto::default()
            }],
            ..NodeProto::default()
        });
    }
    for name in graph.node.iter_mut().flat_map(|node| &mut node.input) {
        if stored.contains(&*name) {
            *name = restored(name);
        }
    }
    nodes.append(&mut graph.node);
    graph.node = nodes;
    Ok(model.encode_to_vec())
}

fn restored(name: &str) -> String {
    format!("{name}/restored")
}
