//! COCO's object detection JSON (cocodataset.org, "Data format").

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Loaded;
use super::error::{ConvertError, Fault, Place};
use super::model::{Annotations, Category, ImageRecord, Object, Rect, check_size};
use crate::files::{FileError, read_bounded, safe_relative, write_atomic};

const MAX_BYTES: u64 = 2 << 30;

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize, Serialize)]
struct Image {
    id: u64,
    file_name: String,
    width: u64,
    height: u64,
}

#[derive(Deserialize, Serialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    area: Option<f64>,
    #[serde(default)]
    iscrowd: Flag,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    attributes: serde_json::Map<String, Value>,
    #[serde(default, skip_serializing)]
    segmentation: Option<Shape>,
    #[serde(default, skip_serializing)]
    keypoints: Option<Shape>,
}

/// `iscrowd` is 0 or 1; some tools write false and true.
#[derive(Deserialize, Serialize, Clone, Copy, Default)]
#[serde(untagged)]
enum Flag {
    #[default]
    Absent,
    Number(u8),
    Truth(bool),
}

/// A mask or polygon: only whether there is any matters.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    List(Vec<IgnoredAny>),
    Other(IgnoredAny),
}

impl Shape {
    fn is_some(shape: &Option<Self>) -> bool {
        match shape {
            Some(Self::List(list)) => !list.is_empty(),
            Some(Self::Other(_)) => true,
            None => false,
        }
    }
}

/// Reads a COCO file.
pub(super) fn read(path: &Path) -> Result<Loaded, ConvertError> {
    let bytes = read_bounded(path, MAX_BYTES)?;
    let json = |source| ConvertError::at(path, Place::Whole, Fault::Json { expected: "COCO JSON", source });
    let file: File = serde_json::from_slice(&bytes).map_err(json)?;
    drop(bytes);
    let mut loaded = Loaded::default();
    let mut positions = HashMap::with_capacity(file.images.len());
    for (at, image) in file.images.into_iter().enumerate() {
        let wrong = |member, fault: Fault| ConvertError::at(path, Place::Item("images", at, member), fault);
        let name = safe_relative(&image.file_name).map_err(|fault| wrong("file_name", fault.into()))?;
        let (width, height) = check_size(image.width, image.height).map_err(|fault| wrong("width", fault))?;
        if positions.insert(image.id, at).is_some() {
            return Err(wrong("id", Fault::DuplicateId { kind: "image", id: image.id }));
        }
        loaded.annotations.images.push(ImageRecord { id: image.id, file: name, width, height, objects: vec![] });
    }
    loaded.annotations.categories = file.categories;
    let categories = loaded.annotations.class_numbers();
    let mut ids = HashMap::with_capacity(file.annotations.len());
    for (at, annotation) in file.annotations.into_iter().enumerate() {
        let wrong = |member, fault| ConvertError::at(path, Place::Item("annotations", at, member), fault);
        let (id, image_id, category) = (annotation.id, annotation.image_id, annotation.category_id);
        let Some(&image) = positions.get(&image_id) else {
            return Err(wrong("image_id", Fault::UnknownId { kind: "image", id: image_id }));
        };
        if !categories.contains_key(&category) {
            return Err(wrong("category_id", Fault::UnknownId { kind: "category", id: category }));
        }
        if ids.insert(id, ()).is_some() {
            return Err(wrong("id", Fault::DuplicateId { kind: "annotation", id }));
        }
        if Shape::is_some(&annotation.segmentation) {
            loaded.leave_out("masks or polygons (their boxes are kept)");
        }
        if Shape::is_some(&annotation.keypoints) {
            loaded.leave_out("sets of key points (their boxes are kept)");
        }
        let object = to_object(annotation).map_err(|(member, fault)| wrong(member, fault))?;
        loaded.annotations.images[image].objects.push(object);
    }
    Ok(loaded)
}

fn to_object(annotation: Annotation) -> Result<Object, (&'static str, Fault)> {
    let [x, y, w, h] = annotation.bbox;
    let rect = Rect { x, y, w, h };
    rect.check().map_err(|fault| ("bbox", fault))?;
    let plain = w * h;
    Ok(Object {
        id: annotation.id,
        category: annotation.category_id,
        rect,
        crowd: matches!(annotation.iscrowd, Flag::Number(1..) | Flag::Truth(true)),
        area: annotation.area.filter(|area| *area != plain),
        attributes: annotation.attributes.into_iter().filter_map(|(k, v)| Some((k, text_of(v)?))).collect(),
    })
}

/// Attribute values are text in the model: numbers and truths become their JSON text, lists and objects too.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// Writes a COCO file beside `path`, then renames it.
pub(super) fn write(annotations: &Annotations, path: &Path) -> Result<(), FileError> {
    write_atomic(path, |writer| {
        writer.write_all(
            b"{\n  \"info\": {\"description\": \"written by shelf dataset convert\", \"version\": \"1.0\"},\n",
        )?;
        let images = annotations.images.iter().map(|image| Image {
            id: image.id,
            file_name: image.file.clone(),
            width: u64::from(image.width),
            height: u64::from(image.height),
        });
        rows(writer, "images", images, ",")?;
        let objects =
            annotations.images.iter().flat_map(|image| image.objects.iter().map(|o| to_annotation(image.id, o)));
        rows(writer, "annotations", objects, ",")?;
        rows(writer, "categories", annotations.categories.iter(), "")?;
        writer.write_all(b"}\n")
    })
}

fn to_annotation(image_id: u64, object: &Object) -> Annotation {
    let Rect { x, y, w, h } = object.rect;
    Annotation {
        id: object.id,
        image_id,
        category_id: object.category,
        bbox: [x, y, w, h],
        area: Some(object.area.unwrap_or(w * h)),
        iscrowd: Flag::Number(u8::from(object.crowd)),
        attributes: object.attributes.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect(),
        segmentation: None,
        keypoints: None,
    }
}

fn rows<T: Serialize>(writer: &mut impl Write, name: &str, rows: impl Iterator<Item = T>, end: &str) -> io::Result<()> {
    write!(writer, "  \"{name}\": [")?;
    for (number, row) in rows.enumerate() {
        writer.write_all(if number == 0 { b"\n    " } else { b",\n    " })?;
        serde_json::to_writer(&mut *writer, &row)?;
    }
    writeln!(writer, "\n  ]{end}")
}
