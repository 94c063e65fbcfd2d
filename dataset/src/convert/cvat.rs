//! CVAT's "CVAT for images 1.1" XML.

use std::collections::BTreeMap;
use std::path::Path;

use super::Loaded;
use super::error::{ConvertError, Fault, Location};
use super::marks::{TURNED, is_true, is_turned};
use super::model::{Category, ImageRecord, Object, Rect, check_size};
use super::settle::number_anew;
use super::xml::{Element, each_child};
use crate::files::{into_text, read_bounded, safe_relative};

const MAX_BYTES: u64 = 1 << 30;

/// Shapes of CVAT that are no boxes, by element, with the words for them.
const OTHER_SHAPES: &[(&str, &str)] = &[
    ("polygon", "polygons"),
    ("polyline", "lines"),
    ("points", "sets of points"),
    ("mask", "masks"),
    ("cuboid", "cuboids"),
    ("ellipse", "ellipses"),
    ("skeleton", "skeletons"),
    ("tag", "tags of whole images"),
];

/// Reads a CVAT file. Categories come in the order of its label list, which precedes the images.
pub(super) fn read(path: &Path, strict: bool) -> Result<Loaded, ConvertError> {
    parse(path, read_bounded(path, MAX_BYTES)?, strict)
}

/// Reads the bytes of a CVAT file called `path`.
pub(super) fn parse(path: &Path, bytes: Vec<u8>, strict: bool) -> Result<Loaded, ConvertError> {
    let text = into_text(path, bytes)?;
    let mut loaded = Loaded::new(strict);
    let mut categories = Categories::default();
    let mut next_object = 0;
    let wrong = |line, fault| ConvertError::at(path, Location::Line(line), fault);
    each_child(&text, "annotations", wrong, |child| {
        match child.name.as_str() {
            "meta" => collect_labels(&child, &mut categories),
            "image" => {
                let mut image = match image(&child) {
                    Ok(image) => image,
                    Err(fault) => return loaded.left_out.fault(wrong(child.line, fault)),
                };
                if child.attribute("task_id").is_some() {
                    // In a project every task numbers its images from 0.
                    image.id = loaded.annotations.images.len() as u64;
                }
                for shape in &child.children {
                    if let Some((_, what)) = OTHER_SHAPES.iter().find(|(name, _)| *name == shape.name) {
                        loaded.left_out.note(path, Location::Line(shape.line), what)?;
                    } else if shape.name == "box" {
                        let turned = shape.attribute("rotation").and_then(|r| r.trim().parse::<f64>().ok());
                        if turned.is_some_and(is_turned) {
                            loaded.left_out.note(path, Location::Line(shape.line), TURNED)?;
                            continue;
                        }
                        next_object += 1;
                        match object(shape, next_object, &mut categories) {
                            Ok(object) => image.objects.push(object),
                            Err(fault) => loaded.left_out.fault(wrong(shape.line, fault))?,
                        }
                    }
                }
                loaded.annotations.images.push(image);
            }
            "track" => return Err(wrong(child.line, Fault::Tracks)),
            _ => {}
        }
        Ok(())
    })?;
    loaded.annotations.categories = categories.list;
    if loaded.annotations.images.iter().any(|image| image.id == NO_ID) {
        number_anew(&mut loaded.annotations);
    }
    Ok(loaded)
}

/// Of an image whose id is no number.
const NO_ID: u64 = u64::MAX;

/// Categories in order of appearance, numbered from 1.
#[derive(Default)]
pub(super) struct Categories {
    pub(super) list: Vec<Category>,
    by_name: BTreeMap<String, u64>,
}

impl Categories {
    /// The id of the category called `name`.
    pub(super) fn id(&mut self, name: &str) -> u64 {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = self.list.len() as u64 + 1;
        self.by_name.insert(name.to_owned(), id);
        self.list.push(Category { id, name: name.to_owned(), supercategory: None });
        id
    }
}

/// What people said of an image as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTags {
    /// Its file, relative, with `/`.
    pub file: String,
    /// In the order given.
    pub labels: Vec<String>,
    /// Boxes and other shapes on it, which say nothing of the image as a whole.
    pub shapes: usize,
}

/// Reads the tags of a CVAT file. [`super::read`] reads its boxes.
///
/// # Errors
/// When the file cannot be read or is not one of CVAT's for images.
pub fn tags(path: &Path) -> Result<Vec<ImageTags>, ConvertError> {
    let text = into_text(path, read_bounded(path, MAX_BYTES)?)?;
    let wrong = |line, fault| ConvertError::at(path, Location::Line(line), fault);
    let mut images = Vec::new();
    each_child(&text, "annotations", wrong, |child| {
        match child.name.as_str() {
            "image" => images.push(image_tags(&child).map_err(|(line, fault)| wrong(line, fault))?),
            "track" => return Err(wrong(child.line, Fault::Tracks)),
            _ => {}
        }
        Ok(())
    })?;
    Ok(images)
}

fn image_tags(image: &Element) -> Result<ImageTags, (u32, Fault)> {
    let name = image.attribute("name").ok_or((image.line, Fault::Missing("name")))?;
    let file = safe_relative(name).map_err(|fault| (image.line, fault.into()))?;
    let label = |tag: &Element| match tag.attribute("label") {
        Some(label) => Ok(label.trim().to_owned()),
        None => Err((tag.line, Fault::Missing("label"))),
    };
    let labels: Vec<String> = image.all("tag").map(label).collect::<Result<_, _>>()?;
    let shapes = image.children.len() - labels.len();
    Ok(ImageTags { file, labels, shapes })
}

/// Label lists lie at `meta/task/labels/label` or `meta/project/labels/label`, in old files one level higher.
fn collect_labels(element: &Element, categories: &mut Categories) {
    for child in &element.children {
        if child.name == "labels" {
            // Parts of skeletons have a parent: they are no classes of their own.
            for label in child.all("label").filter(|label| label.text_of("parent").is_none_or(|p| p.trim().is_empty()))
            {
                if let Some(name) = label.text_of("name").filter(|name| !name.is_empty()) {
                    categories.id(name);
                }
            }
        } else {
            collect_labels(child, categories);
        }
    }
}

fn image(element: &Element) -> Result<ImageRecord, Fault> {
    let attribute = |name: &'static str| element.attribute(name).ok_or(Fault::Missing(name));
    let whole = |name: &'static str| {
        let text = attribute(name)?;
        let digits = text.trim();
        let digits = digits.strip_suffix(".0").unwrap_or(digits);
        digits.parse::<u64>().map_err(|_| Fault::Number { element: name, text: text.chars().take(40).collect() })
    };
    let (width, height) = check_size(whole("width")?, whole("height")?)?;
    // A word is no id: images are numbered in order then.
    let id = whole("id").unwrap_or(NO_ID);
    Ok(ImageRecord { id, file: safe_relative(attribute("name")?)?, width, height, objects: vec![] })
}

fn object(shape: &Element, id: u64, categories: &mut Categories) -> Result<Object, Fault> {
    let attribute = |name: &'static str| shape.attribute(name).ok_or(Fault::Missing(name));
    let edge = |name: &'static str| {
        let text = attribute(name)?;
        text.trim().parse::<f64>().map_err(|_| Fault::Number { element: name, text: text.chars().take(40).collect() })
    };
    let rect = Rect::from_corners(edge("xtl")?, edge("ytl")?, edge("xbr")?, edge("ybr")?)?;
    let mut attributes = BTreeMap::new();
    for flag in ["occluded", "outside"] {
        if shape.attribute(flag).is_some_and(is_true) {
            attributes.insert(flag.to_owned(), "1".to_owned());
        }
    }
    for extra in shape.all("attribute") {
        if let Some(name) = extra.attribute("name") {
            attributes.insert(name.to_owned(), extra.text.trim().to_owned());
        }
    }
    let label = attribute("label")?.trim();
    if label.is_empty() {
        return Err(Fault::Missing("label"));
    }
    let category = categories.id(label);
    Ok(Object { id, category, rect, crowd: false, area: None, attributes })
}
