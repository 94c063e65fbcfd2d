//! What all formats have in common once they are read: things named twice, ids given twice, words beside boxes.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::error::{ConvertError, Fault, Location};
use super::model::{Annotations, Category, ImageRecord, Object, check_size};
use super::{Loaded, marks};
use crate::files::{composed, safe_relative};
use crate::layout::FileSort;

/// Kind of an image that an export lists more than once.
const LISTED_TWICE: &str = "second entries of an image (their boxes are joined)";

/// Kind of an image whose labels say where it is, but which nothing here opens.
const NOT_READ: &str = "images of kinds that are not read (their boxes are kept; save the images as JPEG)";

/// Brings what a reader found into the shape that [`Annotations::check`] wants. What cannot be kept is left out and counted.
pub(super) fn settle(path: &Path, loaded: &mut Loaded) -> Result<(), ConvertError> {
    let renamed = join_categories(path, loaded)?;
    join_images(path, loaded)?;
    let Loaded { annotations, left_out, .. } = loaded;
    for image in &mut annotations.images {
        if FileSort::of(&image.file) == FileSort::OtherImage {
            left_out.note(path, Location::Image(image.file.clone()), NOT_READ)?;
        }
        let at = |fault| ConvertError::at(path, Location::Image(image.file.clone()), fault);
        let mut kept = Vec::with_capacity(image.objects.len());
        for mut object in std::mem::take(&mut image.objects) {
            match renamed.get(&object.category) {
                Some(category) => object.category = *category,
                None => {
                    left_out.fault(at(Fault::UnknownId { kind: "category", id: object.category.to_string() }))?;
                    continue;
                }
            }
            if let Err(fault) = object.rect.check() {
                left_out.fault(at(fault))?;
            } else if let Some(what) = marks::honour(&mut object) {
                left_out.note(path, Location::Image(image.file.clone()), what)?;
            } else {
                tidy(&mut object);
                kept.push(object);
            }
        }
        image.objects = kept;
    }
    number_anew_where_ids_repeat(annotations);
    Ok(())
}

/// Categories of one name become one (an export names its group of classes like a class); those without a usable name go.
/// Answers by which id each is known from now on.
fn join_categories(path: &Path, loaded: &mut Loaded) -> Result<HashMap<u64, u64>, ConvertError> {
    let (mut by_name, mut renamed, mut ids) = (HashMap::new(), HashMap::new(), HashSet::new());
    let mut kept: Vec<Category> = Vec::new();
    for mut category in std::mem::take(&mut loaded.annotations.categories) {
        category.name = plain(category.name.trim());
        if category.name.is_empty() {
            let fault = Fault::BadName { kind: "category", name: category.name };
            loaded.left_out.fault(ConvertError::at(path, Location::Whole, fault))?;
            continue;
        }
        let id = *by_name.entry(composed(&category.name)).or_insert(category.id);
        if renamed.insert(category.id, id).is_some_and(|before| before != id) {
            let fault = Fault::DuplicateId { kind: "category", id: category.id.to_string() };
            return Err(ConvertError::at(path, Location::Whole, fault));
        }
        if id == category.id && ids.insert(id) {
            kept.push(category);
        }
    }
    loaded.annotations.categories = kept;
    Ok(renamed)
}

/// Images of one name become one, unless they have two sizes; those without a usable name or size go.
fn join_images(path: &Path, loaded: &mut Loaded) -> Result<(), ConvertError> {
    let mut by_file: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<ImageRecord> = Vec::with_capacity(loaded.annotations.images.len());
    for image in std::mem::take(&mut loaded.annotations.images) {
        let place = || Location::Image(image.file.clone());
        let sound = safe_relative(&image.file)
            .map_err(Fault::from)
            .and_then(|_| check_size(u64::from(image.width), u64::from(image.height)));
        if let Err(fault) = sound {
            loaded.left_out.fault(ConvertError::at(path, place(), fault))?;
            continue;
        }
        let Some(&first) = by_file.get(&image.file) else {
            by_file.insert(image.file.clone(), kept.len());
            kept.push(image);
            continue;
        };
        let (said, found) = ((image.width, image.height), (kept[first].width, kept[first].height));
        if said == found {
            loaded.left_out.note(path, place(), LISTED_TWICE)?;
            kept[first].objects.extend(image.objects);
        } else {
            loaded.left_out.fault(ConvertError::at(path, place(), Fault::TwoSizes { said, found }))?;
        }
    }
    loaded.annotations.images = kept;
    Ok(())
}

/// Text without control characters, which no format can keep. A line break within remains one.
fn tidy(object: &mut Object) {
    let mended = std::mem::take(&mut object.attributes).into_iter().map(|(key, value)| {
        let value = value.replace("\r\n", "\n");
        let plain = value.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { ' ' } else { c });
        (self::plain(key.trim()), plain.collect())
    });
    object.attributes = mended.filter(|(key, _): &(String, String)| !key.is_empty()).collect();
    object.area = object.area.filter(|area| *area >= 0.0 && area.is_finite());
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Ids count only where they tell things apart.
fn number_anew_where_ids_repeat(annotations: &mut Annotations) {
    let mut ids = HashSet::new();
    if !annotations.images.iter().all(|image| ids.insert(image.id)) {
        for (id, image) in (1..).zip(&mut annotations.images) {
            image.id = id;
        }
    }
    ids.clear();
    if !annotations.images.iter().flat_map(|image| &image.objects).all(|object| ids.insert(object.id)) {
        for (id, object) in (1..).zip(annotations.images.iter_mut().flat_map(|image| &mut image.objects)) {
            object.id = id;
        }
    }
}

/// Ids from 1 in order, for those that are no numbers.
pub(super) fn number_anew(annotations: &mut Annotations) {
    let mut renamed = HashMap::new();
    for (id, category) in (1..).zip(&mut annotations.categories) {
        renamed.insert(std::mem::replace(&mut category.id, id), id);
    }
    let mut next = 0;
    for (id, image) in (1..).zip(&mut annotations.images) {
        image.id = id;
        for object in &mut image.objects {
            next += 1;
            object.id = next;
            object.category = renamed.get(&object.category).copied().unwrap_or(object.category);
        }
    }
}
