//! COCO's object detection JSON (cocodataset.org, "Data format").

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Loaded;
use super::error::{ConvertError, Fault, Location};
use super::loose::{self, Id, Number, Row, Text};
use super::marks::is_true;
use super::model::{Annotations, Category, ImageRecord, Object, Rect, check_size};
use super::settle::number_anew;
use crate::files::{FileError, into_text, read_bounded, safe_relative, write_atomic};

const MAX_BYTES: u64 = 2 << 30;

/// Rows are read one by one: a bad one does not take the others with it.
#[derive(Deserialize)]
struct File {
    images: Vec<Row<ImageRow>>,
    annotations: Vec<Row<AnnotationRow>>,
    categories: Vec<Row<CategoryRow>>,
}

#[derive(Deserialize)]
struct ImageRow {
    id: Id,
    file_name: Text,
    width: Option<Number>,
    height: Option<Number>,
}

#[derive(Deserialize)]
struct CategoryRow {
    id: Id,
    name: Text,
    supercategory: Option<Text>,
}

#[derive(Deserialize)]
struct AnnotationRow {
    id: Option<Id>,
    image_id: Id,
    category_id: Id,
    #[serde(default)]
    bbox: Option<Vec<Option<Number>>>,
    #[serde(default)]
    area: Option<Number>,
    #[serde(default)]
    iscrowd: Option<Value>,
    #[serde(default)]
    attributes: Option<Value>,
    #[serde(default)]
    segmentation: Option<Shape>,
    #[serde(default)]
    keypoints: Option<Shape>,
}

#[derive(Serialize)]
struct Image {
    id: u64,
    file_name: String,
    width: u64,
    height: u64,
}

#[derive(Serialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    attributes: serde_json::Map<String, Value>,
}

/// A mask or polygon: only whether there is any matters.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    List(Vec<IgnoredAny>),
    Other(IgnoredAny),
}

impl Shape {
    fn is_some(shape: Option<&Self>) -> bool {
        match shape {
            Some(Self::List(list)) => !list.is_empty(),
            Some(Self::Other(_)) => true,
            None => false,
        }
    }
}

/// Reads a COCO file.
pub(super) fn read(path: &Path, strict: bool) -> Result<Loaded, ConvertError> {
    parse(path, read_bounded(path, MAX_BYTES)?, strict)
}

/// Reads the bytes of a COCO file called `path`.
pub(super) fn parse(path: &Path, bytes: Vec<u8>, strict: bool) -> Result<Loaded, ConvertError> {
    let text = into_text(path, bytes)?;
    let json = |source| ConvertError::at(path, Location::Whole, Fault::Json { expected: "COCO JSON", source });
    let file: File = loose::parse(&text).map_err(json)?;
    drop(text);
    let mut reader = Reader {
        path,
        loaded: Loaded::new(strict),
        images: HashMap::new(),
        unclear: HashSet::new(),
        categories: HashMap::new(),
        words: false,
    };
    for (at, row) in file.categories.into_iter().enumerate() {
        reader.category(at, row.0)?;
    }
    for (at, row) in file.images.into_iter().enumerate() {
        reader.image(at, row.0)?;
    }
    for (at, row) in file.annotations.into_iter().enumerate() {
        reader.annotation(at, row.0)?;
    }
    let unclear: HashSet<usize> = reader.unclear;
    let mut place = 0;
    reader.loaded.annotations.images.retain(|_| {
        place += 1;
        !unclear.contains(&(place - 1))
    });
    if reader.words {
        number_anew(&mut reader.loaded.annotations);
    }
    Ok(reader.loaded)
}

struct Reader<'a> {
    path: &'a Path,
    loaded: Loaded,
    /// Position of the image; `None` where two images have the id, so that nobody knows whose a box is.
    images: HashMap<Id, Option<usize>>,
    /// Positions of such images: without their boxes they would be images without objects.
    unclear: HashSet<usize>,
    /// Positions in the list.
    categories: HashMap<Id, usize>,
    /// Whether an id is a word or missing: then all are numbered anew.
    words: bool,
}

impl Reader<'_> {
    /// The id as a number. Words get one that no file uses, until all is read.
    fn numbered(&mut self, id: &Id, at: usize) -> u64 {
        self.words |= id.number().is_none();
        id.number().unwrap_or(u64::MAX - at as u64)
    }

    fn wrong(&self, list: &'static str, at: usize, member: &'static str, fault: impl Into<Fault>) -> ConvertError {
        ConvertError::at(self.path, Location::Item(list, at, member), fault)
    }

    fn category(&mut self, at: usize, row: Result<CategoryRow, serde_json::Error>) -> Result<(), ConvertError> {
        let row = match row {
            Ok(row) => row,
            Err(error) => return self.loaded.left_out.fault(self.wrong("categories", at, "", Fault::Row(error))),
        };
        let name = row.name.0.trim().to_owned();
        let known = &self.loaded.annotations.categories;
        match self.categories.get(&row.id).map(|place| &known[*place]) {
            Some(category) if category.name == name => return Ok(()),
            // Whose a box is nobody knows.
            Some(_) => {
                let fault = Fault::DuplicateId { kind: "category", id: row.id.to_string() };
                return Err(self.wrong("categories", at, "id", fault));
            }
            None => {}
        }
        let place = known.len();
        let id = self.numbered(&row.id, at);
        self.categories.insert(row.id, place);
        let supercategory = row.supercategory.map(|text| text.0);
        self.loaded.annotations.categories.push(Category { id, name, supercategory });
        Ok(())
    }

    fn image(&mut self, at: usize, row: Result<ImageRow, serde_json::Error>) -> Result<(), ConvertError> {
        let row = match row {
            Ok(row) => row,
            Err(error) => return self.loaded.left_out.fault(self.wrong("images", at, "", Fault::Row(error))),
        };
        let file = match safe_relative(&row.file_name.0) {
            Ok(file) => file,
            Err(fault) => return self.loaded.left_out.fault(self.wrong("images", at, "file_name", fault)),
        };
        let Some((width, height)) = row.width.zip(row.height) else {
            return self.loaded.left_out.note(self.path, Location::Item("images", at, "width"), NO_SIZE);
        };
        let side = |number: Number| number.whole().unwrap_or(0);
        let (width, height) = match check_size(side(width), side(height)) {
            Ok(size) => size,
            Err(fault) => return self.loaded.left_out.fault(self.wrong("images", at, "width", fault)),
        };
        let images = &mut self.loaded.annotations.images;
        let place = images.len();
        if let Some(first) = self.images.get_mut(&row.id) {
            // The same image again is only said twice.
            if first.is_some_and(|first| images[first].file == file) {
                return Ok(());
            }
            self.unclear.extend(first.take());
            let fault = Fault::DuplicateId { kind: "image", id: row.id.to_string() };
            return self.loaded.left_out.fault(self.wrong("images", at, "id", fault));
        }
        let id = row.id.number().unwrap_or(u64::MAX - place as u64);
        self.words |= row.id.number().is_none();
        images.push(ImageRecord { id, file, width, height, objects: vec![] });
        self.images.insert(row.id, Some(place));
        Ok(())
    }

    fn annotation(&mut self, at: usize, row: Result<AnnotationRow, serde_json::Error>) -> Result<(), ConvertError> {
        let row = match row {
            Ok(row) => row,
            Err(error) => return self.loaded.left_out.fault(self.wrong("annotations", at, "", Fault::Row(error))),
        };
        let unknown = |kind, id: &Id| Fault::UnknownId { kind, id: id.to_string() };
        let Some(image) = self.images.get(&row.image_id).copied().flatten() else {
            let fault = unknown("image", &row.image_id);
            return self.loaded.left_out.fault(self.wrong("annotations", at, "image_id", fault));
        };
        let category = self.categories.get(&row.category_id).map(|place| self.loaded.annotations.categories[*place].id);
        let Some(category) = category else {
            let fault = unknown("category", &row.category_id);
            return self.loaded.left_out.fault(self.wrong("annotations", at, "category_id", fault));
        };
        if row.bbox.as_ref().is_none_or(Vec::is_empty) {
            return self.loaded.left_out.note(
                self.path,
                Location::Item("annotations", at, "bbox"),
                "annotations without a box",
            );
        }
        let place = |member| Location::Item("annotations", at, member);
        if Shape::is_some(row.segmentation.as_ref()) {
            self.loaded.left_out.note(self.path, place("segmentation"), "masks or polygons (their boxes are kept)")?;
        }
        if Shape::is_some(row.keypoints.as_ref()) {
            self.loaded.left_out.note(self.path, place("keypoints"), "sets of key points (their boxes are kept)")?;
        }
        self.words |= row.id.as_ref().is_none_or(|id| id.number().is_none());
        match object(row, category, at) {
            Ok(object) => self.loaded.annotations.images[image].objects.push(object),
            Err(fault) => self.loaded.left_out.fault(self.wrong("annotations", at, "bbox", fault))?,
        }
        Ok(())
    }
}

/// Kind of an image whose boxes cannot be placed.
const NO_SIZE: &str = "images whose size the file does not say";

fn object(row: AnnotationRow, category: u64, at: usize) -> Result<Object, Fault> {
    let numbers = row.bbox.unwrap_or_default();
    let numbers: Vec<f64> = numbers.into_iter().map(|number| number.map_or(f64::NAN, |n| n.0)).collect();
    let &[x, y, w, h] = numbers.as_slice() else { return Err(Fault::BoxLength(numbers.len())) };
    let rect = Rect { x, y, w, h };
    rect.check()?;
    let plain = w * h;
    let flag = |value: Value| match value {
        Value::Bool(truth) => truth,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => is_true(&text),
        _ => false,
    };
    Ok(Object {
        id: row.id.as_ref().and_then(Id::number).unwrap_or(u64::MAX - at as u64),
        category,
        rect,
        crowd: row.iscrowd.is_some_and(flag),
        area: row.area.map(|area| area.0).filter(|area| *area != plain),
        // Some exports write `[]` for none.
        attributes: match row.attributes {
            Some(Value::Object(attributes)) => {
                attributes.into_iter().filter_map(|(k, v)| Some((k, text_of(v)?))).collect()
            }
            _ => std::collections::BTreeMap::new(),
        },
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
        area: object.area.unwrap_or(w * h),
        iscrowd: u8::from(object.crowd),
        attributes: object.attributes.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect(),
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
