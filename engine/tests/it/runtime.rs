//! What is special about ONNX Runtime: the library, providers, model files and types of numbers.

use std::path::Path;
use std::process::Command;

use engine::ort::available;
use engine::{EngineError, ExecutionProvider, OrtOptions, OrtSession, PoolPlan, Session};
use ndarray::Array4;

use crate::support::{
    EXPECTED, TOLERANCE_F16, TOLERANCE_F32, assert_outputs, fixture, ort_tiny, run, sizes, test_image,
};

fn open(name: &str) -> Result<OrtSession, EngineError> {
    OrtSession::open(&fixture(name), &OrtOptions::default())
}

fn check(session: &OrtSession, expected: &str, tolerance: f32) {
    for case in EXPECTED[expected].as_array().unwrap() {
        let shape = sizes(&case["input"]).try_into().unwrap();
        assert_outputs(&run(session, test_image(shape).view()), &case["outputs"], tolerance, expected);
    }
}

#[test]
fn the_library_says_what_it_is() {
    let info = available(None).unwrap();
    assert!(info.version.starts_with("1."), "{}", info.version);
    assert!(info.path.is_absolute());
    assert!(info.providers.contains(&"CPU".to_owned()));
    assert_eq!(available(Some(&info.path)).unwrap(), info, "asking for the same one again is no conflict");
}

#[test]
fn another_library_is_refused() {
    let loaded = available(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("libonnxruntime.so.9.9.9");
    for (content, path, expected) in
        [(None, folder.path().join("missing.so"), "the configured library"), (Some("text"), other, "cannot change")]
    {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = available(Some(&path)).unwrap_err();
        assert!(matches!(error, EngineError::RuntimeMissing { .. }));
        assert!(error.to_string().contains(expected) && error.to_string().contains("make setup"), "{error}");
    }
    assert_eq!(available(None).unwrap(), loaded);
}

/// A library is loaded once per process, so what happens without one needs a process of its own: this program again,
/// with only `child_without_a_library`.
fn child(library: &str, working_folder: &Path) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "--ignored", "--nocapture", "runtime::child_without_a_library"]);
    let output = child.env("ORT_DYLIB_PATH", library).current_dir(working_folder).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
#[ignore = "run by others in a process of its own"]
fn child_without_a_library() {
    for _ in 0..2 {
        let error = OrtSession::open(&fixture("tiny.onnx"), &OrtOptions::default()).unwrap_err();
        assert!(matches!(error, EngineError::RuntimeMissing { .. }), "{error}");
        println!("{error}");
    }
}

#[test]
fn a_missing_or_foreign_library_is_an_answer_not_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("text.so"), "no library").unwrap();
    std::fs::write(path("empty.so"), "").unwrap();
    std::fs::create_dir(path("folder.so")).unwrap();
    for (library, expected) in [
        (path("missing.so"), "ORT_DYLIB_PATH"),
        (path("text.so"), "text.so"),
        (path("empty.so"), "empty.so"),
        (path("folder.so"), "folder.so"),
        (
            "/lib/x86_64-linux-gnu/libm.so.6".to_owned(),
            if cfg!(target_arch = "x86_64") { "libm.so" } else { "ORT_DYLIB_PATH" },
        ),
    ] {
        let said = child(&library, folder.path());
        assert!(said.contains(expected) && said.contains("make setup"), "{library}: {said}");
    }
}

#[test]
fn providers_that_are_not_there_are_named_with_a_remedy() {
    for (text, wheel) in
        [("cuda", "onnxruntime-gpu"), ("tensorrt:1", "onnxruntime-gpu"), ("openvino", "onnxruntime-openvino")]
    {
        let provider: ExecutionProvider = text.parse().unwrap();
        if available(None).unwrap().providers.iter().any(|name| name == provider.name()) {
            eprintln!("SKIPPED {text}: this library has it");
            continue;
        }
        let options = OrtOptions { providers: vec![provider.clone()], ..OrtOptions::default() };
        let error = OrtSession::open(&fixture("tiny.onnx"), &options).unwrap_err();
        assert!(matches!(&error, EngineError::Provider { provider: named, .. } if *named == provider.to_string()));
        assert!(error.to_string().contains(wheel) && error.to_string().contains("ORT_DYLIB_PATH"), "{error}");

        let tolerant =
            OrtOptions { error_on_failure: false, pool: PoolPlan { sessions: 2, threads_per_session: 1 }, ..options };
        let session = OrtSession::open(&fixture("tiny.onnx"), &tolerant).unwrap();
        assert_eq!(session.info().provider, "CPU");
        assert_eq!(session.info().parallelism, 2);
        check(&session, "tiny", TOLERANCE_F32);
    }
}

#[test]
fn models_of_16_bits_and_of_fixed_size_run() {
    let half = open("half.onnx").unwrap();
    check(&half, "half", TOLERANCE_F16);
    let fixed = open("fixed.onnx").unwrap();
    check(&fixed, "fixed", TOLERANCE_F32);
    assert_eq!(fixed.info().input.to_string(), "1x3x8x8");
    assert_eq!(fixed.info().preferred_batch, 1);
    for shape in [[2, 3, 8, 8], [1, 3, 8, 9], [1, 3, 16, 8]] {
        assert!(matches!(fixed.run(Array4::zeros(shape).view()), Err(EngineError::InputShape { .. })));
    }
    let from_memory =
        OrtSession::from_bytes(&std::fs::read(fixture("fixed.onnx")).unwrap(), &OrtOptions::default()).unwrap();
    check(&from_memory, "fixed", TOLERANCE_F32);
}

#[test]
fn results_of_other_types_become_f32() {
    check(&open("kinds.onnx").unwrap(), "kinds", 0.0);
    let huge = open("huge.onnx").unwrap();
    let input = |value: f32| Array4::from_elem((1, 1, 1, 1), value);
    assert_eq!(run(&huge, input(-16_777_216.0).view())[0].array[[0, 0, 0, 0]], -16_777_216.0);
    let error = huge.run(input(33_554_436.0).view()).unwrap_err();
    assert!(error.to_string().contains("huge: the integer 33554436"), "{error}");
}

#[test]
fn networks_of_another_kind_are_refused_with_the_reason() {
    for (name, reason) in [
        ("two_inputs.onnx", "2 inputs (a, b)"),
        ("rank3.onnx", "four dimensions"),
        ("open_channels.onnx", "number of channels"),
        ("double.onnx", "floating point is needed"),
        ("strings.onnx", "output y"),
        ("external.onnx", "weights outside the file"),
    ] {
        let error = open(name).unwrap_err();
        assert!(matches!(error, EngineError::Load { .. }), "{name}: {error}");
        assert!(error.to_string().contains(reason) && error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn a_pool_holds_what_the_plan_says() {
    let parallelism = |pool, wide_when_idle| {
        ort_tiny(&OrtOptions { pool, wide_when_idle, ..OrtOptions::default() }).info().parallelism
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(parallelism(PoolPlan { sessions: 3, threads_per_session: 1 }, false), 3);
    assert_eq!(parallelism(PoolPlan { sessions: 3, threads_per_session: 1 }, true), 3);
    assert_eq!(parallelism(PoolPlan::AUTOMATIC, false), cores.min(8));
    assert_eq!(parallelism(PoolPlan::LOW_LATENCY, true), 1);
}

#[test]
fn the_limit_on_model_size_holds() {
    let options = OrtOptions { max_model_bytes: 100, ..OrtOptions::default() };
    for error in [
        OrtSession::open(&fixture("tiny.onnx"), &options).unwrap_err(),
        OrtSession::from_bytes(&std::fs::read(fixture("tiny.onnx")).unwrap(), &options).unwrap_err(),
    ] {
        assert!(matches!(error, EngineError::Load { .. }));
        assert!(error.to_string().contains("limit of 100"), "{error}");
    }
}
