//! Accepts connections and serves each until it closes or the server drains.

mod paced;
mod sent;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::app::App;
use crate::clients::{Peer, Presence};
use crate::problem::{Problem, ProblemType};
use crate::request_id::RequestId;
use paced::{PacedStream, SendTimes};
use sent::Sent;

/// While draining, how often to look whether a connection still has a request.
const DRAIN_TICK: Duration = Duration::from_secs(1);

/// Connections that are told, at the same time, that they are too many.
const MAX_REFUSALS: usize = 64;

/// How long such a refusal may take.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Wait after `accept` failed for want of files or memory, which passes as connections close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is answered however many connections are open.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Serves until `shutdown`, then finishes what is under way; the number of connections that were cut off: they took longer
/// than the drain may, or their client did not take its answer.
pub(crate) async fn serve(
    app: &Arc<App>,
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let entrance = Entrance {
        app,
        router,
        refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
        cut_off: Arc::new(AtomicUsize::new(0)),
    };
    let mut open = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = open.join_next(), if !open.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => entrance.admit(stream, Peer::new(peer), &mut open),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    app.stop.send_replace(true);
    let finished = async { while open.join_next().await.is_some() {} };
    // What is still open when the time is over counts itself as it is dropped.
    let _ = tokio::time::timeout(app.config.timeouts.drain, finished).await;
    open.shutdown().await;
    let cut_off = entrance.cut_off.load(Ordering::Acquire);
    app.metrics.answers_cut(cut_off);
    cut_off
}

/// Lets connections in as long as there are places.
struct Entrance<'a> {
    app: &'a Arc<App>,
    router: Router,
    refusals: Arc<Semaphore>,
    cut_off: Arc<AtomicUsize>,
}

impl Entrance<'_> {
    fn admit(&self, stream: TcpStream, peer: Peer, open: &mut JoinSet<()>) {
        let presence = Arc::new(Presence::new());
        if let Some(place) = self.app.room.enter(peer.address(), &presence) {
            let (app, router, cut_off) = (Arc::clone(self.app), self.router.clone(), Arc::clone(&self.cut_off));
            open.spawn(async move {
                app.metrics.connections().inc();
                let cut = CutOff { presence: Arc::clone(&presence), stop: app.stop.subscribe(), count: cut_off };
                tokio::select! {
                    () = connection(&app, router, stream, peer, presence) => {}
                    () = place.told_to_leave() => app.metrics.rejected("made_room"),
                }
                drop(cut);
                app.metrics.connections().dec();
            });
            return;
        }
        self.app.metrics.rejected("connections");
        // Beyond these, connections are closed without a word.
        if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
            let router = self.router.clone();
            open.spawn(async move {
                turn_away(router, stream, peer).await;
                drop(place);
            });
        }
    }
}

/// Counts a connection that ends in the drain with something unfinished.
struct CutOff {
    presence: Arc<Presence>,
    stop: watch::Receiver<bool>,
    count: Arc<AtomicUsize>,
}

impl Drop for CutOff {
    fn drop(&mut self) {
        if *self.stop.borrow() && self.presence.is_busy() {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
    }
}

async fn connection(app: &App, router: Router, stream: TcpStream, peer: Peer, presence: Arc<Presence>) {
    // Answers are written in one go; waiting to fill a packet only adds delay.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = &error as &dyn std::error::Error, "TCP_NODELAY was not set");
    }
    let service = {
        let presence = Arc::clone(&presence);
        hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            let interim = request.version() >= hyper::Version::HTTP_11;
            presence.request_began(interim, request.body().is_end_stream());
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(Arc::clone(&presence));
            let (presence, answer) = (Arc::clone(&presence), router.clone().oneshot(request));
            async move {
                let answer = answer.await;
                presence.answer_began();
                answer.map(|mut answer: Response| {
                    let memory = answer.extensions_mut().remove().unwrap_or_default();
                    answer.map(|body| Sent::new(body, presence, memory))
                })
            }
        })
    };
    let times = SendTimes { idle: app.config.timeouts.answer_idle, whole: app.config.timeouts.answer };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.config.timeouts.header)
        .serve_connection(TokioIo::new(PacedStream::new(stream, Arc::clone(&presence), times)), service);
    tokio::pin!(connection);
    let mut stopped = app.stop.subscribe();
    let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            // Ends by itself after the answer's last byte, but not while half of a request's head is there: nothing was
            // accepted of that one.
            let mut was_busy = true;
            loop {
                tokio::select! {
                    result = connection.as_mut() => break result,
                    () = tokio::time::sleep(DRAIN_TICK) => {
                        let is_busy = presence.is_busy();
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

/// Answers one request of a connection too many: probes as always, everything else with a refusal.
async fn turn_away(router: Router, stream: TcpStream, peer: Peer) {
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let probe = PROBES.contains(&request.uri().path()).then(|| router.clone());
        async move {
            match probe {
                Some(router) => router.oneshot(request).await,
                None => Ok(refusal(request.headers(), request.uri().path())),
            }
        }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(REFUSAL_TIME)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(REFUSAL_TIME, connection).await {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a refusal was not sent");
    }
}

fn refusal(headers: &HeaderMap, path: &str) -> Response {
    let problem =
        Problem::new(ProblemType::Overloaded, "too many connections are open; try again in 1 s").retry_after(1);
    problem.written(path, RequestId::of(headers).as_str())
}
