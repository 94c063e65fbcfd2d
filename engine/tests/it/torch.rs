//! State dicts of PyTorch. `tests/fixtures/make_torch.py` made them.

use std::fs;

use engine::Weights;
use proptest::prelude::*;

use crate::support::fixture;

const FILES: [&str; 3] = ["state.pth", "state_before_1.6.pth", "checkpoint.pt"];

#[test]
fn tensors_are_what_pytorch_saved() {
    for file in FILES {
        let weights = Weights::open(&fixture(file)).unwrap();
        let check = |name: &str, shape: &[usize], values: &[f32]| {
            assert_eq!(weights.take(name, shape).unwrap(), values, "{file}: {name}");
        };
        let all: Vec<f32> = (0..24_u8).map(f32::from).collect();
        check("plain", &[2, 3, 4], &all.iter().map(|v| v / 4.0).collect::<Vec<_>>());
        let turned: Vec<f32> = (0..24).map(|i| all[i % 2 * 12 + i / 2 % 3 * 4 + i / 6]).collect();
        check("turned", &[4, 3, 2], &turned);
        check("part", &[2, 2, 2], &[4.0, 6.0, 8.0, 10.0, 16.0, 18.0, 20.0, 22.0]);
        check("half", &[2], &[1.5, -2.0]);
        check("brain", &[2], &[0.5, 3.0]);
        check("double", &[1, 1], &[0.25]);
        check("scalar", &[], &[7.0]);
        check("empty", &[0, 3], &[]);
        check("parameter", &[2], &[1.0, 2.0]);
        assert_eq!(weights.len(), 9, "{file}");
        assert_eq!(weights.skipped().keys().collect::<Vec<_>>(), ["tracked"], "{file}");
    }
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pth");
    for (bytes, expected) in [
        (&b"not a model"[..], "neither a zip archive"),
        (b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "no data.pkl"),
        (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02K\x01.", "too early"),
        (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2eK\x01.K\x01.K\x01.].", "no dictionary"),
        (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2eK\x01.K\x01.}.].", "no tensors"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = Weights::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("x.pth"), "{error}");
    }
}

proptest! {
    #[test]
    fn damaged_files_are_errors(file in 0..3_usize, cut in 0.0..1.0_f64, at in 0.0..1.0_f64, byte: u8) {
        let mut bytes = fs::read(fixture(FILES[file])).unwrap();
        let place = (bytes.len() as f64 * at) as usize;
        bytes[place] = byte;
        if cut < 0.3 {
            bytes.truncate((bytes.len() as f64 * cut * 3.0) as usize);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pth");
        fs::write(&path, bytes).unwrap();
        if let Ok(weights) = Weights::open(&path) {
            prop_assert!(weights.parameters() < 100_000);
        }
    }
}
