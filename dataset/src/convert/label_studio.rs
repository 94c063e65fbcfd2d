//! Label Studio's JSON export: a list of tasks with rectangles in percent of the picture.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::Loaded;
use super::cvat::Categories;
use super::error::{ConvertError, Fault, Place};
use super::model::{ImageRecord, Object, Rect, check_size};
use crate::files::{read_bounded, safe_relative};

const MAX_BYTES: u64 = 1 << 30;

#[derive(Deserialize)]
struct Task {
    id: u64,
    data: BTreeMap<String, serde_json::Value>,
    // Before version 1.0 they were called completions.
    #[serde(default, alias = "completions")]
    annotations: Vec<Completion>,
}

#[derive(Deserialize)]
struct Completion {
    was_cancelled: Option<bool>,
    ground_truth: Option<bool>,
    #[serde(default)]
    result: Vec<Region>,
}

#[derive(Deserialize)]
struct Region {
    #[serde(default)]
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    from_name: String,
    original_width: Option<u64>,
    original_height: Option<u64>,
    image_rotation: Option<f64>,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Value {
    x: Option<f64>,
    y: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
    rotation: Option<f64>,
    rectanglelabels: Vec<String>,
    labels: Vec<String>,
    choices: Vec<String>,
    text: Option<serde_json::Value>,
}

impl Region {
    /// Whether it is a labelled box: of the tag `RectangleLabels`, or of the tags `Rectangle` and `Labels` together, which
    /// give two regions with one id and one place.
    fn is_box(&self) -> bool {
        self.kind == "rectanglelabels"
            || (self.kind == "labels" && self.value.width.is_some() && self.value.height.is_some())
    }

    fn labels(&self) -> &[String] {
        if self.value.rectanglelabels.is_empty() { &self.value.labels } else { &self.value.rectanglelabels }
    }

    fn is_turned(&self) -> bool {
        let turned = |degrees: Option<f64>| degrees.unwrap_or(0.0) % 360.0 != 0.0;
        turned(self.value.rotation) || turned(self.image_rotation)
    }
}

/// Percentages may miss 0 and 100 by rounding.
const SLACK: f64 = 0.1;

/// Reads an export ("JSON", not "JSON-MIN").
pub(super) fn read(path: &Path) -> Result<Loaded, ConvertError> {
    let bytes = read_bounded(path, MAX_BYTES)?;
    let expected = "Label Studio's JSON export";
    let json = |source| ConvertError::at(path, Place::Whole, Fault::Json { expected, source });
    let tasks: Vec<Task> = serde_json::from_slice(&bytes).map_err(json)?;
    let mut loaded = Loaded::default();
    let mut categories = Categories::default();
    let mut next_object = 0;
    for (at, task) in tasks.into_iter().enumerate() {
        let wrong = |member, fault| ConvertError::at(path, Place::Item("tasks", at, member), fault);
        let file = file_of(&task.data).ok_or_else(|| wrong("data", Fault::Missing("image")))?;
        let file = safe_relative(&file).map_err(|fault| wrong("data", fault.into()))?;
        let mut done: Vec<Completion> =
            task.annotations.into_iter().filter(|completion| completion.was_cancelled != Some(true)).collect();
        // What somebody has declared the truth, else the first.
        let chosen = done.iter().position(|completion| completion.ground_truth == Some(true)).unwrap_or(0);
        if done.is_empty() {
            loaded.leave_out("tasks nobody finished");
            continue;
        }
        let completion = done.swap_remove(chosen);
        for _ in done {
            loaded.leave_out("second opinions on a task");
        }
        let by_region = || completion.result.iter().find_map(|r| r.original_width.zip(r.original_height));
        let by_data = || {
            let side = |name: &str| task.data.get(name).and_then(serde_json::Value::as_u64);
            side("width").zip(side("height"))
        };
        let Some(size) = by_region().or_else(by_data) else {
            // The export says the size of a picture only beside a region.
            loaded.leave_out("pictures whose size the export does not say (those without any region)");
            continue;
        };
        let (width, height) = check_size(size.0, size.1).map_err(|fault| wrong("original_width", fault))?;
        let mut image = ImageRecord { id: task.id, file, width, height, objects: vec![] };
        let extras = extras(&completion.result);
        let labelled: BTreeSet<&str> = completion.result.iter().filter(|r| r.is_box()).map(|r| r.id.as_str()).collect();
        for region in &completion.result {
            if !region.is_box() {
                match region.kind.as_str() {
                    "rectangle" if labelled.contains(region.id.as_str()) => {}
                    "rectangle" => loaded.leave_out("boxes without a label"),
                    // What is said about a region, not one itself.
                    "choices" | "textarea" | "taxonomy" | "number" | "rating" | "datetime" | "pairwise"
                    | "relation" => {}
                    _ => loaded.leave_out("regions that are no rectangles"),
                }
                continue;
            }
            if region.is_turned() {
                loaded.leave_out("turned boxes");
                continue;
            }
            let rect = rect(&region.value, width, height).map_err(|fault| wrong("result", fault))?;
            let [label, further @ ..] = region.labels() else {
                loaded.leave_out("boxes without a label");
                continue;
            };
            for _ in further {
                loaded.leave_out("second labels of a box");
            }
            next_object += 1;
            image.objects.push(Object {
                id: next_object,
                category: categories.id(label),
                rect,
                crowd: false,
                area: None,
                attributes: extras.get(region.id.as_str()).cloned().unwrap_or_default(),
            });
        }
        loaded.annotations.images.push(image);
    }
    loaded.annotations.categories = categories.list;
    Ok(loaded)
}

/// The picture's file name: the last part of the address under `image`, or of the first value that names a picture.
fn file_of(data: &BTreeMap<String, serde_json::Value>) -> Option<String> {
    let address =
        data.get("image").or_else(|| data.values().find(|v| v.as_str().is_some_and(names_a_picture)))?.as_str()?;
    // `/data/local-files/?d=folder/a.jpg` keeps its folders; addresses elsewhere only their last part.
    match address.split_once("?d=") {
        Some((_, local)) => Some(unescape(local.split(['&', '#']).next().unwrap_or(local).trim_start_matches('/'))),
        None => address.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).map(unescape),
    }
}

/// `%20` and its like as what they stand for; left as they are when that is no text.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code =
            text.get(at + 1..at + 3).filter(|code| bytes[at] == b'%' && code.bytes().all(|c| c.is_ascii_hexdigit()));
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

fn names_a_picture(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or(text).to_ascii_lowercase();
    [".jpg", ".jpeg", ".png", ".webp"].iter().any(|extension| path.ends_with(extension))
}

/// Choices and texts given to a region, by its id.
fn extras(regions: &[Region]) -> BTreeMap<&str, BTreeMap<String, String>> {
    let mut extras: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for region in regions.iter().filter(|r| !r.from_name.is_empty() && !r.id.is_empty()) {
        let text = match (&region.value.text, region.value.choices.as_slice()) {
            (_, [_, ..]) => region.value.choices.join(", "),
            (Some(serde_json::Value::String(text)), _) => text.clone(),
            (Some(serde_json::Value::Array(texts)), _) => {
                texts.iter().filter_map(|t| t.as_str()).collect::<Vec<_>>().join(" ")
            }
            _ => continue,
        };
        extras.entry(&region.id).or_default().insert(region.from_name.clone(), text);
    }
    extras
}

fn rect(value: &Value, width: u32, height: u32) -> Result<Rect, Fault> {
    let percent = |number: Option<f64>, name| {
        let number = number.ok_or(Fault::Missing(name))?;
        if (-SLACK..=100.0 + SLACK).contains(&number) { Ok(number) } else { Err(Fault::NotPercent(number)) }
    };
    let (x, y) = (percent(value.x, "x")?, percent(value.y, "y")?);
    let (w, h) = (percent(value.width, "width")?, percent(value.height, "height")?);
    if w < 0.0 || h < 0.0 {
        return Err(Fault::NegativeSize { w, h });
    }
    let (width, height) = (f64::from(width) / 100.0, f64::from(height) / 100.0);
    Ok(Rect { x: x * width, y: y * height, w: w * width, h: h * height })
}
