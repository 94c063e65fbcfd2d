//! Images that are looked at closely, a few at a time.

use std::collections::HashMap;
use std::sync::Arc;

use store::Files;
use vision::Sha256;
use vision::decode::{DecodeLimits, decode};
use vision::phash::ImageSignature;

use super::members::Member;
use crate::error::FlowError;

/// Images whose looks are remembered: a shelf that is photographed again and again is compared again and again.
const REMEMBERED: usize = 512;

/// Contrast below which an image is blank, and its hash means nothing.
pub(super) const BLANK: f32 = 2.0;

/// What images look like.
pub(super) struct Looks<'a> {
    files: &'a Files,
    seen: HashMap<Sha256, Arc<ImageSignature>>,
}

impl<'a> Looks<'a> {
    pub(super) fn new(files: &'a Files) -> Self {
        Self { files, seen: HashMap::new() }
    }

    /// Reads and decodes it, unless it was looked at a short time ago.
    pub(super) async fn of(&mut self, member: &Member) -> Result<Arc<ImageSignature>, FlowError> {
        if let Some(seen) = self.seen.get(&member.photo) {
            return Ok(Arc::clone(seen));
        }
        let missing = || FlowError::Missing {
            photo: member.photo,
            name: member.image.clone(),
            place: self.files.place().to_owned(),
        };
        let file = self.files.get(&member.image, member.bytes).await?.ok_or_else(missing)?;
        let photo = member.photo;
        let looked = tokio::task::spawn_blocking(move || {
            let named = Sha256::of(&file) == photo;
            if named { signature(&file) } else { Err(format!("its SHA-256 is not {photo}, as it is called")) }
        });
        let looked = looked.await.map_err(|_| FlowError::Inside)?;
        let reason = |reason| FlowError::Image { name: member.image.clone(), reason };
        let looked = Arc::new(looked.map_err(reason)?);
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(member.photo, Arc::clone(&looked));
        Ok(looked)
    }
}

/// What an image file looks like. Blocks.
pub(super) fn signature(file: &[u8]) -> Result<ImageSignature, String> {
    let image = decode(file, &DecodeLimits::default()).map_err(|error| error.to_string())?;
    Ok(ImageSignature::of(&image))
}
