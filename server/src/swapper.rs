//! Loads a release beside what is served, tries it, swaps, and waits until the one before has answered its last request.

mod trial;

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use review::Queue;
use store::StoreError;
use store::access::DEFAULT_ORGANISATION;
use store::registry::ModelVersion;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::app::App;
use crate::inference::probe;
use crate::load_error::LoadError;
use crate::models::Phase;
use crate::served::{Following, Served};
use crate::swap::{Attempts, Load, Reload, SwapState};

/// How often it is looked whether the release before is gone.
const DRAIN: Duration = Duration::from_millis(20);
/// How long a release may take to be gone before the log says so.
const LONG: Duration = Duration::from_secs(60);
/// Most releases in memory at once.
pub(super) const MAX_IN_MEMORY: usize = 2;

/// Follows what is in production, and what is asked for.
pub(crate) struct Swapper {
    pub(super) app: Arc<App>,
    pub(super) reload: Reload,
    attempts: Attempts,
    /// When the store was asked last; `None` when it should be asked at once.
    looked: Option<Instant>,
    /// Somebody wants everything loaded anew.
    asked: bool,
    /// Since when the release before answers what it has accepted, and whether the log has it.
    pub(super) draining: Option<(Instant, bool)>,
    /// Another one is wanted, and there is no room yet.
    waiting: bool,
    /// The store was away when it was asked last.
    failing: bool,
    /// Nothing was in production when it was asked last.
    deserted: bool,
    /// What the store says is in production answers: whether a test runs with it may be asked.
    settled: bool,
    /// Tests whose other release was refused.
    pub(super) trials: Attempts,
}

/// What is to be loaded.
struct Wanted {
    /// What is configured, when there is none.
    version: Option<ModelVersion>,
}

impl Wanted {
    fn label(&self) -> String {
        self.version.as_ref().map_or_else(|| "what is configured".to_owned(), ModelVersion::label)
    }

    fn id(&self) -> &str {
        self.version.as_ref().map_or("", |version| version.id.as_str())
    }
}

impl Swapper {
    pub(crate) fn new(app: Arc<App>, reload: Reload) -> Self {
        let attempts = Attempts::default();
        Self {
            app,
            reload,
            attempts,
            looked: Some(Instant::now()),
            waiting: false,
            asked: false,
            draining: None,
            failing: false,
            deserted: false,
            settled: false,
            trials: Attempts::default(),
        }
    }

    /// Until `stopped` is closed.
    pub(crate) async fn run(mut self, mut stopped: mpsc::Receiver<()>) {
        loop {
            let pause = if self.draining.is_some() { DRAIN } else { self.app.config.releases.look };
            let swaps = Arc::clone(&self.app.swaps);
            tokio::select! {
                _ = stopped.recv() => return,
                Some(()) = self.reload.asked.recv() => {
                    self.asked = true;
                    self.attempts.forget();
                    self.trials.forget();
                }
                () = swaps.changed() => {
                    self.looked = None;
                    self.attempts.forget();
                }
                () = tokio::time::sleep(pause) => {}
            }
            self.notice_the_end();
            // What is asked for before the first release answers is what is being loaded.
            if !matches!(self.app.models.phase(), Phase::Ready(_)) {
                if std::mem::take(&mut self.asked) {
                    tracing::warn!("nothing is loaded anew: the server is not ready, or is no more");
                }
                continue;
            }
            let Some(wanted) = self.wanted().await else {
                if std::mem::take(&mut self.settled) {
                    tokio::select! {
                        _ = stopped.recv() => return,
                        () = self.attend_to_test() => {}
                    }
                }
                continue;
            };
            // What is compared with what is in production makes room for what is to be.
            self.leave_test();
            if self.app.swaps.in_memory() >= MAX_IN_MEMORY {
                self.app.swaps.enter(SwapState::Waiting);
                self.waiting = true;
                continue;
            }
            tokio::select! {
                _ = stopped.recv() => return,
                () = self.swap(wanted) => {}
            }
        }
    }

    /// Whether the release before has answered its last request.
    fn notice_the_end(&mut self) {
        let Some((since, told)) = self.draining else { return };
        if self.app.swaps.in_memory() < MAX_IN_MEMORY {
            self.draining = None;
            self.app.swaps.enter(SwapState::Idle);
            if std::mem::take(&mut self.waiting) {
                self.looked = None;
            }
            tracing::info!(seconds = since.elapsed().as_secs_f64(), "the release before has answered its last request");
        } else if !told && since.elapsed() > LONG {
            self.draining = Some((since, true));
            tracing::warn!("the release before is still in memory; another one has to wait");
        }
    }

    /// What should be served and is not.
    async fn wanted(&mut self) -> Option<Wanted> {
        let Some(name) = self.reload.follows.clone() else {
            return self.asked.then_some(Wanted { version: None });
        };
        let due = self.looked.is_none_or(|looked| looked.elapsed() >= self.app.config.releases.look);
        let follow = self.app.config.releases.follow || self.looked.is_none();
        let look = self.asked || (due && follow);
        if !look {
            return None;
        }
        let found = match self.in_production(&name).await {
            Ok(found) => found,
            Err(error) => {
                self.looked = Some(Instant::now());
                if !std::mem::replace(&mut self.failing, true) {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, name, "nobody says what is in production; what is served stays");
                }
                return None;
            }
        };
        self.looked = Some(Instant::now());
        self.failing = false;
        let Some(version) = found else {
            self.asked = false;
            if !std::mem::replace(&mut self.deserted, true) {
                tracing::warn!(name, "no version is in production any more; what is served stays");
            }
            return None;
        };
        self.deserted = false;
        if self.asked {
            return Some(Wanted { version: Some(version) });
        }
        if self.serves(&version.id) {
            self.app.swaps.settle();
            self.settled = true;
            return None;
        }
        self.attempts.may(&version.id, Instant::now()).then_some(Wanted { version: Some(version) })
    }

    /// The version in production; asks for no more than its id while that is served.
    async fn in_production(&self, name: &str) -> Result<Option<ModelVersion>, StoreError> {
        let Some(handle) = &self.app.store else { return Ok(None) };
        let store = handle.get().await?;
        let Some(id) = store.production_id(DEFAULT_ORGANISATION, name).await? else { return Ok(None) };
        match store.model(DEFAULT_ORGANISATION, &id).await {
            Ok(version) => Ok(Some(version)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn serves(&self, id: &str) -> bool {
        let served = self.app.models.current().ok();
        served.is_some_and(|served| served.version.as_ref().is_some_and(|version| version.id == id))
    }

    async fn swap(&mut self, wanted: Wanted) {
        let (begin, label) = (Instant::now(), wanted.label());
        self.asked = false;
        self.app.swaps.enter(SwapState::Loading);
        tracing::info!(release = label, "another release is being loaded");
        let id = wanted.id().to_owned();
        match self.load(wanted).await {
            Ok(served) => {
                self.attempts.forget();
                if self.put(&served) {
                    let seconds = begin.elapsed().as_secs_f64();
                    self.app.swaps.settle();
                    self.app.metrics.swapped("swapped", begin.elapsed());
                    tracing::info!(release = label, seconds, "another release answers");
                    self.draining = Some((Instant::now(), false));
                    self.app.swaps.enter(SwapState::Draining);
                }
            }
            Err(error) => {
                self.attempts.refused(&id, Instant::now());
                self.app.swaps.enter(SwapState::Idle);
                self.app.swaps.refuse(&label, causes(&*error));
                self.app.metrics.swapped("refused", begin.elapsed());
                let error = &*error as &dyn Error;
                tracing::error!(error, release = label, "a release was refused; what is served stays");
            }
        }
    }

    async fn load(&self, wanted: Wanted) -> Result<Arc<Served>, LoadError> {
        let (app, load, runtime) = (Arc::clone(&self.app), Arc::clone(&self.reload.load), Handle::current());
        on_a_thread(move || prepare(&app, &*load, wanted.version.as_ref(), &runtime)).await
    }

    /// New requests are answered with it from now on, and its gallery follows the labels in place of the one before.
    fn put(&self, served: &Arc<Served>) -> bool {
        let queue = served.queue.clone();
        if self.app.models.swap(Arc::clone(served)).is_err() {
            return false;
        }
        self.app.review.set(queue.clone());
        self.app.models.follow(queue.map(|queue| follow(served, queue, &Handle::current())));
        true
    }
}

/// Keeps the gallery of a release in step with the labels for as long as the sender is held.
pub(crate) fn follow(served: &Arc<Served>, queue: Arc<Queue>, runtime: &Handle) -> mpsc::Sender<()> {
    let (held, stopped) = mpsc::channel(1);
    let following = Arc::new(Following(Arc::downgrade(served)));
    runtime.spawn(review::sync(following, queue, stopped));
    held
}

/// A plain thread: reading weights takes seconds of a core.
pub(super) async fn on_a_thread(
    work: impl FnOnce() -> Result<Arc<Served>, LoadError> + Send + 'static,
) -> Result<Arc<Served>, LoadError> {
    let (done, loaded) = oneshot::channel();
    let body = move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        // Nobody waits when the server stops.
        drop(done.send(result.unwrap_or_else(|_| Err("loading panicked".into()))));
    };
    thread::Builder::new().name("loader".to_owned()).spawn(body)?;
    loaded.await?
}

/// Loads, tries on as many threads as there are workers, and only then lets the review queue take over what it has enrolled: a
/// release that is refused has changed nothing.
fn prepare(app: &App, load: &Load, version: Option<&ModelVersion>, runtime: &Handle) -> Result<Arc<Served>, LoadError> {
    let loaded = load(version)?;
    app.swaps.count(&loaded.recognizer);
    probe(app.config.workers.get(), &loaded.recognizer, &loaded.options)?;
    Ok(Arc::new(Served::prepared(loaded, runtime)))
}

/// An error with what lies behind it, in one line.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}
