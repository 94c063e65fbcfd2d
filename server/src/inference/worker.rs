//! Threads that turn photos into answers: decode, recognise, draw, encode.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use pipeline::{Photo, Recognized, Recognizer};
use review::{Review, Seen, prepare};
use tokio::sync::mpsc;

use super::JobQueue;
use super::admission::record_pace;
use super::job::{Answer, AnswerBody, AnswerFormat, Job, JobError, Summary};
use crate::config::ServerConfig;
use crate::load_error::LoadError;
use crate::metrics::Metrics;
use crate::models::{Loaded, Models, Phase};
use crate::wire::answer::{AnswerContext, RecognizeAnswer};
use crate::wire::parameters::GalleryChoice;
use crate::wire::picture;

/// Side of the blank picture of the warm-up: large enough for every network to scale down.
const WARM_UP_SIDE: u32 = 640;

/// What workers need.
#[derive(Debug, Clone)]
pub(crate) struct WorkerContext {
    pub(crate) queue: Arc<JobQueue>,
    pub(crate) models: Arc<Models>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pace: Arc<AtomicU64>,
    pub(crate) review: Arc<Review>,
    /// Each worker holds it open while it lives.
    pub(crate) alive: mpsc::WeakSender<()>,
}

/// Starts the workers. Each runs one inference on a blank picture; when all have, the server is ready.
pub(crate) fn spawn_workers(context: &WorkerContext, config: &ServerConfig, loaded: &Arc<Loaded>) -> io::Result<()> {
    let count = config.workers.get();
    let max_batch = config.max_batch.get();
    let cold = Arc::new(AtomicU64::new(count as u64));
    let Some(alive) = context.alive.upgrade() else { return Ok(()) };
    for number in 0..count {
        let (context, loaded, cold, alive) = (context.clone(), Arc::clone(loaded), Arc::clone(&cold), alive.clone());
        let body = move || {
            let _alive = alive;
            match warm_up(&loaded) {
                Ok(()) if cold.fetch_sub(1, Ordering::AcqRel) == 1 => context.models.enter(Phase::Ready(loaded)),
                Ok(()) => drop(loaded),
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
fn warm_up(loaded: &Loaded) -> Result<(), LoadError> {
    let recognizer = &loaded.recognizer;
    catch_unwind(AssertUnwindSafe(|| -> Result<(), LoadError> {
        let blank = vision::RgbImage::from_pixel(WARM_UP_SIDE, WARM_UP_SIDE, [114; 3].into());
        recognizer.detector().detect(std::slice::from_ref(&blank), &loaded.options.detect)?;
        let embeddings = recognizer.embedder().embed(&[blank])?;
        recognizer.gallery().search(&embeddings, loaded.options.top_k)?;
        Ok(())
    }))
    .unwrap_or_else(|_| Err("the first inference panicked".into()))
}

fn work(context: &WorkerContext, max_batch: usize) {
    loop {
        let batch = context.queue.take(max_batch);
        if batch.is_empty() {
            return;
        }
        let (start, size) = (Instant::now(), batch.len());
        context.metrics.batch(size);
        recognize(context, batch, start);
        record_pace(&context.pace, start.elapsed() / size as u32);
        context.queue.done();
    }
}

/// Answers every job of the batch, whatever happens to its photo.
fn recognize(context: &WorkerContext, batch: Vec<Job>, start: Instant) {
    let Some(loaded) = context.models.loaded() else {
        batch.into_iter().for_each(|job| reply(context, job, Err(JobError::NoModels)));
        return;
    };
    let gallery = batch[0].request.gallery;
    let recognizer = match gallery {
        GalleryChoice::Served => Some(&loaded.recognizer),
        GalleryChoice::Example => loaded.example.as_ref().and_then(|example| example.recognizer(&loaded.recognizer)),
    };
    let Some(recognizer) = recognizer else {
        batch.into_iter().for_each(|job| reply(context, job, Err(JobError::NoExample)));
        return;
    };
    let mut options = batch[0].request.options.clone();
    // What is queued is compared by its embedding, whether or not the client wants to see it.
    options.keep_embeddings |= context.review.queue().is_some();
    let photos = batch.iter().map(|job| Photo::Encoded(job.request.upload.photo.clone())).collect();
    match catch_unwind(AssertUnwindSafe(|| recognizer.recognize(photos, &options))) {
        Ok(results) => {
            for (job, result) in batch.into_iter().zip(results) {
                let queued = start.saturating_duration_since(job.enqueued);
                let answer = result.map_err(JobError::from).and_then(|recognized| {
                    catch_unwind(AssertUnwindSafe(|| answer(context, recognizer, &job, recognized, queued)))
                        .unwrap_or(Err(JobError::Panicked))
                });
                reply(context, job, answer);
            }
        }
        // One photo must not fail its neighbours: find out which it was.
        Err(_) if batch.len() > 1 => batch.into_iter().for_each(|job| recognize(context, vec![job], start)),
        Err(_) => batch.into_iter().for_each(|job| reply(context, job, Err(JobError::Panicked))),
    }
}

fn answer(
    context: &WorkerContext,
    recognizer: &Recognizer,
    job: &Job,
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
    };
    // What the example does not know is nobody's to answer.
    let queue = context.review.queue().filter(|_| job.request.gallery == GalleryChoice::Served);
    let review = queue.and_then(|queue| prepare(queue, &seen));
    let draw = || picture::annotated_jpeg(&image, &recognition, recognizer).map_err(JobError::Draw);
    let (body, content_type) = match job.request.format {
        AnswerFormat::Jpeg => (AnswerBody::Encoded(draw()?), "image/jpeg"),
        AnswerFormat::Json { annotate, embeddings } => {
            let picture = annotate.then(draw).transpose()?;
            let answer = RecognizeAnswer::new(
                &recognition,
                &AnswerContext {
                    request_id: job.request.id.as_str(),
                    photo: digest,
                    recognizer,
                    timing,
                    queued,
                    total: job.enqueued.elapsed(),
                    picture: picture.as_deref(),
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
    Ok(Answer { body, review, content_type, summary })
}

fn reply(context: &WorkerContext, job: Job, answer: Result<Answer, JobError>) {
    let request_id = job.request.id.as_str();
    let outcome = match &answer {
        Ok(_) => "ok",
        Err(JobError::Recognize(pipeline::RecognizeError::Decode(_))) => "bad_photo",
        Err(JobError::Draw(_)) => "bad_drawing",
        Err(JobError::Panicked) => {
            tracing::error!(request_id, "recognition panicked; the worker goes on");
            "panic"
        }
        Err(error) => {
            tracing::error!(request_id, error = error as &dyn std::error::Error, "recognition failed");
            "error"
        }
    };
    let outcome = if job.reply.send(answer).is_ok() { outcome } else { "abandoned" };
    context.metrics.recognition(outcome);
}
