//! `GET /api/ml/jobs/{id}/plots`, one of them, and `/report`: what a job found out, to be looked at.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use platform::jobs::JobDetails;
use serde::Serialize;
use store::jobs::Job;
use tabular::report::{Outcome, chart, charts, page};
use utoipa::ToSchema;

use super::super::problem;
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody, ProblemType};

/// A chart of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlotAnswer {
    /// roc, precision-recall, confusion, thresholds, residuals, importance, shap, learning, robustness, comparison or trials.
    #[schema(example = "roc")]
    name: &'static str,
    /// What stands above it.
    #[schema(example = "ROC curve")]
    title: &'static str,
    /// Where its SVG is.
    #[schema(example = "/api/ml/jobs/5e0c7a34-8d1b-4a63-8d5c-0b2f6d0f9a11/plots/roc")]
    url: String,
}

/// Which charts there are of a job
#[utoipa::path(
    get,
    path = "/api/ml/jobs/{job}/plots",
    tag = "jobs",
    params(("job" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "The charts that what became of the job allows; none before it is completed", body = [PlotAnswer]),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such job", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(job): Path<String>,
) -> Result<Json<Vec<PlotAnswer>>, Problem> {
    let plots = plotted(&app, &identity, &job, |job, outcome| {
        let url = |name: &str| format!("/api/ml/jobs/{}/plots/{name}", job.id);
        let plots = charts(outcome).into_iter();
        plots.map(|chart| PlotAnswer { name: chart.name, title: chart.title, url: url(chart.name) }).collect()
    });
    Ok(Json(plots.await?))
}

/// A chart of a job
///
/// SVG that stands alone; its colours follow the reader's choice of light or dark.
#[utoipa::path(
    get,
    path = "/api/ml/jobs/{job}/plots/{plot}",
    tag = "jobs",
    params(("job" = String, Path, description = "Id of the job"), ("plot" = String, Path, description = "Name of the chart")),
    responses(
        (status = 200, description = "The chart", body = String, content_type = "image/svg+xml"),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such job, or no such chart of it", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path((job, plot)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let svg = plotted(&app, &identity, &job, move |_, outcome| chart(outcome, &plot).map(|chart| chart.svg())).await?;
    let svg = svg.ok_or_else(|| Problem::new(ProblemType::NotFound, "the job has no such chart"))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

/// All that a job found out, as one page
///
/// HTML with every chart in it, to be kept and handed on.
#[utoipa::path(
    get,
    path = "/api/ml/jobs/{job}/report",
    tag = "jobs",
    params(("job" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such job, or it is not completed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(job): Path<String>,
) -> Result<Response, Problem> {
    let report = plotted(&app, &identity, &job, |job, outcome| {
        (job.completed_at.is_some() && job.failure.is_none()).then(|| {
            let text = |name: &str| job.request.get(name).and_then(|value| value.as_str()).unwrap_or_default();
            let (title, target) = (format!("{} {}", job.kind, text("algorithm")), text("target_column"));
            let facts = [format!("Target {target}, data set {}, job {}.", job.data_set, job.id)];
            (job.id.clone(), page(outcome, title.trim(), &facts))
        })
    });
    let (id, page) =
        report.await?.ok_or_else(|| Problem::new(ProblemType::NotFound, "the job has found out nothing yet"))?;
    let about = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        // Not shown as a page of this server: it is a file of its own, with styles of its own.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.html\"")),
    ];
    Ok((about, page).into_response())
}

/// What is plotted of a job and of what became of it (nothing before it is over), off the threads that serve.
async fn plotted<T: Send + 'static>(
    app: &App,
    identity: &Identity,
    job: &str,
    plot: impl FnOnce(&Job, &Outcome) -> T + Send + 'static,
) -> Result<T, Problem> {
    let JobDetails { job, outcome } =
        app.platform.job(&identity.organisation, job).await.map_err(problem::of_platform)?;
    let work = tokio::task::spawn_blocking(move || {
        let outcome = outcome.map_or_else(|| Ok(Outcome::default()), |outcome| Outcome::of_json(outcome.get()));
        outcome.map(|outcome| plot(&job, &outcome))
    });
    work.await.map_err(|_| Problem::internal())?.map_err(|error| {
        tracing::error!(%error, "what became of a job cannot be read");
        Problem::internal()
    })
}
