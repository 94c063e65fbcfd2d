//! Threads that turn photos into answers: decode, recognise, draw, encode.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use bytes::Bytes;
use pipeline::{Photo, RecognizeError, RecognizeOptions, Recognized, Recognizer};
use review::{Cut, ReviewError, Seen, cut, prepare};
use tokio::sync::{mpsc, oneshot};
use vision::{Cancel, ModelError, Recognition};

use super::entry::{Answered, entry};
use super::job::{Answer, AnswerBody, AnswerFormat, Classified, Job, JobError, JobRequest, Summary, Work};
use super::shadow::{Shadowed, Shadows};
use super::{JobQueue, LatencyAverage, PhotoMemory};
use crate::config::ServerConfig;
use crate::kept::{self, PhotoIntake, Sent};
use crate::load_error::LoadError;
use crate::metrics::Metrics;
use crate::models::{Models, Phase};
use crate::predictions::PredictionLog;
use crate::served::{CONFIGURED, Served};
use crate::wire::annotated;
use crate::wire::answer::{AnswerContext, RecognizeAnswer};
use crate::wire::parameters::GalleryChoice;

/// Side of the blank image of the warm-up: large enough for every network to scale down.
const WARM_UP_SIDE: u32 = 640;

/// What workers need.
#[derive(Debug, Clone)]
pub(crate) struct WorkerContext {
    pub(crate) queue: Arc<JobQueue>,
    pub(crate) models: Arc<Models>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) latency: Arc<LatencyAverage>,
    pub(crate) memory: Arc<PhotoMemory>,
    pub(crate) predictions: Arc<PredictionLog>,
    pub(crate) shadows: Arc<Shadows>,
    pub(crate) kept: Arc<PhotoIntake>,
    /// Each worker holds it open while it lives.
    pub(crate) alive: mpsc::WeakSender<()>,
}

/// Starts the workers. Each runs one inference on a blank image; when all have, the server is ready.
pub(crate) fn spawn_workers(context: &WorkerContext, config: &ServerConfig, served: &Arc<Served>) -> io::Result<()> {
    let count = config.workers.get();
    let max_batch = config.max_batch.get();
    let cold = Arc::new(AtomicU64::new(count as u64));
    let Some(alive) = context.alive.upgrade() else { return Ok(()) };
    for number in 0..count {
        let (context, served, cold, alive) = (context.clone(), Arc::clone(served), Arc::clone(&cold), alive.clone());
        let body = move || {
            let _alive = alive;
            match warm_up(&served.recognizer(), &served.options) {
                Ok(()) if cold.fetch_sub(1, Ordering::AcqRel) == 1 => context.models.enter(Phase::Ready(served)),
                Ok(()) => drop(served),
                Err(error) => {
                    tracing::error!(error = &*error as &dyn std::error::Error, "the first inference failed");
                    context.models.enter(Phase::Failed);
                    return;
                }
            }
            work(&context, max_batch);
        };
        thread::Builder::new().name(format!("worker-{number}")).spawn(body)?;
    }
    Ok(())
}

/// One pass through every part, so that the first request finds memory allocated and kernels chosen.
fn warm_up(recognizer: &Recognizer, options: &RecognizeOptions) -> Result<(), LoadError> {
    catch_unwind(AssertUnwindSafe(|| -> Result<(), LoadError> {
        let blank = vision::RgbImage::from_pixel(WARM_UP_SIDE, WARM_UP_SIDE, [114; 3].into());
        recognizer.detector().detect(std::slice::from_ref(&blank), &options.detect)?;
        let embeddings = recognizer.embedder().embed(&[blank])?;
        recognizer.gallery().search(&embeddings, options.top_k)?;
        Ok(())
    }))
    .unwrap_or_else(|_| Err("the first inference panicked".into()))
}

/// The same on as many threads at once as there are workers, for a release that is to take the place of another: each worker finds
/// a session that has run.
pub(crate) fn probe(workers: usize, recognizer: &Recognizer, options: &RecognizeOptions) -> Result<(), LoadError> {
    thread::scope(|scope| {
        let start =
            || thread::Builder::new().name("probe".to_owned()).spawn_scoped(scope, || warm_up(recognizer, options));
        let probes = (0..workers).map(|_| start()).collect::<io::Result<Vec<_>>>()?;
        probes
            .into_iter()
            .try_for_each(|probe| probe.join().unwrap_or_else(|_| Err("the first inference panicked".into())))
    })
}

fn work(context: &WorkerContext, max_batch: usize) {
    loop {
        let batch = context.queue.take(max_batch);
        if batch.is_empty() {
            return;
        }
        // Photos are caught one by one below. Whatever else panics costs its batch, whose clients hear that nobody answers, and not
        // the worker.
        if catch_unwind(AssertUnwindSafe(|| take_on(context, batch))).is_err() {
            tracing::error!("a batch panicked; the worker goes on");
        }
        context.queue.done();
    }
}

/// A photo, who waits for its answer, and until when.
struct Asked {
    enqueued: Instant,
    cancel: Cancel,
    request: JobRequest,
    reply: oneshot::Sender<Result<Answer, JobError>>,
}

fn take_on(context: &WorkerContext, batch: Vec<Job>) {
    let start = Instant::now();
    let mut photos = Vec::with_capacity(batch.len());
    for Job { enqueued, deadline, cancel, work, .. } in batch {
        // What cannot be done in time any more is better not begun. A quarter of the time is always worth a try: an estimate
        // that forbids everything would never be corrected.
        let left = deadline.saturating_duration_since(start);
        let too_late = left < context.latency.mean().min((deadline - enqueued) / 4);
        match work {
            Work::Photo { request, reply } => {
                let asked = Asked { enqueued, cancel, request: *request, reply };
                if too_late { asked.reply(context, Err(JobError::TooLate)) } else { photos.push(asked) }
            }
            Work::Crops { reply, .. } if too_late => drop(reply.send(Err(JobError::TooLate))),
            Work::Crops { served, images, top_k, reply } => {
                let classified = || classify(context, served.recognizer(), &images, top_k, &cancel);
                let done = catch_unwind(AssertUnwindSafe(classified));
                drop(reply.send(done.unwrap_or(Err(JobError::Panicked))));
            }
            Work::Cut { reply, .. } if too_late => drop(reply.send(Err(JobError::TooLate))),
            Work::Cut { photo, bbox, reply } => {
                let done = catch_unwind(AssertUnwindSafe(|| cut_out(context, &photo, bbox, &cancel)));
                // Whoever asked may have gone away.
                drop(reply.send(done.unwrap_or(Err(JobError::Panicked))));
            }
        }
    }
    if !photos.is_empty() {
        context.metrics.batch(photos.len());
        recognize(context, photos, start);
    }
}

/// One after the other: no more than one lies decoded in memory.
fn classify(
    context: &WorkerContext,
    recognizer: Recognizer,
    images: &[Bytes],
    top_k: usize,
    cancel: &Cancel,
) -> Result<Classified, JobError> {
    let mut crops = Vec::with_capacity(images.len());
    for image in images {
        let _memory =
            context.memory.set_aside(vision::decode::memory(image), cancel).map_err(|_| JobError::Cancelled)?;
        crops.push(match recognizer.decode(image) {
            Ok(image) => {
                let decision = recognizer.classify(&image, top_k, cancel);
                Ok(decision.map_err(|error| JobError::from_recognition(RecognizeError::Model(Arc::new(error))))?)
            }
            Err(error) => Err(error),
        });
    }
    Ok(Classified { crops, recognizer })
}

fn cut_out(context: &WorkerContext, photo: &[u8], bbox: vision::BBox, cancel: &Cancel) -> Result<Cut, JobError> {
    let served = context.models.latest().ok_or(JobError::NoModels)?;
    let _memory = context.memory.set_aside(vision::decode::memory(photo), cancel).map_err(|_| JobError::Cancelled)?;
    cut(&served.recognizer(), photo, bbox, cancel).map_err(JobError::from_review)
}

/// Answers every job of the batch, whatever happens to its photo.
fn recognize(context: &WorkerContext, batch: Vec<Asked>, start: Instant) {
    let cancel = Cancel::all(batch.iter().map(|asked| &asked.cancel));
    let memory = batch.iter().map(|asked| vision::decode::memory(&asked.request.upload.photo));
    let bytes = memory.fold(0, u64::saturating_add);
    let Ok(_memory) = context.memory.set_aside(bytes, &cancel) else {
        batch.into_iter().for_each(|asked| asked.reply(context, Err(JobError::Cancelled)));
        return;
    };
    // Those of a batch were accepted with the same release.
    let served = Arc::clone(&batch[0].request.served);
    let current = served.recognizer();
    let recognizer = match batch[0].request.gallery {
        GalleryChoice::Served => Some(&current),
        GalleryChoice::Example => served.example.as_ref().and_then(|example| example.recognizer(&current)),
    };
    let Some(recognizer) = recognizer else {
        batch.into_iter().for_each(|asked| asked.reply(context, Err(JobError::NoExample)));
        return;
    };
    let mut options = batch[0].request.options.clone();
    // What is queued is compared by its embedding, whether or not the client wants to see it.
    options.keep_embeddings |= served.queue.is_some();
    let photos = batch.iter().map(|asked| Photo::Encoded(asked.request.upload.photo.clone())).collect();
    let size = batch.len() as u32;
    match catch_unwind(AssertUnwindSafe(|| recognizer.recognize_until(photos, &options, &cancel))) {
        Ok(results) => {
            for (asked, result) in batch.into_iter().zip(results) {
                let queued = start.saturating_duration_since(asked.enqueued);
                let answer = result.map_err(JobError::from_recognition).and_then(|recognized| {
                    catch_unwind(AssertUnwindSafe(|| answer(context, recognizer, &asked, recognized, queued)))
                        .unwrap_or(Err(JobError::Panicked))
                });
                if answer.is_ok() {
                    context.latency.record(start.elapsed() / size);
                }
                asked.reply(context, answer);
            }
        }
        // One photo must not fail its neighbours: find out which it was.
        Err(_) if batch.len() > 1 => batch.into_iter().for_each(|asked| recognize(context, vec![asked], start)),
        Err(_) => batch.into_iter().for_each(|asked| asked.reply(context, Err(JobError::Panicked))),
    }
}

impl JobError {
    fn from_review(error: ReviewError) -> Self {
        match error {
            ReviewError::Embedder(ModelError::Cancelled) => Self::Cancelled,
            error => Self::Cut(error),
        }
    }

    fn from_recognition(error: RecognizeError) -> Self {
        match &error {
            RecognizeError::Model(model) if matches!(**model, ModelError::Cancelled) => Self::Cancelled,
            _ => Self::Recognize(error),
        }
    }
}

fn answer(
    context: &WorkerContext,
    recognizer: &Recognizer,
    job: &Asked,
    recognized: Recognized,
    queued: Duration,
) -> Result<Answer, JobError> {
    let Recognized { recognition, image, timing } = recognized;
    let photo = &job.request.upload.photo;
    let digest = vision::Sha256::of(photo);
    let seen = Seen {
        request_id: job.request.id.as_str(),
        photo,
        digest,
        image: &image,
        recognition: &recognition,
        recognizer,
        total: job.enqueued.elapsed(),
        source: job.request.source,
        release: job.request.served.label(),
        arm: job.request.arm.as_deref(),
    };
    // What the example does not know is nobody's to answer.
    let served = &job.request.served;
    let queue = served.queue.as_ref().filter(|_| job.request.gallery == GalleryChoice::Served);
    let review = queue.and_then(|queue| prepare(queue, &seen));
    let draw = || annotated::annotated_jpeg(&image, &recognition, recognizer).map_err(JobError::Draw);
    let (body, content_type) = match job.request.format {
        AnswerFormat::Jpeg => (AnswerBody::Encoded(draw()?), "image/jpeg"),
        AnswerFormat::Json { annotate, embeddings } => {
            let annotated = annotate.then(draw).transpose()?;
            let answer = RecognizeAnswer::new(
                &recognition,
                &AnswerContext {
                    request_id: job.request.id.as_str(),
                    photo: digest,
                    recognizer,
                    version: served.label(),
                    arm: job.request.arm.as_deref(),
                    timing,
                    queued,
                    total: job.enqueued.elapsed(),
                    annotated: annotated.as_deref(),
                    embeddings,
                },
            );
            let body = match review {
                Some(_) => AnswerBody::Open(Box::new(answer)),
                None => AnswerBody::Encoded(answer.encode()),
            };
            (body, "application/json")
        }
    };
    for (stage, took) in [
        ("queue", queued),
        ("decode", timing.decode),
        ("detect", timing.detect),
        ("crop", timing.crop),
        ("embed", timing.embed),
        ("search", timing.search),
        ("total", job.enqueued.elapsed()),
    ] {
        context.metrics.stage(stage, took);
    }
    for status in [vision::SkuStatus::Known, vision::SkuStatus::Ambiguous, vision::SkuStatus::Unknown] {
        let count = recognition.items.iter().filter(|item| item.decision.status == status).count();
        context.metrics.facings(status.as_str(), count as u64);
    }
    let summary = Summary {
        photo_bytes: job.request.upload.photo.len(),
        width: recognition.width,
        height: recognition.height,
        facings: recognition.items.len(),
        unknown: recognition.unknown_count,
        queue: queued,
        timing,
    };
    shadow(context, job, &recognition, digest);
    let logged = context.predictions.is_on() && job.request.gallery == GalleryChoice::Served;
    let answered = Answered {
        request_id: job.request.id.as_str(),
        release: served.label(),
        arm: job.request.arm.as_deref(),
        occasion: &job.request.occasion,
    };
    let prediction = logged.then(|| Box::new(entry(&answered, &recognition, digest, job.enqueued.elapsed())));
    let wanted = job.request.gallery == GalleryChoice::Served && context.kept.wants(digest);
    let photo = wanted.then(|| {
        let JobRequest { id, occasion, upload, served, .. } = &job.request;
        let sent = Sent {
            request_id: id.as_str(),
            release: served.label().unwrap_or(CONFIGURED),
            store: occasion.store.as_deref(),
            shelf: occasion.shelf.as_deref(),
            taken_at: occasion.taken_at,
            file: &upload.photo,
        };
        Box::new(kept::entry(&sent, (&image, &recognition), recognizer, digest))
    });
    Ok(Answer { prediction, photo, body, review, content_type, summary })
}

/// Has a release in the shadow look at the photo again, where there is one: of photos that were asked about in the usual way.
fn shadow(context: &WorkerContext, job: &Asked, recognition: &Recognition, digest: vision::Sha256) {
    let Some(beside) = context.models.beside() else { return };
    let request = &job.request;
    let usual = request.gallery == GalleryChoice::Served && request.options == request.served.options;
    if !usual || request.arm.is_some() || !beside.test.shadows(request.id.as_str()) {
        return;
    }
    let seen = recognition.items.iter().map(|item| (item.detection.bbox, item.decision.sku));
    context.shadows.push(Shadowed {
        beside,
        photo: request.upload.photo.clone(),
        digest,
        seen: seen.collect(),
        request_id: request.id.as_str().to_owned(),
        occasion: request.occasion.clone(),
        source: request.source,
        attempts: 0,
    });
}

impl Asked {
    fn reply(self, context: &WorkerContext, mut answer: Result<Answer, JobError>) {
        let request_id = self.request.id.as_str();
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(JobError::Recognize(RecognizeError::Decode(_))) => "bad_photo",
            Err(JobError::Draw(_)) => "bad_drawing",
            Err(JobError::Cancelled) => "cancelled",
            Err(JobError::TooLate) => "too_late",
            Err(JobError::Panicked) => {
                tracing::error!(request_id, "recognition panicked; the worker goes on");
                "panic"
            }
            Err(error) => {
                tracing::error!(request_id, error = error as &dyn std::error::Error, "recognition failed");
                "error"
            }
        };
        let cancelled = outcome == "cancelled";
        let prediction = answer.as_mut().ok().and_then(|answer| answer.prediction.take());
        let photo = answer.as_mut().ok().and_then(|answer| answer.photo.take());
        let sent = self.reply.send(answer).is_ok();
        let outcome = if sent || cancelled { outcome } else { "abandoned" };
        // What nobody heard was not answered.
        if let Some(prediction) = prediction.filter(|_| sent)
            && !context.predictions.take(*prediction)
        {
            context.metrics.predictions("lost", 1);
        }
        if let Some(photo) = photo.filter(|_| sent)
            && !context.kept.take(*photo)
        {
            context.metrics.photos("lost", 1);
        }
        context.metrics.recognition(outcome);
    }
}
