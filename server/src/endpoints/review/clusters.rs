//! `GET /v2/active-learning/clusters`: unknown facings that look alike, proposed as new SKUs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::{Reason, Store, Waiting};
use utoipa::ToSchema;
use vision::Embedding;

use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::wire::review::{ItemAnswer, Names};

/// Unknown items looked at, most urgent first.
const MAX_ITEMS: u32 = 2_000;
/// Clusters answered, largest first.
const ANSWERED: usize = 50;
/// Items named with all they have; the others by id.
const SHOWN: usize = 8;
/// Cosine similarity to the first of a cluster above which a facing belongs to it.
const ALIKE: f32 = 0.80;

/// Facings that look alike.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cluster {
    /// All of them, the first one leading. What `/label/bulk` takes.
    item_ids: Vec<String>,
    /// The first eight, to be looked at.
    items: Vec<ItemAnswer>,
    /// Minimum similarity to the first.
    cohesion: f64,
}

/// Groups of unknown facings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Clusters {
    /// Largest first; single facings are left out.
    clusters: Vec<Cluster>,
}

/// Clusters of unknown facings
///
/// Open items that recognition knew nothing of, grouped by look. Each group is probably one product that is not in the
/// catalogue yet.
#[utoipa::path(
    get,
    path = "/v2/active-learning/clusters",
    tag = "review",
    responses(
        (status = 200, description = "Groups, largest first", body = Clusters),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn clusters(State(app): State<Arc<App>>) -> Result<Json<Clusters>, Problem> {
    let (_, store) = app.review.open()?;
    let grouped = alike(&app, &store).await?;
    let mut answered = Vec::with_capacity(grouped.len());
    for (ids, cohesion) in grouped {
        let shown = store.items(&ids[..ids.len().min(SHOWN)]).await?;
        let names = Names::of_items(&store, &shown, false).await?;
        let items = shown.iter().map(|item| names.item(item)).collect();
        answered.push(Cluster { item_ids: ids, items, cohesion: (f64::from(cohesion) * 1e4).round() / 1e4 });
    }
    Ok(Json(Clusters { clusters: answered }))
}

/// Groups of open, unknown items that look alike, largest first, with the minimum similarity to the first of each.
pub(crate) async fn alike(app: &App, store: &Store) -> Result<Vec<(Vec<String>, f32)>, Problem> {
    let embedder = app.models.current()?.recognizer().embedder().fingerprint();
    let items = store.open_embeddings(embedder, Some(Reason::Unknown), MAX_ITEMS).await?;
    // Off the async threads: thousands of items are compared with hundreds of leaders.
    tokio::task::spawn_blocking(move || group(items)).await.map_err(|_| Problem::internal())
}

/// The most urgent item leads a group; whatever is similar to a leader joins the most similar one.
fn group(items: Vec<Waiting>) -> Vec<(Vec<String>, f32)> {
    let mut groups: Vec<(Embedding, Vec<String>, f32)> = Vec::new();
    for Waiting { item: id, embedding, .. } in items {
        let Ok(embedding) = Embedding::normalized(embedding) else { continue };
        let similarities = groups.iter().enumerate().map(|(at, (leader, ..))| (at, leader.cosine(&embedding)));
        match similarities.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, similarity)| *similarity >= ALIKE) {
            Some((at, similarity)) => {
                groups[at].1.push(id);
                groups[at].2 = groups[at].2.min(similarity);
            }
            None => groups.push((embedding, vec![id], 1.0)),
        }
    }
    groups.retain(|(_, ids, _)| ids.len() > 1);
    groups.sort_by_key(|(_, ids, _)| std::cmp::Reverse(ids.len()));
    groups.truncate(ANSWERED);
    groups.into_iter().map(|(_, ids, cohesion)| (ids, cohesion)).collect()
}
