//! `GET /api/ml/jobs/{id}/events`: what happens to a job, as it happens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::stream;
use platform::Platform;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::jobs::JobEvent;
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};

use super::super::problem;
use crate::access::Identity;
use crate::app::App;
use crate::endpoints::review::request::Parameters;
use crate::problem::{Problem, ProblemBody};

/// Time between two looks for what happened.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a stream goes on: browsers come again by themselves, and say how far they are.
const STREAM: Duration = Duration::from_secs(90);

/// From where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Number of the last event that is known; those after it are answered.
    #[serde(default)]
    after: i64,
}

/// Something that happened to a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventAnswer {
    /// 1, 2, 3, ...
    seq: i64,
    /// Milliseconds since 1970.
    at: i64,
    /// `status` (with `status` and `detail`), `log` (with `line`) or `step` (with `step`, `of`, `train_loss`, `validation_loss`).
    #[schema(example = "log")]
    kind: String,
    /// What.
    #[schema(value_type = Object)]
    body: Box<RawValue>,
}

impl EventAnswer {
    fn of(event: JobEvent) -> Result<Self, Problem> {
        let body = RawValue::from_string(event.body).map_err(|_| Problem::internal())?;
        Ok(Self { seq: event.seq, at: event.at, kind: event.kind, body })
    }
}

/// What happens to a job
///
/// With `Accept: text/event-stream` as a stream that ends with the job (event `end`), else what there is, at most a thousand.
#[utoipa::path(
    get,
    path = "/api/ml/jobs/{job}/events",
    tag = "jobs",
    params(("job" = String, Path, description = "Id of the job"), EventsQuery),
    responses(
        (status = 200, description = "Events in order", body = Vec<EventAnswer>),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such job", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(job): Path<String>,
    Parameters(query): Parameters<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (platform, organisation) = (app.platform.clone(), identity.organisation.to_string());
    // Of whom it is, said before a stream begins.
    platform.job(&organisation, &job).await.map_err(problem::of_platform)?;
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !text(header::ACCEPT).contains("text/event-stream") {
        let events = platform.job_events(&organisation, &job, query.after).await.map_err(problem::of_platform)?;
        return Ok(Json(events.into_iter().map(EventAnswer::of).collect::<Result<Vec<_>, _>>()?).into_response());
    }
    let known = text(header::HeaderName::from_static("last-event-id")).parse().unwrap_or(0);
    let follower = Follower {
        platform,
        organisation,
        job,
        after: query.after.max(known),
        begun: Instant::now(),
        stop: app.stop.subscribe(),
        ready: VecDeque::new(),
        ended: false,
    };
    let events = stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))).into_response())
}

/// Somebody who follows a job.
struct Follower {
    platform: Platform,
    organisation: String,
    job: String,
    after: i64,
    begun: Instant,
    stop: watch::Receiver<bool>,
    ready: VecDeque<JobEvent>,
    ended: bool,
}

impl Follower {
    /// What happened next; nothing when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.after = event.seq;
                return Some(Event::default().id(event.seq.to_string()).event(&event.kind).data(&event.body));
            }
            if self.ended || *self.stop.borrow() || self.begun.elapsed() > STREAM {
                return None;
            }
            // Asked before the events: what comes with the end is not missed.
            let over = self.platform.job(&self.organisation, &self.job).await.ok()?.job.status;
            self.ready = self.platform.job_events(&self.organisation, &self.job, self.after).await.ok()?.into();
            if !self.ready.is_empty() {
                continue;
            }
            if over.is_over() {
                self.ended = true;
                let data = format!("{{\"status\":\"{over}\"}}");
                return Some(Event::default().event("end").data(data));
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = self.stop.changed() => {}
            }
        }
    }
}
