//! Label Studio's JSON export: a list of tasks with rectangles in percent of the image.

mod address;
mod choices;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Loaded;
use super::cvat::Categories;
use super::error::{ConvertError, Fault, Location};
use super::loose::{Id, Number, Row};
use super::marks::{TURNED, is_turned};
use super::model::{ImageRecord, Object, Rect, check_size};
use super::settle::number_anew;
use crate::files::{read_bounded, safe_relative};
use address::file_of;
use task::{Region, Task, Value, Verdict, tasks};

pub use choices::{TaskChoice, choices};

const MAX_BYTES: u64 = 1 << 30;

/// Kind of a task whose annotations were all cancelled.
const SKIPPED: &str = "tasks that were skipped (cancelled annotations are no labels)";
/// Kind of an annotation beside the one that counts.
const SECOND_OPINIONS: &str = "second opinions on a task";
/// Kind of a task without any annotation.
const UNTOUCHED: &str = "tasks nobody finished";

impl Region {
    /// Whether it is a labelled box: of the tag `RectangleLabels`, or of the tags `Rectangle` and `Labels` together, which
    /// give two regions with one id and one place.
    fn is_box(&self) -> bool {
        let sized = self.value.width.is_some() && self.value.height.is_some();
        self.kind == "rectanglelabels" || (self.kind == "labels" && sized)
    }

    fn is_turned(&self) -> bool {
        [self.value.rotation, self.image_rotation].into_iter().flatten().any(|Number(degrees)| is_turned(degrees))
    }

    fn key(&self) -> String {
        self.id.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

/// Percentages may miss 0 and 100 by rounding.
const SLACK: f64 = 0.1;

/// Reads an export ("JSON", not "JSON-MIN").
pub(super) fn read(path: &Path, strict: bool) -> Result<Loaded, ConvertError> {
    parse(path, read_bounded(path, MAX_BYTES)?, strict)
}

/// Reads the bytes of an export called `path`.
pub(super) fn parse(path: &Path, bytes: Vec<u8>, strict: bool) -> Result<Loaded, ConvertError> {
    let mut reader =
        Reader { path, loaded: Loaded::new(strict), categories: Categories::default(), next_object: 0, words: false };
    for (at, Row(task)) in tasks(path, bytes)?.into_iter().enumerate() {
        let read = match task {
            Ok(task) => reader.task(at, task),
            Err(error) => Err(Fault::Row(error).into()),
        };
        match read {
            Ok(()) => {}
            Err(Stop::Task(fault)) => {
                let error = ConvertError::at(path, Location::Item("tasks", at, ""), fault);
                reader.loaded.left_out.fault(error)?;
            }
            Err(Stop::All(error)) => return Err(*error),
        }
    }
    reader.loaded.annotations.categories = reader.categories.list;
    if reader.words {
        number_anew(&mut reader.loaded.annotations);
    }
    Ok(reader.loaded)
}

/// How far a fault reaches.
enum Stop {
    /// The task cannot be used.
    Task(Fault),
    /// Reading is strict.
    All(Box<ConvertError>),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Task(fault)
    }
}

impl From<ConvertError> for Stop {
    fn from(error: ConvertError) -> Self {
        Self::All(Box::new(error))
    }
}

struct Reader<'a> {
    path: &'a Path,
    loaded: Loaded,
    categories: Categories,
    next_object: u64,
    /// Whether a task's id is a word or missing: then all are numbered anew.
    words: bool,
}

impl Reader<'_> {
    fn task(&mut self, at: usize, mut task: Task) -> Result<(), Stop> {
        let (path, place) = (self.path, |member| Location::Item("tasks", at, member));
        let file = safe_relative(&file_of(&task.data)?).map_err(Fault::from)?;
        let left_out = &mut self.loaded.left_out;
        let regions = match task.verdict() {
            Verdict::Untouched => return Ok(left_out.note(path, place(""), UNTOUCHED)?),
            Verdict::Skipped => return Ok(left_out.note(path, place(""), SKIPPED)?),
            Verdict::Chosen(regions, others) => {
                for _ in 0..others {
                    left_out.note(path, place(""), SECOND_OPINIONS)?;
                }
                regions
            }
        };
        let Some((width, height)) = size(&regions, &task) else {
            // The export says the size of an image only beside a region.
            let what = "images whose size the export does not say (those without any region)";
            return Ok(left_out.note(path, place(""), what)?);
        };
        let (width, height) = check_size(width, height)?;
        let number = task.id.as_ref().and_then(Id::number);
        self.words |= number.is_none();
        let id = number.unwrap_or(u64::MAX - at as u64);
        let mut image = ImageRecord { id, file, width, height, objects: vec![] };
        let extras = extras(&regions);
        let labelled: BTreeSet<String> = regions.iter().filter(|r| r.is_box()).map(Region::key).collect();
        for region in &regions {
            let left_out = &mut self.loaded.left_out;
            if !region.is_box() {
                match region.kind.as_str() {
                    "rectangle" if labelled.contains(&region.key()) => {}
                    "rectangle" => left_out.note(path, place("result"), "boxes without a label")?,
                    // What is said about a region, not one itself.
                    "choices" | "textarea" | "taxonomy" | "number" | "rating" | "datetime" | "pairwise"
                    | "relation" => {}
                    _ => left_out.note(path, place("result"), "regions that are no rectangles")?,
                }
                continue;
            }
            if region.is_turned() {
                left_out.note(path, place("result"), TURNED)?;
                continue;
            }
            let rect = match rect(&region.value, width, height) {
                Ok(rect) => rect,
                Err(fault) => {
                    left_out.fault(ConvertError::at(path, place("result"), fault))?;
                    continue;
                }
            };
            let [label, further @ ..] = region.value.labels() else {
                left_out.note(path, place("result"), "boxes without a label")?;
                continue;
            };
            for _ in further {
                left_out.note(path, place("result"), "second labels of a box")?;
            }
            self.next_object += 1;
            image.objects.push(Object {
                id: self.next_object,
                category: self.categories.id(label.trim()),
                rect,
                crowd: false,
                area: None,
                attributes: extras.get(&region.key()).cloned().unwrap_or_default(),
            });
        }
        self.loaded.annotations.images.push(image);
        Ok(())
    }
}

/// The image's size, by a region or by the task's data.
fn size(regions: &[Region], task: &Task) -> Option<(u64, u64)> {
    let whole = |number: Number| number.whole();
    let by_region =
        || regions.iter().find_map(|r| r.original_width.and_then(whole).zip(r.original_height.and_then(whole)));
    let by_data = || {
        let side = |name: &str| task.data.get(name).and_then(serde_json::Value::as_u64);
        side("width").zip(side("height"))
    };
    by_region().or_else(by_data)
}

/// Choices and texts given to a region, by its id.
fn extras(regions: &[Region]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut extras: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for region in regions.iter().filter(|r| r.id.is_some()) {
        let Some(name) = region.from_name.as_ref().filter(|name| !name.is_empty()) else { continue };
        let text = match (&region.value.text, region.value.choices()) {
            (_, [_, ..]) => region.value.choices().join(", "),
            (Some(serde_json::Value::String(text)), _) => text.clone(),
            (Some(serde_json::Value::Array(texts)), _) => {
                texts.iter().filter_map(|t| t.as_str()).collect::<Vec<_>>().join(" ")
            }
            _ => continue,
        };
        extras.entry(region.key()).or_default().insert(name.clone(), text);
    }
    extras
}

/// A box drawn upwards or to the left has a negative size: it is turned over.
fn rect(value: &Value, width: u32, height: u32) -> Result<Rect, Fault> {
    let need = |number: Option<Number>, name| number.map(|Number(number)| number).ok_or(Fault::Missing(name));
    let along = |start: f64, length: f64| if length < 0.0 { (start + length, -length) } else { (start, length) };
    let (x, w) = along(need(value.x, "x")?, need(value.width, "width")?);
    let (y, h) = along(need(value.y, "y")?, need(value.height, "height")?);
    if let Some(number) = [x, y, w, h].into_iter().find(|n| !(-SLACK..=100.0 + SLACK).contains(n)) {
        return Err(Fault::NotPercent(number));
    }
    let (width, height) = (f64::from(width) / 100.0, f64::from(height) / 100.0);
    Ok(Rect { x: x * width, y: y * height, w: w * width, h: h * height })
}
