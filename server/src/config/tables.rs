//! What tables and their jobs may cost, as written.

use std::time::Duration;

use platform::{JobLimits, Limits};
use serde::Deserialize;
use store::data_sets::DataSetLimits;
use vision::config::{Check, ConfigError};

/// What tables may cost, as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableSettings {
    /// Of an uploaded file.
    pub upload_bytes: u64,
    /// Files that are received at the same time.
    pub uploads: usize,
    /// Rows of a table.
    pub max_rows: usize,
    /// Columns of a table.
    pub max_columns: usize,
    /// Rows times columns of a table.
    pub max_cells: usize,
    /// Operations on tables at the same time.
    pub at_once: usize,
    /// Operations of one organisation that wait or are worked on.
    pub per_organisation: usize,
    /// Seconds that one operation may wait and take.
    pub patience: f64,
    /// Tables of one organisation.
    pub data_sets: u64,
    /// Bytes of all tables of one organisation.
    pub data_set_bytes: u64,
    /// Jobs done at the same time beside the server.
    pub workers: usize,
    /// Jobs of one organisation that wait or run.
    pub jobs: u64,
    /// Jobs of one organisation that run at the same time.
    pub running_jobs: u64,
    /// Seconds that a job may take.
    pub job_time: f64,
    /// Seconds without a sign of life after which a job is taken from its worker.
    pub lease: f64,
    /// Bytes of models that are kept at hand.
    pub model_bytes: u64,
    /// Rows of one prediction.
    pub predict_rows: usize,
}

impl Default for TableSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            upload_bytes: limits.upload_bytes,
            uploads: limits.uploads,
            max_rows: limits.table.max_rows,
            max_columns: limits.table.max_columns,
            max_cells: limits.table.max_cells,
            at_once: limits.at_once,
            per_organisation: limits.per_organisation,
            patience: limits.patience.as_secs_f64(),
            data_sets: limits.data_sets.count,
            data_set_bytes: limits.data_sets.bytes,
            workers: limits.jobs.workers,
            jobs: limits.jobs.open,
            running_jobs: limits.jobs.running,
            job_time: limits.jobs.time.as_secs_f64(),
            lease: limits.jobs.lease.as_secs_f64(),
            model_bytes: limits.model_bytes,
            predict_rows: limits.predict_rows,
        }
    }
}

impl TableSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<Limits, ConfigError> {
        let upload_bytes = check.within("tables.upload_bytes", self.upload_bytes, 1 << 10, 1 << 40)?;
        let few = |key: &str, value: usize| check.within(key, value, 1, 1_000);
        let seconds =
            |key: &str, value: f64, low: f64| check.within(key, value, low, 864_000.0).map(Duration::from_secs_f64);
        let many = |key: &str, value: usize| check.within(key, value, 1, 10_000_000_000);
        Ok(Limits {
            upload_bytes,
            uploads: few("tables.uploads", self.uploads)?,
            table: tabular::Limits {
                max_bytes: upload_bytes,
                max_rows: many("tables.max_rows", self.max_rows)?,
                max_columns: many("tables.max_columns", self.max_columns)?,
                max_cells: many("tables.max_cells", self.max_cells)?,
                ..tabular::Limits::default()
            },
            at_once: few("tables.at_once", self.at_once)?,
            per_organisation: few("tables.per_organisation", self.per_organisation)?,
            patience: seconds("tables.patience", self.patience, 0.05)?,
            data_sets: DataSetLimits {
                count: check.within("tables.data_sets", self.data_sets, 1, 1_000_000)?,
                bytes: check.within("tables.data_set_bytes", self.data_set_bytes, 1 << 10, 1 << 50)?,
            },
            jobs: JobLimits {
                open: check.within("tables.jobs", self.jobs, 1, 1_000_000)?,
                running: check.within("tables.running_jobs", self.running_jobs, 1, 10_000)?,
                workers: check.within("tables.workers", self.workers, 0, 1_000)?,
                lease: seconds("tables.lease", self.lease, 1.0)?,
                time: seconds("tables.job_time", self.job_time, 1.0)?,
            },
            model_bytes: check.within("tables.model_bytes", self.model_bytes, 0, 1 << 40)?,
            predict_rows: many("tables.predict_rows", self.predict_rows)?,
        })
    }
}
