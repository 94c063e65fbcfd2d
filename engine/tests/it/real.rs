//! The networks that people use, in ONNX Runtime.

use engine::{OrtOptions, OrtSession, Session};
use ndarray::Array4;

use crate::support::{YOLO, shared_data};

const LITE0: &str = "weights/efficientnet-lite0-imagenet/efficientnet_lite0_imagenet.onnx";

#[test]
fn yolov8n_runs_at_640() {
    let Some(path) = shared_data(YOLO) else { return };
    let session = OrtSession::open(&path, &OrtOptions::default()).unwrap();
    let info = session.info();
    assert_eq!(info.input.to_string(), "1x3x640x640");
    assert_eq!(info.outputs, ["output0"]);
    assert_eq!(info.metadata["task"], "detect");
    assert!(info.metadata["names"].contains("39: 'bottle'"));
    let [output] = session.run(Array4::from_elem((1, 3, 640, 640), 114.0 / 255.0).view()).unwrap().try_into().unwrap();
    assert_eq!(output.array.shape(), [1, 84, 8400]);
    let scores = output.array.slice(ndarray::s![0, 4.., ..]);
    assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "scores are probabilities");
    assert!(scores.iter().all(|score| *score < 0.5), "there is nothing on a grey image");
}

#[test]
fn lite0_runs_with_any_batch() {
    let Some(path) = shared_data(LITE0) else { return };
    let session = OrtSession::open(&path, &OrtOptions::default()).unwrap();
    assert_eq!(session.info().input.to_string(), "?x3x224x224");
    for batch in [1, 3] {
        let outputs = session.run(Array4::zeros((batch, 3, 224, 224)).view()).unwrap();
        let shapes: Vec<_> =
            outputs.iter().map(|output| (output.name.as_str(), output.array.shape().to_vec())).collect();
        assert_eq!(shapes, [("logits", vec![batch, 1000]), ("embedding", vec![batch, 1280])]);
    }
}
