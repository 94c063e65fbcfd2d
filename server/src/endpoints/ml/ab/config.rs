//! A test as it is answered.

use serde::Serialize;
use store::registry::AbTest;
use utoipa::ToSchema;

use crate::endpoints::ml::moment;

/// A test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestConfig {
    /// What it is called.
    #[schema(example = "new-embedder")]
    pub(super) test_name: String,
    /// Of what: `release` or `tabular`.
    #[schema(example = "release")]
    kind: &'static str,
    /// `ab`: both answer; `shadow`: the second one is held against the first.
    #[schema(example = "ab")]
    mode: &'static str,
    /// Id of the first version.
    model_a_id: String,
    /// Id of the second.
    model_b_id: String,
    /// Fraction that A answers; of a shadow, fraction of answers that B is held against.
    #[schema(example = 0.5)]
    split_ratio: f64,
    /// `running` or `ended`.
    #[schema(example = "running")]
    state: &'static str,
    /// RFC 3339 in UTC.
    #[schema(example = "2026-11-21T09:30:00Z")]
    created_at: String,
    /// By whom it was begun.
    created_by: String,
    /// RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// By whom it was ended, or who moved one of its versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<String>,
}

/// A test that was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestAnswer {
    /// Always `success`.
    #[schema(example = "success")]
    pub(super) status: &'static str,
    /// The test.
    pub(super) config: TestConfig,
}

impl From<AbTest> for TestConfig {
    fn from(test: AbTest) -> Self {
        Self {
            state: if test.ended_at.is_some() { "ended" } else { "running" },
            test_name: test.name,
            kind: test.kind.as_str(),
            mode: test.mode.as_str(),
            model_a_id: test.model_a,
            model_b_id: test.model_b,
            split_ratio: test.split_ratio,
            created_at: moment(test.created_at),
            created_by: test.created_by,
            ended_at: test.ended_at.map(moment),
            ended_by: test.ended_by,
        }
    }
}

impl From<AbTest> for TestAnswer {
    fn from(test: AbTest) -> Self {
        Self { status: "success", config: test.into() }
    }
}
