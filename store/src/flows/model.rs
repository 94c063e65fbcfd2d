//! What is kept of a run.

use std::fmt;
use std::str::FromStr;

use crate::error::StoreError;
use crate::model::{Timestamp, spelled};
use crate::sql::Row;

spelled! {
    /// What is done by the calendar.
    Flow ("flow") {
        /// Photos of a day become candidates.
        Daily => "daily",
        /// What was verified in a month becomes a training set.
        Monthly => "monthly",
    }
}

spelled! {
    /// Where a run stands.
    FlowStatus ("status") {
        /// Somebody does it, or died at it.
        Running => "running",
        /// Done.
        Completed => "completed",
        /// The last attempt failed.
        Failed => "failed",
    }
}

/// A flow for a period.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowRun {
    /// UUID.
    pub id: String,
    /// What is done.
    pub flow: Flow,
    /// `2026-11-30` or `2026-11`.
    pub period: String,
    /// Where it stands.
    pub status: FlowStatus,
    /// How often it was begun.
    pub attempts: i64,
    /// Until when its holder has it without a sign of life.
    pub lease: Timestamp,
    /// When it may be tried again by itself; `None`: by hand only.
    pub retry_at: Option<Timestamp>,
    /// What became of it.
    pub outcome: Option<serde_json::Value>,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    /// When it was begun first.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
}

pub(super) const COLUMNS: &str = "id, flow, period, status, attempts, lease, retry_at, outcome, failure, created_at, \
                                  created_by, completed_at";

pub(super) fn flow_run(row: &Row) -> Result<FlowRun, StoreError> {
    let damaged = |text: &str| StoreError::Damaged { what: "outcome of a flow", value: crate::error::shorten(text) };
    let outcome: Option<String> = row.get("outcome")?;
    Ok(FlowRun {
        id: row.text("id")?,
        flow: row.text("flow")?.parse()?,
        period: row.text("period")?,
        status: row.text("status")?.parse()?,
        attempts: row.int("attempts")?,
        lease: row.int("lease")?,
        retry_at: row.get("retry_at")?,
        outcome: outcome.map(|text| serde_json::from_str(&text).map_err(|_| damaged(&text))).transpose()?,
        failure: row.get("failure")?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
        completed_at: row.get("completed_at")?,
    })
}
