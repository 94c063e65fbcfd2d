//! A file as C source, for microcontrollers that have no file system.

use std::fmt::Write as _;

use super::cost::cost;
use super::error::TfliteError;
use super::graph::{Element, Graph};
use super::{Limits, decode};

/// What is written for a microcontroller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CArray {
    name: String,
    /// `NAME.h`.
    pub header: String,
    /// `NAME.cc`.
    pub source: String,
    /// How it is run, with ten lines of C++.
    pub readme: String,
}

impl CArray {
    /// Names and texts of the files.
    #[must_use]
    pub fn files(&self) -> [(String, &str); 3] {
        [
            (format!("{}.h", self.name), self.header.as_str()),
            (format!("{}.cc", self.name), self.source.as_str()),
            ("README.md".to_owned(), self.readme.as_str()),
        ]
    }
}

/// The file as C source under a name of letters, digits and underscores; other letters become underscores. `input` says what
/// goes in, for people.
///
/// # Errors
/// When the bytes are no network of int8 for a microcontroller.
pub fn c_array(name: &str, file: &[u8], input: &str) -> Result<CArray, TfliteError> {
    let graph = decode(file, &Limits::MICRO)?;
    let ends = graph.inputs().iter().chain(graph.outputs());
    if let Some(float) = ends.map(|id| graph.tensor(*id)).find(|tensor| tensor.element != Element::I8) {
        return Err(TfliteError::NotInt8 { tensor: float.name.clone(), element: float.element });
    }
    let name = identifier(name);
    let (cost, bytes) = (cost(&graph), file.len());
    let guard = format!("{}_H_", name.to_uppercase());
    let header = format!(
        "// Made by shelf. {bytes} bytes of TFLite.\n#ifndef {guard}\n#define {guard}\n\n\
         extern const unsigned char {name}[];\nextern const unsigned int {name}_len;\n\
         // Bytes to begin with; arena_used_bytes() says what is really needed.\n\
         constexpr int {name}_arena_bytes = {arena};\n\n#endif\n",
        arena = cost.arena_bytes
    );
    let mut source = format!("#include \"{name}.h\"\n\nalignas(16) const unsigned char {name}[] = {{\n");
    for line in file.chunks(16) {
        source += "   ";
        for byte in line {
            // Writing to a string cannot fail.
            let _ = write!(source, " 0x{byte:02x},");
        }
        source.push('\n');
    }
    let _ = write!(source, "}};\nconst unsigned int {name}_len = {bytes};\n");
    Ok(CArray { readme: readme(&name, &graph, bytes, input), name, header, source })
}

fn identifier(name: &str) -> String {
    let mut name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(0, "model_");
    }
    name
}

fn readme(name: &str, graph: &Graph, bytes: usize, taken: &str) -> String {
    let cost = cost(graph);
    let operators: Vec<&str> = graph.operators().into_keys().collect();
    let adds: String = operators.iter().map(|op| format!("  resolver.Add{}();\n", method(op))).collect();
    let end = |ids: &[super::TensorId], at: usize| ids.get(at).map(|id| graph.tensor(*id));
    let (input, output) = (end(graph.inputs(), 0), end(graph.outputs(), 0));
    let scale = |tensor: Option<&super::Tensor>| {
        tensor.and_then(|tensor| tensor.quantization.as_ref()).and_then(super::Quantization::whole).unwrap_or((1.0, 0))
    };
    let ((in_scale, in_zero), (out_scale, out_zero)) = (scale(input), scale(output));
    let len = |tensor: Option<&super::Tensor>| tensor.map_or(0, super::Tensor::len);
    format!(
        "# {name}\n\n\
         {bytes} bytes of TFLite, {macs} multiply-adds a run, {activations} bytes of activations.\n\
         `{name}_arena_bytes` = {arena}: those and an estimate of what the interpreter keeps; `interpreter.arena_used_bytes()` says\n\
         what is really needed.\n\n\
         Input: {inputs} numbers, int8 = round(x / {in_scale:?}) + {in_zero}, cut to -128..127. x: {taken}.\n\n\
         Output: {outputs} numbers, {out_scale:?} * (int8 - {out_zero}).\n\n\
         ```cpp\n\
         #include <cstdint>\n\
         #include <cstring>\n\
         #include \"{name}.h\"\n\
         #include \"tensorflow/lite/micro/micro_interpreter.h\"\n\
         #include \"tensorflow/lite/micro/micro_mutable_op_resolver.h\"\n\
         #include \"tensorflow/lite/schema/schema_generated.h\"\n\n\
         alignas(16) static uint8_t arena[{name}_arena_bytes];\n\
         static tflite::MicroMutableOpResolver<{count}> resolver;\n\
         static tflite::MicroInterpreter* interpreter;\n\n\
         bool setup() {{\n{adds}  \
         static tflite::MicroInterpreter made(tflite::GetModel({name}), resolver, arena, sizeof(arena));\n  \
         interpreter = &made;\n  return made.AllocateTensors() == kTfLiteOk;\n}}\n\n\
         bool run(const int8_t* x, int8_t* y) {{\n  \
         memcpy(interpreter->input(0)->data.int8, x, {inputs});\n  \
         if (interpreter->Invoke() != kTfLiteOk) return false;\n  \
         memcpy(y, interpreter->output(0)->data.int8, {outputs});\n  return true;\n}}\n```\n",
        macs = cost.multiply_adds,
        activations = cost.activation_bytes,
        arena = cost.arena_bytes,
        inputs = len(input),
        outputs = len(output),
        count = operators.len(),
    )
}

/// What the resolver for microcontrollers calls an operator: `FULLY_CONNECTED` is `FullyConnected`.
fn method(op: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters.map(|c| c.to_ascii_lowercase())).collect::<String>()
    };
    match op {
        "CONV_2D" => "Conv2D".to_owned(),
        "DEPTHWISE_CONV_2D" => "DepthwiseConv2D".to_owned(),
        "AVERAGE_POOL_2D" => "AveragePool2D".to_owned(),
        "MAX_POOL_2D" => "MaxPool2D".to_owned(),
        "L2_NORMALIZATION" => "L2Normalization".to_owned(),
        _ => op.split('_').map(word).collect(),
    }
}
