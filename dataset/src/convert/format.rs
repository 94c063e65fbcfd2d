//! Telling formats apart, and reading and writing any of them.

use std::collections::HashSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::categories::CATEGORIES;
use super::error::{ConvertError, Fault, Location};
use super::facings::FACINGS_FOLDER;
use super::finder::ImageFinder;
use super::format_name::Format;
use super::model::Annotations;
use super::options::{ReadOptions, WriteOptions};
use super::settle::settle;
use super::{LeftOut, Loaded, coco, cvat, facings, label_studio, voc, yolo};
use crate::files::{FileError, FolderDraft, file_stem, into_text, is_hidden, parent, to_native};
use crate::image_file::upright_size;

/// The format of what lies at `path`, by its extension and its first bytes.
///
/// # Errors
/// When it cannot be read or resembles none.
pub fn detect(path: &Path) -> Result<Format, ConvertError> {
    let unrecognised = || ConvertError::Unrecognised { path: path.to_owned() };
    if path.is_dir() {
        // A folder may be called `Images` where file systems tell capitals from small letters.
        let entries = |folder: &Path| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|e| e.path())
                .filter(|p| !p.file_name().and_then(|n| n.to_str()).is_none_or(is_hidden))
                .collect()
        };
        let own: Vec<PathBuf> = entries(path);
        let called = |all: &[PathBuf], name: &str| {
            all.iter().any(|p| p.file_name().is_some_and(|found| found.eq_ignore_ascii_case(name)))
        };
        let has = |name: &str| called(&own, name);
        let holds =
            |extension: &str| own.iter().any(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)));
        let part_with_labels = || {
            let parts = own.iter().filter(|p| {
                let name = p.file_name().unwrap_or_default();
                ["train", "val", "valid", "test"].iter().any(|part| name.eq_ignore_ascii_case(part))
            });
            parts.map(|part| entries(part)).any(|inside| called(&inside, "labels"))
        };
        return match () {
            () if has("Annotations") || holds("xml") => Ok(Format::Voc),
            () if ["labels", "images", "data.yaml"].into_iter().any(has) => Ok(Format::Yolo),
            () if part_with_labels() => Ok(Format::Yolo),
            () if has("facings.csv") || has(FACINGS_FOLDER) => Ok(Format::Facings),
            () if holds("txt") => Ok(Format::Yolo),
            () => Err(unrecognised()),
        };
    }
    let mut head = [0; 4096];
    let read = |source| ConvertError::File(FileError::Read { path: path.to_owned(), source });
    // Not through read_bounded: only the beginning is looked at. A pipe is refused there anyway.
    if !fs::metadata(path).map_err(read)?.is_file() {
        return Err(unrecognised());
    }
    let count = fs::File::open(path).and_then(|mut file| file.read(&mut head)).map_err(read)?;
    // A character or unit cut in two at the end does not matter here.
    let whole = into_text(path, head[..count & !1].to_vec());
    let head = whole.unwrap_or_else(|_| String::from_utf8_lossy(&head[..count]).into_owned());
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    match (extension.as_deref(), head.trim_start_matches('\u{feff}').trim_start().chars().next()) {
        (Some("csv"), _) => Ok(Format::Facings),
        (Some("yaml" | "yml"), _) => Ok(Format::Yolo),
        (_, Some('[')) => Ok(Format::LabelStudio),
        (_, Some('{')) => Ok(Format::Coco),
        (_, Some('<')) if head.contains("<annotations") => Ok(Format::Cvat),
        (_, Some('<')) if head.contains("<annotation") => Ok(Format::Voc),
        _ => Err(unrecognised()),
    }
}

/// Reads labels. What is sound is kept, what is not is left out and counted; strict, it is an error.
///
/// # Errors
/// When a file cannot be read as a whole, holds no labelled image, or makes sense only in another convention; names file
/// and place.
pub fn read(path: &Path, format: Format, options: &ReadOptions) -> Result<Loaded, ConvertError> {
    let mut loaded = match format {
        Format::Yolo => yolo::read(path, options),
        Format::Coco => coco::read(path, options.strict),
        Format::Voc => voc::read(path, options.voc, options.strict),
        Format::Cvat => cvat::read(path, options.strict),
        Format::LabelStudio => label_studio::read(path, options.strict),
        Format::Facings => facings::read(path, options.strict),
    }?;
    finish(path, &mut loaded)?;
    Ok(loaded)
}

/// Reads labels from the bytes of a file called `path`, without opening any other: formats that are one file. Answers how many
/// boxes there are, and what is left out.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(
    path: &Path,
    bytes: Vec<u8>,
    format: Format,
    options: &ReadOptions,
) -> Result<(usize, LeftOut), ConvertError> {
    let mut loaded = match format {
        Format::Coco => coco::parse(path, bytes, options.strict),
        Format::Voc => voc::parse(path, bytes, options.voc, options.strict),
        Format::Cvat => cvat::parse(path, bytes, options.strict),
        Format::LabelStudio => label_studio::parse(path, bytes, options.strict),
        Format::Facings => return facings::parse(path, bytes, options.strict),
        Format::Yolo => return Err(ConvertError::Unrecognised { path: path.to_owned() }),
    }?;
    finish(path, &mut loaded)?;
    Ok((loaded.annotations.boxes(), loaded.left_out))
}

/// What holds for all formats.
fn finish(path: &Path, loaded: &mut Loaded) -> Result<(), ConvertError> {
    settle(path, loaded)?;
    loaded.annotations.check().map_err(|(place, fault)| ConvertError::at(path, place, fault))?;
    if loaded.annotations.images.is_empty() {
        let why = if loaded.left_out.is_empty() { String::new() } else { format!("; {}", loaded.left_out) };
        return Err(ConvertError::Nothing { path: path.to_owned(), why });
    }
    Ok(())
}

/// Writes labels: COCO as one file, YOLO and Pascal VOC as a new folder, complete or not at all.
///
/// # Errors
/// When the annotations are unsound, the format cannot say them, or the folder cannot be written.
pub fn write(
    annotations: &Annotations,
    path: &Path,
    format: Format,
    options: &WriteOptions,
) -> Result<LeftOut, ConvertError> {
    let mut left_out = LeftOut::default();
    annotations.check().map_err(|(place, fault)| ConvertError::at(path, place, fault))?;
    if format == Format::Coco {
        coco::write(annotations, path)?;
        return Ok(left_out);
    }
    let draft = FolderDraft::begin(path)?;
    match format {
        Format::Yolo => yolo::write(annotations, &draft, options.keep_ids, &mut left_out)?,
        Format::Voc => {
            check_stems(annotations, path)?;
            voc::write(annotations, &draft, options.voc)?;
        }
        other => return Err(ConvertError::ReadOnly(other)),
    }
    if format == Format::Voc || options.keep_ids {
        let mut text = serde_json::to_string_pretty(&annotations.categories).expect("categories are plain data");
        text.push('\n');
        draft.write(CATEGORIES, text.as_bytes())?;
    }
    if let Some(folder) = &options.copy_images {
        let finder = ImageFinder::new(folder);
        for image in &annotations.images {
            let source = finder.find(&image.file).ok_or_else(|| missing(folder, &image.file))?;
            let target = match format {
                Format::Yolo => yolo::image_path(&image.file),
                _ => format!("JPEGImages/{}", image.file),
            };
            draft.copy(&source, &target)?;
        }
    }
    draft.commit()?;
    Ok(left_out)
}

/// Holds the sizes in the labels against the images themselves.
///
/// # Errors
/// At the first image that is missing or of another size.
pub fn check_images(annotations: &Annotations, folder: &Path) -> Result<(), ConvertError> {
    let finder = ImageFinder::new(folder);
    annotations.images.par_iter().try_for_each(|image| {
        let path = finder.find(&image.file).ok_or_else(|| missing(folder, &image.file))?;
        let (said, found) = ((image.width, image.height), upright_size(&path)?);
        if said == found { Ok(()) } else { Err(ConvertError::other_size(&path, said, found)) }
    })
}

fn missing(folder: &Path, file: &str) -> ConvertError {
    let path = folder.join(to_native(file));
    ConvertError::File(FileError::Read { path, source: std::io::ErrorKind::NotFound.into() })
}

/// Pictures that differ only in their extension would share an XML file.
fn check_stems(annotations: &Annotations, path: &Path) -> Result<(), ConvertError> {
    let mut stems = HashSet::new();
    for (at, image) in annotations.images.iter().enumerate() {
        if !stems.insert((parent(&image.file), file_stem(&image.file))) {
            let fault = Fault::SharedLabel(image.file.clone());
            return Err(ConvertError::at(path, Location::Item("images", at, "file_name"), fault));
        }
    }
    Ok(())
}
