//! `GET /`: drop a photo, see boxes, SKUs and counts.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Frame, html};
use crate::app::App;
use crate::models::Phase;

/// SKUs named on the page; the rest is a number.
const NAMED_SKUS: usize = 24;

/// Grids offered beside `auto` and `off`.
const GRIDS: [&str; 6] = ["2x1", "2x2", "3x2", "3x3", "4x3", "4x4"];

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    docs: bool,
    max_body_mb: String,
    max_body_bytes: usize,
    /// `ok`, `loading`, ... as in `/readyz`.
    status: &'static str,
    explanation: &'static str,
    gallery: Gallery,
    /// Whether there is one to try.
    example: bool,
    classes: String,
    defaults: Defaults,
}

/// What is enrolled.
#[derive(Default)]
struct Gallery {
    names: Vec<String>,
    unnamed: usize,
    skus: usize,
    exemplars: usize,
}

/// What requests start from.
struct Defaults {
    conf: String,
    /// Of classes with a confidence of their own: `can 0.70, glass 0.40`.
    own_conf: String,
    iou: String,
    tiles: String,
    other_tiles: Vec<&'static str>,
}

impl Home {
    fn ready(&self) -> bool {
        self.status == "ok"
    }

    fn failed(&self) -> bool {
        self.status == "failed"
    }
}

pub(super) async fn home(State(app): State<Arc<App>>) -> Response {
    let phase = app.models.phase();
    let (gallery, classes, options) = match &phase {
        Phase::Ready(served) => {
            let recognizer = served.recognizer();
            let skus = recognizer.gallery().skus();
            let gallery = Gallery {
                names: skus.iter().take(NAMED_SKUS).map(|sku| sku.name.clone()).collect(),
                unnamed: skus.len().saturating_sub(NAMED_SKUS),
                skus: skus.len(),
                exemplars: recognizer.gallery().len(),
            };
            (gallery, recognizer.detector().classes().join(", "), served.options.clone())
        }
        _ => Default::default(),
    };
    let tiles = options.detect.tiling.to_string();
    let confidence = &options.detect.confidence;
    let own_conf = confidence.by_class.iter().map(|(class, own)| format!("{class} {own:.2}"));
    html(&Home {
        frame: Frame::new(),
        docs: app.config.docs,
        max_body_mb: megabytes(app.config.max_body_bytes),
        max_body_bytes: app.config.max_body_bytes,
        status: phase.as_str(),
        explanation: phase.explanation(),
        gallery,
        example: matches!(&phase, Phase::Ready(served) if served.example.is_some()),
        classes,
        defaults: Defaults {
            conf: format!("{:.2}", confidence.default),
            own_conf: own_conf.collect::<Vec<_>>().join(", "),
            iou: format!("{:.2}", options.detect.iou),
            other_tiles: ["auto", "off"].into_iter().chain(GRIDS).filter(|grid| *grid != tiles).collect(),
            tiles,
        },
    })
}

/// People's megabytes.
pub(super) fn megabytes(bytes: usize) -> String {
    let megabytes = bytes as f64 / f64::from(1 << 20);
    if megabytes < 10.0 { format!("{megabytes:.1} MB") } else { format!("{megabytes:.0} MB") }
}
