//! A release that is tried in the shadow of the one in production: it recognises photos once more that were answered, when nobody
//! waits for anything, and lets go as soon as somebody does.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use bytes::Bytes;
use pipeline::{Photo, RecognizeError, Recognized};
use review::{Seen, Source, prepare_differing};
use store::StoreHandle;
use store::model::now;
use store::predictions::NewPrediction;
use tokio::runtime::Handle;
use vision::sequential::Proportion;
use vision::{BBox, Cancel, ModelError, Recognition, Sha256, SkuId};

use super::JobQueue;
use super::entry::{Answered, entry};
use crate::beside::Beside;
use crate::models::Models;
use crate::predictions::{Occasion, PredictionLog};

/// Photos that may wait: what comes beyond them is not looked at again.
const ROOM: usize = 4;
/// How often it is looked whether nobody waits.
const LOOK: Duration = Duration::from_millis(25);
/// How often one photo is begun anew.
const ATTEMPTS: u32 = 5;
/// Longest time for one.
const LONGEST: Duration = Duration::from_secs(60);
/// Boxes that overlap so much are the same facing.
const SAME: f32 = 0.5;

/// A photo that was answered.
pub(crate) struct Shadowed {
    pub(crate) beside: Arc<Beside>,
    pub(crate) photo: Bytes,
    pub(crate) digest: Sha256,
    /// What the release in production saw.
    pub(crate) seen: Vec<(BBox, Option<SkuId>)>,
    pub(crate) request_id: String,
    pub(crate) occasion: Occasion,
    pub(crate) source: Source,
    pub(crate) attempts: u32,
}

/// Photos that wait for nobody's answer.
#[derive(Default)]
pub(crate) struct Shadows {
    waiting: Mutex<VecDeque<Shadowed>>,
    wake: Condvar,
    /// Told when somebody waits.
    running: Mutex<Option<Arc<AtomicBool>>>,
}

impl std::fmt::Debug for Shadows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shadows").finish_non_exhaustive()
    }
}

impl Shadows {
    /// Takes a photo, unless as many wait as may: newer ones come.
    pub(super) fn push(&self, photo: Shadowed) {
        let mut waiting = self.waiting();
        if waiting.len() < ROOM {
            waiting.push_back(photo);
            self.wake.notify_one();
        }
    }

    /// Somebody waits: what is being looked at again is let go.
    pub(super) fn interrupt(&self) {
        if let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            running.store(true, Ordering::Release);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Shadowed>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one, if there is one at all; waits a moment for it.
    fn next(&self) -> Option<Shadowed> {
        let waiting = self.waiting();
        let (mut waiting, _) = self
            .wake
            .wait_timeout_while(waiting, LOOK, |waiting| waiting.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }

    fn back(&self, photo: Shadowed) {
        let mut waiting = self.waiting();
        if waiting.len() < ROOM {
            waiting.push_front(photo);
        }
    }

    fn run(&self, running: Option<Arc<AtomicBool>>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}

/// What the thread needs.
pub(crate) struct ShadowContext {
    pub(crate) shadows: Arc<Shadows>,
    pub(crate) queue: Arc<JobQueue>,
    pub(crate) models: Arc<Models>,
    pub(crate) predictions: Arc<PredictionLog>,
    pub(crate) store: Option<StoreHandle>,
    pub(crate) runtime: Handle,
}

/// Starts the thread; it ends with the queue.
pub(crate) fn spawn_shadow(context: ShadowContext) -> io::Result<()> {
    let body = move || {
        while context.queue.is_open() {
            // A photo that panics is not tried again.
            if catch_unwind(AssertUnwindSafe(|| context.step())).is_err() {
                context.shadows.run(None);
                tracing::error!("looking at a photo again panicked");
            }
        }
    };
    thread::Builder::new().name("shadow".to_owned()).spawn(body).map(drop)
}

impl ShadowContext {
    fn step(&self) {
        let Some(photo) = self.shadows.next() else { return };
        // What belongs to a test that is over keeps no release in memory.
        let runs = self.models.beside().is_some_and(|beside| beside.test.id == photo.beside.test.id);
        if !runs {
            return;
        }
        let gone = Arc::<AtomicBool>::default();
        self.shadows.run(Some(Arc::clone(&gone)));
        let idle = self.queue.is_idle();
        let looked = if idle { self.look(&photo, gone) } else { Err(Interrupted) };
        self.shadows.run(None);
        match looked {
            Ok(()) => {}
            Err(Interrupted) if !idle || photo.attempts < ATTEMPTS => {
                let attempts = photo.attempts + u32::from(idle);
                self.shadows.back(Shadowed { attempts, ..photo });
                thread::sleep(LOOK);
            }
            Err(Interrupted) => {}
        }
    }

    fn look(&self, photo: &Shadowed, gone: Arc<AtomicBool>) -> Result<(), Interrupted> {
        let served = &photo.beside.served;
        let recognizer = served.recognizer();
        let mut options = served.options.clone();
        options.keep_embeddings |= served.queue.is_some();
        let begin = Instant::now();
        let cancel = Cancel::new(gone, begin + LONGEST);
        let found = recognizer.recognize_until(vec![Photo::Encoded(photo.photo.clone())], &options, &cancel);
        let Recognized { recognition, image, .. } = match found.into_iter().next() {
            Some(Ok(recognized)) => recognized,
            Some(Err(RecognizeError::Model(error))) if matches!(*error, ModelError::Cancelled) => {
                return Err(Interrupted);
            }
            Some(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, release = served.label(), "a photo cannot be looked at again");
                return Ok(());
            }
            None => return Ok(()),
        };
        let (agreed, differs) = compare(&photo.seen, &recognition);
        let test = &photo.beside.test;
        let mark = test.shadow_mark();
        let answered = Answered {
            request_id: &photo.request_id,
            release: served.label(),
            arm: Some(&mark),
            occasion: &photo.occasion,
        };
        let logged = entry(&answered, &recognition, photo.digest, begin.elapsed());
        // How answers change is told by answers alone.
        self.predictions.take(NewPrediction { signals: Vec::new(), ..logged });
        let prepared = served.queue.as_ref().and_then(|queue| {
            let seen = Seen {
                request_id: &photo.request_id,
                photo: &photo.photo,
                digest: photo.digest,
                image: &image,
                recognition: &recognition,
                recognizer: &recognizer,
                total: begin.elapsed(),
                source: photo.source,
                release: served.label(),
                arm: Some(&mark),
            };
            prepare_differing(queue, &seen, &differs)
        });
        self.runtime.block_on(async {
            if let Some(prepared) = prepared {
                prepared.write().await;
            }
            let Some(handle) = &self.store else { return };
            let logged = async { handle.get().await?.log_shadow(&test.id, now(), 1, agreed).await };
            if let Err(error) = logged.await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, test = test.name, "what a shadow saw cannot be counted");
            }
        });
        Ok(())
    }
}

/// Somebody waits for an answer.
struct Interrupted;

/// Facings on which both agreed among all that either saw, and which of the shadow's differ: of another SKU, or seen by it alone.
fn compare(production: &[(BBox, Option<SkuId>)], shadow: &Recognition) -> (Proportion, Vec<bool>) {
    let mut left: Vec<Option<&(BBox, Option<SkuId>)>> = production.iter().map(Some).collect();
    let (mut agreed, mut alone) = (0, 0);
    let mut differs = Vec::with_capacity(shadow.items.len());
    for item in &shadow.items {
        let near = |(at, facing): (usize, &Option<&(BBox, Option<SkuId>)>)| {
            let overlap = facing.as_ref()?.0.iou(&item.detection.bbox);
            (overlap >= SAME).then_some((at, overlap))
        };
        let twin = left.iter().enumerate().filter_map(near).max_by(|a, b| a.1.total_cmp(&b.1));
        let same = match twin.and_then(|(at, _)| left[at].take()) {
            Some((_, sku)) => *sku == item.decision.sku,
            None => {
                alone += 1;
                false
            }
        };
        agreed += u64::from(same);
        differs.push(!same);
    }
    (Proportion { right: agreed, of: production.len() as u64 + alone }, differs)
}
