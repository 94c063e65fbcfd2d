//! The network in candle: sizes, shapes, pieces, and batch normalisation folded or not.

use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder, VarMap};
use detector::model::blocks::{ConvBlock, ConvShape, Sppf};
use detector::model::fold::fold_batch_norms;
use detector::model::{Architecture, ArchitectureError, DetectorHead, DetectorNetwork, Scale};
use engine::Weights;

use crate::support::noise;

/// Trainable numbers of the published networks for COCO's 80 classes, as Ultralytics' model summaries state them. They
/// include the 16 fixed numbers of the convolution that stands for the bins there.
const PUBLISHED: [(Scale, usize); 5] = [
    (Scale::N, 3_157_200),
    (Scale::S, 11_166_560),
    (Scale::M, 25_902_640),
    (Scale::L, 43_691_520),
    (Scale::X, 68_229_648),
];

#[test]
fn every_size_has_the_published_parameters_and_output() {
    for (scale, published) in PUBLISHED {
        let map = VarMap::new();
        let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
        let network = DetectorNetwork::load(vb, Architecture::yolo(scale, 80)).unwrap();
        let variables = map.data().lock().unwrap();
        let learned = variables.iter().filter(|(name, _)| !name.contains(".running_"));
        assert_eq!(learned.map(|(_, v)| v.elem_count()).sum::<usize>() + 16, published, "{scale}");
        let shape = |name: &str| variables.get(name).map(|v| v.dims().to_vec());
        assert_eq!(Architecture::infer(shape), Ok(Architecture::yolo(scale, 80)));

        let output = network.predict(&Tensor::zeros((1, 3, 64, 64), DType::F32, &Device::Cpu).unwrap()).unwrap();
        assert_eq!(output.dims(), [1, 84, 84], "{scale}");
        let values = output.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values.iter().all(|v| v.is_finite()), "{scale}");
        assert!(values[4 * 84..].iter().all(|v| (0.0..=1.0).contains(v)), "{scale}: scores are probabilities");
    }
}

#[test]
fn the_class_count_shapes_the_head_and_batches_run_like_single_images() {
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let network = DetectorNetwork::load(vb, Architecture::yolo(Scale::N, 3)).unwrap();
    let images = Tensor::from_vec(noise(1, 2 * 3 * 64 * 96), (2, 3, 64, 96), &Device::Cpu).unwrap();
    let both = network.predict(&images).unwrap();
    assert_eq!(both.dims(), [2, 7, 126]);
    for i in 0..2 {
        let alone = network.predict(&images.narrow(0, i, 1).unwrap()).unwrap();
        assert!(largest_difference(&alone, &both.narrow(0, i, 1).unwrap()) < 1e-3);
    }
}

#[test]
fn scales_are_the_published_table() {
    for (scale, name, channels, repeats) in [
        (Scale::N, "yolov8n", [16, 32, 64, 128, 256], [1, 2]),
        (Scale::S, "yolov8s", [32, 64, 128, 256, 512], [1, 2]),
        (Scale::M, "yolov8m", [48, 96, 192, 384, 576], [2, 4]),
        (Scale::L, "yolov8l", [64, 128, 256, 512, 512], [3, 6]),
        (Scale::X, "yolov8x", [80, 160, 320, 640, 640], [3, 6]),
    ] {
        assert_eq!([64, 128, 256, 512, 1024].map(|base| scale.channels(base)), channels, "{scale}");
        assert_eq!([3, 6].map(|base| scale.repeats(base)), repeats, "{scale}");
        assert_eq!((scale.to_string().as_str(), name.parse()), (name, Ok(scale.head())));
    }
    assert!("yolov8q".parse::<&dyn DetectorHead>().unwrap_err().to_string().contains("yolov8n"));
}

#[test]
fn other_networks_are_not_taken_for_yolov8() {
    let infer = |first: Option<&[usize]>, last: Option<&[usize]>| {
        Architecture::infer(|name| if name.starts_with("model.0.") { first } else { last }.map(<[usize]>::to_vec))
    };
    assert!(matches!(infer(None, None), Err(ArchitectureError::Missing { name: "model.0.conv.weight" })));
    assert!(matches!(infer(Some(&[16, 3, 6, 6]), None), Err(ArchitectureError::Shape { .. })));
    assert!(matches!(infer(Some(&[16, 1, 3, 3]), None), Err(ArchitectureError::Shape { .. })));
    for last in [&[0, 80, 1, 1][..], &[1_000_000, 80, 1, 1], &[80], &[80, 80, 3, 3]] {
        assert!(matches!(infer(Some(&[16, 3, 3, 3]), Some(last)), Err(ArchitectureError::Shape { .. })), "{last:?}");
    }
}

#[test]
fn pooling_block_keeps_negative_values() {
    // Identity convolutions with a bias that makes SiLU answer its minimum, about -0.278, everywhere.
    let mut weights = Weights::new("test".as_ref());
    weights.insert("cv1.conv.weight", &[1, 2, 1, 1], vec![0.0; 2]).unwrap();
    weights.insert("cv1.conv.bias", &[1], vec![-1.278_464_5]).unwrap();
    weights.insert("cv2.conv.weight", &[2, 4, 1, 1], vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
    weights.insert("cv2.conv.bias", &[2], vec![0.0; 2]).unwrap();
    let block = weights.build(&Device::Cpu, |vb| Sppf::load(vb, 2)).unwrap();
    let ys = block.forward_t(&Tensor::zeros((1, 2, 3, 3), DType::F32, &Device::Cpu).unwrap(), false).unwrap();
    let lowest = -0.278_464_55_f32;
    let expected = lowest / (1.0 + (-lowest).exp());
    for value in ys.flatten_all().unwrap().to_vec1::<f32>().unwrap() {
        assert!((value - expected).abs() < 1e-5, "{value} instead of {expected}: padding reached the image");
    }
}

#[test]
fn folding_does_not_change_the_function() {
    let (inputs, outputs) = (3, 5);
    let mut weights = Weights::new("test".as_ref());
    let mut put = |name: &str, shape: &[usize], values: Vec<f32>| weights.insert(name, shape, values).unwrap();
    put("b.conv.weight", &[outputs, inputs, 3, 3], noise(1, outputs * inputs * 9));
    put("b.bn.weight", &[outputs], noise(2, outputs));
    put("b.bn.bias", &[outputs], noise(3, outputs));
    put("b.bn.running_mean", &[outputs], noise(4, outputs));
    put("b.bn.running_var", &[outputs], noise(5, outputs).iter().map(|v| v.abs() + 1e-4).collect());
    put("b.bn.num_batches_tracked", &[1], vec![7.0]);
    put("c.weight", &[2], vec![1.0, 2.0]);
    let folded = fold_batch_norms(&weights).unwrap();
    let names: Vec<_> = folded.iter().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(names, ["b.conv.bias", "b.conv.weight", "c.weight"]);

    let xs = Tensor::from_vec(noise(6, inputs * 64), (1, inputs, 8, 8), &Device::Cpu).unwrap();
    let run = |weights: &Weights| {
        let shape = ConvShape { inputs, outputs, kernel: 3, stride: 2 };
        let block = weights.build(&Device::Cpu, |vb| ConvBlock::load(vb.pp("b"), shape)).unwrap();
        block.forward_t(&xs, false).unwrap()
    };
    assert!(largest_difference(&run(&weights), &run(&folded)) < 1e-4);
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}
