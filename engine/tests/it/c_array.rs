//! C source for microcontrollers: a compiler takes it, and it holds the file.

use std::path::Path;
use std::process::Command;

use engine::tflite::{
    Activation, Graph, Op, QuantizeOptions, TfliteError, Values, c_array, cost, decode, encode, quantize,
};

/// What of TensorFlow Lite for Microcontrollers the example in the README names, so that it can be compiled without it.
const MICRO: [(&str, &str); 3] = [
    (
        "micro_interpreter.h",
        "#pragma once\n#include <cstddef>\n#include <cstdint>\n\
         enum TfLiteStatus { kTfLiteOk, kTfLiteError };\n\
         struct TfLiteTensor { union { int8_t* int8; float* f; } data; };\n\
         namespace tflite { struct Model; class MicroOpResolver {};\n\
         class MicroInterpreter { public: MicroInterpreter(const Model*, const MicroOpResolver&, uint8_t*, size_t);\n\
         TfLiteStatus AllocateTensors(); TfLiteStatus Invoke(); TfLiteTensor* input(int); TfLiteTensor* output(int); }; }\n",
    ),
    (
        "micro_mutable_op_resolver.h",
        "#pragma once\n#include \"tensorflow/lite/micro/micro_interpreter.h\"\n\
         namespace tflite { template <unsigned int n> class MicroMutableOpResolver : public MicroOpResolver { public:\n\
         TfLiteStatus AddFullyConnected(); TfLiteStatus AddSoftmax(); }; }\n",
    ),
    (
        "../schema/schema_generated.h",
        "#pragma once\nnamespace tflite { struct Model; const Model* GetModel(const void*); }\n",
    ),
];

fn graph() -> Graph {
    let mut graph = Graph::new("c");
    let x = graph.input("x", &[1, 3]);
    let w = graph.constant("w", &[2, 3], Values::F32(vec![0.5, -1.0, 0.25, 1.0, 0.0, -0.5]));
    let y = graph.node(Op::FullyConnected(Activation::None), "y", &[x, w]).unwrap();
    let y = graph.node(Op::Softmax(1.0), "p", &[y]).unwrap();
    graph.output(y);
    graph
}

#[test]
fn a_compiler_takes_source_and_example() {
    let float = graph();
    let int8 = quantize(&float, [vec![vec![1.0, -1.0, 0.5]]], QuantizeOptions::default()).unwrap();
    let file = encode(&int8);
    let made = c_array("My model-1", &file, "three numbers").unwrap();
    let names = made.files().map(|(name, _)| name);
    assert_eq!(names, ["my_model_1.h", "my_model_1.cc", "README.md"]);
    let arena = cost(&int8).arena_bytes;
    assert!(made.header.contains(&format!("my_model_1_arena_bytes = {arena};")), "{}", made.header);
    assert!(made.readme.contains("x: three numbers") && made.readme.contains("MicroMutableOpResolver<2>"));
    // Every byte of the file, in order.
    let bytes: Vec<u8> = made
        .source
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter_map(|word| u8::from_str_radix(word.strip_prefix("0x")?, 16).ok())
        .collect();
    assert_eq!(bytes, file);
    assert!(decode(&bytes, &engine::tflite::Limits::MICRO).is_ok());

    let Ok(compiler) = Command::new("c++").arg("--version").output() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must not skip: there is no c++");
        eprintln!("SKIPPED: there is no c++");
        return;
    };
    assert!(compiler.status.success());
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for (name, text) in made.files() {
        write(&folder.path().join(name), text);
    }
    write(&folder.path().join("tensorflow/lite/micro/none"), "");
    for (name, text) in MICRO {
        write(&folder.path().join("tensorflow/lite/micro").join(name), text);
    }
    let example = made.readme.split("```").nth(1).and_then(|code| code.strip_prefix("cpp\n")).unwrap();
    assert!(example.lines().filter(|line| !line.is_empty() && !line.starts_with("#include")).count() <= 20);
    write(&folder.path().join("example.cc"), example);
    for source in ["my_model_1.cc", "example.cc"] {
        let flags = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I."];
        let output = Command::new("c++").args(flags).arg(source).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn only_networks_of_int8_become_c() {
    let error = c_array("x", &encode(&graph()), "").unwrap_err();
    assert!(matches!(&error, TfliteError::NotInt8 { tensor, .. } if tensor == "x"), "{error}");
    assert!(matches!(c_array("x", b"no file", ""), Err(TfliteError::NotTflite)));
}
