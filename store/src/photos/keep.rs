//! Many photos at once: files first, then the rows that name them.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::name::of_photo;
use super::{Day, NewPhoto};
use crate::error::StoreError;
use crate::sql::{Tx, values};
use crate::store::Store;

/// Files written at the same time.
const AT_ONCE: usize = 8;
/// Longest answer, as JSON.
const MAX_ANSWER: usize = 4 << 20;

/// What became of photos that were to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Kept now.
    pub kept: u64,
    /// Kept before, or deleted a moment ago: left as they are.
    pub known: u64,
}

/// A photo with its spelled parts.
struct Draft {
    new: NewPhoto,
    name: String,
    object: String,
    answer: String,
}

impl Store {
    /// Keeps photos, all or none: those whose bytes were kept before stay as they were answered then. With a later flush: a
    /// power cut may take the last of them back, and leaves a file that no row names.
    ///
    /// # Errors
    /// When database or bucket are not there, or an answer is absurdly long.
    pub async fn keep_photos(&self, photos: Vec<NewPhoto>) -> Result<Kept, StoreError> {
        let given = photos.len() as u64;
        let (mut drafts, mut seen) = (Vec::with_capacity(photos.len()), BTreeSet::new());
        for new in photos {
            // Only looked up: the row decides.
            let name = new.photo.to_string();
            let sql = "SELECT 1 AS one FROM photos WHERE organisation = $1 AND photo = $2";
            let known = self.database.optional(sql, values![&new.organisation, &name]).await?.is_some();
            if known || !seen.insert((new.organisation.clone(), new.photo)) {
                continue;
            }
            let answer = serde_json::to_string(&new.answer).unwrap_or_default();
            if answer.is_empty() || answer.len() > MAX_ANSWER {
                let allowed = format!("at most {MAX_ANSWER} bytes of JSON");
                return Err(StoreError::invalid("answer", format!("{} bytes", answer.len()), allowed));
            }
            let object = of_photo(new.store.as_deref(), new.photo, new.extension);
            drafts.push(Draft { new, name, object, answer });
        }
        let files = self.photo_files()?;
        // Owned: what is borrowed from a list would make the whole no task of its own.
        let puts: Vec<(String, Bytes)> =
            drafts.iter().map(|draft| (draft.object.clone(), draft.new.file.clone())).collect();
        let puts = puts.into_iter().map(|(name, file)| async move { files.put(&name, file).await });
        stream::iter(puts).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        let refused = self
            .database
            .write_lease(move |tx| {
                Box::pin(async move {
                    let mut refused = Vec::new();
                    for draft in &drafts {
                        if let Some(stray) = insert(tx, draft).await? {
                            refused.push(stray);
                        }
                    }
                    Ok((drafts.len() as u64, refused))
                })
            })
            .await?;
        let (written, refused) = refused;
        let kept = written - refused.len() as u64;
        for stray in refused.into_iter().flatten() {
            files.delete(&stray).await?;
        }
        Ok(Kept { kept, known: given - kept })
    }
}

/// `None` when the row is there now; else the file that is too much, if it is.
async fn insert(tx: &mut Tx, draft: &Draft) -> Result<Option<Option<String>>, StoreError> {
    let Draft { new, name, object, answer } = draft;
    // Deleted, and its copies not yet gone: what is removed now must not be what is kept now.
    let sql = "SELECT 1 AS one FROM photo_erasures WHERE organisation = $1 AND photo = $2 AND done_at IS NULL";
    if tx.optional(sql, values![&new.organisation, name]).await?.is_some() {
        return Ok(Some(Some(object.clone())));
    }
    let sql = "INSERT INTO photos (organisation, photo, at, day, request_id, release_name, store_name, shelf, taken_at, \
               object, extension, bytes, width, height, picture_hash, answer, status, version, claimed_by, claimed_until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'open', 0, NULL, 0) \
               ON CONFLICT (organisation, photo) DO NOTHING";
    let row = values![
        &new.organisation,
        name,
        new.at,
        Day::of(new.at).0,
        &new.request_id,
        &new.release,
        new.store.clone(),
        new.shelf.clone(),
        new.taken_at,
        object,
        new.extension,
        new.file.len() as i64,
        new.width,
        new.height,
        new.image_hash.map(u64::cast_signed),
        answer,
    ];
    if tx.execute(sql, row).await? == 1 {
        return Ok(None);
    }
    let sql = "SELECT object FROM photos WHERE organisation = $1 AND photo = $2";
    let there = tx.optional(sql, values![&new.organisation, name]).await?;
    let there = there.map(|row| row.text("object")).transpose()?;
    Ok(Some(there.is_none_or(|there| there != *object).then(|| object.clone())))
}
