//! A request's body -> the bytes of one photo, within limits of size.

mod base64;
mod body;
mod budget;
mod form;
mod raw;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use thiserror::Error;

pub(crate) use budget::{Budget, Reservation};

use crate::config::ServerConfig;
use body::LimitedBody;

/// Name of the form field, and of the JSON key, that holds the photo.
pub(crate) const FIELD: &str = "image";

/// A photo as it came.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The file's bytes.
    pub(crate) photo: Bytes,
    /// Memory accounted for it, given back when dropped.
    _reservation: Reservation,
}

impl Upload {
    /// A photo that was received otherwise, and the memory that was set aside for it.
    pub(crate) fn new(photo: Bytes, memory: Reservation) -> Self {
        Self { photo, _reservation: memory }
    }
}

/// Why no photo was received. Says what the client did and what it should do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum UploadError {
    #[error("the body is larger than {limit} bytes; send a smaller photo, or raise `limits.max_body_bytes`")]
    TooLarge { limit: usize },
    #[error("the body broke off before its end; send it again")]
    Broken,
    #[error("too many photos are being received at the moment; try again later")]
    Busy,
    #[error(
        "a photo cannot be sent as {found}; send multipart/form-data with a field `image`, or the file's bytes with \
         its content type (image/jpeg, image/png, image/webp), or application/json with the key \"image\""
    )]
    ContentType { found: String },
    #[error("the form cannot be read: {reason}; send multipart/form-data with a field `image`")]
    Form { reason: String },
    #[error("the form has no field `image`; put the photo into one (`curl -F image=@photo.jpg ...`)")]
    NoField,
    #[error("the form has more than one field `image`; send one photo a request")]
    SecondPhoto,
    #[error("the form has more than {limit} photos; send the rest in another request")]
    TooManyPhotos { limit: usize },
    #[error("the form has a field {name:?}, which is not understood; the photo is `image`, parameters go into the URL")]
    UnexpectedField { name: String },
    #[error("the JSON cannot be read: {reason}; send {{\"image\": \"<base64 of the file>\"}}")]
    Json { reason: String },
    #[error("the JSON cannot be read: {reason}; send {{\"images\": [\"<base64 of a file>\", ...]}}")]
    JsonImages { reason: String },
    #[error("the key \"image\" is not base64: {reason}; encode the file's bytes with the standard alphabet")]
    Base64 { reason: String },
    #[error("the key \"image\" is a data URL that does not carry base64; write data:image/jpeg;base64,...")]
    DataUrl,
}

/// The ways to send a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Form,
    Raw,
    Json,
}

/// Receives the photo.
///
/// # Errors
/// When the body is none of the accepted forms, too large, or breaks off.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    config: &ServerConfig,
    budget: &Budget,
) -> Result<Upload, UploadError> {
    let way = way(headers)?;
    let reservation = budget.open();
    let body = LimitedBody::new(body, headers, config, reservation.clone())?;
    let photo = match way {
        Way::Raw => raw::read(body).await,
        Way::Form => form::read(headers, body).await,
        Way::Json => base64::read(body).await,
    }?;
    Ok(Upload::new(photo, reservation))
}

/// Receives at most `limit` images of one JSON document, and what accounts for their memory.
///
/// # Errors
/// When the body is no such document, too large, or breaks off.
pub(crate) async fn receive_many(
    headers: &HeaderMap,
    body: Body,
    config: &ServerConfig,
    budget: &Budget,
    limit: usize,
) -> Result<(Vec<Bytes>, Reservation), UploadError> {
    let reservation = budget.open();
    let body = LimitedBody::new(body, headers, config, reservation.clone())?;
    Ok((base64::read_many(body, limit).await?, reservation))
}

fn way(headers: &HeaderMap) -> Result<Way, UploadError> {
    // Without a content type the body is taken as bytes (RFC 9110, 8.3); decoding decides whether they are a photo.
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Way::Raw) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "multipart/form-data" => Ok(Way::Form),
        // What stores and frameworks call JSON and bytes (RFC 6839, 3.1, for the suffix).
        "application/json" | "text/json" | "application/x-json" => Ok(Way::Json),
        json if json.starts_with("application/") && json.ends_with("+json") => Ok(Way::Json),
        "application/octet-stream" | "binary/octet-stream" | "application/x-binary" => Ok(Way::Raw),
        image if image.starts_with("image/") => Ok(Way::Raw),
        _ => Err(UploadError::ContentType { found: shorten(&essence) }),
    }
}

/// Text of a client, short enough to be sent back.
pub(crate) fn shorten(text: &str) -> String {
    const MAX: usize = 60;
    let mut short: String = text.chars().take(MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_content_type_chooses_the_way() {
        let check = |content_type: &'static str, expected: Option<Way>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            assert_eq!(way(&headers).ok(), expected, "{content_type}");
        };
        check("image/jpeg", Some(Way::Raw));
        check("IMAGE/PNG; q=1", Some(Way::Raw));
        check("application/octet-stream", Some(Way::Raw));
        check("multipart/form-data; boundary=x", Some(Way::Form));
        check("Application/JSON; charset=utf-8", Some(Way::Json));
        check("binary/octet-stream", Some(Way::Raw));
        check("application/vnd.shop.photo+json", Some(Way::Json));
        check("text/json", Some(Way::Json));
        check("application/x-www-form-urlencoded", None);
        check("text/plain", None);
        check("imagejpeg", None);
        check("", None);
        assert_eq!(way(&HeaderMap::new()), Ok(Way::Raw));
    }
}
