//! `GET /health`: readiness, and what runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use review::ReviewHealth;
use serde::Serialize;
use utoipa::ToSchema;

use super::readyz::{Readiness, status};
use crate::app::App;
use crate::models::Phase;
use crate::swap::Swaps;
use crate::wire::answer::Release;

/// The state of the server.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Whether requests may come.
    #[serde(flatten)]
    pub(crate) readiness: Readiness,
    /// Of the server.
    pub(crate) version: String,
    /// Since the start of the process.
    pub(crate) uptime_seconds: f64,
    /// What answers; absent until it is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<Release>,
    /// How what answers is replaced.
    pub(crate) swap: SwapHealth,
    /// Photos waiting and being worked on.
    pub(crate) queue: QueueHealth,
    /// The review queue: `ok`, `unavailable`, or `off` where it is switched off or models are not loaded.
    #[schema(example = "ok")]
    pub(crate) review: String,
}

/// How what answers is replaced by another release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SwapHealth {
    /// `idle`; `loading` another one; `draining` the one before, which finishes what it has accepted; or `waiting` for that, as there
    /// is no room for a third.
    #[schema(example = "idle")]
    pub(crate) state: String,
    /// Releases in memory, at most two.
    pub(crate) in_memory: usize,
    /// The release that should answer, and was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<RefusedRelease>,
    /// The release that is tried beside the one in production, while a test runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) test: Option<TriedRelease>,
}

/// A release that is tried beside the one in production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TriedRelease {
    /// Name of the test.
    #[schema(example = "new-embedder")]
    pub(crate) test: String,
    /// Name and version.
    #[schema(example = "shelf@1.3")]
    pub(crate) release: String,
    /// Why it does not answer though it should.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
}

/// A release that should answer, and was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RefusedRelease {
    /// Name and version.
    #[schema(example = "shelf@1.3")]
    pub(crate) release: String,
    /// Why.
    pub(crate) cause: String,
    /// RFC 3339 in UTC.
    #[schema(example = "2026-11-21T09:30:00Z")]
    pub(crate) at: String,
}

impl SwapHealth {
    fn of(swaps: &Swaps) -> Self {
        let refused = swaps.refusal().map(|refused| RefusedRelease {
            release: refused.release,
            cause: refused.cause,
            at: vision::time::timestamp(refused.at.max(0).unsigned_abs() / 1000),
        });
        let test = swaps.tried().map(|tried| TriedRelease {
            test: tried.test,
            release: tried.release,
            refused: tried.refused,
        });
        Self { test, state: swaps.state().as_str().to_owned(), in_memory: swaps.in_memory(), refused }
    }
}

/// Photos waiting and being worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct QueueHealth {
    /// Waiting.
    pub(crate) depth: usize,
    /// That may wait.
    pub(crate) capacity: usize,
    /// Workers.
    pub(crate) workers: usize,
    /// Workers with a photo at hand.
    pub(crate) busy: usize,
}

/// The state of the server
///
/// As `/readyz`, with version, models, gallery and queue. `status` is `degraded` when photos are recognised but what is unsure
/// cannot be put aside for people, or when the release in production was refused.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 503, description = "Loading, failed or stopping", body = Health),
    )
)]
pub(crate) async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    let phase = app.models.phase();
    let queue = app.inference.queue();
    let release = match &phase {
        Phase::Ready(served) => Some(Release::of(&served.recognizer(), served.label())),
        _ => None,
    };
    let review = app.review.health().await;
    let mut readiness = Readiness::of(&phase);
    if readiness.ready && review == ReviewHealth::Unavailable {
        "degraded".clone_into(&mut readiness.status);
        "Photos are recognised, but the review queue cannot be reached: its database or its images are away. The server's \
         log has the cause."
            .clone_into(&mut readiness.explanation);
    }
    let swap = SwapHealth::of(&app.swaps);
    if let (true, Some(refused)) = (readiness.ready, &swap.refused) {
        "degraded".clone_into(&mut readiness.status);
        readiness.explanation = format!(
            "Photos are recognised, but not by {}, which was refused: {}. The release before it goes on.",
            refused.release, refused.cause
        );
    }
    let health = Health {
        readiness,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: (app.started.elapsed().as_secs_f64() * 1e3).round() / 1e3,
        release,
        swap,
        queue: QueueHealth {
            depth: queue.depth(),
            capacity: queue.capacity(),
            workers: app.config.workers.get(),
            busy: queue.busy(),
        },
        review: review.as_str().to_owned(),
    };
    (status(&phase), Json(health))
}
