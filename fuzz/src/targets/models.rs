//! Weights, as others publish them, and model cards.

use std::path::Path;

use engine::Weights;
use engine::onnx::Model;
use engine::tflite::{self, Values};
use registry::device;
use store::data_sets::DataSet;
use vision::{ModelCard, Sha256};

use super::{Answer, Target};
use crate::corpus::scratch;
use crate::judge::MAX_TIME;

/// Of a file of at most 64 KiB.
const MAX_MIB: usize = 96;

pub(super) const ONNX: Target =
    Target { name: "onnx", run: onnx, words: &[], mend: None, max_mib: MAX_MIB, max_time: MAX_TIME };

pub(super) const TFLITE: Target = Target {
    name: "tflite",
    run: run_tflite,
    words: &[b"TFL3", &[0xff; 4], &[0; 4], &[1, 0, 0, 0], &[4, 0, 4, 0], &[0, 0, 0, 0x40]],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};

pub(super) const DEVICE_META: Target = Target {
    name: "device-meta",
    run: device_meta,
    words: &[
        b"null",
        b"[]",
        b"{}",
        b"1e999",
        b"-1",
        b"\"dataset\"",
        b"\"scaler_scale\"",
        b"\"label_classes\"",
        b"\"mapping\"",
        b"\"confusion_matrix\"",
        b"\"zero_point\"",
        b"18446744073709551616",
    ],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};

pub(super) const TORCH: Target = Target {
    name: "torch",
    run: torch,
    words: &[
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"\x80\x02",
        b"}q",
        b"(lp",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch\nFloatStorage\n",
        b"ccollections\nOrderedDict\n",
        b"cos\nsystem\n",
        b"R.",
        b"\x8a",
        b"data.pkl",
        b"u.",
        b"b.",
    ],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};

pub(super) const SAFETENSORS: Target = Target {
    name: "safetensors",
    run: safetensors,
    words: &[
        b"{\"",
        b"\"dtype\":\"F32\"",
        b"\"dtype\":\"BF16\"",
        b"\"shape\":[",
        b"\"data_offsets\":[",
        b"__metadata__",
        b"18446744073709551615",
    ],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};

pub(super) const CARD: Target = Target {
    name: "card",
    run: card,
    words: &[
        b"null",
        b"[]",
        b"{}",
        b"1e999",
        b"-0",
        b"\"preprocess\"",
        b"\"classes\"",
        b"\"sha256\"",
        b"\\u0000",
        b"\\ud800",
    ],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};

fn onnx(data: &[u8]) -> Answer {
    let model = Model::decode(Path::new("fuzz.onnx"), data.to_vec().into());
    let weights = model.and_then(|model| {
        let _ = tflite::from_onnx(&model, (32, 32));
        let _ = (model.inputs(), model.outputs(), model.operators(), model.metadata(), model.opset());
        Weights::from_onnx(&model)
    });
    Answer::of(weights, |weights| shape(weights.parameters()))
}

/// What a server would read of a stranger, and run.
fn run_tflite(data: &[u8]) -> Answer {
    let limits = tflite::Limits { activations: 1 << 20, multiply_adds: 1 << 24, ..tflite::Limits::MICRO };
    let graph = match tflite::decode(data, &limits) {
        Ok(graph) => graph,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    let zeros = |id: &tflite::TensorId| {
        let tensor = graph.tensor(*id);
        match tensor.element {
            tflite::Element::F32 => Values::F32(vec![0.5; tensor.len()]),
            tflite::Element::I8 => Values::I8(vec![3; tensor.len()]),
            tflite::Element::I32 => Values::I32(vec![1; tensor.len()]),
        }
    };
    let inputs: Vec<Values> = graph.inputs().iter().map(zeros).collect();
    match tflite::run(&graph, &inputs) {
        Ok(outputs) if outputs.len() == graph.outputs().len() => {
            let names: Vec<&str> = graph.operators().into_keys().collect();
            Answer::Read(names.join(" ").to_lowercase().replace('_', " "))
        }
        Ok(_) => Answer::Wrong("outputs are missing".to_owned()),
        Err(error) => Answer::Wrong(format!("what was read cannot be run: {error}")),
    }
}

/// What a trainer says of a model that is sound: of the network in the corpus, of the data set below.
fn device_meta(data: &[u8]) -> Answer {
    const MODEL: &[u8] = include_bytes!("../../corpus/tflite/mlp-int8.tflite");
    let set = DataSet {
        id: "0194f3a2-7c1e-7f00-8000-000000000001".to_owned(),
        organisation: "house".to_owned(),
        name: "counts".to_owned(),
        version: Sha256([1; 32]),
        sha256: Sha256([2; 32]),
        bytes: 1,
        parent: None,
        lineage: serde_json::Value::Null,
        rows: 7,
        columns: 11,
        target: Some("state".to_owned()),
        classes: None,
        created_at: 0,
        created_by: "fuzz".to_owned(),
    };
    Answer::of(device::check(&set, MODEL.to_vec(), data.to_vec()), |_| "a model".to_owned())
}

fn torch(data: &[u8]) -> Answer {
    Answer::of(scratch("state.pth", data, Weights::open), |weights| shape(weights.parameters()))
}

fn safetensors(data: &[u8]) -> Answer {
    let weights = Weights::from_safetensors(Path::new("fuzz.safetensors"), data);
    Answer::of(weights, |weights| shape(weights.parameters()))
}

fn card(data: &[u8]) -> Answer {
    Answer::of(scratch("model.card.json", data, ModelCard::read), |_| "a card".to_owned())
}

/// Few or many.
fn shape(parameters: usize) -> String {
    "number ".repeat(parameters.checked_ilog2().map_or(0, |log| log as usize + 1))
}
