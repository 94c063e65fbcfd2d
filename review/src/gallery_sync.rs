//! Follows the store: opens it, swaps the gallery when labels changed it, forgets what is old.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use pipeline::Recognizer;
use store::retention::Retention;
use store::{Store, StoreError, Waiting};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use vision::Embedding;

use crate::reembed::{Progress, reembed};
use crate::thumbnails::take_over;
use crate::{Queue, Queued, ReviewError, ReviewSetup};

/// Longest wait for the store before the server is ready without it.
const FIRST: Duration = Duration::from_secs(15);
/// How often the store is asked what other processes did. Labels of this process are followed at once.
const POLL: Duration = Duration::from_millis(400);
/// Time without labels after which the gallery is named by its content again.
const SETTLE: Duration = Duration::from_millis(500);
/// Rest after the gallery was swapped: as long as the swap took, twice, within these bounds. However fast people answer, most of
/// the machine is left to answer them.
const REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(250));
/// How often what is old is dropped.
const TIDY: Duration = Duration::from_secs(3_600);
/// Images younger than this may be named by a row any moment.
const GRACE: Duration = Duration::from_secs(3_600);
/// Items that wait, read back at the start to compare new facings with.
const MAX_COMPARED: u32 = 4_096;

/// Who answers with the gallery that follows the labels.
pub trait Serving: Send + Sync {
    /// What answers at the moment; `None` before it is ready and after it has ended.
    fn recognizer(&self) -> Option<Recognizer>;

    /// Puts another in its place. What is under way finishes with what it began with.
    fn replace(&self, recognizer: Recognizer);
}

/// The queue of a release, and the release over what people have said so far: opens the store on the thread that loads models, so
/// that whoever is ready knows it. Where the store cannot be reached, it is what the gallery's folder has enrolled.
pub fn start(setup: ReviewSetup, recognizer: Recognizer, runtime: &Handle) -> (Arc<Queue>, Recognizer) {
    let queue = Arc::new(Queue::new(setup));
    let first = async { tokio::time::timeout(FIRST, follow(&queue, &recognizer, Naming::Content)).await };
    match runtime.block_on(first) {
        Ok(Ok(Followed { recognizer: Some(followed), .. })) => return (queue, followed),
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the review queue cannot be opened; trying again");
        }
        Err(_) => tracing::warn!(seconds = FIRST.as_secs(), "the review queue does not answer; trying again"),
    }
    (queue, recognizer)
}

/// The queue of a release that is tried beside the one in production: it asks people under its own name, and takes nothing over
/// into the store, whose gallery is the other's.
pub fn start_beside(setup: ReviewSetup, runtime: &Handle) -> Arc<Queue> {
    let queue = Arc::new(Queue::new(setup));
    let mut counts = HashMap::<_, usize>::new();
    for exemplar in &queue.enrolled.exemplars {
        *counts.entry(exemplar.sku).or_default() += 1;
    }
    *queue.exemplars.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(counts);
    let first = async { tokio::time::timeout(FIRST, connect(&queue)).await };
    match runtime.block_on(first) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the review queue cannot be opened; the release beside asks nobody");
        }
        Err(_) => tracing::warn!(
            seconds = FIRST.as_secs(),
            "the review queue does not answer; the release beside asks nobody"
        ),
    }
    queue
}

/// Follows the store until `stopped` is closed.
pub async fn sync(serving: Arc<dyn Serving>, queue: Arc<Queue>, mut stopped: mpsc::Receiver<()>) {
    let mut tidied = Instant::now();
    let mut swapped = Instant::now();
    let mut failing = false;
    let mut progress = Progress::nothing();
    loop {
        tokio::select! {
            () = queue.wake.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stopped.recv() => return,
        }
        // Until then there is nothing to swap.
        let Some(serves) = serving.recognizer() else { continue };
        let begin = Instant::now();
        if let Err(error) = reembed(&queue, &serves, &mut progress).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "labels of another embedder are embedded again later"
            );
        }
        let naming = if swapped.elapsed() < SETTLE { Naming::Change } else { Naming::Content };
        match follow(&queue, &serves, naming).await {
            Ok(Followed { recognizer, answered, reopened }) => {
                let rest = (begin.elapsed() * 2).clamp(REST.0, REST.1);
                let new = recognizer.is_some();
                let gallery_version = recognizer.as_ref().unwrap_or(&serves).gallery_version();
                {
                    // One step for who picks meanwhile: what is answered still looks unsure under the gallery before, and
                    // what is reopened under the one after.
                    let mut sampler = queue.sampler();
                    sampler.reopened(&reopened.iter().map(String::as_str).collect());
                    if let Some(recognizer) = recognizer {
                        serving.replace(recognizer);
                        swapped = Instant::now();
                    }
                    sampler.answered(&answered.iter().map(String::as_str).collect(), gallery_version);
                }
                if new {
                    tokio::time::sleep(rest).await;
                }
            }
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the review queue cannot be followed; trying again"
                );
                continue;
            }
            Err(_) => continue,
        }
        if failing {
            failing = false;
            tracing::info!("the review queue is there again");
        }
        if tidied.elapsed() > TIDY {
            tidied = Instant::now();
            tidy(&queue).await;
        }
    }
}

/// How a gallery is named that is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// By the last change: at once.
    Change,
    /// By its content as soon as that rests: all of it is read.
    Content,
}

/// What came of following the store.
struct Followed {
    /// To be swapped in, if anything changed.
    recognizer: Option<Recognizer>,
    /// Items that the new gallery knows the answer to.
    answered: HashSet<String>,
    /// Items that it knows the answer to no longer.
    reopened: HashSet<String>,
}

/// Opens the store if it is not open, and applies what changed.
async fn follow(queue: &Arc<Queue>, recognizer: &Recognizer, naming: Naming) -> Result<Followed, ReviewError> {
    let store = match queue.store() {
        Some(store) => store,
        None => open(queue).await?,
    };
    let mut live = queue.live.lock().await;
    let changes = store.changes_since(live.change(), live.embedder()).await?;
    let first = live.change() == 0;
    let rests = changes.change == live.change();
    let seal = naming == Naming::Content && (rests || first) && !live.is_sealed();
    if rests && !seal {
        return Ok(Followed { recognizer: None, answered: HashSet::new(), reopened: HashSet::new() });
    }
    let of_items = |active: bool| {
        let those = changes.exemplars.iter().filter(move |exemplar| exemplar.active == active);
        those.filter_map(|exemplar| Some(exemplar.origin.strip_prefix("review/")?.to_owned()))
    };
    let answered: HashSet<_> = of_items(true).collect();
    // An item that was answered otherwise has exemplars of both kinds.
    let reopened = of_items(false).filter(|item| !answered.contains(item)).collect();
    // Off the async threads: a large gallery takes a moment to index.
    let (mut next, base) = (live.clone(), recognizer.clone());
    let done = tokio::task::spawn_blocking(move || -> Result<_, ReviewError> {
        let different = next.apply(&changes)?;
        if seal {
            next.seal();
        }
        let swapped = if different || seal { Some(next.over(&base)?) } else { None };
        Ok((next, swapped))
    });
    let (next, swapped) = done.await??;
    if swapped.is_some() {
        let counts = Arc::new(next.exemplars_of_skus());
        *queue.exemplars.write().unwrap_or_else(PoisonError::into_inner) = counts;
        let (change, exemplars) = (next.change(), next.data().exemplars().len());
        tracing::info!(change, exemplars, "the gallery follows the labels");
    }
    *live = next;
    Ok(Followed { recognizer: swapped, answered, reopened })
}

async fn open(queue: &Queue) -> Result<Store, StoreError> {
    let store = queue.handle.get().await?;
    store.adopt(queue.enrolled.clone()).await?;
    let store = connect(queue).await?;
    let (taker, gallery) = (store.clone(), queue.gallery.clone());
    tokio::spawn(async move { take_over(&taker, gallery).await });
    Ok(store)
}

/// Reads back what waits, and lets the queue write.
async fn connect(queue: &Queue) -> Result<Store, StoreError> {
    let store = queue.handle.get().await?;
    let now = store::model::now();
    let times = store.queued_since(now - 86_400_000).await?;
    let waiting = store.open_embeddings(queue.enrolled.embedder, None, MAX_COMPARED).await?;
    let normal = |waiting: Waiting| {
        let Waiting { item, embedding, image_hash } = waiting;
        Some(Queued { item, embedding: Embedding::normalized(embedding).ok()?, image_hash })
    };
    queue.sampler().load(times, waiting.into_iter().filter_map(normal).collect());
    *queue.store.write().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
    tracing::info!(store = store.describe(), "the review queue is open");
    Ok(store)
}

async fn tidy(queue: &Queue) {
    let Some(store) = queue.store() else { return };
    let retention = Retention { max_age: queue.config.keep, max_bytes: queue.config.max_bytes, grace: GRACE };
    match store.forget(&retention).await {
        Ok(gone) => {
            tracing::info!(items = gone.items, images = gone.images, bytes = gone.bytes, "the queue was tidied");
        }
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the queue could not be tidied"),
    }
}
