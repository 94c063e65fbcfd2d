//! `/review`: the page on which people label, and the pages around it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use store::model::ItemStatus;
use store::{ItemFilter, ItemSort, Reason};

use super::{Frame, html};
use crate::app::App;
use crate::endpoints::review::item::{ItemHistory, history};
use crate::endpoints::review::stats::Stats;
use crate::problem::Problem;
use crate::wire::review::{CatalogueAnswer, ItemAnswer, Names};

/// Rows of a page of the queue.
const ROWS: u32 = 50;
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
#[template(path = "review_item.html")]
struct ItemPage {
    frame: Frame,
    here: &'static str,
    of: ItemHistory,
}

/// `GET /review/items/{item}`: one item and what was said of it.
pub(super) async fn item(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (_, store) = app.review.open()?;
    Ok(html(&ItemPage { frame: Frame::new(), here: "queue", of: history(&store, &id).await? }))
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
    let (_, store) = app.review.open()?;
    let found = store.search_skus("", SKUS).await?;
    let names = Names::of(&store, found.iter().map(|sku| sku.id).collect(), true).await?;
    let counts = store.exemplar_counts().await?;
    let row = |sku: store::model::CatalogueSku| {
        let count =
            counts.iter().find(|(id, ..)| *id == sku.id).map_or((0, 0), |&(_, enrolled, labels)| (enrolled, labels));
        let pictures = names.pictures(sku.id);
        (CatalogueAnswer::new(sku, pictures), count.0, count.1)
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
    /// Top-1 of items taken at random, in percent, and their number.
    top_1: Option<(String, u64)>,
}

/// A day of the plot: heights in pixels of the drawing.
struct Bar {
    x: u64,
    queued: u64,
    labelled: u64,
    title: String,
}

impl StatsPage {
    fn agreement(&self) -> String {
        self.stats.agreement.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0))
    }

    fn age(&self) -> String {
        match self.stats.oldest_open_seconds {
            None => "–".to_owned(),
            Some(seconds @ ..3_600) => format!("{} min", seconds / 60),
            Some(seconds @ ..172_800) => format!("{} h", seconds / 3_600),
            Some(seconds) => format!("{} days", seconds / 86_400),
        }
    }
}

/// `GET /review/stats`: how the review goes.
pub(super) async fn stats(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    /// Height of the plot.
    const HEIGHT: u64 = 160;
    let (_, store) = app.review.open()?;
    let stats = Stats::from(store.stats().await?);
    let most = stats.days.iter().map(|day| day.queued.max(day.labelled)).max().unwrap_or(0).max(1);
    let bar = |(at, day): (u64, &crate::endpoints::review::stats::Day)| Bar {
        x: at * 26,
        queued: day.queued * HEIGHT / most,
        labelled: day.labelled * HEIGHT / most,
        title: format!("{} queued, {} labelled", day.queued, day.labelled),
    };
    let bars = (0..).zip(&stats.days).map(bar).collect();
    let judged: u64 = stats.days.iter().map(|day| day.random_judged).sum();
    let right: u64 = stats.days.iter().map(|day| day.random_right).sum();
    let top_1 = (judged > 0).then(|| (format!("{:.1} %", 100.0 * right as f64 / judged as f64), judged));
    Ok(html(&StatsPage { frame: Frame::new(), here: "stats", stats, bars, top_1 }))
}
