//! Accepts connections and serves each until it closes or the server drains.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::app::App;
use crate::problem::{CONTENT_TYPE, Problem, ProblemType};
use crate::request_id::RequestId;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(SocketAddr);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// While draining, how often to look whether a connection still has a request.
const DRAIN_TICK: Duration = Duration::from_secs(1);

/// Connections that are told, at the same time, that they are too many.
const MAX_REFUSALS: usize = 64;

/// How long such a refusal may take.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Wait after `accept` failed for want of files or memory, which passes as connections close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then finishes what is under way; the number of connections that were cut off because they
/// took longer than the drain may.
pub(crate) async fn serve(
    app: &Arc<App>,
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let (stop, stopped) = watch::channel(false);
    let entrance = Entrance {
        app,
        router,
        stopped,
        places: Arc::new(Semaphore::new(app.config.max_connections)),
        refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
    };
    let mut open = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = open.join_next(), if !open.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => entrance.admit(stream, Peer(peer), &mut open),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let finished = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(app.config.timeouts.drain, finished).await.is_ok() {
        return 0;
    }
    let cut_off = open.len();
    open.shutdown().await;
    cut_off
}

/// Lets connections in as long as there are places.
struct Entrance<'a> {
    app: &'a Arc<App>,
    router: Router,
    stopped: watch::Receiver<bool>,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

impl Entrance<'_> {
    fn admit(&self, stream: TcpStream, peer: Peer, open: &mut JoinSet<()>) {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            let (app, router, stopped) = (Arc::clone(self.app), self.router.clone(), self.stopped.clone());
            open.spawn(async move {
                app.metrics.connections().inc();
                connection(&app, router, stream, peer, stopped).await;
                app.metrics.connections().dec();
                drop(place);
            });
            return;
        }
        self.app.metrics.rejected("connections");
        // Beyond these, connections are closed without a word.
        if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
            open.spawn(async move {
                refuse(stream).await;
                drop(place);
            });
        }
    }
}

async fn connection(app: &App, router: Router, stream: TcpStream, peer: Peer, mut stopped: watch::Receiver<bool>) {
    // Answers are written in one go; waiting to fill a packet only adds delay.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = &error as &dyn std::error::Error, "TCP_NODELAY was not set");
    }
    let busy = Arc::new(AtomicBool::new(false));
    let service = {
        let busy = Arc::clone(&busy);
        hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            busy.store(true, Ordering::Release);
            let (busy, answer) = (Arc::clone(&busy), router.clone().oneshot(request));
            async move {
                let answer = answer.await;
                busy.store(false, Ordering::Release);
                answer
            }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.config.timeouts.header)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            // Ends by itself after the answer, but not while half of a request's head is there: nothing was accepted of
            // that one. An answer that is done gets a tick to be sent.
            let mut was_busy = true;
            loop {
                tokio::select! {
                    result = connection.as_mut() => break result,
                    () = tokio::time::sleep(DRAIN_TICK) => {
                        let is_busy = busy.load(Ordering::Acquire);
                        if !is_busy && !was_busy {
                            break Ok(());
                        }
                        was_busy = is_busy;
                    }
                }
            }
        }
    };
    if let Err(error) = result {
        // Broken pipes, resets and timeouts: the client's doing.
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection broke");
    }
}

/// Answers a connection too many. What the client has sent is read first: an answer before the question confuses
/// clients, and closing over unread bytes resets the connection.
async fn refuse(mut stream: TcpStream) {
    let mut head = [0; 8 << 10];
    let sent = tokio::time::timeout(REFUSAL_TIME, async {
        let _ = stream.read(&mut head).await?;
        stream.write_all(&refusal()).await?;
        stream.shutdown().await
    });
    if let Ok(Err(error)) = sent.await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a refusal was not sent");
    }
}

/// Sent instead of serving a connection too many, written without setting anything up for it.
fn refusal() -> Vec<u8> {
    let problem =
        Problem::new(ProblemType::Overloaded, "too many connections are open; try again in 1 s").retry_after(1);
    let id = RequestId::of(&HeaderMap::new());
    let body = serde_json::to_string(&problem.body("/", id.as_str())).expect("a problem is plain data");
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {CONTENT_TYPE}\r\nretry-after: 1\r\nconnection: close\r\n\
         x-request-id: {}\r\ncontent-length: {}\r\n\r\n{body}",
        id.as_str(),
        body.len(),
    )
    .into_bytes()
}
