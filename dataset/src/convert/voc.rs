//! Pascal VOC: one XML file an image (Everingham et al., "The PASCAL VOC Challenge", development kit).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use quick_xml::escape::escape;

use super::categories::categories_beside;
use super::error::{ConvertError, Fault, Location};
use super::marks::{TURNED, is_true};
use super::model::{Annotations, Category, ImageRecord, Object, Rect, check_size};
use super::xml::{Element, each_child};
use super::{LeftOut, Loaded};
use crate::files::{
    FileError, FolderDraft, file_name, file_stem, into_text, parent, read_bounded, safe_relative, to_native, walk,
};

const MAX_BYTES: u64 = 16 << 20;

/// What the numbers in `bndbox` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VocConvention {
    /// Edges in continuous coordinates from 0: what LabelImg, CVAT and most tools write.
    #[default]
    Edges,
    /// First and last pixel, counted from 1: what the VOC challenge itself wrote. `xmin - 1` is the left edge.
    PixelsFromOne,
}

/// What one file says, before ids are settled.
struct Document {
    id: Option<u64>,
    file: String,
    width: u32,
    height: u32,
    objects: Vec<Marked>,
}

struct Marked {
    id: Option<u64>,
    name: String,
    rect: Rect,
    crowd: bool,
    area: Option<f64>,
    attributes: BTreeMap<String, String>,
}

/// Reads a folder of XML files (its `Annotations` folder when it has one), or one XML file.
pub(super) fn read(path: &Path, convention: VocConvention, strict: bool) -> Result<Loaded, ConvertError> {
    let folder = if path.join("Annotations").is_dir() { path.join("Annotations") } else { path.to_owned() };
    let mut reader = Reader { convention, loaded: Loaded::new(strict), documents: Vec::new() };
    if folder.is_dir() {
        let tree = walk(&folder).map_err(crate::layout::LayoutError::from)?;
        reader.loaded.hidden = tree.hidden.len();
        let is_document = |file: &str| file.to_ascii_lowercase().ends_with(".xml");
        for link in tree.links.iter().filter(|link| is_document(&link.path)) {
            reader.loaded.left_out.note(
                &folder.join(to_native(&link.path)),
                Location::Whole,
                "links, which are not followed",
            )?;
        }
        for relative in tree.files.iter().filter(|file| is_document(file)) {
            let file = folder.join(to_native(relative));
            // Of a folder of files a broken one does not take the others with it.
            if let Err(error) = read_bounded(&file, MAX_BYTES)
                .map_err(Into::into)
                .and_then(|b| reader.document(&file, parent(relative), b))
            {
                reader.loaded.left_out.fault(error)?;
            }
        }
        if reader.documents.is_empty() && reader.loaded.left_out.is_empty() {
            return Err(ConvertError::at(path, Location::Whole, Fault::Missing("annotation")));
        }
    } else {
        reader.document(&folder, "", read_bounded(&folder, MAX_BYTES)?)?;
    }
    reader.settle(path)
}

/// Reads the bytes of one XML file called `path`.
pub(super) fn parse(
    path: &Path,
    bytes: Vec<u8>,
    convention: VocConvention,
    strict: bool,
) -> Result<Loaded, ConvertError> {
    let mut reader = Reader { convention, loaded: Loaded::new(strict), documents: Vec::new() };
    reader.document(path, "", bytes)?;
    reader.settle(Path::new(""))
}

struct Reader {
    convention: VocConvention,
    loaded: Loaded,
    documents: Vec<Document>,
}

impl Reader {
    fn document(&mut self, path: &Path, folder: &str, bytes: Vec<u8>) -> Result<(), ConvertError> {
        let text = into_text(path, bytes)?;
        let wrong = |line, fault| ConvertError::at(path, Location::Line(line), fault);
        let (mut id, mut file, mut size, mut objects) = (None, None, None, Vec::new());
        let left_out = &mut self.loaded.left_out;
        each_child(&text, "annotation", wrong, |child| {
            let fail = |fault| wrong(child.line, fault);
            match child.name.as_str() {
                // A word is no id: images are numbered in order then.
                "id" => id = whole(&child.text, "id").ok(),
                "filename" => {
                    // A name may begin with a space; a line break around it is only layout.
                    let text = if child.text.contains('\n') { child.text.trim() } else { child.text.as_str() };
                    let name = safe_relative(text).map_err(|fault| fail(fault.into()))?;
                    // A bare name lies in the folder that mirrors the XML file's; a path is taken as it is.
                    let bare = !name.contains('/') && !folder.is_empty();
                    file = Some(if bare { format!("{folder}/{name}") } else { name });
                }
                "size" => {
                    let side = |name| whole(child.text_of(name).unwrap_or_default(), name).map_err(fail);
                    size = Some(check_size(side("width")?, side("height")?).map_err(fail)?);
                }
                "object" => {
                    let place = Location::Line(child.line);
                    if child.child("polygon").is_some() {
                        left_out.note(path, place.clone(), "polygons (their boxes are kept)")?;
                    }
                    // rolabelImg's turned boxes.
                    if child.child("robndbox").is_some() {
                        return left_out.note(path, place, TURNED);
                    }
                    match marked(&child, self.convention) {
                        Ok(object) => objects.push(object),
                        Err(fault) => left_out.fault(fail(fault))?,
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        let missing = |name| ConvertError::at(path, Location::Whole, Fault::Missing(name));
        let (width, height) = size.ok_or_else(|| missing("size"))?;
        let file = file.ok_or_else(|| missing("filename"))?;
        self.documents.push(Document { id, file, width, height, objects });
        Ok(())
    }

    fn settle(mut self, root: &Path) -> Result<Loaded, ConvertError> {
        let categories = if root.is_dir() { categories_beside(root)? } else { None };
        self.loaded.annotations = settle(root, categories, self.documents, &mut self.loaded.left_out)?;
        Ok(self.loaded)
    }
}

fn marked(object: &Element, convention: VocConvention) -> Result<Marked, Fault> {
    let name = object.text_of("name").filter(|name| !name.is_empty()).ok_or(Fault::Missing("name"))?.to_owned();
    let bounds = object.child("bndbox").ok_or(Fault::Missing("bndbox"))?;
    let edge = |name: &'static str| number(bounds.text_of(name).ok_or(Fault::Missing(name))?, name);
    let shift = if convention == VocConvention::PixelsFromOne { 1.0 } else { 0.0 };
    let rect = Rect::from_corners(edge("xmin")? - shift, edge("ymin")? - shift, edge("xmax")?, edge("ymax")?)?;
    let mut attributes = BTreeMap::new();
    for attribute in object.child("attributes").into_iter().flat_map(|all| all.all("attribute")) {
        let value = attribute.child("value").map_or("", |value| value.text.as_str());
        if let Some(name) = attribute.text_of("name") {
            attributes.insert(name.to_owned(), value.to_owned());
        }
    }
    for (flag, nothing) in [("truncated", "0"), ("occluded", "0"), ("pose", "Unspecified")] {
        if let Some(value) = object.text_of(flag)
            && !value.is_empty()
            && value != nothing
        {
            attributes.entry(flag.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    Ok(Marked {
        id: object.text_of("id").and_then(|text| whole(text, "id").ok()),
        name,
        rect,
        crowd: object.text_of("difficult").is_some_and(is_true),
        area: object.text_of("area").and_then(|text| number(text, "area").ok()),
        attributes,
    })
}

/// Gives ids to what has none and categories to names.
fn settle(
    root: &Path,
    categories: Option<Vec<Category>>,
    documents: Vec<Document>,
    left_out: &mut LeftOut,
) -> Result<Annotations, ConvertError> {
    let categories = match categories {
        Some(categories) => categories,
        None => {
            let names: BTreeSet<&str> =
                documents.iter().flat_map(|d| &d.objects).map(|object| object.name.as_str()).collect();
            (1..).zip(names).map(|(id, name)| Category { id, name: name.to_owned(), supercategory: None }).collect()
        }
    };
    let by_name: BTreeMap<&str, u64> = categories.iter().map(|c| (c.name.as_str(), c.id)).collect();
    // Ids count only when all have one: a mixture would collide.
    let all_images = documents.iter().all(|d| d.id.is_some());
    let all_objects = documents.iter().flat_map(|d| &d.objects).all(|object| object.id.is_some());
    let mut images = Vec::with_capacity(documents.len());
    let mut next_object = 0;
    for (number, document) in (1..).zip(documents) {
        let mut objects = Vec::with_capacity(document.objects.len());
        for object in document.objects {
            next_object += 1;
            let Some(&category) = by_name.get(object.name.as_str()) else {
                let fault = Fault::UnknownCategory(object.name);
                left_out.fault(ConvertError::at(root, Location::Image(document.file.clone()), fault))?;
                continue;
            };
            objects.push(Object {
                id: object.id.filter(|_| all_objects).unwrap_or(next_object),
                category,
                rect: object.rect,
                crowd: object.crowd,
                area: object.area,
                attributes: object.attributes,
            });
        }
        images.push(ImageRecord {
            id: document.id.filter(|_| all_images).unwrap_or(number),
            file: document.file,
            width: document.width,
            height: document.height,
            objects,
        });
    }
    Ok(Annotations { categories, images })
}

fn number(text: &str, element: &'static str) -> Result<f64, Fault> {
    let value: f64 =
        text.trim().parse().map_err(|_| Fault::Number { element, text: text.chars().take(40).collect() })?;
    if value.is_finite() { Ok(value) } else { Err(Fault::NotFinite) }
}

fn whole(text: &str, element: &'static str) -> Result<u64, Fault> {
    let wrong = || Fault::Number { element, text: text.chars().take(40).collect() };
    // Some tools write 640.0.
    let digits = text.trim();
    digits.strip_suffix(".0").unwrap_or(digits).parse().map_err(|_| wrong())
}

/// Writes one XML file an image below `Annotations`.
pub(super) fn write(
    annotations: &Annotations,
    draft: &FolderDraft,
    convention: VocConvention,
) -> Result<(), FileError> {
    let names: BTreeMap<u64, &str> = annotations.categories.iter().map(|c| (c.id, c.name.as_str())).collect();
    for image in &annotations.images {
        let folder = parent(&image.file);
        let separator = if folder.is_empty() { "" } else { "/" };
        let path = format!("Annotations/{folder}{separator}{}.xml", file_stem(&image.file));
        draft.write(&path, document_text(image, &names, convention).as_bytes())?;
    }
    Ok(())
}

/// A pixel coordinate with nine decimals, trailing zeros dropped: far below what a round trip may lose, and free of the
/// noise of binary fractions.
fn edge(pixels: f64) -> String {
    let text = format!("{pixels:.9}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

fn document_text(image: &ImageRecord, names: &BTreeMap<u64, &str>, convention: VocConvention) -> String {
    let mut text = String::with_capacity(512 + image.objects.len() * 400);
    let ImageRecord { id, width, height, .. } = image;
    let folder = match file_name(parent(&image.file)) {
        "" => "JPEGImages",
        name => name,
    };
    let (folder, file) = (escape(folder), escape(file_name(&image.file)));
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "<annotation>\n  <folder>{folder}</folder>\n  <filename>{file}</filename>\n  <id>{id}</id>\n  \
         <size>\n    <width>{width}</width>\n    <height>{height}</height>\n    <depth>3</depth>\n  </size>\n  \
         <segmented>0</segmented>\n"
    );
    for object in &image.objects {
        let shift = if convention == VocConvention::PixelsFromOne { 1.0 } else { 0.0 };
        let Rect { x, y, w, h } = object.rect;
        let name = escape(names.get(&object.category).copied().unwrap_or_default());
        let attribute = |key: &str| object.attributes.get(key).map(String::as_str);
        let truncated = u8::from(matches!(attribute("truncated"), Some("1" | "true")));
        let pose = escape(attribute("pose").unwrap_or("Unspecified"));
        let _ = write!(
            text,
            "  <object>\n    <name>{name}</name>\n    <id>{}</id>\n    <pose>{pose}</pose>\n    \
             <truncated>{truncated}</truncated>\n    <difficult>{}</difficult>\n    <bndbox>\n      <xmin>{}</xmin>\n      \
             <ymin>{}</ymin>\n      <xmax>{}</xmax>\n      <ymax>{}</ymax>\n    </bndbox>\n",
            object.id,
            u8::from(object.crowd),
            edge(x + shift),
            edge(y + shift),
            edge(x + w),
            edge(y + h)
        );
        if let Some(area) = object.area {
            let _ = writeln!(text, "    <area>{area}</area>");
        }
        if !object.attributes.is_empty() {
            text.push_str("    <attributes>\n");
            for (key, value) in &object.attributes {
                let (key, value) = (escape(key.as_str()), escape(value.as_str()));
                let _ = writeln!(text, "      <attribute><name>{key}</name><value>{value}</value></attribute>");
            }
            text.push_str("    </attributes>\n");
        }
        text.push_str("  </object>\n");
    }
    text.push_str("</annotation>\n");
    text
}
