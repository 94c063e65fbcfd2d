//! State dicts as PyTorch saves them: a pickle that names tensors, and their numbers; in a zip archive since PyTorch 1.6,
//! one after the other before that.

mod pickle;
mod zip;

use std::collections::BTreeMap;
use std::path::Path;

use half::{bf16, f16};

use self::pickle::{Cursor, Graph, Node};
use super::Weights;
use crate::{EngineError, MAX_MODEL_BYTES, files};

/// Where training programs put the weights among other things.
const STATE_DICTS: [&str; 4] = ["state_dict", "model", "state_dict_ema", "ema"];

/// What a file of the older kind begins with: a pickle of the number 0x1950a86a20f9469cfc6c.
const MAGIC: [u8; 15] = *b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";

/// Reads the tensors of a state dict that hold floating-point numbers.
pub(super) fn read(path: &Path) -> Result<Weights, EngineError> {
    parse(path, &files::read(path, MAX_MODEL_BYTES)?)
}

/// As [`read`], from the bytes of the file called `path`.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Weights, EngineError> {
    let load = |reason: String| EngineError::Load { path: path.to_owned(), reason };
    let mut weights = Weights::new(path);
    fill(bytes, &mut weights).map_err(|fault| {
        load(format!("{fault}; expected is a state dict as `torch.save(model.state_dict(), ...)` writes it"))
    })?;
    if weights.is_empty() {
        return Err(load("there are no tensors in it; expected is a state dict of PyTorch".to_owned()));
    }
    Ok(weights)
}

fn fill(bytes: &[u8], weights: &mut Weights) -> Result<(), String> {
    if let Some(rest) = bytes.strip_prefix(&MAGIC) {
        let mut cursor = Cursor::new(rest);
        // Version of the format, and sizes of C's types on the machine that wrote it.
        Graph::read(&mut cursor)?;
        Graph::read(&mut cursor)?;
        let graph = Graph::read(&mut cursor)?;
        let tensors = tensors(&graph)?;
        let listed = Graph::read(&mut cursor)?;
        let storages = successive(&mut cursor, &listed, &tensors)?;
        return store(&tensors, &storages, weights);
    }
    let archive = zip::Archive::read(bytes)?;
    let (folder, pickled) = archive.find_suffix("data.pkl").ok_or("it holds no data.pkl")?;
    let graph = Graph::read(&mut Cursor::new(pickled))?;
    let tensors = tensors(&graph)?;
    let of_key = |tensor: &TensorPlan| {
        archive.get(&format!("{folder}data/{}", tensor.key)).map(|bytes| (tensor.key.clone(), bytes))
    };
    let storages = tensors.values().filter_map(of_key).collect();
    store(&tensors, &storages, weights)
}

/// Where the numbers of a tensor are.
struct TensorPlan {
    /// Name of its storage.
    key: String,
    kind: Kind,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// What a storage holds.
#[derive(Clone, PartialEq)]
enum Kind {
    F32,
    F64,
    F16,
    Bf16,
    /// No floating-point numbers; size of one in bytes, and the name PyTorch gives it.
    Other(usize, String),
}

impl Kind {
    fn of(class: &str) -> Result<Self, String> {
        let other = |size| Ok(Self::Other(size, class.to_owned()));
        match class {
            "FloatStorage" => Ok(Self::F32),
            "DoubleStorage" => Ok(Self::F64),
            "HalfStorage" => Ok(Self::F16),
            "BFloat16Storage" => Ok(Self::Bf16),
            "LongStorage" => other(8),
            "IntStorage" => other(4),
            "ShortStorage" => other(2),
            "ByteStorage" | "CharStorage" | "BoolStorage" => other(1),
            _ => Err(format!("storages of the kind {class:?} are not known")),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other(size, _) => *size,
        }
    }

    /// The number in these bytes, as many as [`Kind::size`].
    fn number(&self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (Self::Bf16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
            (Self::F64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
            _ => f32::NAN,
        }
    }
}

/// All tensors of a state dict by name.
fn tensors(graph: &Graph) -> Result<BTreeMap<String, TensorPlan>, String> {
    let mut dict = graph.root();
    for key in STATE_DICTS {
        if let Some(inner) = graph.get(dict, key).filter(|&inner| matches!(graph.node(inner), Node::Dict(_))) {
            dict = inner;
            break;
        }
    }
    let Node::Dict(entries) = graph.node(dict) else { return Err("it holds no dictionary".to_owned()) };
    let mut found = BTreeMap::new();
    for &(name, value) in entries {
        let Node::Text(name) = graph.node(name) else { continue };
        if let Some(tensor) = tensor(graph, value).map_err(|fault| format!("tensor {name}: {fault}"))? {
            found.insert(name.clone(), tensor);
        }
    }
    Ok(found)
}

/// `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)`, perhaps inside a parameter.
fn tensor(graph: &Graph, value: usize) -> Result<Option<TensorPlan>, String> {
    let Some((class, arguments)) = graph.call(value) else { return Ok(None) };
    if class == "torch._utils _rebuild_parameter" {
        return arguments.first().map_or(Ok(None), |&inner| tensor(graph, inner));
    }
    let (&[storage, offset, size, stride, ..], "torch._utils _rebuild_tensor_v2") = (arguments, class) else {
        return Ok(None);
    };
    let whole = |at: usize| match graph.node(at) {
        Node::Whole(number) => usize::try_from(*number).ok(),
        _ => None,
    };
    let list = |at: usize| match graph.node(at) {
        Node::Tuple(items) => items.iter().map(|&item| whole(item)).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    let storage = match graph.node(storage) {
        Node::Persistent(id) => match graph.node(*id) {
            Node::Tuple(items) => items.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    let (Some(&class), Some(&key)) = (storage.get(1), storage.get(2)) else {
        return Err("its storage is not described".to_owned());
    };
    let (Node::Class(class), Node::Text(key)) = (graph.node(class), graph.node(key)) else {
        return Err("its storage is not named".to_owned());
    };
    let kind = Kind::of(class.rsplit(' ').next().unwrap_or_default())?;
    match (whole(offset), list(size), list(stride)) {
        (Some(offset), Some(shape), Some(strides)) if shape.len() == strides.len() => {
            Ok(Some(TensorPlan { key: key.clone(), kind, offset, shape, strides }))
        }
        _ => Err("its shape is not described".to_owned()),
    }
}

/// Storages of the older format: one after the other, in the order of a list of their names, each behind the number of its
/// elements.
fn successive<'a>(
    cursor: &mut Cursor<'a>,
    listed: &Graph,
    tensors: &BTreeMap<String, TensorPlan>,
) -> Result<BTreeMap<String, &'a [u8]>, String> {
    let Node::List(keys) = listed.node(listed.root()) else { return Err("its storages are not listed".to_owned()) };
    let sizes: BTreeMap<&str, usize> = tensors.values().map(|t| (t.key.as_str(), t.kind.size())).collect();
    let mut storages = BTreeMap::new();
    for &key in keys {
        let Node::Text(key) = listed.node(key) else { return Err("a storage has no name".to_owned()) };
        let size = sizes.get(key.as_str()).ok_or_else(|| format!("storage {key} belongs to no tensor"))?;
        let count = cursor.array::<8>().map(u64::from_le_bytes)?;
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(*size));
        storages.insert(key.clone(), cursor.take(length.ok_or("a storage is larger than memory")?)?);
    }
    Ok(storages)
}

fn store(
    tensors: &BTreeMap<String, TensorPlan>,
    storages: &BTreeMap<String, &[u8]>,
    weights: &mut Weights,
) -> Result<(), String> {
    let mut total = 0_u64;
    for (name, plan) in tensors {
        if let Kind::Other(_, class) = &plan.kind {
            weights.skipped.insert(name.clone(), class.clone());
            continue;
        }
        let storage = storages.get(&plan.key).ok_or_else(|| format!("the numbers of tensor {name} are missing"))?;
        let values = plan.values(storage).ok_or_else(|| {
            format!("tensor {name} of shape {:?} reaches beyond its storage of {} bytes", plan.shape, storage.len())
        })?;
        // Tensors may share a storage; together they must not take more memory than a model may.
        total += values.len() as u64 * 4;
        if total > MAX_MODEL_BYTES {
            return Err(format!("its tensors take more than {MAX_MODEL_BYTES} bytes"));
        }
        weights.put(name.clone(), plan.shape.clone(), values);
    }
    Ok(())
}

impl TensorPlan {
    /// Its numbers, row by row; `None` when the storage does not hold them.
    fn values(&self, storage: &[u8]) -> Option<Vec<f32>> {
        let size = self.kind.size();
        let held = storage.len() / size;
        let count = self.shape.iter().try_fold(1_usize, |all, &side| all.checked_mul(side))?;
        if count == 0 {
            return Some(Vec::new());
        }
        let span = |(side, stride): (&usize, &usize)| (side - 1).checked_mul(*stride);
        let last =
            self.shape.iter().zip(&self.strides).map(span).try_fold(self.offset, |at, step| at.checked_add(step?))?;
        // A stride of zero would repeat numbers without bound.
        if last >= held || count > held {
            return None;
        }
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0_usize; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..count {
            values.push(self.kind.number(&storage[at * size..][..size]));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        Some(values)
    }
}
