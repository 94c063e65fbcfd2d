//! `/review`: the page on which people label, and the pages around it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use store::model::ItemStatus;
use store::{ItemFilter, ItemSort, Reason};
use vision::time::timestamp;

use super::{Frame, html};
use crate::app::App;
use crate::endpoints::review::clusters::alike;
use crate::endpoints::review::item::{ItemHistory, ItemQuery, history};
use crate::endpoints::review::stats::{Day, Stats, gather};
use crate::problem::Problem;
use crate::wire::review::{CatalogueAnswer, ItemAnswer, Names};

/// Rows of a page of the queue.
const ROWS: u32 = 50;
/// Groups of look-alikes shown.
const CLUSTERS: usize = 20;
/// Facings shown of each.
const TILES: usize = 48;
/// SKUs shown.
const SKUS: u32 = 500;

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    frame: Frame,
    here: &'static str,
}

/// `GET /review`: what is this? The page asks for items itself.
pub(super) async fn review() -> Response {
    html(&ReviewPage { frame: Frame::new(), here: "review" })
}

#[derive(Template)]
#[template(path = "review_queue.html")]
struct QueueList {
    frame: Frame,
    here: &'static str,
    items: Vec<ItemAnswer>,
    /// Link to the next page.
    next: Option<String>,
    statuses: Vec<Choice>,
    reasons: Vec<Choice>,
    sorts: Vec<Choice>,
}

/// An option of a filter.
struct Choice {
    value: &'static str,
    chosen: bool,
}

/// What a person chose above the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct QueueChoice {
    status: String,
    reason: String,
    sort: String,
    cursor: String,
}

/// `GET /review/queue`: the queue as a list.
pub(super) async fn queue(State(app): State<Arc<App>>, Query(choice): Query<QueueChoice>) -> Result<Response, Problem> {
    let (_, store) = app.review.open()?;
    let given = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    let filter = ItemFilter {
        status: given(&choice.status).map(|text| text.parse()).transpose()?,
        reason: given(&choice.reason).map(|text| text.parse()).transpose()?,
        ..ItemFilter::default()
    };
    let sort: ItemSort = given(&choice.sort).map(|text| text.parse()).transpose()?.unwrap_or_default();
    let page = store.list(&filter, sort, given(&choice.cursor).as_deref(), ROWS).await?;
    let names = Names::of_items(&store, &page.items, false).await?;
    let status = filter.status.unwrap_or(ItemStatus::Open);
    let next = page.next.map(|cursor| {
        let reason = filter.reason.map_or("", Reason::as_str);
        format!("/review/queue?status={status}&reason={reason}&sort={sort}&cursor={cursor}")
    });
    let all = |value, chosen| Choice { value, chosen };
    Ok(html(&QueueList {
        frame: Frame::new(),
        here: "queue",
        items: page.items.iter().map(|item| names.item(item)).collect(),
        next,
        statuses: ItemStatus::ALL.iter().map(|s| all(s.as_str(), *s == status)).collect(),
        reasons: Reason::ALL.iter().map(|r| all(r.as_str(), filter.reason == Some(*r))).collect(),
        sorts: ItemSort::ALL.iter().map(|s| all(s.as_str(), *s == sort)).collect(),
    }))
}

#[derive(Template)]
#[template(path = "review_clusters.html")]
struct ClusterPage {
    frame: Frame,
    here: &'static str,
    clusters: Vec<ShownCluster>,
}

/// A group of facings that look alike.
struct ShownCluster {
    /// All that one answer settles: people label only what they see.
    items: Vec<ItemAnswer>,
    /// Further ones that there is no room for.
    more: usize,
}

/// `GET /review/clusters`: facings that look alike, labelled together.
pub(super) async fn clusters(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let (_, store) = app.review.open()?;
    let mut clusters = Vec::new();
    for (ids, _) in alike(&app, &store).await?.into_iter().take(CLUSTERS) {
        let items = store.items(&ids[..ids.len().min(TILES)]).await?;
        let names = Names::of_items(&store, &items, false).await?;
        let items = items.iter().map(|item| names.item(item)).collect();
        clusters.push(ShownCluster { items, more: ids.len().saturating_sub(TILES) });
    }
    Ok(html(&ClusterPage { frame: Frame::new(), here: "clusters", clusters }))
}

#[derive(Template)]
#[template(path = "review_item.html")]
struct ItemPage {
    frame: Frame,
    here: &'static str,
    of: ItemHistory,
}

/// `GET /review/items/{item}`: one item and what was said of it.
pub(super) async fn item(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Query<ItemQuery>,
) -> Result<Response, Problem> {
    let (_, store) = app.review.open()?;
    let of = history(&store, &id, query.comments_after.as_deref()).await?;
    Ok(html(&ItemPage { frame: Frame::new(), here: "queue", of }))
}

#[derive(Template)]
#[template(path = "review_skus.html")]
struct SkuPage {
    frame: Frame,
    here: &'static str,
    /// With numbers of exemplars: from folders, from labels.
    skus: Vec<(CatalogueAnswer, u32, u32)>,
}

/// `GET /review/skus`: the catalogue with its exemplars.
pub(super) async fn skus(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let (review, store) = app.review.open()?;
    let found = store.search_skus("", SKUS).await?;
    let names = Names::of(&store, found.iter().map(|sku| sku.id).collect(), true).await?;
    let counts = store.exemplar_counts(review.embedder()).await?;
    let row = |sku: store::model::CatalogueSku| {
        let count =
            counts.iter().find(|(id, ..)| *id == sku.id).map_or((0, 0), |&(_, enrolled, labels)| (enrolled, labels));
        let images = names.images(sku.id);
        (CatalogueAnswer::new(sku, images), count.0, count.1)
    };
    Ok(html(&SkuPage { frame: Frame::new(), here: "skus", skus: found.into_iter().map(row).collect() }))
}

#[derive(Template)]
#[template(path = "review_stats.html")]
struct StatsPage {
    frame: Frame,
    here: &'static str,
    stats: Stats,
    bars: Vec<Bar>,
    /// Items a day at the top of the plot.
    max: u64,
    /// Top-1 of items taken at random, in percent, and their number.
    random: Option<(String, u64)>,
}

/// A day of the plot, in pixels of the drawing.
struct Bar {
    x: u64,
    queued: u64,
    labelled: u64,
    title: String,
}

/// Height of the plot.
const PLOT: u64 = 160;

impl StatsPage {
    fn agreement(&self) -> String {
        self.stats.agreement.map_or_else(|| "–".to_owned(), percent)
    }

    fn age(&self) -> String {
        match self.stats.oldest_open_seconds {
            None => "–".to_owned(),
            Some(seconds @ ..3_600) => format!("{} min", seconds / 60),
            Some(seconds @ ..172_800) => format!("{} h", seconds / 3_600),
            Some(seconds) => format!("{} days", seconds / 86_400),
        }
    }

    /// Right before and after, in percent, and of how many items.
    fn top_1(&self) -> Option<(String, String, String)> {
        let items = |count| if count == 1 { "item".to_owned() } else { format!("{count} items") };
        self.stats.top_1.map(|top| (percent(top.before), percent(top.after), items(top.items)))
    }

    fn max_reasons(&self) -> u64 {
        self.stats.reasons.values().copied().max().unwrap_or(1)
    }

    fn max_labels(&self) -> u64 {
        self.stats.reviewers.values().copied().max().unwrap_or(1)
    }
}

fn percent(fraction: f64) -> String {
    format!("{:.0} %", fraction * 100.0)
}

/// A reason as people say it.
fn in_words(reason: &str) -> &str {
    match reason {
        "random" => "sampled at random",
        "unknown" => "nothing enrolled is near",
        "small_margin" => "two SKUs equally near",
        "near_threshold" => "on the line to unknown",
        "low_similarity" => "only a little alike",
        "low_confidence" => "detector unsure",
        "novelty" => "unlike all before",
        "rare_sku" => "SKU with few images",
        "disagreement" => "tiles or models disagree",
        "shadow" => "another release differs",
        other => other,
    }
}

/// An answer as people say it.
fn kind_in_words(kind: &str) -> &str {
    match kind {
        "sku" => "this SKU",
        "new_sku" => "new SKU",
        "not_a_container" => "not a container",
        "wrong_box" => "wrong box",
        "cannot_tell" => "cannot tell",
        "skip" => "put it off",
        "undo" => "took it back",
        other => other,
    }
}

/// `2026-11-21 21:52 UTC` of milliseconds since 1970. Templates hand over references.
fn moment(ms: &i64) -> String {
    let text = timestamp(u64::try_from(ms / 1_000).unwrap_or(0));
    text.get(..16).map_or_else(String::new, |minute| format!("{} UTC", minute.replace('T', " ")))
}

/// `GET /review/stats`: how the review goes.
pub(super) async fn stats(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let (_, store) = app.review.open()?;
    let stats = gather(&app, &store).await?;
    let max = stats.days.iter().map(|day| day.queued.max(day.labelled)).max().unwrap_or(0).max(1);
    let bar = |(at, day): (u64, &Day)| Bar {
        x: 36 + at * 25,
        queued: day.queued * PLOT / max,
        labelled: day.labelled * PLOT / max,
        title: match stats.days.len() as u64 - 1 - at {
            0 => format!("today: {} queued, {} labelled", day.queued, day.labelled),
            1 => format!("yesterday: {} queued, {} labelled", day.queued, day.labelled),
            ago => format!("{ago} days ago: {} queued, {} labelled", day.queued, day.labelled),
        },
    };
    let bars = (0..).zip(&stats.days).map(bar).collect();
    let judged: u64 = stats.days.iter().map(|day| day.random_judged).sum();
    let right: u64 = stats.days.iter().map(|day| day.random_right).sum();
    let random = (judged > 0).then(|| (percent(right as f64 / judged as f64), judged));
    Ok(html(&StatsPage { frame: Frame::new(), here: "stats", stats, bars, max, random }))
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn moments_are_to_the_minute() {
        assert_eq!(moment(&1_709_251_199_999), "2024-02-29 23:59 UTC");
        assert_eq!(moment(&-1), "1970-01-01 00:00 UTC");
    }
}
