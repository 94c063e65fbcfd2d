//! YOLO folders as annotations. With ids kept, a label file looks like this:
//!
//! ```text
//! # {"image":{"id":7,"file":"a.jpg","width":640,"height":480}}
//! 0 0.5 0.5 0.25 0.5 # {"id":12,"attributes":{"sku":"cola"}}
//! ```

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::categories::categories_beside;
use super::error::{ConvertError, Fault, Location, MAX_SIDE};
use super::model::{Annotations, Category, ImageRecord, Object, Rect, check_size};
use super::options::ReadOptions;
use super::{LeftOut, Loaded, marks};
use crate::files::{FolderDraft, read_text_bounded, safe_relative};
use crate::image_file::upright_size;
use crate::layout::{DataFolder, LayoutChoice, LayoutError, LayoutKind, is_images, label_for};
use crate::names::ClassNames;
use crate::yolo::{Label, LabelError, LabelLine, MAX_LABEL_BYTES, Shape, TOLERANCE, decimal, format, parse_shapes};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    image: HeadImage,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadImage {
    id: u64,
    file: String,
    width: u64,
    height: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    id: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    crowd: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    area: Option<f64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
}

/// Name of the attribute that keeps an ordinary comment.
const COMMENT: &str = "comment";

/// One image with its labels, before ids are settled.
struct Sheet {
    /// Label file as found.
    label: Option<String>,
    file: String,
    head: Option<HeadImage>,
    lines: Vec<LabelLine>,
    size: (u32, u32),
}

/// Reads a YOLO folder. A bad line is left out, and so is an image whose label file cannot be read: without its boxes it
/// would be an image without objects.
pub(super) fn read(root: &Path, options: &ReadOptions) -> Result<Loaded, ConvertError> {
    let data = DataFolder::survey(root, LayoutChoice::Is(LayoutKind::Boxes)).map_err(LayoutError::from)?;
    if data.images.is_empty() && data.stray_labels.is_empty() {
        return Err(data.no_images().into());
    }
    let mut loaded = Loaded::new(options.strict);
    loaded.hidden = data.hidden;
    for path in &data.unsupported {
        let what = "images of kinds that are not read (save them as JPEG)";
        loaded.left_out.note(&data.locate(path), Location::Whole, what)?;
    }
    let images = data.images.iter().map(|p| (Some(p.path.as_str()), p.label.as_deref()));
    let strays = data.stray_labels.iter().map(|label| (None, Some(label.as_str())));
    let found: Vec<_> = images.chain(strays).collect();
    let read: Vec<_> = found.par_iter().map(|&(image, label)| sheet(&data, image, label, options.strict)).collect();
    let mut sheets = Vec::with_capacity(read.len());
    for sheet in read {
        match sheet {
            Ok((sheet, left_out)) => {
                sheets.push(sheet);
                loaded.left_out.extend(left_out);
            }
            Err(error) => loaded.left_out.fault(error)?,
        }
    }

    let categories = categories(root, options, &sheets)?;
    let all_heads = sheets.iter().all(|sheet| sheet.head.is_some());
    let tails: Vec<Vec<Option<Tail>>> = sheets.iter().map(|s| s.lines.iter().map(tail).collect()).collect();
    let all_tails = tails.iter().flatten().all(Option::is_some);
    let mut next_object = 0;
    for (number, (sheet, tails)) in (1..).zip(sheets.into_iter().zip(tails)) {
        let place = data.locate(sheet.label.as_deref().unwrap_or(&sheet.file));
        let mut objects = Vec::with_capacity(sheet.lines.len());
        for (line, tail) in sheet.lines.into_iter().zip(tails) {
            next_object += 1;
            let class = line.label.class;
            let Some(category) = categories.get(class as usize) else {
                let fault = Fault::NoClassName(class);
                loaded.left_out.fault(ConvertError::at(&place, Location::Line(line.line), fault))?;
                continue;
            };
            let mut object = Object {
                id: next_object,
                category: category.id,
                rect: to_rect(&line.label, sheet.size),
                crowd: false,
                area: None,
                attributes: BTreeMap::new(),
            };
            match tail {
                Some(tail) => {
                    object.id = if all_tails { tail.id } else { next_object };
                    (object.crowd, object.area, object.attributes) = (tail.crowd, tail.area, tail.attributes);
                }
                None => object.attributes.extend(line.comment.map(|comment| (COMMENT.to_owned(), comment))),
            }
            objects.push(object);
        }
        let (width, height) = sheet.size;
        let id = sheet.head.filter(|_| all_heads).map_or(number, |head| head.id);
        loaded.annotations.images.push(ImageRecord { id, file: sheet.file, width, height, objects });
    }
    loaded.annotations.categories = categories;
    Ok(loaded)
}

/// Opens one label file, and its image when the file does not say the size.
fn sheet(
    data: &DataFolder,
    image: Option<&str>,
    label: Option<&str>,
    strict: bool,
) -> Result<(Sheet, LeftOut), ConvertError> {
    let text = match label {
        Some(label) => read_text_bounded(&data.locate(label), MAX_LABEL_BYTES)?,
        None => String::new(),
    };
    let path = data.locate(label.or(image).unwrap_or_default());
    let mut left_out = LeftOut::new(strict);
    let mut lines = Vec::new();
    for (line, parsed) in parse_shapes(&text) {
        match parsed {
            Ok((label, shape)) => {
                if shape == Shape::Polygon {
                    left_out.note(&path, Location::Line(line), "polygons (their boxes are kept)")?;
                }
                lines.push(label);
            }
            Err(error) => left_out.fault(LabelError::Line { path: path.clone(), line, error }.into())?,
        }
    }
    let head = text
        .lines()
        .next()
        .and_then(|first| first.strip_prefix("# {"))
        .and_then(|rest| serde_json::from_str::<Head>(&format!("{{{rest}")).ok().map(|head| head.image));
    let wrong = |fault| ConvertError::at(&path, Location::Line(1), fault);
    let (file, size) = match (&head, image) {
        (Some(head), _) => {
            let file = safe_relative(&head.file).map_err(|fault| wrong(fault.into()))?;
            (file, check_size(head.width, head.height).map_err(wrong)?)
        }
        (None, Some(image)) => {
            let inside = image.split_once('/').filter(|(folder, _)| is_images(folder)).map(|(_, inside)| inside);
            (inside.unwrap_or(image).to_owned(), upright_size(&data.locate(image))?)
        }
        (None, None) => return Err(ConvertError::at(&path, Location::Whole, Fault::NoImage)),
    };
    Ok((Sheet { label: label.map(str::to_owned), file, head, lines, size }, left_out))
}

fn tail(line: &LabelLine) -> Option<Tail> {
    serde_json::from_str(line.comment.as_deref().filter(|comment| comment.starts_with('{'))?).ok()
}

/// From `categories.json`, else from the names that are given or lie in the folder.
fn categories(root: &Path, options: &ReadOptions, sheets: &[Sheet]) -> Result<Vec<Category>, ConvertError> {
    if let Some(categories) = categories_beside(root)? {
        return Ok(categories);
    }
    let names = match &options.classes {
        Some(names) => Some(names.clone()),
        None => ClassNames::find(root)?.map(|(_, names)| names),
    };
    let Some(names) = names else {
        // Without any box no name is needed.
        return match sheets.iter().flat_map(|s| &s.lines).map(|l| l.label.class).max() {
            None => Ok(Vec::new()),
            Some(highest) => Err(ConvertError::at(root, Location::Whole, Fault::NoClassName(highest))),
        };
    };
    let category = |(id, name): (u64, &String)| Category { id, name: name.clone(), supercategory: None };
    Ok((0..).zip(names.as_slice()).map(category).collect())
}

fn to_rect(label: &Label, (width, height): (u32, u32)) -> Rect {
    let (width, height) = (f64::from(width), f64::from(height));
    Rect {
        x: (label.cx - label.w / 2.0) * width,
        y: (label.cy - label.h / 2.0) * height,
        w: label.w * width,
        h: label.h * height,
    }
}

/// Writes label files, `data.yaml` and `classes.txt`.
///
/// A plain label cannot say that a box is a crowd: it would be learned as one large object, so it is left out.
pub(super) fn write(
    annotations: &Annotations,
    draft: &FolderDraft,
    keep_ids: bool,
    left_out: &mut LeftOut,
) -> Result<(), ConvertError> {
    let numbers = annotations.class_numbers();
    let mut labels: HashMap<String, &str> = HashMap::new();
    for (at, image) in annotations.images.iter().enumerate() {
        let path = label_for(&image_path(&image.file));
        if labels.insert(path.clone(), &image.file).is_some() {
            let fault = Fault::SharedLabel(image.file.clone());
            return Err(ConvertError::at(draft.target(), Location::Item("images", at, "file_name"), fault));
        }
        for _ in image.objects.iter().filter(|object| object.crowd && !keep_ids) {
            left_out.note(draft.target(), Location::Image(image.file.clone()), CROWDS)?;
        }
        for _ in image.objects.iter().filter(|object| !object.crowd && !keep_ids && marks::partly_seen(object)) {
            left_out.note(draft.target(), Location::Image(image.file.clone()), FLAGS)?;
        }
        let lines = image
            .objects
            .iter()
            .filter(|object| keep_ids || !object.crowd)
            .map(|object| {
                let label = to_label(object, numbers[&object.category], image).map_err(|fault| {
                    // There is no input file any more at this point: the image is the place.
                    ConvertError::at(
                        Path::new(&image.file),
                        Location::Item("annotations", object.id as usize, "bbox"),
                        fault,
                    )
                })?;
                let tail = keep_ids.then(|| Tail {
                    id: object.id,
                    crowd: object.crowd,
                    area: object.area,
                    attributes: object.attributes.clone(),
                });
                let comment = tail.map(|tail| serde_json::to_string(&tail).expect("a tail is plain data"));
                Ok(LabelLine { line: 0, label, comment })
            })
            .collect::<Result<Vec<_>, ConvertError>>()?;
        let mut text = Vec::new();
        if keep_ids {
            let (width, height) = (u64::from(image.width), u64::from(image.height));
            let head = Head { image: HeadImage { id: image.id, file: image.file.clone(), width, height } };
            let head = serde_json::to_string(&head).expect("a head is plain data");
            writeln!(text, "# {head}").expect("writing to memory");
        }
        text.extend_from_slice(format(&lines).as_bytes());
        draft.write(&path, &text)?;
    }
    let names: Vec<&str> = annotations.categories.iter().map(|c| c.name.as_str()).collect();
    // Without `path` the folder of the file counts; `.` would be whatever folder a trainer is started in.
    let mut yaml = String::from("train: images\nval: images\nnames:\n");
    for (number, name) in names.iter().enumerate() {
        // A JSON string is a YAML string.
        let quoted = serde_json::to_string(name).expect("text is plain data");
        yaml += &format!("  {number}: {quoted}\n");
    }
    if names.is_empty() {
        yaml = yaml.replace("names:\n", "names: []\n");
    }
    draft.write("data.yaml", yaml.as_bytes())?;
    Ok(())
}

/// Kind of a box that plain YOLO labels cannot say.
pub const CROWDS: &str = "crowds and difficult objects (plain YOLO labels cannot say so; --keep-ids can)";

/// Kind of what plain labels cannot say of a box they keep.
const FLAGS: &str = "flags (truncated, occluded, hidden; their boxes are kept, --keep-ids keeps the flags)";

/// Where YOLO tools look for an image: below a folder called `images`.
pub(super) fn image_path(file: &str) -> String {
    let inside = file.split('/').rev().skip(1).any(is_images);
    if inside { file.to_owned() } else { format!("images/{file}") }
}

fn to_label(object: &Object, class: u32, image: &ImageRecord) -> Result<Label, Fault> {
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let Rect { x, y, w, h } = object.rect;
    let label = Label { class, cx: (x + w / 2.0) / width, cy: (y + h / 2.0) / height, w: w / width, h: h / height };
    let sayable = [label.cx, label.cy, label.w, label.h].iter().all(|v| (-TOLERANCE..=1.0 + TOLERANCE).contains(v));
    debug_assert!(decimal(1.0 / MAX_SIDE as f64) != "0", "12 decimals say every pixel of the largest image");
    if sayable { Ok(label) } else { Err(Fault::CentreOutside) }
}
