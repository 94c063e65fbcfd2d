//! `multipart/form-data` with the photo in the field `image`.

use std::error::Error as StdError;

use axum::body::Body;
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::stream;

use super::body::LimitedBody;
use super::{FIELD, UploadError, shorten};

/// The photo of the form. Fields that are not understood are refused: a parameter sent as a field and quietly
/// ignored would give an answer nobody asked for.
pub(super) async fn read(headers: &HeaderMap, body: LimitedBody) -> Result<Bytes, UploadError> {
    let pieces = stream::try_unfold(body, |mut body| async move {
        Ok::<_, UploadError>(body.piece().await?.map(|piece| (piece, body)))
    });
    let mut request = Request::new(Body::from_stream(pieces));
    if let Some(content_type) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
    }
    // Our own limits hold already.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| UploadError::Form { reason: "its content type names no boundary".to_owned() })?;

    let mut photo = None;
    while let Some(field) = form.next_field().await.map_err(|e| why(&e))? {
        match field.name() {
            Some(FIELD) if photo.is_some() => return Err(UploadError::SecondPhoto),
            Some(FIELD) => photo = Some(field.bytes().await.map_err(|e| why(&e))?),
            name => return Err(UploadError::UnexpectedField { name: shorten(name.unwrap_or_default()) }),
        }
    }
    photo.ok_or(UploadError::NoField)
}

/// Our own error, if one stopped the stream; the form's otherwise.
fn why(error: &MultipartError) -> UploadError {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(own) = error.downcast_ref::<UploadError>() {
            return own.clone();
        }
        cause = error.source();
    }
    UploadError::Form { reason: shorten(&error.body_text()) }
}
