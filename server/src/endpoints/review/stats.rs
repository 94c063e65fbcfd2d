//! `GET /v2/active-learning/stats`: depth, age, throughput, agreement, and how often the machine was right.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::Store;
use store::model::Timestamp;
use store::stats::QueueStats;
use utoipa::ToSchema;
use vision::{Decision, Embedding};

use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// Labels that top-1 is measured on.
const JUDGED: u32 = 500;

/// The state of the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stats {
    /// Items that wait for a person.
    pub(crate) open: u64,
    /// Items that wait for a third person.
    pub(crate) conflict: u64,
    /// Items that were answered.
    pub(crate) labelled: u64,
    /// Items that reviewers hold at the moment.
    pub(crate) claimed: u64,
    /// Age of the oldest item that waits.
    pub(crate) oldest_open_seconds: Option<i64>,
    /// Open items by foremost reason.
    pub(crate) reasons: BTreeMap<String, u64>,
    /// Answers of the last hour.
    pub(crate) labels_last_hour: u64,
    /// Answers by reviewer, of the last 30 days.
    pub(crate) reviewers: BTreeMap<String, u64>,
    /// Fraction of items with two or more answers on which people agreed; null before there are any.
    pub(crate) agreement: Option<f64>,
    /// What labels did for recognition; null before there are any.
    pub(crate) top_1: Option<Top1>,
    /// Day by day, oldest first.
    pub(crate) days: Vec<Day>,
}

/// How often the nearest SKU is the right one, by the items labelled last. They were queued because recognition was unsure:
/// over all facings it is right more often.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Top1 {
    /// Items it is measured on.
    pub(crate) items: u64,
    /// Fraction that was right when they were queued.
    pub(crate) before: f64,
    /// Fraction that today's gallery gets right, each item without the exemplar that its own label has made.
    pub(crate) after: f64,
}

/// One day, in UTC.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Day {
    /// Its first moment, milliseconds since 1970.
    pub(crate) day_ms: Timestamp,
    /// Items queued.
    pub(crate) queued: u64,
    /// Answers given.
    pub(crate) labelled: u64,
    /// Answers that name a SKU, of items queued on that day for which the machine had a guess.
    pub(crate) judged: u64,
    /// Those where the guess was right.
    pub(crate) right: u64,
    /// As `judged`, of items taken at random alone.
    pub(crate) random_judged: u64,
    /// As `right`, of items taken at random alone: with `random_judged` an estimate of top-1 without bias.
    pub(crate) random_right: u64,
}

impl From<QueueStats> for Stats {
    fn from(stats: QueueStats) -> Self {
        let decided = stats.agreed + stats.disagreed;
        Self {
            open: stats.open,
            conflict: stats.conflict,
            labelled: stats.labelled,
            claimed: stats.claimed,
            oldest_open_seconds: stats.oldest_open.map(|at| (store::model::now() - at) / 1000),
            reasons: stats.reasons.into_iter().collect(),
            labels_last_hour: stats.labels_last_hour,
            reviewers: stats.reviewers.into_iter().collect(),
            agreement: (decided > 0).then(|| stats.agreed as f64 / decided as f64),
            top_1: None,
            days: stats
                .days
                .into_iter()
                .map(|day| Day {
                    day_ms: day.day,
                    queued: day.queued,
                    labelled: day.labelled,
                    judged: day.judged,
                    right: day.right,
                    random_judged: day.random_judged,
                    random_right: day.random_right,
                })
                .collect(),
        }
    }
}

/// The state of the review queue
#[utoipa::path(
    get,
    path = "/v2/active-learning/stats",
    tag = "review",
    responses(
        (status = 200, description = "Depth, age, throughput, agreement", body = Stats),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stats(State(app): State<Arc<App>>) -> Result<Json<Stats>, Problem> {
    let (_, store) = app.review.open()?;
    Ok(Json(gather(&app, &store).await?))
}

pub(crate) async fn gather(app: &App, store: &Store) -> Result<Stats, Problem> {
    let stats = Stats::from(store.stats().await?);
    Ok(Stats { top_1: top_1(app, store).await?, ..stats })
}

async fn top_1(app: &App, store: &Store) -> Result<Option<Top1>, Problem> {
    let recognizer = app.models.current()?.recognizer();
    let judged = store.judged(recognizer.embedder().fingerprint(), JUDGED).await?;
    let work = move || {
        let mut facings = Vec::with_capacity(judged.len());
        let mut known = Vec::with_capacity(judged.len());
        for item in judged {
            if let Ok(embedding) = Embedding::normalized(item.embedding) {
                facings.push((embedding, item.exemplar));
                known.push((item.sku, item.guess));
            }
        }
        let decisions = recognizer.decide_without(&facings).map_err(|_| Problem::internal())?;
        let nearest = |decision: &Decision| decision.candidates.first().map(|candidate| candidate.sku);
        let before = known.iter().filter(|(sku, guess)| *guess == Some(*sku)).count();
        let after = known.iter().zip(&decisions).filter(|((sku, _), now)| nearest(now) == Some(*sku)).count();
        let fraction = |right: usize| right as f64 / known.len() as f64;
        let items = known.len() as u64;
        Ok((items > 0).then(|| Top1 { items, before: fraction(before), after: fraction(after) }))
    };
    // Off the async threads: the gallery is searched some hundred times.
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())?
}
