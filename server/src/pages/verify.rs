//! `GET /review/verify`: whole photos, gone through by people. The page is a frame; its script asks for photos itself.

use askama::Template;
use axum::response::Response;

use super::{Frame, html};

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyPage {
    frame: Frame,
    here: &'static str,
}

pub(super) async fn verify() -> Response {
    html(&VerifyPage { frame: Frame::new(), here: "verify" })
}
