//! ONNX to TFLite: what has no counterpart is named, and what has one computes the same.

use std::collections::BTreeMap;
use std::path::Path;

use engine::onnx::{Attribute, Axis, GraphBuilder, GraphTensor, Model, Window};
use engine::tflite::{Graph, from_onnx, run_floats};

const SIDES: (usize, usize) = (5, 6);

fn model(build: impl FnOnce(&mut GraphBuilder, &GraphTensor) -> GraphTensor) -> Model {
    let mut graph = GraphBuilder::new("test");
    let axes = [Axis::Any("batch"), Axis::Fixed(3), Axis::Fixed(SIDES.0), Axis::Fixed(SIDES.1)];
    let x = graph.input("images", &axes);
    let y = build(&mut graph, &x);
    graph.output(&y, "y", &[Axis::Any("batch")]);
    Model::decode(Path::new("test.onnx"), graph.encode(&BTreeMap::new()).into()).unwrap()
}

fn filters(graph: &mut GraphBuilder, shape: [usize; 4]) -> (GraphTensor, GraphTensor) {
    let count = shape.iter().product::<usize>();
    let values: Vec<f32> = (0..count).map(|at| ((at * 7 % 11) as f32 - 5.0) / 10.0).collect();
    let bias: Vec<f32> = (0..shape[0]).map(|at| at as f32 / 4.0 - 0.5).collect();
    (graph.floats("w", &shape, &values), graph.floats("b", &[shape[0]], &bias))
}

fn conv(graph: &mut GraphBuilder, x: &GraphTensor, shape: [usize; 4], window: Window) -> GraphTensor {
    let (weight, bias) = filters(graph, shape);
    graph.conv("conv", x, (&weight, &bias), window)
}

fn square(kernel: usize, stride: usize, padding: [usize; 4], groups: usize) -> Window {
    Window { kernel: [kernel; 2], stride, padding, groups }
}

#[test]
fn operators_without_counterpart_are_named() {
    let relu = |graph: &mut GraphBuilder, x: &GraphTensor| graph.node("LeakyRelu", "leak", &[x], &[]);
    let cases: Vec<(&str, &str, Model)> = vec![
        ("LeakyRelu", "no counterpart", model(relu)),
        ("Conv", "groups", model(|g, x| conv(g, x, [6, 1, 3, 3], square(3, 1, [1; 4], 3)))),
        ("MaxPool", "padded", model(|g, x| g.max_pool("pool", x, square(3, 2, [1, 1, 0, 0], 1)))),
        (
            "Clip",
            "0..6",
            model(|g, x| {
                let (low, high) = (g.floats("low", &[], &[-1.0]), g.floats("high", &[], &[1.0]));
                g.node("Clip", "clip", &[x, &low, &high], &[])
            }),
        ),
        ("Softmax", "last axis", model(|g, x| g.node("Softmax", "softmax", &[x], &[Attribute::Int("axis", 2)]))),
        (
            "ReduceL2",
            "length of vectors",
            model(|g, x| g.node("ReduceL2", "length", &[x], &[Attribute::Ints("axes", &[2])])),
        ),
        ("Max", "no part of a division", model(|g, x| g.node("Max", "max", &[x, x], &[]))),
        ("Div", "what is computed", model(|g, x| g.node("Div", "ratio", &[x, x], &[]))),
        (
            "Resize",
            "repetition",
            model(|g, x| {
                let scales = g.floats("scales", &[4], &[1.0, 1.0, 1.5, 1.5]);
                let mode = [Attribute::Text("mode", "nearest")];
                g.node("Resize", "resize", &[x, &GraphTensor::none(), &scales], &mode)
            }),
        ),
        (
            "Gemm",
            "plain layer",
            model(|g, x| {
                let weight = g.floats("weight", &[2, 90], &[0.0; 180]);
                let flat = g.node("Flatten", "flat", &[x], &[]);
                g.node("Gemm", "dense", &[&flat, &weight], &[Attribute::Float("alpha", 2.0)])
            }),
        ),
        ("Conv", "strides", model(|g, x| conv(g, x, [2, 3, 3, 3], square(3, 0, [1; 4], 1)))),
        ("Split", "parts", model(|g, x| g.split("split", x, 1, &[1, 1]).remove(0))),
        ("Reshape", "no shape", model(|g, x| g.reshape("reshape", x, &[0, 7, -1]))),
    ];
    for (op, part, model) in cases {
        let error = from_onnx(&model, SIDES).unwrap_err().to_string();
        assert!(error.contains(&format!("operator {op} ")) && error.contains(part), "{op} {part}: {error}");
    }
}

/// The network on an image, channels last.
fn said(graph: &Graph) -> Vec<f32> {
    let image: Vec<f32> = (0..SIDES.0 * SIDES.1 * 3).map(|at| ((at * 13 % 29) as f32 - 14.0) / 7.0).collect();
    run_floats(graph, &[image]).unwrap().remove(0)
}

#[test]
fn padding_that_the_schema_does_not_have_is_written_around_the_image() {
    for (kernel, stride, padding, pads) in [
        // As "SAME" pads 5 x 6 at a stride of 1; of 2, where 6 needs the odd one behind; and as PyTorch pads.
        (3, 1, [1, 1, 1, 1], 0),
        (3, 2, [1, 0, 1, 1], 0),
        (3, 2, [1, 1, 1, 1], 1),
        (3, 1, [0, 0, 0, 0], 0),
        (1, 1, [0, 0, 0, 0], 0),
        (5, 1, [2, 2, 2, 2], 0),
        (3, 1, [2, 0, 0, 1], 1),
    ] {
        let window = square(kernel, stride, padding, 1);
        let graph = from_onnx(&model(|g, x| conv(g, x, [2, 3, kernel, kernel], window)), SIDES).unwrap();
        let found = graph.operators().get("PAD").copied().unwrap_or(0);
        assert_eq!(found, pads, "{kernel} {stride} {padding:?}");
        // By its definition.
        let [top, left, bottom, right] = padding;
        let out = |length: usize, around: usize| (length + around - kernel) / stride + 1;
        let (rows, columns) = (out(SIDES.0, top + bottom), out(SIDES.1, left + right));
        let said = said(&graph);
        assert_eq!(said.len(), 2 * rows * columns);
        let at = |channel: usize, y: i64, x: i64| {
            let inside = (0..SIDES.0 as i64).contains(&y) && (0..SIDES.1 as i64).contains(&x);
            let place = (y * SIDES.1 as i64 + x) * 3 + channel as i64;
            if inside { ((place * 13 % 29) as f32 - 14.0) / 7.0 } else { 0.0 }
        };
        for (place, found) in said.iter().enumerate() {
            let (channel, y, x) = (place / (rows * columns), place / columns % rows, place % columns);
            let mut expected = channel as f32 / 4.0 - 0.5;
            for (tap, (c, (u, v))) in
                (0..3).flat_map(|c| (0..kernel).flat_map(move |u| (0..kernel).map(move |v| (c, (u, v))))).enumerate()
            {
                let weight = (((channel * 3 * kernel * kernel + tap) * 7 % 11) as f32 - 5.0) / 10.0;
                expected += weight * at(c, (y * stride + u) as i64 - top as i64, (x * stride + v) as i64 - left as i64);
            }
            assert!((found - expected).abs() < 1e-4, "{kernel} {stride} {padding:?} at {place}: {found} {expected}");
        }
    }
}

#[test]
fn a_cut_behind_a_convolution_becomes_part_of_it_unless_its_sums_are_used_elsewhere() {
    let window = square(1, 1, [0; 4], 1);
    let alone = model(|g, x| {
        let y = conv(g, x, [2, 3, 1, 1], window);
        g.relu6("cut", &y)
    });
    let shared = model(|g, x| {
        let y = conv(g, x, [2, 3, 1, 1], window);
        let cut = g.relu6("cut", &y);
        g.node("Add", "both", &[&y, &cut], &[])
    });
    let names = |model: &Model| from_onnx(model, SIDES).unwrap().operators().into_keys().collect::<Vec<_>>();
    assert_eq!(names(&alone), ["CONV_2D", "TRANSPOSE"]);
    assert_eq!(names(&shared), ["ADD", "CONV_2D", "RELU6", "TRANSPOSE"]);
    assert!(said(&from_onnx(&alone, SIDES).unwrap()).iter().all(|value| (0.0..=6.0).contains(value)));
}

#[test]
fn what_moves_numbers_around_gives_them_in_onnxs_order() {
    let order = |graph: &Graph| said(graph);
    let whole = order(&from_onnx(&model(|g, x| g.node("Identity", "same", &[x], &[])), SIDES).unwrap());
    let plane = SIDES.0 * SIDES.1;
    // Channels joined with places, parted, and both undone.
    let there_and_back = model(|g, x| {
        let y = g.reshape("join", x, &[0, 3, -1]);
        let y = g.reshape("part", &y, &[0, 1, 3, -1]);
        g.reshape("image", &y, &[0, 3, SIDES.0 as i64, SIDES.1 as i64])
    });
    assert_eq!(order(&from_onnx(&there_and_back, SIDES).unwrap()), whole);
    // Across channels and places: axes are put in ONNX's order first.
    let across = model(|g, x| g.reshape("across", x, &[0, 9, -1]));
    assert_eq!(order(&from_onnx(&across, SIDES).unwrap()), whole);
    let turned = model(|g, x| {
        let parts = g.split("split", x, 1, &[1, 2]);
        g.concat("concat", &[&parts[1], &parts[0]], 1)
    });
    let expected: Vec<f32> = [&whole[plane..], &whole[..plane]].concat();
    assert_eq!(order(&from_onnx(&turned, SIDES).unwrap()), expected);
    let less = model(|g, x| {
        let parts = g.split("split", x, 1, &[1, 2]);
        let both = g.node("Sub", "less", &[&parts[1], &parts[0]], &[]);
        let half = g.floats("half", &[], &[2.0]);
        let y = g.node("Div", "half", &[&both, &half], &[]);
        g.double("double", &y)
    });
    let said = order(&from_onnx(&less, SIDES).unwrap());
    assert_eq!(said.len(), 2 * 4 * plane);
    assert_eq!(said[0], (whole[plane] - whole[0]) / 2.0);
    assert_eq!((said[0], said[2]), (said[2 * SIDES.1 + 1], (whole[plane + 1] - whole[1]) / 2.0));
    let sums = model(|g, x| {
        let flat = g.reshape("flat", x, &[0, 3, -1]);
        let axis = g.ints("axis", &[1]);
        g.node("ReduceSum", "sum", &[&flat, &axis], &[Attribute::Int("keepdims", 0)])
    });
    let said = order(&from_onnx(&sums, SIDES).unwrap());
    assert_eq!(said.len(), plane);
    assert!((said[7] - (whole[7] + whole[plane + 7] + whole[2 * plane + 7])).abs() < 1e-5);
}
