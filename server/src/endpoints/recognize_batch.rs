//! `POST /v2/recognize/batch`: many photos in, a line for each out, as they are done.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Query, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use review::Source;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use utoipa::ToSchema;

use super::recognize::{File, choose, chosen, finish};
use crate::app::App;
use crate::beside::Chosen;
use crate::clients::Peer;
use crate::inference::{AnswerFormat, Caller, JobRequest};
use crate::predictions::Occasion;
use crate::problem::{Problem, ProblemBody, ProblemType};
use crate::request_id::RequestId;
use crate::upload::{FIELD, Reservation, Upload, UploadError, shorten};
use crate::wire::parameters::RecognizeQuery;

/// Photos of one request.
const MAX_PHOTOS: usize = 10_000;
/// Lines that wait for the client to read them; then no more photos are taken.
const LINES: usize = 16;
/// How long a photo waits for memory.
const MEMORY: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// The form that sends photos.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a body in the OpenAPI document")]
pub(crate) struct BatchForm {
    /// The files: JPEG, PNG or WebP, each a field of this name.
    pub(crate) image: Vec<File>,
}

/// Recognise many photos
///
/// Each is a field `image` of the form. The answer is a stream of lines (NDJSON), one a photo, as soon as it is done:
/// `{"photo": 0, "name": "shelf.jpg", "answer": {...}}`, or with `problem` in place of `answer`; the last line is
/// `{"photos": 2, "answered": 1, "refused": 1}`. Photos of batches wait until nobody waits for a single one. Read while you send:
/// photos are taken as lines are. What was not answered may be sent again.
#[utoipa::path(
    post,
    path = "/v2/recognize/batch",
    tag = "recognition",
    params(RecognizeQuery),
    request_body(content(
        (BatchForm = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "A line for each photo", body = String, content_type = "application/x-ndjson"),
        (status = 415, description = "Not a form", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A parameter has a value it may not have", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not ready", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn batch(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    Extension(peer): Extension<Peer>,
    Query(pairs): Query<Vec<(String, String)>>,
    mut request: Request,
) -> Result<Response, Problem> {
    let query = RecognizeQuery::parse(&pairs)?;
    choose(&query, &*app.models.current()?)?;
    if query.annotate == Some(true) {
        return Err(Problem::parameter("annotate", "true", "left out: send photos one by one for images of them"));
    }
    // Our own limits hold, a photo at a time.
    DefaultBodyLimit::disable().apply(&mut request);
    let form = Multipart::from_request(request, &()).await.map_err(|_| {
        let detail = "send multipart/form-data with a field `image` for each photo";
        Problem::new(ProblemType::UnsupportedContentType, detail)
    })?;
    let (lines, reader) = mpsc::channel(LINES);
    let batch = Arc::new(Batch {
        caller: Caller { client: peer.address(), patience: None, patient: true },
        source: Source::new(peer.address(), query.store.as_deref()),
        query,
        id,
        lines,
        places: Arc::new(Semaphore::new(app.config.workers.get() + 1)),
        app,
    });
    tokio::spawn(async move {
        // When the client goes, its photos go.
        tokio::select! {
            () = Arc::clone(&batch).receive(form) => {}
            () = batch.lines.closed() => {}
        }
    });
    let lines = stream::unfold(reader, |mut reader| async move {
        Some((Ok::<Bytes, std::convert::Infallible>(reader.recv().await?), reader))
    });
    let kind = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(lines)).into_response())
}

/// A request of many photos.
struct Batch {
    app: Arc<App>,
    id: RequestId,
    caller: Caller,
    source: Source,
    query: RecognizeQuery,
    lines: mpsc::Sender<Bytes>,
    /// Photos that are with the workers, or on their way.
    places: Arc<Semaphore>,
}

impl Batch {
    /// Takes photos as long as there are any, and says how it went.
    async fn receive(self: Arc<Self>, mut form: Multipart) {
        let mut photos = Vec::new();
        let broken = loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { break None };
            let field = match form.next_field().await {
                Ok(Some(field)) => field,
                Ok(None) => break None,
                Err(error) => break Some(UploadError::Form { reason: shorten(&error.body_text()) }),
            };
            if field.name() != Some(FIELD) {
                break Some(UploadError::UnexpectedField { name: shorten(field.name().unwrap_or_default()) });
            }
            if photos.len() == MAX_PHOTOS {
                break Some(UploadError::TooManyPhotos { limit: MAX_PHOTOS });
            }
            let (number, name) = (photos.len(), field.file_name().map(shorten));
            let upload = match self.read(field).await {
                Ok(upload) => upload,
                Err(error) => break Some(error),
            };
            photos.push(tokio::spawn(Arc::clone(&self).recognize(number, name, upload, place)));
        };
        let (sent, mut answered) = (photos.len(), 0);
        for photo in photos {
            answered += usize::from(photo.await.unwrap_or(false));
        }
        let mut last = json!({ "photos": sent, "answered": answered, "refused": sent - answered });
        if let Some(error) = broken {
            let problem = Problem::from(error).body("/v2/recognize/batch", self.id.as_str());
            last["problem"] = serde_json::to_value(problem).unwrap_or_default();
        }
        // A client that is gone needs no last line.
        let _ = self.lines.send(format!("{last}\n").into()).await;
    }

    async fn read(&self, mut field: Field<'_>) -> Result<Upload, UploadError> {
        let limit = self.app.config.max_body_bytes;
        let memory = self.app.budget.open();
        let mut photo = BytesMut::new();
        while let Some(piece) = field.chunk().await.map_err(|_| UploadError::Broken)? {
            if photo.len() + piece.len() > limit {
                return Err(UploadError::TooLarge { limit });
            }
            self.set_aside(&memory, piece.len()).await?;
            photo.extend_from_slice(&piece);
        }
        Ok(Upload::new(photo.freeze(), memory))
    }

    /// A batch can wait for memory: it is in no hurry.
    async fn set_aside(&self, memory: &Reservation, bytes: usize) -> Result<(), UploadError> {
        let granted = async {
            while !memory.grow(bytes) {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(MEMORY, granted).await.map_err(|_| UploadError::Busy)
    }

    /// Whether there is an answer.
    async fn recognize(
        self: Arc<Self>,
        number: usize,
        name: Option<String>,
        upload: Upload,
        _place: OwnedSemaphorePermit,
    ) -> bool {
        let mut line = format!("{{\"photo\":{number},\"name\":{}", json!(name));
        let outcome = tokio::select! {
            outcome = self.answer(number, upload) => outcome,
            () = self.lines.closed() => return false,
        };
        let answered = outcome.is_ok();
        match outcome {
            Ok(answer) => {
                line.push_str(",\"answer\":");
                line.push_str(&String::from_utf8_lossy(&answer));
            }
            Err(problem) => {
                let body = problem.body("/v2/recognize/batch", &self.name(number));
                let _ = write!(line, ",\"problem\":{}", json!(body));
            }
        }
        line.push_str("}\n");
        self.lines.send(line.into()).await.is_ok() && answered
    }

    async fn answer(&self, number: usize, upload: Upload) -> Result<Bytes, Problem> {
        self.app.metrics.photo_received(upload.photo.len());
        // Each photo by what is served when it comes: a batch of an hour holds no release that was replaced.
        let name = self.name(number);
        let Chosen { served, arm } = chosen(&self.app, &self.query, self.query.store.as_deref(), &name)?;
        let gallery = choose(&self.query, &served)?;
        let embeddings = self.query.return_embeddings.unwrap_or(served.options.keep_embeddings);
        let request = JobRequest {
            id: RequestId::part(&name),
            upload,
            options: self.query.over(&served.options),
            served,
            arm,
            gallery,
            format: AnswerFormat::Json { annotate: false, embeddings },
            occasion: Occasion::of(&self.query, None),
            source: self.source,
        };
        let answer = self.app.inference.answer(self.caller, request).await?;
        finish(&self.app, answer.body, answer.review).await
    }

    /// In answers and in the log.
    fn name(&self, number: usize) -> String {
        format!("{}.{number}", self.id.as_str())
    }
}
