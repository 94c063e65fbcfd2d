//! Training networks: what detector and embedder trainers share.
//!
//! | file | what |
//! |---|---|
//! | [`parameters`] | named parameters, seeded by name, behind candle's `VarBuilder` |
//! | [`gradients`] | gradients by name: accumulated, measured, clipped |
//! | [`optimizer`] | SGD with Nesterov momentum and AdamW, with state that can be saved |
//! | [`schedule`] | the learning rate over the run |
//! | [`ema`] | the moving average that is validated and shipped |
//! | [`checkpoint`] | everything needed to go on as if nothing had happened, in one file |
//! | [`memory`] | keeps freed memory for the next step |
//! | [`events`] | event files that TensorBoard reads |
//! | [`stop`] | asking a run to end at the next safe place |
//!
//! Everything is kept by name in sorted order, so a run is the same bit for bit whenever seed, data and number of threads
//! are.

pub mod checkpoint;
pub mod ema;
pub mod events;
pub mod gradients;
pub mod memory;
pub mod optimizer;
pub mod parameters;
pub mod schedule;
pub mod stop;

pub use checkpoint::{Checkpoint, CheckpointError, Progress};
pub use ema::Ema;
pub use events::EventWriter;
pub use gradients::Gradients;
pub use optimizer::{Optimizer, OptimizerKind, Rates};
pub use parameters::{Parameters, Transfer};
pub use schedule::{Decay, Schedule};
pub use stop::Stop;
