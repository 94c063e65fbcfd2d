//! `GET /api/ml/models/ab-test/{test}`: how both sides do.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use store::registry::{ArmStanding, Standing};
use utoipa::ToSchema;
use vision::sequential::{ALPHA, Proportion};

use super::config::TestConfig;
use crate::access::Identity;
use crate::app::App;
use crate::endpoints::ml::{moment, open, problem};
use crate::problem::{Problem, ProblemBody};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// How a test stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestStanding {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// The test.
    config: TestConfig,
    /// Both sides; none of a shadow.
    arms: Vec<ArmAnswer>,
    /// `not yet`, `a` or `b`: wrong with a chance of 5 % at most when both are equal, however often it is asked.
    #[schema(example = "not yet")]
    verdict: &'static str,
    /// Of a shadow: how often both saw the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowAnswer>,
    /// What was judged up to the end of each day, the oldest first.
    days: Vec<DayAnswer>,
}

/// One side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArmAnswer {
    /// `a` or `b`.
    #[schema(example = "a")]
    arm: &'static str,
    /// Id of the version.
    model_id: String,
    /// Name and version.
    #[schema(example = "shelf@1.2")]
    model: String,
    /// Answers it gave.
    answers: u64,
    /// Mean time of an answer.
    latency_ms: Option<f64>,
    /// What was right of what was judged.
    #[serde(flatten)]
    rate: RateAnswer,
}

/// What was right of what was judged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RateAnswer {
    /// Judged.
    judged: u64,
    /// Right among them.
    right: u64,
    /// As a fraction; `null` when nothing was judged.
    rate: Option<f64>,
    /// Fractions that are not ruled out, at all times together with a chance of 95 %.
    #[schema(value_type = Vec<f64>, example = json!([0.9, 0.97]))]
    interval: (f64, f64),
}

/// How often a shadow saw the same.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShadowAnswer {
    /// Photos that both recognised.
    photos: u64,
    /// Facings: `right` are those on which both agreed.
    #[serde(flatten)]
    rate: RateAnswer,
}

/// A day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DayAnswer {
    /// Its beginning, RFC 3339 in UTC.
    #[schema(example = "2026-11-21T00:00:00Z")]
    day: String,
    /// Of the first version; of a shadow, agreement.
    a: RateAnswer,
    /// Of the second.
    b: RateAnswer,
}

impl From<Proportion> for RateAnswer {
    fn from(proportion: Proportion) -> Self {
        let Proportion { right, of } = proportion;
        Self { judged: of, right, rate: proportion.rate(), interval: proportion.interval(ALPHA) }
    }
}

/// How an A/B test stands
///
/// Of releases, people judge facings that were sampled blindly; of models of tables, programs tell what turned out.
#[utoipa::path(
    get,
    path = "/api/ml/models/ab-test/{test}",
    tag = "models",
    params(("test" = String, Path, description = "Name of the test")),
    responses(
        (status = 200, description = "Both sides, and which is better", body = TestStanding),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such test", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(test): Path<String>,
) -> Result<Json<TestStanding>, Problem> {
    let store = open(&app).await?;
    let test = store.ab_test(&identity.organisation, &test).await.map_err(problem::of)?;
    let standing = store.ab_standing(&test).await.map_err(problem::of)?;
    let mut arms = Vec::new();
    let Standing { a, b, shadow, .. } = &standing;
    if shadow.is_none() {
        for (arm, id, side) in [("a", &test.model_a, a), ("b", &test.model_b, b)] {
            let model = store.model(&identity.organisation, id).await.map_err(problem::of)?.label();
            let ArmStanding { answers, judged, latency_ms } = *side;
            arms.push(ArmAnswer { arm, model_id: id.clone(), model, answers, latency_ms, rate: judged.into() });
        }
    }
    let verdict = standing.choice().as_str();
    let shadow = standing.shadow.map(|(photos, agreed)| ShadowAnswer { photos, rate: agreed.into() });
    let days = standing.days.iter().map(|day| DayAnswer {
        day: moment(day.day.saturating_mul(DAY)),
        a: day.a.into(),
        b: day.b.into(),
    });
    Ok(Json(TestStanding { status: "success", days: days.collect(), config: test.into(), arms, verdict, shadow }))
}
