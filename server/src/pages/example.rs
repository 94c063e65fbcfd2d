//! `GET /example.jpg`: the photo behind "Try the example".

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::problem::{Problem, ProblemType};

pub(super) async fn photo(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let served = app.models.current()?;
    let Some(example) = &served.example else {
        return Err(Problem::new(ProblemType::NotFound, "this server offers no example"));
    };
    let mut response = example.photo().clone().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    Ok(response)
}
