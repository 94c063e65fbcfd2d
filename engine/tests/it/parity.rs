//! One test body for every session: same network, same numbers.

use engine::{EngineError, Session};
use ndarray::{Array4, s};

use crate::support::{EXPECTED, TOLERANCE_F32, assert_outputs, run, sessions, sizes, test_image};

fn name(session: &dyn Session) -> String {
    let info = session.info();
    format!("{} {} on {} x{}", info.engine, info.version, info.provider, info.parallelism)
}

#[test]
fn every_engine_gives_the_numbers_of_the_reference() {
    for session in sessions() {
        for case in EXPECTED["tiny"].as_array().unwrap() {
            let shape = sizes(&case["input"]).try_into().unwrap();
            let outputs = run(&*session, test_image(shape).view());
            assert_outputs(&outputs, &case["outputs"], TOLERANCE_F32, &name(&*session));
        }
    }
}

#[test]
fn every_engine_tells_what_it_runs() {
    for session in sessions() {
        let info = session.info();
        assert_eq!(info.outputs, ["features", "pooled"]);
        assert_eq!(info.input.to_string(), "?x3x?x?");
        assert_eq!(info.metadata["names"], "{0: 'bottle', 1: 'can'}");
        assert_eq!(info.metadata["stride"], "2");
        assert_eq!(info.metadata["empty"], "");
        assert!(info.version.split('.').all(|part| part.parse::<u32>().is_ok()), "{}", info.version);
        let known = ["CPU", "CUDA", "CUDA+CPU", "OpenVINO", "OpenVINO+CPU"];
        assert!(known.contains(&info.provider.as_str()), "{}", info.provider);
        assert!(info.parallelism >= 1 && info.preferred_batch >= 1);
    }
}

/// An image that is cut out of a larger one, or stands on its side, is not laid out as NCHW in memory.
#[test]
fn views_of_any_layout_give_the_same() {
    let expected = &EXPECTED["tiny"][0];
    let plain = test_image([1, 3, 8, 8]);
    let mut large = Array4::zeros((2, 3, 10, 12));
    large.slice_mut(s![1..2, .., 1..9, 2..10]).assign(&plain);
    let interleaved = plain.view().permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned();
    for session in sessions() {
        let who = name(&*session);
        let cut = large.slice(s![1..2, .., 1..9, 2..10]);
        assert_outputs(&run(&*session, cut), &expected["outputs"], TOLERANCE_F32, &who);
        let planes = interleaved.view().permuted_axes([0, 3, 1, 2]);
        assert_outputs(&run(&*session, planes), &expected["outputs"], TOLERANCE_F32, &who);
    }
}

#[test]
fn batches_that_do_not_fit_are_refused_before_the_engine_sees_them() {
    for session in sessions() {
        for found in [[1, 4, 8, 8], [1, 1, 8, 8], [0, 3, 8, 8], [1, 3, 0, 8], [1, 3, 8, 0], [1, 0, 8, 8]] {
            let error = session.run(Array4::zeros(found).view()).unwrap_err();
            let EngineError::InputShape { expected, found: reported } = &error else { panic!("{error}") };
            assert_eq!((*expected, *reported), (session.info().input, found));
            assert!(error.to_string().contains("the network takes ?x3x?x?"), "{error}");
        }
        assert!(session.run(test_image([1, 3, 8, 8]).view()).is_ok(), "a refusal must not harm the session");
    }
}

/// Eight threads, more than any pool holds: each gets the answer to its own question.
#[test]
fn threads_do_not_see_one_another() {
    for session in sessions() {
        let alone: Vec<_> = (0..8).map(|size| run(&*session, test_image([1, 3, 6 + size, 9]).view())).collect();
        std::thread::scope(|scope| {
            for (size, alone) in alone.iter().enumerate() {
                let session = &*session;
                scope.spawn(move || {
                    for _ in 0..25 {
                        let together = run(session, test_image([1, 3, 6 + size, 9]).view());
                        assert_eq!(&together, alone, "{}", name(session));
                    }
                });
            }
        });
    }
}
