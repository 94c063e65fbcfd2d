//! A photo goes from a set: image, line, and the manifest says so.

use vision::Sha256;

use super::{Manifest, SetName, Shard, prefix, read_shard};
use crate::error::StoreError;
use crate::objects::Files;

/// Lengths that beginnings of digests have in names of files of labels.
const DIGITS: std::ops::RangeInclusive<usize> = 2..=4;

/// Removes a photo from a set. Broken off anywhere and done again, it ends the same. In a set that has no manifest yet, labels that
/// have the photo go whole: whoever writes the set writes them again.
///
/// # Errors
/// When the place cannot be used, or a file of the set is damaged.
pub(crate) async fn erase_from(files: &Files, set: &SetName, photo: Sha256, extension: &str) -> Result<(), StoreError> {
    files.delete(&set.file(&SetName::image(photo, extension))).await?;
    let Some(mut manifest) = Manifest::read(files, set).await? else {
        for digits in DIGITS {
            files.delete(&set.file(&SetName::labels(&prefix(photo, digits)))).await?;
        }
        return Ok(());
    };
    let paths: Vec<String> = DIGITS.map(|digits| SetName::labels(&prefix(photo, digits))).collect();
    let Some(at) = manifest.files.iter().position(|file| paths.contains(&file.path)) else { return Ok(()) };
    let path = manifest.files[at].path.clone();
    let mut lines = read_shard(files, set, &path).await?.unwrap_or_default();
    lines.retain(|line| line.photo != photo);
    let shard = Shard::of(path.clone(), &lines)?;
    if shard.entry == manifest.files[at] {
        return Ok(());
    }
    if lines.is_empty() {
        files.delete(&set.file(&path)).await?;
        manifest.files.remove(at);
    } else {
        files.put(&set.file(&path), shard.text).await?;
        manifest.files[at] = shard.entry;
    }
    Manifest::of(set, manifest.made, manifest.files).write(files, set).await
}
