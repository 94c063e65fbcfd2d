//! Scripts, styles and images of the pages, compiled in.
//!
//! They lie under a folder named by their content, so browsers may keep them for ever and never mix two builds.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use vision::Sha256;

use crate::problem::{Problem, ProblemType};

/// Name, content type, content.
type Asset = (&'static str, &'static str, &'static [u8]);

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const DRAWING: &str = "image/svg+xml";

const ASSETS: &[Asset] = &[
    ("app.css", STYLE, include_bytes!("../../assets/app.css")),
    ("app.js", SCRIPT, include_bytes!("../../assets/app.js")),
    ("upload.js", SCRIPT, include_bytes!("../../assets/upload.js")),
    ("viewer.js", SCRIPT, include_bytes!("../../assets/viewer.js")),
    ("results.js", SCRIPT, include_bytes!("../../assets/results.js")),
    ("colors.js", SCRIPT, include_bytes!("../../assets/colors.js")),
    ("csrf.js", SCRIPT, include_bytes!("../../assets/csrf.js")),
    ("dom.js", SCRIPT, include_bytes!("../../assets/dom.js")),
    ("review.css", STYLE, include_bytes!("../../assets/review.css")),
    ("review.js", SCRIPT, include_bytes!("../../assets/review.js")),
    ("review_api.js", SCRIPT, include_bytes!("../../assets/review_api.js")),
    ("review_box.js", SCRIPT, include_bytes!("../../assets/review_box.js")),
    ("review_clusters.js", SCRIPT, include_bytes!("../../assets/review_clusters.js")),
    ("review_who.js", SCRIPT, include_bytes!("../../assets/review_who.js")),
    ("review_find.js", SCRIPT, include_bytes!("../../assets/review_find.js")),
    ("review_keys.js", SCRIPT, include_bytes!("../../assets/review_keys.js")),
    ("tables.css", STYLE, include_bytes!("../../assets/tables.css")),
    ("tables_api.js", SCRIPT, include_bytes!("../../assets/tables_api.js")),
    ("tables_data.js", SCRIPT, include_bytes!("../../assets/tables_data.js")),
    ("tables_insights.js", SCRIPT, include_bytes!("../../assets/tables_insights.js")),
    ("tables_jobs.js", SCRIPT, include_bytes!("../../assets/tables_jobs.js")),
    ("tables_models.js", SCRIPT, include_bytes!("../../assets/tables_models.js")),
    ("releases.js", SCRIPT, include_bytes!("../../assets/releases.js")),
    ("releases_curve.js", SCRIPT, include_bytes!("../../assets/releases_curve.js")),
    ("admin.js", SCRIPT, include_bytes!("../../assets/admin.js")),
    ("verify.css", STYLE, include_bytes!("../../assets/verify.css")),
    ("verify.js", SCRIPT, include_bytes!("../../assets/verify.js")),
    ("verify_api.js", SCRIPT, include_bytes!("../../assets/verify_api.js")),
    ("verify_boxes.js", SCRIPT, include_bytes!("../../assets/verify_boxes.js")),
    ("icon.svg", DRAWING, include_bytes!("../../assets/icon.svg")),
    ("shelf.svg", DRAWING, include_bytes!("../../assets/shelf.svg")),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let parts: Vec<&[u8]> = ASSETS.iter().map(|(_, _, content)| *content).collect();
    Sha256::of_parts(&parts).short()
});

static BASE: LazyLock<String> = LazyLock::new(|| format!("/static/{}", *VERSION));

/// The folder of this build's files.
pub(super) fn base() -> &'static str {
    &BASE
}

pub(super) async fn asset(Path((version, file)): Path<(String, String)>) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|(name, _, _)| *name == file);
    let Some((_, content_type, content)) = found.filter(|_| version == *VERSION) else {
        return Err(Problem::new(ProblemType::NotFound, "there is no such file in this build; reload the page"));
    };
    let mut response = content.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, forever);
    Ok(response)
}
