//! The form of an upload: the file goes to disk as it arrives.

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest as _, Request};
use axum::http::header;
use platform::data_sets::About;
use platform::{Incoming, Platform};

use super::super::problem;
use crate::problem::{Problem, ProblemType};
use crate::upload::shorten;

/// Name of the field that holds the table.
const FILE: &str = "file";
/// Bytes of a field that is no file.
const MAX_TEXT: usize = 4 << 10;
/// What a form may be longer than its file: its other fields and what stands between them.
const MAX_AROUND: u64 = 64 << 10;

/// A form that was received.
pub(super) struct Form {
    pub(super) file: Incoming,
    pub(super) about: About,
}

impl Form {
    pub(super) async fn receive(request: Request, platform: &Platform) -> Result<Self, Problem> {
        let limit = platform.limits().upload_bytes;
        let announced =
            request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit + MAX_AROUND) {
            return Err(problem::of_platform(platform::PlatformError::TooLarge { limit }));
        }
        let mut form = Multipart::from_request(request, &()).await.map_err(|_| {
            let detail = "a table is sent as multipart/form-data with the field file (`curl -F file=@table.csv ...`)";
            Problem::new(ProblemType::UnsupportedContentType, detail)
        })?;
        let (mut file, mut about) = (None, About::default());
        while let Some(mut field) = form.next_field().await.map_err(|error| broken(&error))? {
            match field.name().unwrap_or_default() {
                FILE if file.is_some() => {
                    return Err(malformed("the form has more than one field file; send one table a request"));
                }
                FILE => {
                    about.file_name = field.file_name().map(|name| vision::files::file_name(name).to_owned());
                    let mut incoming = platform.receive().await.map_err(problem::of_platform)?;
                    while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
                        incoming.write(&piece).await.map_err(problem::of_platform)?;
                    }
                    file = Some(incoming);
                }
                "name" => about.name = Some(text("name", field).await?),
                // What a page's empty field sends.
                "target_column" => {
                    about.target_column = Some(text("target_column", field).await?).filter(|t| !t.is_empty());
                }
                other => {
                    let other = shorten(other);
                    return Err(malformed(&format!(
                        "the form has a field {other:?}; there are file, name and target_column"
                    )));
                }
            }
        }
        let file = file.ok_or_else(|| {
            malformed("the form has no field file; put the table into one (`curl -F file=@table.csv ...`)")
        })?;
        Ok(Self { file, about })
    }
}

async fn text(name: &str, mut field: Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_TEXT {
            return Err(malformed(&format!("the field {name} is longer than {MAX_TEXT} bytes")));
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed(&format!("the field {name} is not UTF-8 text")))
}

fn broken(error: &MultipartError) -> Problem {
    malformed(&format!("the form cannot be read: {}; send it again", shorten(&error.body_text())))
}

fn malformed(detail: &str) -> Problem {
    Problem::new(ProblemType::MalformedBody, detail)
}
