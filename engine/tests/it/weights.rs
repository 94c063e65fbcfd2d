//! Weights: safetensors files good and hostile, and the bridge to candle's layers.

use std::path::Path;

use engine::onnx::Model;
use engine::{Device, EngineError, Precision, Weights};
use half::{bf16, f16};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{Tiny, YOLO, fixture, shared_data};

const NOWHERE: &str = "some.safetensors";

fn file(header: &str, numbers: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), numbers].concat()
}

fn read(bytes: &[u8]) -> Result<Weights, EngineError> {
    Weights::from_safetensors(Path::new(NOWHERE), bytes)
}

fn values<'a>(weights: &'a Weights, name: &str) -> &'a [f32] {
    weights.take(name, weights.shape(name).unwrap()).unwrap()
}

#[test]
fn every_precision_reads_as_f32_and_integers_are_left() {
    let numbers = [0.0_f32, 1.5, -2.25, 1024.0];
    let mut bytes = Vec::new();
    let mut header = serde_json::Map::new();
    let mut put = |name: &str, kind: &str, shape: &[usize], data: Vec<u8>| {
        header.insert(
            name.to_owned(),
            json!({"dtype": kind, "shape": shape, "data_offsets": [bytes.len(), bytes.len() + data.len()]}),
        );
        bytes.extend(data);
    };
    put("f32", "F32", &[2, 2], numbers.iter().flat_map(|x| x.to_le_bytes()).collect());
    put("f16", "F16", &[4], numbers.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect());
    put("bf16", "BF16", &[4, 1], numbers.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect());
    put("f64", "F64", &[1, 4], numbers.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect());
    put("bn.num_batches_tracked", "I64", &[], 7_i64.to_le_bytes().to_vec());
    header.insert("__metadata__".to_owned(), json!({"architecture": "tiny"}));
    let weights = read(&file(&serde_json::to_string(&header).unwrap(), &bytes)).unwrap();
    for (name, shape) in [("f32", &[2, 2][..]), ("f16", &[4]), ("bf16", &[4, 1]), ("f64", &[1, 4])] {
        assert_eq!(weights.shape(name), Some(shape));
        assert_eq!(values(&weights, name), numbers, "{name}");
    }
    assert_eq!(weights.len(), 4);
    assert_eq!(weights.skipped()["bn.num_batches_tracked"], "I64");
    assert_eq!(weights.metadata()["architecture"], "tiny");
}

#[test]
fn hostile_and_broken_files_are_refused_with_a_remedy() {
    let entry = |begin: usize, end: usize| format!(r#"{{"dtype":"F32","shape":[2],"data_offsets":[{begin},{end}]}}"#);
    let two = |a: &str, b: &str| format!(r#"{{"a":{a},"b":{b}}}"#);
    let huge_shape = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}}"#;
    let wrong_shape = r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#;
    let mut whole = file(&two(&entry(0, 8), &entry(8, 16)), &[0; 16]);
    assert!(read(&whole).is_ok());
    whole.pop();
    for (what, bytes, word) in [
        ("empty", vec![], "empty"),
        ("five bytes", vec![1, 2, 3, 4, 5], "too few"),
        ("text", b"hello, this is a text file".to_vec(), "no header begins"),
        ("a huge header", [&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "more than"),
        ("a header of 100 MB that is not there", [&100_000_000_u64.to_le_bytes()[..], b"{}"].concat(), "more than"),
        ("a header that is cut off", [&1000_u64.to_le_bytes()[..], b"{}"].concat(), "cut off"),
        ("a header that is no JSON", file("{\"a\": ", &[]), "JSON"),
        ("nested JSON", file(&"{\"a\":".repeat(1000), &[]), "JSON"),
        ("numbers that are cut off", whole, "copy it again"),
        ("numbers that nobody names", file(&format!("{{\"a\":{}}}", entry(0, 8)), &[0; 16]), "copy it again"),
        ("overlapping tensors", file(&two(&entry(0, 8), &entry(4, 12)), &[0; 12]), "copy it again"),
        ("two tensors in one place", file(&two(&entry(0, 8), &entry(0, 8)), &[0; 8]), "copy it again"),
        ("a hole", file(&two(&entry(0, 8), &entry(12, 20)), &[0; 20]), "copy it again"),
        ("an end before the begin", file(&two(&entry(8, 0), &entry(8, 16)), &[0; 16]), "copy it again"),
        ("beyond the end", file(&two(&entry(0, 8), &entry(8, 1 << 40)), &[0; 16]), "copy it again"),
        ("a shape that overflows", file(huge_shape, &[0; 8]), "copy it again"),
        ("a shape of other size", file(wrong_shape, &[0; 8]), "copy it again"),
    ] {
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error, EngineError::Load { .. }), "{what}");
        assert!(error.to_string().contains(word) && error.to_string().contains(NOWHERE), "{what}: {error}");
    }
}

#[test]
fn files_of_other_kinds_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, word) in [
        ("weights.pth", "expected is a state dict"),
        ("weights.h5", "convert it"),
        ("weights", "convert it"),
        ("missing.safetensors", "check the path"),
    ] {
        let path = folder.path().join(name);
        if name != "missing.safetensors" {
            std::fs::write(&path, "x").unwrap();
        }
        let error = Weights::open(&path).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn saved_weights_come_back_and_the_bytes_do_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut weights = Weights::open(&fixture("tiny.onnx")).unwrap();
    weights.insert("scalar", &[], vec![0.1]).unwrap();
    weights.insert("quoted \"name\" ü", &[0, 3], vec![]).unwrap();
    weights.metadata_mut().insert("names".to_owned(), "{0: 'größe'}".to_owned());
    for precision in [Precision::F32, Precision::F16] {
        let path = folder.path().join(format!("{precision:?}.safetensors"));
        weights.save(&path, precision).unwrap();
        let first = std::fs::read(&path).unwrap();
        for _ in 0..3 {
            weights.save(&path, precision).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), first, "the same weights must give the same digest");
        }
        let again = Weights::open(&path).unwrap();
        assert_eq!(again.metadata(), weights.metadata());
        assert_eq!(again.len(), weights.len());
        for ((name, shape, values), (again_name, again_shape, again_values)) in weights.iter().zip(again.iter()) {
            assert_eq!((name, shape), (again_name, again_shape));
            let rounded =
                |value: &f32| if precision == Precision::F16 { f16::from_f32(*value).to_f32() } else { *value };
            assert_eq!(values.iter().map(rounded).collect::<Vec<_>>(), again_values, "{name}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside");
}

#[test]
fn what_16_bits_cannot_hold_is_refused_before_a_byte_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.safetensors");
    let mut weights = Weights::new(Path::new(NOWHERE));
    weights.insert("large", &[1], vec![70_000.0]).unwrap();
    let error = weights.save(&path, Precision::F16).unwrap_err();
    assert!(error.to_string().contains("tensor large holds 70000"), "{error}");
    assert!(!path.exists());
    weights.save(&path, Precision::F32).unwrap();
    let error = weights.save(&folder.path().join("no/such/folder.safetensors"), Precision::F32).unwrap_err();
    assert!(matches!(error, EngineError::Save { .. }) && error.to_string().contains("check the folder"), "{error}");
}

#[test]
fn taking_checks_shape_and_values_and_remembers() {
    let mut weights = Weights::new(Path::new(NOWHERE));
    weights.insert("a.weight", &[2, 1], vec![1.0, 2.0]).unwrap();
    weights.insert("b.weight", &[2], vec![1.0, f32::NAN]).unwrap();
    assert!(weights.insert("c", &[3], vec![0.0]).is_err());
    assert!(weights.insert("c", &[usize::MAX, 2], vec![]).is_err());
    assert_eq!(weights.unused(), ["a.weight", "b.weight"]);
    assert_eq!(weights.take("a.weight", &[2, 1]).unwrap(), [1.0, 2.0]);
    assert_eq!(weights.unused(), ["b.weight"]);

    let error = weights.take("a.weight", &[1, 2]).unwrap_err();
    assert!(matches!(&error, EngineError::Tensor { found: Some(found), .. } if *found == [2, 1]));
    assert!(error.to_string().contains("tensor a.weight should be [1, 2], is [2, 1]"), "{error}");
    let error = weights.take("d", &[1]).unwrap_err();
    assert!(error.to_string().contains("tensor d should be [1], is missing"), "{error}");
    let error = weights.take("b.weight", &[2]).unwrap_err();
    assert!(error.to_string().contains("holds NaN at 1"), "{error}");
}

#[test]
fn tensors_can_be_renamed_but_not_merged() {
    let weights = Weights::open(&fixture("tiny.onnx")).unwrap();
    let renamed = weights.renamed(|name| name.ends_with("weight").then(|| format!("model.0.{name}"))).unwrap();
    assert_eq!(renamed.iter().map(|(name, ..)| name).collect::<Vec<_>>(), ["model.0.conv.weight"]);
    let error = weights.renamed(|_| Some("same".to_owned())).unwrap_err();
    assert!(error.to_string().contains("conv.bias and conv.weight would both be called same"), "{error}");
}

#[test]
fn layers_take_their_tensors_by_name() {
    let device = Device::cpu();
    let weights = Weights::open(&fixture("tiny.onnx")).unwrap();
    let vb = weights.var_builder(&device);
    assert!(vb.pp("conv").contains_tensor("bias"), "BN is folded into this one");
    assert!(!vb.pp("bn").contains_tensor("running_mean"));
    assert!(!vb.contains_tensor("conv"), "a prefix is no tensor");
    let bias = vb.pp("conv").get(8, "bias").unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(bias, values(&weights, "conv.bias"));
    assert_eq!(weights.unused(), ["conv.weight"]);
    assert_eq!(vb.get_unchecked("conv.weight").unwrap().dims(), [8, 3, 3, 3]);
    assert!(weights.unused().is_empty());
}

#[test]
fn weights_are_read_out_of_onnx() {
    let Some(path) = shared_data(YOLO) else { return };
    let model = Model::read(&path).unwrap();
    assert_eq!((model.opset(), model.operators()["Conv"]), (20, 64));
    let weights = Weights::from_onnx(&model).unwrap();
    assert_eq!(weights.shape("model.0.conv.weight"), Some(&[16, 3, 3, 3][..]));
    assert_eq!(weights.shape("model.22.cv3.2.2.bias"), Some(&[80][..]));
    // 3.15 million parameters by publication.
    assert!((3_100_000..3_200_000).contains(&weights.parameters()), "{}", weights.parameters());
    assert!(weights.skipped().values().all(|kind| kind == "INT64"));
}

#[test]
fn a_network_of_another_shape_is_refused_with_the_tensor_that_shows_it() {
    let device = Device::cpu();
    let weights =
        Weights::open(&fixture("tiny.onnx")).unwrap().renamed(|name| Some(name.replace("conv.b", "c.b"))).unwrap();
    let error = weights.build(&device, |vb| Tiny::load(&vb)).err().unwrap();
    assert!(
        matches!(&error, EngineError::Tensor { name, expected, found: None, .. } if name == "conv.bias" && *expected == [8]),
        "{error}"
    );

    let mut weights = Weights::new(Path::new(NOWHERE));
    weights.insert("conv.weight", &[8, 3, 5, 5], vec![0.0; 600]).unwrap();
    let error = weights.build(&device, |vb| Tiny::load(&vb)).err().unwrap();
    assert!(error.to_string().contains("tensor conv.weight should be [8, 3, 3, 3], is [8, 3, 5, 5]"), "{error}");

    let error = weights.build::<()>(&device, |vb| {
        assert!(vb.get(1, "optional").is_err());
        candle_core::bail!("something else")
    });
    let error = error.unwrap_err();
    assert!(matches!(&error, EngineError::Load { reason, .. } if reason == "something else"), "{error}");
}

proptest! {
    /// What is written is read back, whatever the names and numbers.
    #[test]
    fn safetensors_round_trip(tensors in proptest::collection::btree_map(".{0,12}", proptest::collection::vec(-1e30_f32..1e30, 0..20), 0..6)) {
        prop_assume!(!tensors.contains_key("__metadata__"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NOWHERE);
        let mut weights = Weights::new(&path);
        for (name, values) in &tensors {
            weights.insert(name.as_str(), &[values.len()], values.clone()).unwrap();
        }
        weights.save(&path, Precision::F32).unwrap();
        let again = Weights::open(&path).unwrap();
        prop_assert_eq!(again.iter().map(|(name, _, values)| (name.to_owned(), values.to_vec())).collect::<std::collections::BTreeMap<_, _>>(), tensors);
    }

    /// A header with random places for its tensors is refused or read, never worse.
    #[test]
    fn random_offsets_never_panic(spans in proptest::collection::vec((0_u64..40, 0_u64..40, 0_u64..5), 1..5), extra in 0_usize..40) {
        let entries: serde_json::Map<_, _> = spans.iter().enumerate().map(|(at, (begin, end, size))| {
            (format!("t{at}"), json!({"dtype": "F16", "shape": [size], "data_offsets": [begin, end]}))
        }).collect();
        let _ = read(&file(&serde_json::to_string(&entries).unwrap(), &vec![0; extra]));
    }
}

#[cfg(unix)]
#[test]
fn weights_are_read_through_the_links_of_a_hubs_cache() {
    let cache = tempfile::tempdir().unwrap();
    for folder in ["blobs", "snapshots/commit"] {
        std::fs::create_dir_all(cache.path().join(folder)).unwrap();
    }
    for (file, name) in [("tiny.onnx", "model.onnx"), ("state.pth", "pytorch_model.bin")] {
        std::fs::copy(fixture(file), cache.path().join("blobs").join(name.len().to_string())).unwrap();
        let link = cache.path().join("snapshots/commit").join(name);
        std::os::unix::fs::symlink(format!("../../blobs/{}", name.len()), &link).unwrap();
        assert_eq!(Weights::open(&link).unwrap().len(), Weights::open(&fixture(file)).unwrap().len());
    }
}
