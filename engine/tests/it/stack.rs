//! A stack of convolutions with SiLU, the work of a detector's backbone, written twice from the same numbers: as an ONNX
//! file through the messages of [`engine::onnx::proto`], and for candle. The benchmark uses it too.

#![expect(clippy::unwrap_used, reason = "only tests and the benchmark build this")]

use std::path::Path;

use candle_core::{Module, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, VarBuilder};
use engine::onnx::DataType;
use engine::onnx::proto::{
    AttributeProto, AttributeType, Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use engine::{Network, Weights};
use prost::Message as _;

/// A convolution, padded to keep the size at stride 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer {
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
}

/// The convolutions of a small backbone: an image of 640x640 ends as 20x20 cells of 256 numbers.
pub(crate) const BACKBONE: [Layer; 9] = [
    layer(3, 16, 3, 2),
    layer(16, 32, 3, 2),
    layer(32, 32, 3, 1),
    layer(32, 64, 3, 2),
    layer(64, 64, 3, 1),
    layer(64, 128, 3, 2),
    layer(128, 128, 3, 1),
    layer(128, 256, 3, 2),
    layer(256, 256, 1, 1),
];

const fn layer(channels_in: usize, channels_out: usize, kernel: usize, stride: usize) -> Layer {
    Layer { channels_in, channels_out, kernel, stride }
}

/// Weights that keep the numbers around one.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
pub(crate) fn weights(layers: &[Layer]) -> Weights {
    let mut weights = Weights::new(Path::new("stack"));
    for (at, layer) in layers.iter().enumerate() {
        let fan_in = layer.channels_in * layer.kernel * layer.kernel;
        let scale = 3.0 / (fan_in as f32).sqrt();
        let number = |i: usize| (((i * 7919 + at) % 1009) as f32 / 1009.0 - 0.5) * scale;
        let shape = [layer.channels_out, layer.channels_in, layer.kernel, layer.kernel];
        weights.insert(format!("{at}.weight"), &shape, (0..layer.channels_out * fan_in).map(number).collect()).unwrap();
        weights
            .insert(format!("{at}.bias"), &[layer.channels_out], (0..layer.channels_out).map(number).collect())
            .unwrap();
    }
    weights
}

/// The stack as an ONNX file of opset 17 with open batch and size.
pub(crate) fn onnx(layers: &[Layer], weights: &Weights) -> Vec<u8> {
    let mut node = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        let input = if at == 0 { "images".to_owned() } else { format!("{}.silu", at - 1) };
        let side = |size: usize| i64::try_from(size).unwrap();
        let conv = vec![
            ints("kernel_shape", vec![side(layer.kernel); 2]),
            ints("strides", vec![side(layer.stride); 2]),
            ints("pads", vec![side(layer.kernel / 2); 4]),
        ];
        node.push(operation(
            "Conv",
            &[&input, &format!("{at}.weight"), &format!("{at}.bias")],
            &format!("{at}.conv"),
            conv,
        ));
        node.push(operation("Sigmoid", &[&format!("{at}.conv")], &format!("{at}.gate"), vec![]));
        node.push(operation("Mul", &[&format!("{at}.conv"), &format!("{at}.gate")], &format!("{at}.silu"), vec![]));
    }
    let last = format!("{}.silu", layers.len() - 1);
    node.push(operation("Identity", &[&last], "features", vec![]));
    let initializer = weights.iter().map(|(name, shape, values)| TensorProto {
        dims: shape.iter().map(|&size| i64::try_from(size).unwrap()).collect(),
        data_type: DataType::Float.into(),
        name: name.to_owned(),
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>().into(),
        ..TensorProto::default()
    });
    let graph = GraphProto {
        node,
        name: "stack".to_owned(),
        initializer: initializer.collect(),
        input: vec![value("images", 3)],
        output: vec![value("features", layers[layers.len() - 1].channels_out)],
        ..GraphProto::default()
    };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    ModelProto { ir_version: 8, graph: Some(graph), opset_import, ..ModelProto::default() }.encode_to_vec()
}

fn operation(op_type: &str, input: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        input: input.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: op_type.to_owned(),
        attribute,
        ..NodeProto::default()
    }
}

fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints, r#type: AttributeType::Ints.into(), ..AttributeProto::default() }
}

fn value(name: &str, channels: usize) -> ValueInfoProto {
    let open = |name: &str| Some(Dimension::Param(name.to_owned()));
    let fixed = Some(Dimension::Value(i64::try_from(channels).unwrap()));
    let sizes = [open("batch"), fixed, open(&format!("{name}_height")), open(&format!("{name}_width"))];
    let dim = sizes.into_iter().map(|value| DimensionProto { value, denotation: String::new() }).collect();
    let tensor_type =
        Some(TensorTypeProto { elem_type: DataType::Float.into(), shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type, denotation: String::new() }),
        ..ValueInfoProto::default()
    }
}

/// The stack for candle.
pub(crate) struct Stack(Vec<Conv2d>);

impl Stack {
    pub(crate) fn load(layers: &[Layer], vb: &VarBuilder<'_>) -> candle_core::Result<Self> {
        let conv = |(at, layer): (usize, &Layer)| {
            let config = Conv2dConfig { padding: layer.kernel / 2, stride: layer.stride, ..Conv2dConfig::default() };
            candle_nn::conv2d(layer.channels_in, layer.channels_out, layer.kernel, config, vb.pp(at))
        };
        layers.iter().enumerate().map(conv).collect::<Result<_, _>>().map(Self)
    }
}

impl Network for Stack {
    fn forward(&self, input: &Tensor) -> candle_core::Result<Vec<(String, Tensor)>> {
        let features = self.0.iter().try_fold(input.clone(), |x, conv| conv.forward(&x)?.silu())?;
        Ok(vec![("features".to_owned(), features)])
    }

    fn outputs(&self) -> Vec<String> {
        vec!["features".to_owned()]
    }
}
