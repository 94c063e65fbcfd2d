//! A network written by this crate runs in ONNX Runtime and gives candle's numbers.

use engine::{CandleSession, Device, OrtOptions, OrtSession, Weights};

use crate::stack::{BACKBONE, Stack, onnx, weights};
use crate::support::{ANY_IMAGE, run, test_image};

/// Nine layers of some hundred products each, added in another order.
const TOLERANCE: f32 = 1e-4;

#[test]
fn both_engines_run_what_was_written() {
    let learned = weights(&BACKBONE);
    let file = onnx(&BACKBONE, &learned);
    let again = Weights::from_onnx_bytes("stack.onnx".as_ref(), file.clone().into()).unwrap();
    assert_eq!(again.len(), 2 * BACKBONE.len());

    let device = Device::cpu();
    let network = again.build(&device, |vb| Stack::load(&BACKBONE, &vb)).unwrap();
    let candle = CandleSession::new(Box::new(network), ANY_IMAGE, again.metadata().clone(), &device);
    let ort = OrtSession::from_bytes(&file, &OrtOptions::default()).unwrap();
    let input = test_image([2, 3, 64, 96]);
    let (candle, ort) = (run(&candle, input.view()), run(&ort, input.view()));
    assert_eq!(candle[0].array.shape(), [2, 256, 2, 3]);
    assert_eq!(candle[0].array.shape(), ort[0].array.shape());
    let largest = ort[0].array.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
    assert!((0.05..20.0).contains(&largest), "numbers around one are compared, not {largest}");
    for (candle, ort) in candle[0].array.iter().zip(&ort[0].array) {
        let near = (candle - ort).abs() <= TOLERANCE * ort.abs().max(1.0);
        assert!(near, "candle {candle}, ONNX Runtime {ort}");
    }
}
