//! Networks with their weights in half the bytes.

use std::collections::BTreeSet;
use std::path::Path;

use half::f16;
use prost::Message as _;

use super::proto::{AttributeProto, AttributeType, NodeProto};
use super::{DataType, Model};
use crate::EngineError;

/// Fewer numbers than this are not worth a node.
const LEAST_NUMBERS: usize = 64;

/// The network in `file` with weights stored as 16-bit floats. A runtime restores them when it loads the file and computes
/// in 32 bits as before; only the last digits of the weights are lost.
///
/// # Errors
/// When the file is no model, or a weight is too large for 16 bits.
pub fn halved(file: &[u8]) -> Result<Vec<u8>, EngineError> {
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
        if values.len() < LEAST_NUMBERS {
            continue;
        }
        if let Some(value) = values.iter().find(|value| !f16::from_f32(**value).is_finite()) {
            return Err(load(format!("tensor {} holds {value}, which 16 bits do not hold", tensor.name)));
        }
        tensor.data_type = DataType::Float16.into();
        tensor.float_data.clear();
        tensor.raw_data =
            values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect::<Vec<_>>().into();
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
