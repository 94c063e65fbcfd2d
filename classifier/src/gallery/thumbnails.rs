//! Small images of exemplars, for people: `thumbnails/ab/<SHA-256 of the image>.jpg` in the gallery's folder.
//!
//! They are named by the image that was enrolled, so the same image has one whatever becomes of its exemplar, and no list of
//! them can go stale. A gallery is sound without.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use vision::{DecodeLimits, RgbImage, Sha256, decode};

use super::data::GalleryData;

/// Folder of the thumbnails in a gallery.
pub(super) const FOLDER: &str = "thumbnails";
/// Longest side, in pixels.
const SIDE: u32 = 160;
const QUALITY: u8 = 80;
/// Largest thumbnail read back: one of ours has a tenth of it.
const MAX_BYTES: u64 = 128 << 10;

/// Where the thumbnail of an image lies, if it has one.
#[must_use]
pub fn path(gallery: &Path, image: Sha256) -> PathBuf {
    let name = image.to_string();
    gallery.join(FOLDER).join(&name[..2]).join(format!("{name}.jpg"))
}

/// Keeps a thumbnail of each image (with its file) that an exemplar of `data` shows and that has none, and drops those that no
/// exemplar shows any more. Gives how many were kept, and files that could not be; such a file stops nothing.
///
/// # Errors
/// When the gallery's folder cannot be written.
pub fn keep(
    gallery: &Path,
    data: &GalleryData,
    images: &[(Sha256, PathBuf)],
    limits: &DecodeLimits,
) -> io::Result<(usize, Vec<PathBuf>)> {
    let shown: HashSet<Sha256> = data.exemplars().iter().map(|exemplar| exemplar.sha256).collect();
    drop_others(gallery, &shown)?;
    let mut asked = HashSet::new();
    let wanted: Vec<&(Sha256, PathBuf)> = images
        .iter()
        .filter(|(image, _)| shown.contains(image) && asked.insert(*image) && !path(gallery, *image).exists())
        .collect();
    let made: Vec<Option<&Path>> = wanted
        .par_iter()
        .map(|(image, file)| {
            let Some(jpeg) = of_file(file, *image, limits) else { return Ok(Some(file.as_path())) };
            write(&path(gallery, *image), &jpeg).map(|()| None)
        })
        .collect::<io::Result<_>>()?;
    let failed: Vec<PathBuf> = made.iter().flatten().map(|file| file.to_path_buf()).collect();
    Ok((made.len() - failed.len(), failed))
}

/// Takes the thumbnails of what `data` shows along to another folder.
///
/// # Errors
/// When that cannot be written.
pub fn carry(from: &Path, to: &Path, data: &GalleryData) -> io::Result<()> {
    for exemplar in data.exemplars() {
        let target = path(to, exemplar.sha256);
        if let (false, Some(jpeg)) = (target.exists(), read(from, exemplar.sha256)) {
            write(&target, &jpeg)?;
        }
    }
    Ok(())
}

/// The thumbnail of an image, JPEG; `None` when there is none that could be shown.
#[must_use]
pub fn read(gallery: &Path, image: Sha256) -> Option<Vec<u8>> {
    let file = File::open(path(gallery, image)).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MAX_BYTES && bytes.starts_with(&[0xff, 0xd8, 0xff])).then_some(bytes)
}

/// `None` when the file is not the image (any more), or none at all.
fn of_file(file: &Path, image: Sha256, limits: &DecodeLimits) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(limits.max_bytes as u64 + 1).read_to_end(&mut bytes).ok()?;
    if Sha256::of(&bytes) != image {
        return None;
    }
    encoded(&decode(&bytes, limits).ok()?)
}

#[expect(clippy::disallowed_methods, reason = "an image for people; no network sees it")]
fn encoded(image: &RgbImage) -> Option<Vec<u8>> {
    let (width, height) = image.dimensions();
    let longer = width.max(height);
    let small = (longer > SIDE).then(|| {
        let side = |length: u32| (u64::from(length) * u64::from(SIDE) / u64::from(longer)).max(1) as u32;
        image::imageops::thumbnail(image, side(width), side(height))
    });
    vision::encode_jpeg(small.as_ref().unwrap_or(image), QUALITY).ok()
}

/// Beside its place, then renamed: a crash leaves no half of one.
fn write(target: &Path, jpeg: &[u8]) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".partial-{}-{name}", std::process::id()));
    let written = fs::write(&beside, jpeg).and_then(|()| fs::rename(&beside, target));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn drop_others(gallery: &Path, shown: &HashSet<Sha256>) -> io::Result<()> {
    let folders = match fs::read_dir(gallery.join(FOLDER)) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for folder in folders {
        for file in fs::read_dir(folder?.path()).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let image = name.strip_suffix(".jpg").and_then(|name| name.parse::<Sha256>().ok());
            if image.is_none_or(|image| !shown.contains(&image)) {
                fs::remove_file(file.path())?;
            }
        }
    }
    Ok(())
}
