//! Trainers, from their optimisers to whole runs, and the page that follows a run.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, too; clippy's allowance covers only the test functions"
)]

#[path = "../../../vision/tests/shared/chromium.rs"]
#[expect(dead_code, reason = "the server's pages need more of it")]
mod chromium;
mod classifier;
mod core;
mod dashboard;
mod detector;
#[path = "../../../engine/tests/shared/interpreter.rs"]
mod interpreter;
mod learner;
mod support;
mod tflite;
