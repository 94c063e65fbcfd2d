//! Photos wait in a bounded queue; worker threads take them in batches and answer.

mod admission;
mod batcher;
mod entry;
mod fair;
mod job;
mod latency;
mod memory;
mod queue;
mod shadow;
mod worker;

pub(crate) use admission::{Caller, Inference, Refused};
pub(crate) use job::{AnswerBody, AnswerFormat, Job, JobError, JobRequest, Summary};
pub(crate) use latency::LatencyAverage;
pub(crate) use memory::PhotoMemory;
pub(crate) use shadow::{ShadowContext, spawn_shadow};
pub(crate) use worker::{WorkerContext, probe, spawn_workers};

/// The queue of this server.
pub(crate) type JobQueue = queue::Queue<Job>;
