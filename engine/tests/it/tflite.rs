//! TFLite files in the interpreter that phones have: one thread, no delegates. `tests/tflite_reference.py` runs it.

use engine::tflite::{
    Activation, Dense, Graph, Limits, Op, Padding, QuantizeOptions, TensorId, TfliteError, Values, Window, decode,
    dequantized, encode, quantize, run, run_floats,
};
use vision::Random;

use crate::interpreter::{python, reference};

/// Largest difference of floats, relative to the largest number of an output.
const TOLERANCE: f32 = 2e-6;

struct Builder {
    graph: Graph,
    random: Random,
}

impl Builder {
    fn new(name: &str) -> Self {
        Self { graph: Graph::new(name), random: Random::named(7, name) }
    }

    fn weights(&mut self, name: &str, shape: &[usize]) -> TensorId {
        let count = shape.iter().product();
        let spread = 1.0 / (shape[1..].iter().product::<usize>() as f64).sqrt();
        // Channels of different sizes: a scale for each is worth having.
        let size = |at: usize| spread * (0.4 + 0.4 * ((at / (count / shape[0])) % 3) as f64);
        let values = (0..count).map(|at| (self.random.normal() * size(at)) as f32).collect();
        self.graph.constant(name, shape, Values::F32(values))
    }

    fn ints(&mut self, name: &str, shape: &[usize], values: &[i32]) -> TensorId {
        self.graph.constant(name, shape, Values::I32(values.to_vec()))
    }

    fn node(&mut self, op: Op, name: &str, inputs: &[TensorId]) -> TensorId {
        self.graph.node(op, name, inputs).unwrap()
    }

    fn dense(&mut self, name: &str, x: TensorId, (inputs, outputs): (usize, usize), act: Activation) -> TensorId {
        let w = self.weights(&format!("{name}/w"), &[outputs, inputs]);
        let b = self.weights(&format!("{name}/b"), &[outputs]);
        self.node(Op::FullyConnected(act), name, &[x, w, b])
    }

    fn conv(&mut self, name: &str, x: TensorId, (shape, window): ([usize; 4], Window), act: Activation) -> TensorId {
        let w = self.weights(&format!("{name}/w"), &shape);
        let b = self.weights(&format!("{name}/b"), &[if shape[0] == 1 { shape[3] } else { shape[0] }]);
        let op = if shape[0] == 1 { Op::DepthwiseConv2d(window, act) } else { Op::Conv2d(window, act) };
        self.node(op, name, &[x, w, b])
    }
}

fn window(stride: usize, padding: Padding) -> Window {
    Window { stride: [stride; 2], padding }
}

fn mlp() -> Graph {
    let mut b = Builder::new("mlp");
    let x = b.graph.input("features", &[1, 10]);
    let h = b.dense("h0", x, (10, 64), Activation::Relu);
    let h = b.dense("h1", h, (64, 32), Activation::Relu);
    let y = b.dense("logits", h, (32, 7), Activation::None);
    let y = b.node(Op::Softmax(1.0), "classes", &[y]);
    b.graph.output(y);
    b.graph
}

/// Every operator once: convolutions of both paddings, pools, gates, residuals, a pyramid's joining.
fn vision_like() -> Graph {
    let mut b = Builder::new("vision");
    let x = b.graph.input("image", &[1, 9, 7, 3]);
    let x = b.conv("stem", x, ([8, 3, 3, 3], window(2, Padding::Same)), Activation::Relu6);
    let paddings = b.ints("paddings", &[4, 2], &[0, 0, 1, 1, 1, 1, 0, 0]);
    let padded = b.node(Op::Pad, "pad", &[x, paddings]);
    let y = b.conv("depthwise", padded, ([1, 3, 3, 8], window(1, Padding::Valid)), Activation::Relu);
    let axes = b.ints("axes", &[2], &[1, 2]);
    let pooled = b.node(Op::Mean(true), "squeeze", &[y, axes]);
    let gate = b.conv("gate", pooled, ([8, 1, 1, 8], window(1, Padding::Valid)), Activation::None);
    let gate = b.node(Op::Logistic, "gate/logistic", &[gate]);
    let y = b.node(Op::Mul(Activation::None), "excite", &[y, gate]);
    let y = b.node(Op::Add(Activation::None), "residual", &[y, x]);
    let half = b.node(Op::MaxPool2d(window(2, Padding::Same), [2, 2], Activation::None), "max", &[y]);
    let half = b.node(Op::AveragePool2d(window(1, Padding::Same), [3, 3], Activation::None), "average", &[half]);
    let size = b.ints("size", &[2], &[5, 4]);
    let op = Op::ResizeNearest { align_corners: false, half_pixel_centers: false };
    let up = b.node(op, "up", &[half, size]);
    let order = b.ints("order", &[4], &[0, 2, 1, 3]);
    let turned = b.node(Op::Transpose, "transpose", &[y, order]);
    let back = b.node(Op::Transpose, "transpose/back", &[turned, order]);
    let (begin, size) = (b.ints("begin", &[4], &[0, 1, 0, 3]), b.ints("size", &[4], &[1, -1, 3, 4]));
    let part = b.node(Op::Slice, "slice", &[back, begin, size]);
    let about = b.ints("about", &[4, 2], &[0, 0, 0, 1, 1, 0, 4, 0]);
    let part = b.node(Op::Pad, "slice/pad", &[part, about]);
    let y = b.node(Op::Add(Activation::None), "slice/add", &[y, part]);
    let y = b.node(Op::Concat(3), "concat", &[up, y]);
    let y = b.node(Op::Relu6, "relu6", &[y]);
    let y = b.node(Op::Relu, "relu", &[y]);
    let flat = b.node(Op::Mean(false), "global", &[y, axes]);
    let shape = b.ints("shape", &[2], &[1, -1]);
    let flat = b.node(Op::Reshape, "reshape", &[flat, shape]);
    let y = b.dense("embedding", flat, (16, 12), Activation::None);
    let y = b.node(Op::L2Normalize, "unit", &[y]);
    b.graph.output(y);
    b.graph
}

fn samples(graph: &Graph, count: usize, seed: u64) -> Vec<Vec<Vec<f32>>> {
    let mut random = Random::new(seed);
    let one = |random: &mut Random| {
        graph.inputs().iter().map(|id| (0..graph.tensor(*id).len()).map(|_| random.normal() as f32).collect()).collect()
    };
    (0..count).map(|_| one(&mut random)).collect()
}

/// Values of an int8 graph's inputs for floats.
fn as_inputs(graph: &Graph, sample: &[Vec<f32>]) -> Vec<Values> {
    let of = |(id, values): (&TensorId, &Vec<f32>)| match &graph.tensor(*id).quantization {
        Some(meaning) => Values::I8(engine::tflite::quantized(values, meaning)),
        None => Values::F32(values.clone()),
    };
    graph.inputs().iter().zip(sample).map(of).collect()
}

#[test]
fn the_interpreter_says_what_ours_says() {
    let Some(python) = python() else { return };
    let mut jobs = Vec::new();
    let mut graphs = Vec::new();
    for graph in [mlp(), vision_like()] {
        let calibration = samples(&graph, 60, 1);
        let whole = quantize(&graph, calibration.clone(), QuantizeOptions { dense: Dense::PerTensor }).unwrap();
        let int8 = quantize(&graph, calibration, QuantizeOptions::default()).unwrap();
        let shown = samples(&graph, 40, 2);
        for graph in [graph, int8, whole] {
            let runs: Vec<Vec<Values>> = shown.iter().map(|sample| as_inputs(&graph, sample)).collect();
            jobs.push((encode(&graph), runs));
            graphs.push(graph);
        }
    }
    let said = reference(&python, &jobs);
    for ((graph, (file, runs)), said) in graphs.iter().zip(&jobs).zip(&said) {
        assert_eq!(decode(file, &Limits::MICRO).as_ref(), Ok(graph), "what was read is what was written");
        let (mut exact, mut all) = (0, 0);
        for (inputs, said) in runs.iter().zip(said) {
            let found = run(graph, inputs).unwrap();
            assert_eq!(found.len(), said.len());
            match &found[0] {
                Values::F32(found) => {
                    let largest = found.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                    for (a, b) in found.iter().zip(&said[0]) {
                        assert!(
                            (a - *b as f32).abs() <= TOLERANCE * largest,
                            "{}: {found:?} {said:?}",
                            graph.description
                        );
                    }
                }
                Values::I8(found) => {
                    for (a, b) in found.iter().zip(&said[0]) {
                        let off = (f64::from(*a) - b).abs();
                        assert!(off <= 1.0, "{}: {found:?} {said:?}", graph.description);
                        exact += usize::from(off == 0.0);
                        all += 1;
                    }
                }
                Values::I32(_) => panic!("no output is int32"),
            }
        }
        assert!(exact * 100 >= all * 90, "{}: only {exact} of {all} are the same", graph.description);
    }
}

#[test]
fn int8_says_nearly_what_floats_say() {
    for (graph, most) in [(mlp(), 0.03), (vision_like(), 0.06)] {
        let int8 = quantize(&graph, samples(&graph, 60, 1), QuantizeOptions::default()).unwrap();
        assert!(int8.is_int8() && !graph.is_int8());
        for sample in samples(&graph, 30, 5) {
            let (a, b) = (run_floats(&graph, &sample).unwrap(), run_floats(&int8, &sample).unwrap());
            for (a, b) in a[0].iter().zip(&b[0]) {
                assert!((a - b).abs() < most, "{}: {a} {b}", graph.description);
            }
        }
        let again = quantize(&graph, samples(&graph, 60, 1), QuantizeOptions::default()).unwrap();
        assert_eq!(encode(&int8), encode(&again), "the same samples give the same bytes");
    }
}

#[test]
fn weights_that_are_zero_and_biases_that_are_large_stay_finite() {
    let mut graph = Graph::new("dead");
    let x = graph.input("x", &[1, 2]);
    let w = graph.constant("w", &[3, 2], Values::F32(vec![0.0, 0.0, 1e-9, 0.0, 1.0, -1.0]));
    let b = graph.constant("b", &[3], Values::F32(vec![5.0, 5.0, 0.5]));
    let y = graph.node(Op::FullyConnected(Activation::None), "y", &[x, w, b]).unwrap();
    graph.output(y);
    let int8 = quantize(&graph, [vec![vec![1.0, 0.0]], vec![vec![0.0, 1.0]]], QuantizeOptions::default()).unwrap();
    let said = run_floats(&int8, &[vec![1.0, 0.0]]).unwrap();
    for (found, expected) in said[0].iter().zip([5.0, 5.0, 1.5]) {
        assert!((found - expected).abs() < 0.05, "{said:?}");
    }
}

#[test]
fn networks_that_cannot_be_quantised_say_why() {
    let graph = mlp();
    assert_eq!(quantize(&graph, [], QuantizeOptions::default()), Err(TfliteError::NoSamples));
    let nan = vec![vec![f32::NAN; 10]];
    assert!(matches!(quantize(&graph, [nan], QuantizeOptions::default()), Err(TfliteError::NotFinite { .. })));
    let int8 = quantize(&graph, samples(&graph, 3, 1), QuantizeOptions::default()).unwrap();
    let again = quantize(&int8, samples(&graph, 3, 1), QuantizeOptions::default());
    assert!(matches!(again, Err(TfliteError::NotFloat { .. })));
    assert!(matches!(
        run(&graph, &[Values::F32(vec![0.0; 9])]),
        Err(TfliteError::Input { expected: 10, found: 9, .. })
    ));
}

#[test]
fn broken_files_are_refused_and_never_panic() {
    let file = encode(&quantize(&vision_like(), samples(&vision_like(), 2, 1), QuantizeOptions::default()).unwrap());
    let limits = Limits::MICRO;
    assert_eq!(decode(b"", &limits), Err(TfliteError::NotTflite));
    assert_eq!(decode(b"\0\0\0\0TFL3", &limits), Err(TfliteError::Outside { at: 0 }));
    for length in 0..file.len() {
        // The end is padding and the last weights: nothing is cut off silently before them.
        assert!(decode(&file[..length], &limits).is_err() || length + 4 > file.len(), "cut at {length}");
    }
    let mut random = Random::new(4);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..3000 {
        let mut broken = file.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(broken.len());
            broken[at] = [0, 1, 0x7F, 0x80, 0xFF, random.below(256) as u8][random.below(6)];
        }
        match decode(&broken, &limits) {
            Ok(graph) => {
                read += 1;
                let inputs: Vec<Values> = graph
                    .inputs()
                    .iter()
                    .map(|id| match graph.tensor(*id).quantization {
                        Some(_) => Values::I8(vec![1; graph.tensor(*id).len()]),
                        None => Values::F32(vec![1.0; graph.tensor(*id).len()]),
                    })
                    .collect();
                run(&graph, &inputs).unwrap();
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 100 && refused > 100, "{read} {refused}");
}

#[test]
fn what_asks_for_too_much_is_refused() {
    let mut graph = Graph::new("huge");
    let x = graph.input("x", &[1, 60_000, 60_000, 1]);
    let y = graph.node(Op::Relu, "y", &[x]).unwrap();
    graph.output(y);
    assert!(matches!(decode(&encode(&graph), &Limits::default()), Err(TfliteError::Tensor { .. })));
    let mut graph = Graph::new("large");
    let x = graph.input("x", &[1, 4000, 4000, 1]);
    let y = graph.node(Op::Relu, "y", &[x]).unwrap();
    graph.output(y);
    let found = decode(&encode(&graph), &Limits::MICRO);
    assert!(matches!(found, Err(TfliteError::TooLarge { what: "activations", .. })), "{found:?}");
    let small = Limits { bytes: 10, ..Limits::MICRO };
    assert!(matches!(decode(&encode(&mlp()), &small), Err(TfliteError::TooLarge { what: "bytes", .. })));
}

#[test]
fn scales_mean_what_they_say() {
    let meaning = engine::tflite::Quantization::of_tensor(0.5, -3);
    let values = [0.0, 0.25, -0.25, 100.0, -100.0, f32::NAN];
    let int8 = engine::tflite::quantized(&values, &meaning);
    assert_eq!(int8, [-3, -2, -4, 127, -128, 0]);
    assert_eq!(dequantized(&int8[..3], &meaning), [0.0, 0.5, -0.5]);
}
