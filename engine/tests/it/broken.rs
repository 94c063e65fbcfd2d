//! Broken files: an answer in bounded time, never a crash.

use std::path::Path;

use engine::onnx::{DataType, Model};
use engine::{EngineError, Weights};
use proptest::prelude::*;

use crate::support::{EXPECTED, fixture, floats, sizes};

const NOWHERE: &str = "broken.onnx";

fn decode(bytes: &[u8]) -> Result<Model, EngineError> {
    Model::decode(Path::new(NOWHERE), bytes.to_vec().into())
}

/// Reads everything that a model offers.
fn read_all(model: &Model) -> usize {
    let floats: usize =
        model.initializers().iter().filter_map(|tensor| tensor.floats().ok()).map(|(_, values)| values.len()).sum();
    let _ = Weights::from_onnx(model).map(|weights| weights.parameters());
    floats + model.inputs().len() + model.outputs().len() + model.operators().len() + model.metadata().len()
}

/// Bytes that are no model, and a word that the answer must hold.
fn broken_models() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let whole = std::fs::read(fixture("tiny.onnx")).unwrap();
    vec![
        ("empty", vec![], "empty"),
        ("one byte", vec![8], "cut off"),
        ("text", b"this is no network\n".repeat(100), "export it again"),
        ("an image", [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &[0; 100]].concat(), "export it again"),
        ("zeros", vec![0; 1000], "no field at byte 0"),
        ("ones", vec![0xff; 1000], "no field at byte 0"),
        ("half", whole[..whole.len() / 2].to_vec(), "cut off"),
        ("all but a byte", whole[..whole.len() - 1].to_vec(), "cut off"),
        ("no graph", vec![0x08, 0x08], "no graph"),
    ]
}

#[test]
fn onnx_files_that_are_none_are_refused_with_a_remedy() {
    for (what, bytes, word) in broken_models() {
        let error = decode(&bytes).unwrap_err();
        assert!(matches!(error, EngineError::Load { .. }), "{what}");
        assert!(error.to_string().contains(word) && error.to_string().contains(NOWHERE), "{what}: {error}");
    }
}

#[cfg(feature = "ort")]
#[test]
fn onnx_runtime_refuses_them_too() {
    let folder = tempfile::tempdir().unwrap();
    for (what, bytes, _) in broken_models() {
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, &bytes).unwrap();
        for error in [
            engine::OrtSession::open(&path, &engine::OrtOptions::default()).unwrap_err(),
            engine::OrtSession::from_bytes(&bytes, &engine::OrtOptions::default()).unwrap_err(),
        ] {
            assert!(matches!(error, EngineError::Load { .. }), "{what}: {error}");
            assert!(error.to_string().contains("again"), "{what}: {error}");
        }
    }
    let error =
        engine::OrtSession::open(&folder.path().join("missing.onnx"), &engine::OrtOptions::default()).unwrap_err();
    assert!(error.to_string().contains("check the path"), "{error}");
    let error = engine::OrtSession::open(folder.path(), &engine::OrtOptions::default()).unwrap_err();
    assert!(error.to_string().contains("regular file"), "{error}");
}

/// ONNX Runtime is C++: each way to cut a small model off is tried, and none may end the process.
#[cfg(feature = "ort")]
#[test]
fn onnx_runtime_survives_every_cut() {
    let whole = std::fs::read(fixture("fixed.onnx")).unwrap();
    let pool = engine::PoolPlan { sessions: 1, threads_per_session: 1 };
    let options = engine::OrtOptions { pool, ..engine::OrtOptions::default() };
    for end in (1..whole.len()).step_by(7) {
        assert!(
            matches!(engine::OrtSession::from_bytes(&whole[..end], &options), Err(EngineError::Load { .. })),
            "cut at {end}"
        );
    }
}

#[test]
fn every_encoding_of_numbers_reads_as_the_reference_does() {
    let model = Model::read(&fixture("encodings.onnx")).unwrap();
    let expected = EXPECTED["encodings"].as_object().unwrap();
    assert_eq!(expected.len(), 10);
    for (name, expected) in expected {
        let tensor = model.initializers().iter().find(|tensor| tensor.name == *name).unwrap();
        let (shape, values) = tensor.floats().unwrap();
        assert_eq!(shape, sizes(&expected["shape"]), "{name}");
        assert_eq!(values, floats(&expected["values"]), "{name}");
    }
    let weights = Weights::from_onnx(&model).unwrap();
    assert_eq!(weights.len(), 10);
    let skipped: Vec<_> = weights.skipped().iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(skipped, [("int64", "INT64"), ("int8", "INT8")]);
}

#[test]
fn a_model_tells_what_is_in_it() {
    let model = Model::read(&fixture("tiny.onnx")).unwrap();
    assert_eq!((model.proto().ir_version, model.opset()), (8, 17));
    assert_eq!(model.proto().producer_name, "make.py");
    assert_eq!(model.metadata()["stride"], "2");
    let operators: Vec<_> = model.operators().into_iter().collect();
    assert_eq!(operators, ["Conv", "Flatten", "GlobalAveragePool", "Relu"].map(|name| (name.to_owned(), 1)));
    let [input] = model.inputs().try_into().unwrap();
    assert_eq!((input.name.as_str(), input.kind), ("images", DataType::Float));
    assert_eq!(input.shape, ["batch", "3", "height", "width"]);
    assert_eq!(model.outputs().iter().map(|output| output.name.as_str()).collect::<Vec<_>>(), ["features", "pooled"]);
    assert_eq!(model.outputs()[0].shape, ["batch", "8", "?", "?"]);
}

/// What is read can be written again. The file is shorter by those fields alone that say what is said by leaving them
/// out, two bytes each: the name of ONNX's own operator set, an empty value, no numbers. So no field of ours is lost.
#[test]
fn models_survive_a_round_trip() {
    use prost::Message as _;
    let models =
        [("tiny.onnx", 2), ("encodings.onnx", 2), ("external.onnx", 1), ("strings.onnx", 1), ("kinds.onnx", 1)];
    for (name, left_out) in models {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let model = decode(&bytes).unwrap();
        let written = model.proto().encode_to_vec();
        assert_eq!(decode(&written).unwrap().proto(), model.proto(), "{name}");
        assert_eq!(written.len(), bytes.len() - 2 * left_out, "{name}");
    }
}

#[test]
fn weights_outside_the_file_are_refused() {
    let error = Weights::open(&fixture("external.onnx")).unwrap_err();
    assert!(error.to_string().contains("tensor far keeps its numbers outside"), "{error}");
}

/// Opens a model with some bytes changed, in both of our readers.
fn open_damaged(name: &str, changes: &[(usize, u8)]) {
    let mut bytes = std::fs::read(fixture(name)).unwrap();
    let len = bytes.len();
    for (place, value) in changes {
        bytes[place % len] = *value;
    }
    if let Ok(model) = decode(&bytes) {
        read_all(&model);
    }
    #[cfg(feature = "ort")]
    {
        let pool = engine::PoolPlan { sessions: 1, threads_per_session: 1 };
        let options = engine::OrtOptions { pool, ..engine::OrtOptions::default() };
        if let Err(error) = engine::OrtSession::from_bytes(&bytes, &options) {
            assert!(matches!(error, EngineError::Load { .. }), "{error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        if let Ok(model) = decode(&bytes) {
            read_all(&model);
        }
        let _ = Weights::from_safetensors(Path::new("broken.safetensors"), &bytes);
    }

    /// Random bytes are refused at the first one; a model with some changed gets further.
    #[test]
    fn damaged_models_never_panic(
        name in prop::sample::select(vec!["tiny.onnx", "encodings.onnx", "kinds.onnx", "strings.onnx"]),
        changes in prop::collection::vec((0_usize..1400, any::<u8>()), 1..6),
    ) {
        open_damaged(name, &changes);
    }
}

/// A field of bytes of a message: key, length, content.
#[cfg(feature = "ort")]
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut bytes);
    prost::encode_length_delimiter(content.len(), &mut bytes).unwrap();
    [bytes, content.to_vec()].concat()
}

/// A function of a model may hold a constant that says "my numbers are in that file", and ONNX Runtime would read it.
#[cfg(feature = "ort")]
#[test]
fn no_function_of_a_model_reads_a_file() {
    use engine::onnx::proto::{AttributeProto, AttributeType, NodeProto, StringStringEntryProto, TensorProto};
    use prost::Message as _;
    let constant = |external: bool| {
        let place = StringStringEntryProto { key: "location".to_owned(), value: "secret.bin".to_owned() };
        let tensor = TensorProto {
            dims: vec![1],
            data_type: 1,
            raw_data: if external { bytes::Bytes::new() } else { bytes::Bytes::from_static(&[0; 4]) },
            external_data: if external { vec![place] } else { Vec::new() },
            data_location: i32::from(external),
            ..TensorProto::default()
        };
        let attribute = AttributeProto {
            name: "value".to_owned(),
            r#type: AttributeType::Tensor as i32,
            t: Some(Box::new(tensor)),
            ..AttributeProto::default()
        };
        NodeProto {
            output: vec!["y".to_owned()],
            op_type: "Constant".to_owned(),
            attribute: vec![attribute],
            ..NodeProto::default()
        }
    };
    let with_function = |external: bool| {
        let operators = [field(1, b""), vec![0x10, 17]].concat();
        let function = [
            field(1, b"read"),
            field(5, b"y"),
            field(7, &constant(external).encode_to_vec()),
            field(9, &operators),
            field(10, b"own"),
        ];
        let own = [field(1, b"own"), vec![0x10, 1]].concat();
        let whole = std::fs::read(fixture("tiny.onnx")).unwrap();
        [whole, field(8, &own), field(25, &function.concat())].concat()
    };
    let open = |external| engine::OrtSession::from_bytes(&with_function(external), &engine::OrtOptions::default());
    assert!(open(false).is_ok(), "functions as such are fine");
    let error = open(true).unwrap_err().to_string();
    assert!(error.contains("outside the file"), "{error}");
}
