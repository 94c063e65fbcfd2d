//! YOLOv8's neck and head on an EfficientNet: loading, folding, transfer.

use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use detector::model::fold::{fold_backbone, fold_batch_norms};
use detector::model::{Architecture, Design, DetectorNetwork, Scale};
use engine::{Precision, Weights};
use train::detector::Transfer;
use train::detector::transfer::parameters;

use crate::support::{noise, shared_data};

fn design(name: &str) -> Design {
    name.parse().unwrap()
}

/// A network with its initial weights.
fn fresh(architecture: Architecture) -> (DetectorNetwork, Weights) {
    let map = VarMap::new();
    let network = DetectorNetwork::load(VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu), architecture).unwrap();
    let mut weights = Weights::new("fresh".as_ref());
    for (name, var) in map.data().lock().unwrap().iter() {
        weights.insert(name.as_str(), var.dims(), var.flatten_all().unwrap().to_vec1().unwrap()).unwrap();
    }
    (network, weights)
}

fn images(height: usize, width: usize) -> Tensor {
    let values: Vec<f32> = noise(9, 2 * 3 * height * width).iter().map(|v| v / 2.0 + 0.5).collect();
    Tensor::from_vec(values, (2, 3, height, width), &Device::Cpu).unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

#[test]
fn designs_have_names() {
    for (text, shown) in [
        ("yolov8s", "yolov8s"),
        ("efficientnet_lite0", "efficientnet_lite0-yolov8n"),
        ("efficientnet_b0-yolov8s", "efficientnet_b0-yolov8s"),
        ("tf_efficientnet_b0", "tf_efficientnet_b0-yolov8n"),
    ] {
        assert_eq!(design(text).to_string(), shown);
        assert_eq!(design(shown), design(text));
    }
    for text in ["", "-", "yolov8q", "resnet50-yolov8n", "efficientnet_b0-", "yolov8n-yolov8n"] {
        let error = text.parse::<Design>().unwrap_err().to_string();
        assert!(error.contains("efficientnet_lite0-yolov8n"), "{error}");
    }
}

#[test]
fn weights_tell_their_network_and_folding_does_not_change_it() {
    for name in ["efficientnet_lite0-yolov8n", "tf_efficientnet_b0-yolov8n", "efficientnet_b2-yolov8s"] {
        let architecture = Architecture::of(design(name), 4);
        let (network, mut weights) = fresh(architecture);
        // Statistics that are not those of doing nothing.
        let names: Vec<(String, Vec<usize>)> = weights.iter().map(|(n, s, _)| (n.to_owned(), s.to_vec())).collect();
        for (at, (name, shape)) in names.iter().enumerate() {
            let values = noise(at as u64, shape.iter().product());
            let values: Vec<f32> = match name.rsplit('.').next() {
                Some("running_var") => values.iter().map(|v| 1.0 + v / 2.0).collect(),
                Some("running_mean") => values.iter().map(|v| v / 5.0).collect(),
                _ => continue,
            };
            weights.insert(name.as_str(), shape, values).unwrap();
        }
        let found = Architecture::infer(|name| weights.shape(name).map(<[usize]>::to_vec)).unwrap();
        assert!(found.design().has_tensors_of(architecture.design()), "{name}: {found:?}");
        assert_eq!(found.named(architecture.design()), architecture, "{name}");
        assert_eq!(found.named(design("yolov8n")), found, "another network's name changes nothing");

        let live = weights.build(&Device::Cpu, |vb| DetectorNetwork::load(vb, architecture)).unwrap();
        assert_eq!(weights.unused(), Vec::<&str>::new(), "{name}");
        let folded = fold_batch_norms(&fold_backbone(&weights, architecture.backbone).unwrap()).unwrap();
        assert!(folded.iter().all(|(name, ..)| !name.contains("running_")), "{name}");
        let folded = folded.build(&Device::Cpu, |vb| DetectorNetwork::load(vb, architecture)).unwrap();
        let images = images(64, 96);
        let (a, b) = (live.predict(&images).unwrap(), folded.predict(&images).unwrap());
        assert_eq!(a.dims(), [2, 8, 126], "{name}");
        // Pixels, and probabilities: fifty layers in f32.
        let part = |t: &Tensor, from, count| t.narrow(1, from, count).unwrap();
        assert!(largest_difference(&part(&a, 0, 4), &part(&b, 0, 4)) < 0.05, "{name}");
        assert!(largest_difference(&part(&a, 4, 4), &part(&b, 4, 4)) < 1e-3, "{name}");
        assert!(largest_difference(&a, &network.predict(&images).unwrap()) > 1e-3, "the statistics matter");
    }
}

#[test]
fn training_mode_reaches_every_parameter() {
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let network = DetectorNetwork::load(vb, Architecture::of(design("efficientnet_lite0"), 4)).unwrap();
    let output = network.forward_t(&images(64, 64), true).unwrap();
    let sum = |t: &Tensor| (t * Tensor::from_vec(noise(4, t.elem_count()), t.dims(), t.device()).unwrap()).unwrap();
    let loss = (sum(&output.distances).sum_all().unwrap() + sum(&output.classes).sum_all().unwrap()).unwrap();
    let gradients = loss.backward().unwrap();
    for (name, var) in map.data().lock().unwrap().iter().filter(|(name, _)| !name.contains("running_")) {
        let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let largest = gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(largest > 0.0 && largest.is_finite(), "{name}: {largest}");
    }
}

#[test]
fn an_untrained_network_expects_little() {
    let (network, _) = fresh(Architecture::of(design("efficientnet_lite0"), 4));
    let output = network.forward_t(&images(64, 64), true).unwrap();
    let scores = candle_nn::ops::sigmoid(&output.classes).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    // Five objects by four classes and 6400, 1600 and 400 cells.
    let mean = scores.iter().sum::<f32>() / scores.len() as f32;
    assert!((1e-4..5e-3).contains(&mean), "{mean}");
}

#[test]
fn what_fits_is_taken_and_the_rest_is_named() {
    let four = Architecture::yolo(Scale::N, 4);
    let (_, source) = fresh(Architecture::yolo(Scale::N, 80));
    let wanted = parameters(four).unwrap();
    let transfer = Transfer::plan(&source, four, &wanted).unwrap();
    // Three class branches end in a weight and a bias per class; and as many hidden channels as there are classes.
    assert!(transfer.reshaped.iter().all(|r| r.name.contains("cv3")), "{transfer}");
    assert!(transfer.reshaped.iter().any(|r| r.name == "model.22.cv3.0.2.weight" && r.found == [80, 80, 1, 1]));
    assert_eq!(transfer.weights.len() + transfer.reshaped.len(), wanted.len());
    assert_eq!((transfer.missing.len(), transfer.unused.len(), transfer.folded), (0, 0, 0));
    assert!(transfer.to_string().contains("model.22.cv3.0.0.bn.bias [80] instead of [64]"), "{transfer}");

    let on_lite = Architecture::of(design("efficientnet_lite0"), 4);
    let transfer = Transfer::plan(&source, on_lite, &parameters(on_lite).unwrap()).unwrap();
    assert!(transfer.weights.contains("model.12.cv1.conv.weight"), "neck and head fit any backbone");
    assert!(transfer.missing.iter().any(|name| name == "model.trunk.conv_stem.weight"));
    assert!(transfer.unused.iter().any(|name| name == "model.0.conv.weight"));
    assert!(transfer.to_string().contains("have no use"), "{transfer}");

    // Folded weights fit, but their batch norms are gone, which is said.
    let transfer = Transfer::plan(&fold_batch_norms(&source).unwrap(), four, &wanted).unwrap();
    assert!(transfer.folded > 50 && transfer.to_string().contains("their scale is lost"), "{transfer}");
}

#[test]
fn imagenet_weights_become_the_backbone() {
    let Some(data) = shared_data() else { return };
    let folder = data.join("weights/efficientnet-lite0-imagenet");
    let architecture = Architecture::of(design("efficientnet_lite0"), 4);
    let transfer = Transfer::open(&folder.join("efficientnet-lite0-57934424.pth"), architecture).unwrap();
    let wanted = parameters(architecture).unwrap();
    let efficientnet: Vec<&String> = wanted.keys().filter(|name| name.starts_with("model.trunk.")).collect();
    assert_eq!(transfer.weights.len(), efficientnet.len(), "{transfer}");
    assert!(efficientnet.iter().all(|name| transfer.weights.contains(name)), "{transfer}");
    // The last convolution and the classifier of ImageNet are left.
    assert!(
        transfer.unused.iter().all(|n| n.contains("conv_head") || n.contains("trunk.bn2") || n.contains("classifier"))
    );
    assert_eq!(transfer.folded, 0);

    // The same backbone as the one that the published ONNX file holds with its batch norms folded in.
    let pth = &transfer.weights;
    let folded = fold_backbone(pth, architecture.backbone).unwrap();
    let onnx = Transfer::open(&folder.join("efficientnet_lite0_imagenet.onnx"), architecture).unwrap();
    assert!(onnx.folded > 40, "{onnx}");
    for (name, shape, values) in onnx.weights.iter() {
        let found = folded.take(name, shape).unwrap();
        let scale = values.iter().fold(1e-3_f32, |a, b| a.max(b.abs()));
        for (a, b) in found.iter().zip(values) {
            assert!((a - b).abs() <= 1e-4 * scale, "{name}: {a} instead of {b}");
        }
    }
}

#[test]
fn a_saved_network_is_loaded_with_its_card_and_detects() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lite.safetensors");
    let architecture = Architecture::of(design("tf_efficientnet_b0"), 2);
    let (network, mut weights) = fresh(architecture);
    weights.metadata_mut().insert("architecture".to_owned(), architecture.design().to_string());
    weights.metadata_mut().insert("names".to_owned(), "['bottle', 'can']".to_owned());
    weights.metadata_mut().insert("imgsz".to_owned(), "[64, 64]".to_owned());
    weights.save(&path, Precision::F32).unwrap();
    let detector = detector::load(&path, &detector::LoadOptions::default()).unwrap();
    assert_eq!(vision::Detector::classes(&detector), ["bottle", "can"]);

    // What TensorFlow's padding makes of an image differs from timm's: the name decides, the tensors do not.
    let timm = Architecture::of(design("efficientnet_b0"), 2);
    let other = weights.build(&Device::Cpu, |vb| DetectorNetwork::load(vb, timm)).unwrap();
    let images = images(64, 64);
    assert!(largest_difference(&network.predict(&images).unwrap(), &other.predict(&images).unwrap()) > 1e-6);
    assert_eq!(timm.backbone.map(engine::Backbone::padding), Some(engine::backbone::Padding::Symmetric));
}
