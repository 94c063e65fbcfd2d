//! Pages about errors: one that just happened, and what each type means.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::{Frame, html};
use crate::problem::{Problem, ProblemType, Row};

#[derive(Template)]
#[template(path = "problem.html")]
struct Occurred<'a> {
    frame: Frame,
    row: Row,
    detail: &'a str,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "problems.html")]
struct Explained {
    frame: Frame,
    title: &'static str,
    rows: Vec<Row>,
    all: bool,
}

/// An error for a person at a browser.
pub(crate) fn page(problem: &Problem, request_id: &str) -> Response {
    html(&Occurred { frame: Frame::new(), row: problem.kind().row(), detail: problem.detail(), request_id })
}

/// `GET /problems`: all types.
pub(super) async fn list() -> Response {
    let rows = ProblemType::ALL.iter().map(|kind| kind.row()).collect();
    html(&Explained { frame: Frame::new(), title: "Errors", rows, all: true })
}

/// `GET /problems/{slug}`: one type. The `type` of every problem leads here.
pub(super) async fn explain(Path(slug): Path<String>) -> Result<Response, Problem> {
    let row = ProblemType::ALL.iter().map(|kind| kind.row()).find(|row| row.slug == slug);
    let row = row.ok_or_else(|| Problem::new(ProblemType::NotFound, "there is no such problem type; see /problems"))?;
    Ok(html(&Explained { frame: Frame::new(), title: row.title, rows: vec![row], all: false }))
}
