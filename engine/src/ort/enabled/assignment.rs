//! Which execution provider really runs the nodes of a network. A provider that registers well may still leave nodes,
//! or all of them, to the CPU.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr;

use ort::AsPointer as _;
use ort::session::Session;

/// Session option that makes ONNX Runtime remember the assignment (1.24 and later).
pub(super) const RECORD: (&str, &str) = ("session.record_ep_graph_assignment_info", "1");

/// Number of nodes by provider.
///
/// # Errors
/// When the session was not opened with [`RECORD`].
pub(super) fn nodes_by_provider(session: &Session) -> ort::Result<BTreeMap<String, usize>> {
    let api = ort::api();
    let mut nodes = BTreeMap::new();
    // SAFETY: every pointer that ONNX Runtime hands out here belongs to the session, which outlives this function, and
    // is read only when the call that fills it reported success; arrays are as long as the call says, and may be null
    // when empty, which `slice` answers with no element.
    unsafe {
        let (mut subgraphs, mut count) = (ptr::null(), 0);
        check((api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &mut subgraphs, &mut count))?;
        for &subgraph in slice(subgraphs, count) {
            let mut name = ptr::null();
            check((api.EpAssignedSubgraph_GetEpName)(subgraph, &mut name))?;
            let (mut assigned, mut count) = (ptr::null(), 0);
            check((api.EpAssignedSubgraph_GetNodes)(subgraph, &mut assigned, &mut count))?;
            if !name.is_null() {
                *nodes.entry(CStr::from_ptr(name).to_string_lossy().into_owned()).or_insert(0) += count;
            }
        }
    }
    Ok(nodes)
}

/// `CUDA+CPU`: the providers that run nodes, the busiest first.
pub(super) fn describe(nodes: &BTreeMap<String, usize>) -> String {
    let mut busy: Vec<_> = nodes.iter().filter(|(_, count)| **count > 0).collect();
    busy.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let short = |name: &str| match name.strip_suffix("ExecutionProvider").unwrap_or(name) {
        "Tensorrt" => "TensorRT".to_owned(),
        name => name.to_owned(),
    };
    let names: Vec<_> = busy.into_iter().map(|(name, _)| short(name)).collect();
    if names.is_empty() { "CPU".to_owned() } else { names.join("+") }
}

unsafe fn check(status: ort::sys::OrtStatusPtr) -> ort::Result<()> {
    // SAFETY: the status comes straight from ONNX Runtime and is given away here, once.
    unsafe { ort::Error::result_from_status(status) }
}

unsafe fn slice<'a, T>(start: *const T, len: usize) -> &'a [T] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: the caller vouches for `len` readable elements.
    unsafe { std::slice::from_raw_parts(start, len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_provider_comes_first() {
        let nodes = |pairs: &[(&str, usize)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(describe(&nodes(&[("CPUExecutionProvider", 2), ("CUDAExecutionProvider", 90)])), "CUDA+CPU");
        assert_eq!(describe(&nodes(&[("TensorrtExecutionProvider", 1), ("CPUExecutionProvider", 0)])), "TensorRT");
        assert_eq!(describe(&nodes(&[])), "CPU");
    }
}
