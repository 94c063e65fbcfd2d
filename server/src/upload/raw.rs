//! The file's bytes as they are.

use bytes::{Bytes, BytesMut};

use super::UploadError;
use super::body::LimitedBody;

/// The whole body in one piece. A body that came in one piece is not copied.
pub(super) async fn read(mut body: LimitedBody) -> Result<Bytes, UploadError> {
    let Some(first) = body.piece().await? else { return Ok(Bytes::new()) };
    let Some(second) = body.piece().await? else { return Ok(first) };
    // Memory is only touched as bytes arrive, so an announced length costs nothing by itself.
    let mut all = BytesMut::with_capacity(body.announced().unwrap_or(4 * (first.len() + second.len())));
    all.extend_from_slice(&first);
    all.extend_from_slice(&second);
    while let Some(piece) = body.piece().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}
