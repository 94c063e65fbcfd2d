//! From a weights file to a working detector.

#[cfg(feature = "candle")]
mod with_candle;
#[cfg(not(feature = "candle"))]
mod without_candle;

use std::collections::BTreeMap;
use std::path::Path;

use engine::load::WeightsFile;
use engine::{Device, EngineChoice, OrtOptions, Session};
use tracing::{info, warn};
use vision::model_card::Task;
use vision::{ModelCard, PreprocessPlan};

use crate::anchors::MAX_STRIDE;
use crate::infer::{YoloDetector, YoloSpec};
use crate::metadata::ExportMetadata;
use crate::model::Architecture;
use crate::{AutoTiling, ClassMap, LoadError, NetworkError};
#[cfg(feature = "candle")]
use with_candle::open_with_candle;
#[cfg(not(feature = "candle"))]
use without_candle::open_with_candle;

/// Which outputs are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClassChoice {
    /// What the model card says. Without a card: the containers of COCO's 80 classes if it has these, else all.
    #[default]
    Card,
    /// All, under the network's names.
    All,
    /// These, by output.
    Map(BTreeMap<usize, String>),
}

/// How a detector is loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Which engine.
    pub engine: EngineChoice,
    /// Where candle computes.
    pub device: Device,
    /// How ONNX Runtime is used.
    pub ort: OrtOptions,
    /// Which outputs are kept.
    pub classes: ClassChoice,
    /// At which scales photos are looked at; heights of facings in the model card win.
    pub tiling: AutoTiling,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            engine: EngineChoice::Auto,
            device: Device::cpu(),
            ort: OrtOptions::default(),
            classes: ClassChoice::default(),
            tiling: AutoTiling::default(),
        }
    }
}

/// Key of a safetensors file's metadata that names the [`Design`](crate::model::Design): tensors do not tell how an EfficientNet pads.
pub const ARCHITECTURE_KEY: &str = "architecture";

/// Side of the canvas when neither card nor metadata tell: what YOLOv8 was published with.
const DEFAULT_SIDE: u32 = 640;

/// Loads the detector in `weights` (`.onnx` or `.safetensors`), with the model card beside it if there is one. Without a
/// card, what Ultralytics wrote into the file says what it is.
///
/// # Errors
/// See [`LoadError`].
pub fn load(weights: &Path, options: &LoadOptions) -> Result<YoloDetector, LoadError> {
    let file = WeightsFile::open(weights, Task::Detector)?;
    let opened = open(&file, options)?;
    let spec = spec(&file, &opened, options)?;
    let detector = YoloDetector::new(opened.session, spec).map_err(|source| file.lacks(NetworkError::Spec(source)))?;
    info!(detector = vision::Detector::describe(&detector), classes = ?vision::Detector::classes(&detector), "loaded the detector");
    Ok(detector)
}

/// A network that some engine took.
struct Opened {
    session: Box<dyn Session>,
    /// Known when candle runs it.
    architecture: Option<Architecture>,
}

fn open(file: &WeightsFile<'_>, options: &LoadOptions) -> Result<Opened, LoadError> {
    let mut architecture = None;
    let session = options.engine.open(file.path, &options.ort, || -> Result<_, LoadError> {
        let (session, found) = open_with_candle(file, &options.device)?;
        architecture = Some(found);
        Ok(session)
    })?;
    Ok(Opened { session, architecture })
}

fn spec(file: &WeightsFile<'_>, opened: &Opened, options: &LoadOptions) -> Result<YoloSpec, LoadError> {
    let info = opened.session.info();
    // A card may lack; what it says goes before what the exporter wrote.
    if let Some(task) = info.metadata.get("task").filter(|task| *task != "detect") {
        return Err(file.made_for(task));
    }
    if let Some(family) = info.metadata.get("description").and_then(|text| foreign_family(text)) {
        return Err(file.lacks(NetworkError::Family { family }));
    }
    let (name, _) = file.identity()?;
    let (plan, stride, outputs, map) = match &file.card {
        Some(card) => {
            if card.classes.is_empty() {
                let card = Some(ModelCard::path_for(file.path));
                return Err(file.lacks(NetworkError::NoClasses { card }));
            }
            let map = (!card.class_map.is_empty()).then(|| card.class_map.clone());
            (card.preprocess.clone(), MAX_STRIDE as u32, card.classes.clone(), map)
        }
        None => {
            let metadata =
                ExportMetadata::parse(&info.metadata).map_err(|source| file.lacks(NetworkError::Metadata(source)))?;
            let outputs = class_names(file, metadata.names, opened.architecture)?;
            let (height, width) = metadata.image_size.unwrap_or((DEFAULT_SIDE, DEFAULT_SIDE));
            let side = |fixed: Option<usize>, stated| fixed.and_then(|side| u32::try_from(side).ok()).unwrap_or(stated);
            let plan = PreprocessPlan::yolo(side(info.input.width, width), side(info.input.height, height));
            let map = ClassMap::is_coco(&outputs).then(ClassMap::coco_containers);
            (plan, metadata.stride.unwrap_or(MAX_STRIDE as u32), outputs, map)
        }
    };
    let map = match &options.classes {
        ClassChoice::Card => map,
        ClassChoice::All => None,
        ClassChoice::Map(map) => Some(map.clone()),
    };
    let classes = match map {
        Some(map) => ClassMap::mapped(outputs.len(), &map),
        None => ClassMap::all(outputs),
    };
    let classes = classes.map_err(|source| file.lacks(NetworkError::ClassMap(source)))?;
    let heights = file.card.as_ref().and_then(|card| card.facing_height).unwrap_or(options.tiling.heights);
    Ok(YoloSpec { name, plan, stride, classes, tiling: AutoTiling { heights, ..options.tiling } })
}

fn class_names(
    file: &WeightsFile<'_>,
    names: Option<Vec<String>>,
    architecture: Option<Architecture>,
) -> Result<Vec<String>, LoadError> {
    match (names, architecture) {
        (Some(names), _) if !names.is_empty() => Ok(names),
        (_, Some(Architecture { classes, .. })) => {
            warn!(
                model = %file.path.display(),
                classes,
                "neither a model card nor the file names the classes: they are called by their numbers; write a model card"
            );
            Ok((0..classes).map(|i| format!("class {i}")).collect())
        }
        _ => Err(file.lacks(NetworkError::NoClasses { card: None })),
    }
}

/// The family a file's description names, when its output is none of those that are read whatever its shape.
fn foreign_family(description: &str) -> Option<&'static str> {
    let small = description.to_ascii_lowercase();
    let families = [
        ("rt-detr", "RT-DETR"),
        ("rtdetr", "RT-DETR"),
        ("yolo_nas", "YOLO-NAS"),
        ("yolo-nas", "YOLO-NAS"),
        ("yolox", "YOLOX"),
    ];
    families.into_iter().find(|(word, _)| small.contains(word)).map(|(_, family)| family)
}
