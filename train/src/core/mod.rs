//! Training: what detector and embedder trainers share.
//!
//! | file | what |
//! |---|---|
//! | [`parameters`] | named parameters, seeded by name, behind candle's `VarBuilder` |
//! | [`gradients`] | gradients by name: accumulated, measured, clipped |
//! | [`optimizer`] | SGD with Nesterov momentum and AdamW, with state that can be saved |
//! | [`schedule`] | the learning rate over the run |
//! | [`ema`] | the moving average that is validated and shipped |
//! | [`checkpoint`] | everything needed to go on as if nothing had happened, in one file |
//! | [`learner`] | the loop, whatever learns |
//! | [`fit`] | gradient descent as a learner, whatever network is trained |
//! | [`memory`] | keeps freed memory for the next step |
//! | [`kept`] | images in memory, and those that cannot be read |
//! | [`loader`] | batches, prepared ahead on worker threads |
//! | [`settings`], [`recipe`] | what configurations say, checked |
//! | [`folder`], [`results`] | what a run writes |
//! | [`observer`] | what it tells while it goes on |
//! | [`events`] | event files that TensorBoard reads |
//! | [`stop`] | asking a run to end at the next safe place |
//! | [`warp`], [`photometric`] | what images go through before networks learn from them |
//!
//! Everything is kept by name in sorted order, so a run is the same bit for bit whenever seed, data and number of threads
//! are.

pub mod checkpoint;
pub mod ema;
pub mod events;
pub mod fit;
pub mod folder;
pub mod gradients;
pub mod kept;
pub mod learner;
pub mod loader;
pub mod memory;
pub mod observer;
pub mod optimizer;
pub mod parameters;
pub mod photometric;
pub mod recipe;
pub mod results;
pub mod schedule;
pub mod settings;
pub mod stop;
pub mod warp;

pub use checkpoint::{Checkpoint, CheckpointError, Progress};
pub use ema::Ema;
pub use events::EventWriter;
pub use fit::FitError;
pub use folder::{RunFolder, find_run};
pub use gradients::Gradients;
pub use kept::{Kept, TooManyUnreadable};
pub use loader::{Loader, WorkerPanicked, Workers};
pub use observer::{BatchReport, EpochReport, Metric, Observer, RunStart};
pub use optimizer::{Optimizer, OptimizerKind, Rates};
pub use parameters::{Parameters, Transfer};
pub use recipe::{Optimiser, OptimiserName};
pub use results::{ResultsFile, peak_memory_mib};
pub use schedule::{Decay, Schedule};
pub use stop::Stop;
