//! `GET /livez`: the process answers.

/// Is the process alive?
///
/// 200 as soon as the port is open, while models are loading too. If it does not answer, restart the process.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "operation",
    responses((status = 200, description = "Alive", body = String, content_type = "text/plain"))
)]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}
