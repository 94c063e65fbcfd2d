//! The life of the server: load, listen, drain.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::access::{AccessError, access};
use crate::app::App;
use crate::inference::{ShadowContext, WorkerContext, spawn_shadow, spawn_workers};
use crate::kept;
use crate::labour::Labour;
use crate::load_error::LoadError;
use crate::loaded::Loaded;
use crate::log_writer::write_log;
use crate::models::Phase;
use crate::served::Served;
use crate::setup::Setup;
use crate::swapper::{Swapper, follow};
use crate::{connections, router};

/// Longest time for the log of answers, and for photos that are kept, once nobody answers any more.
const LAST: Duration = Duration::from_secs(5);

/// Why the server ended other than as told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It would answer whom it must not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The listener has no address.
    #[error("the listener has no address")]
    Address(#[source] io::Error),
    /// The thread that loads models did not start.
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
    /// Requests were still running when the drain's time was over.
    #[error(
        "{connections} connections were cut off: their answers were not done, or not taken, within `timeouts.drain`"
    )]
    Unfinished {
        /// How many.
        connections: usize,
    },
    /// A worker was still at a photo when the drain's time was over.
    #[error("a worker was still busy after `timeouts.drain`")]
    WorkersBusy,
}

/// Serves on `listener` until `shutdown` completes, then finishes the requests that were accepted.
///
/// `load` runs on a thread of its own, so `/livez` answers at once; `/readyz` says 503 until models are loaded and every
/// worker has run a first inference. When loading fails, the server goes on saying so: the page at `/` tells a person
/// what to do.
///
/// # Errors
/// When the address needs keys and there are none; when requests could not be finished in `timeouts.drain`.
pub async fn run(
    setup: impl Into<Setup>,
    load: impl FnOnce() -> Result<Loaded, LoadError> + Send + 'static,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let Setup { config, store, reload, export } = setup.into();
    let address = listener.local_addr().map_err(ServeError::Address)?;
    let access = access(&config, address, store.as_ref()).await?;
    let app = App::new(config, access, (store, export));
    // Workers hold the channel open; the loader only may, so that a stop while it loads waits for nobody.
    let (alive, mut all_gone) = mpsc::channel(1);
    let context = WorkerContext {
        queue: Arc::clone(app.inference.queue()),
        models: Arc::clone(&app.models),
        metrics: Arc::clone(&app.metrics),
        latency: Arc::clone(app.inference.latency()),
        memory: Arc::clone(&app.photos),
        predictions: Arc::clone(&app.predictions),
        shadows: Arc::clone(app.inference.shadows()),
        kept: Arc::clone(&app.kept),
        alive: alive.downgrade(),
    };
    // Closed when this function ends: the tasks that follow the store end with it.
    let (_guarding, unguarded) = mpsc::channel(1);
    let (_swapping, settled) = mpsc::channel(1);
    let (logging, all_logged) = mpsc::channel(1);
    let keeping = tokio::spawn(write_log(Arc::clone(&app), all_logged));
    let (shelving, all_shelved) = mpsc::channel(1);
    let measured = (Arc::clone(&app.metrics), app.config.photos);
    let photos = tokio::spawn(kept::keep(app.store.clone(), Arc::clone(&app.kept), measured, all_shelved));
    if let Some(reload) = reload {
        tokio::spawn(Swapper::new(Arc::clone(&app), reload).run(settled));
    }
    if let Some(ring) = app.access.ring() {
        tokio::spawn(Arc::clone(ring).follow(unguarded));
    }
    let shadow = ShadowContext {
        shadows: Arc::clone(app.inference.shadows()),
        queue: Arc::clone(app.inference.queue()),
        models: Arc::clone(&app.models),
        predictions: Arc::clone(&app.predictions),
        store: app.store.clone(),
        runtime: tokio::runtime::Handle::current(),
    };
    spawn_shadow(shadow).map_err(ServeError::Thread)?;
    start_loading(Arc::clone(&app), context, load).map_err(ServeError::Thread)?;

    let labour = Labour::begin(&app);
    tracing::info!(%address, workers = app.config.workers, "listening");
    let mut drain_began = None;
    let stop = async {
        shutdown.await;
        tracing::info!("told to stop: finishing what was accepted");
        app.models.enter(Phase::Stopping);
        drain_began = Some(Instant::now());
    };
    let cut_off = connections::serve(&app, router::router(&app), listener, stop).await;

    drop(alive);
    let queue = app.inference.queue();
    queue.close();
    if cut_off > 0 {
        queue.clear();
    }
    let spent = drain_began.map_or(Duration::ZERO, |began| began.elapsed());
    let left = app.config.timeouts.drain.saturating_sub(spent);
    labour.end(left).await;
    let workers_gone = tokio::time::timeout(left, all_gone.recv()).await.is_ok();
    app.models.follow(None);
    // The last answers are written before the process ends, if the store is there.
    drop((logging, shelving));
    drop(tokio::time::timeout(LAST, async { tokio::join!(keeping, photos) }).await);
    match (cut_off, workers_gone) {
        (0, true) => Ok(()),
        (0, false) => Err(ServeError::WorkersBusy),
        (connections, _) => Err(ServeError::Unfinished { connections }),
    }
}

/// A plain thread, not one of the runtime's: a runtime waits for those at its end, and reading weights takes seconds.
fn start_loading(
    app: Arc<App>,
    context: WorkerContext,
    load: impl FnOnce() -> Result<Loaded, LoadError> + Send + 'static,
) -> io::Result<()> {
    let runtime = tokio::runtime::Handle::current();
    let body = move || {
        let start = Instant::now();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(load))
            .unwrap_or_else(|_| Err("loading panicked".into()))
            .and_then(|loaded| {
                tracing::info!(seconds = start.elapsed().as_secs_f64(), "models are loaded");
                app.models.enter(Phase::WarmingUp);
                app.swaps.count(&loaded.recognizer);
                let served = Arc::new(Served::prepared(loaded, &runtime));
                app.review.set(served.queue.clone());
                app.models.follow(served.queue.clone().map(|queue| follow(&served, queue, &runtime)));
                spawn_workers(&context, &app.config, &served).map_err(LoadError::from)
            });
        if let Err(error) = result {
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "models cannot be loaded; `shelf doctor` says more"
            );
            app.models.enter(Phase::Failed);
        }
    };
    thread::Builder::new().name("loader".to_owned()).spawn(body).map(drop)
}
