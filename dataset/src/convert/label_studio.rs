//! Label Studio's JSON export: a list of tasks with rectangles in percent of the picture.

use std::collections::BTreeMap;
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
    annotations: Vec<Completion>,
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    was_cancelled: bool,
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
    #[serde(default)]
    image_rotation: f64,
    value: Value,
}

#[derive(Deserialize)]
struct Value {
    x: Option<f64>,
    y: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
    #[serde(default)]
    rotation: f64,
    #[serde(default)]
    rectanglelabels: Vec<String>,
    #[serde(default)]
    choices: Vec<String>,
    #[serde(default)]
    text: Option<serde_json::Value>,
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
        let mut done = task.annotations.into_iter().filter(|completion| !completion.was_cancelled);
        let Some(completion) = done.next() else {
            loaded.leave_out("tasks nobody finished");
            continue;
        };
        for _ in done {
            loaded.leave_out("second opinions on a task");
        }
        let Some(size) = completion.result.iter().find_map(|r| r.original_width.zip(r.original_height)) else {
            // The export says the size of a picture only beside a region.
            loaded.leave_out("pictures without any region (their size is not in the export)");
            continue;
        };
        let (width, height) = check_size(size.0, size.1).map_err(|fault| wrong("original_width", fault))?;
        let mut image = ImageRecord { id: task.id, file, width, height, objects: vec![] };
        let extras = extras(&completion.result);
        for region in &completion.result {
            if region.kind != "rectanglelabels" {
                if region.value.x.is_some() && region.kind != "rectangle" && region.value.choices.is_empty() {
                    loaded.leave_out("regions that are no rectangles");
                }
                continue;
            }
            if region.value.rotation != 0.0 || region.image_rotation != 0.0 {
                loaded.leave_out("turned boxes");
                continue;
            }
            next_object += 1;
            let rect = rect(&region.value, width, height).map_err(|fault| wrong("result", fault))?;
            let [label, ..] = region.value.rectanglelabels.as_slice() else {
                return Err(wrong("result", Fault::Missing("rectanglelabels")));
            };
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
    let path = address.split(['?', '#']).next().unwrap_or(address);
    let path = path.rsplit_once("d=").map_or(path, |(_, local)| local);
    // `/data/local-files/?d=folder/a.jpg` keeps its folders; addresses elsewhere only their last part.
    match address.split_once("?d=") {
        Some((_, local)) => Some(local.trim_start_matches('/').to_owned()),
        None => path.rsplit('/').next().map(str::to_owned),
    }
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
