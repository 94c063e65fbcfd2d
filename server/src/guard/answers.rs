//! Memory that answers on their way may take together.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::Body as _;

use crate::app::App;
use crate::clients::Memory;
use crate::problem::{Problem, ProblemType};
use crate::request_id::RequestId;

/// Answers up to this size are not counted: what connections may be open bounds them.
const SMALL: usize = 64 << 10;

/// How often memory is looked for in answers that nobody takes, and the pause in between.
const MAX_POLLS: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// The outermost layer: an answer that does not fit beside those on their way is refused. Before that, connections that leave
/// theirs untaken make room.
pub(crate) async fn account(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (id, path) = (RequestId::of(request.headers()), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
    if bytes <= SMALL {
        return response;
    }
    let memory = app.answers.open();
    for _ in 0..MAX_POLLS {
        if memory.grow(bytes) {
            response.extensions_mut().insert(Memory::of(memory));
            return response;
        }
        if !app.room.free_memory() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    app.metrics.rejected("answers");
    let detail = "too many answers are waiting to be taken by their clients; try again, or ask for less at a time";
    Problem::new(ProblemType::Overloaded, detail).retry_after(1).written(&path, id.as_str())
}
