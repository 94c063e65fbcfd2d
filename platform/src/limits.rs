//! What one organisation, and all together, may cost.

use std::time::Duration;

use store::data_sets::DataSetLimits;

/// What one organisation, and all together, may cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Bytes of an uploaded file.
    pub upload_bytes: u64,
    /// Files that are received at the same time.
    pub uploads: usize,
    /// Rows, columns and cells of a table that is uploaded.
    pub table: tabular::Limits,
    /// Operations on tables at the same time.
    pub at_once: usize,
    /// Operations of one organisation that wait or are worked on.
    pub per_organisation: usize,
    /// How long one operation may wait and take.
    pub patience: Duration,
    /// Tables of one organisation.
    pub data_sets: DataSetLimits,
    /// Jobs and those who do them.
    pub jobs: JobLimits,
    /// Bytes of models that are kept at hand.
    pub model_bytes: u64,
    /// Rows that a model is asked at once.
    pub predict_rows: usize,
}

/// Jobs and those who do them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLimits {
    /// Jobs of one organisation that wait or run.
    pub open: u64,
    /// Jobs of one organisation that run at the same time.
    pub running: u64,
    /// Workers in the server; others are processes of their own.
    pub workers: usize,
    /// How long a job is held without a sign of life.
    pub lease: Duration,
    /// How long a job may take.
    pub time: Duration,
}

impl Default for JobLimits {
    fn default() -> Self {
        let (lease, time) = (Duration::from_secs(30), Duration::from_secs(3_600));
        Self { open: 100, running: 2, workers: 1, lease, time }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let upload_bytes = 256 << 20;
        Self {
            upload_bytes,
            uploads: 8,
            table: tabular::Limits { max_bytes: upload_bytes, max_cells: 50_000_000, ..tabular::Limits::default() },
            at_once: 2,
            per_organisation: 4,
            patience: Duration::from_secs(60),
            data_sets: DataSetLimits { count: 1_000, bytes: 10 << 30 },
            jobs: JobLimits::default(),
            model_bytes: 256 << 20,
            predict_rows: 10_000,
        }
    }
}
