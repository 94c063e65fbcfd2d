//! From a weights file to a working detector.

#[cfg(feature = "candle")]
mod with_candle;
#[cfg(not(feature = "candle"))]
mod without_candle;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::{Device, EngineChoice, OrtOptions, Session, WeightsFormat};
use tracing::{info, warn};
use vision::model_card::{CardError, Task};
use vision::{ModelCard, PreprocessPlan, Sha256};

use crate::anchors::MAX_STRIDE;
use crate::infer::{YoloDetector, YoloSpec};
use crate::metadata::ExportMetadata;
use crate::model::Architecture;
use crate::{AutoTiling, ClassMap, LoadError};

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
    WeightsFormat::of(weights)?;
    let card = ModelCard::read_beside(weights)?;
    let file = File { path: weights, card: card.as_ref() };
    if let Some(card) = file.card.filter(|card| card.task != Task::Detector) {
        return Err(LoadError::Task { path: weights.to_owned(), found: task_name(card.task).to_owned() });
    }
    let opened = file.open(options)?;
    let spec = file.spec(&opened, options)?;
    let detector = YoloDetector::new(opened.session, spec)
        .map_err(|source| LoadError::Spec { path: weights.to_owned(), source })?;
    info!(detector = vision::Detector::describe(&detector), classes = ?vision::Detector::classes(&detector), "loaded the detector");
    Ok(detector)
}

/// A network that some engine took.
struct Opened {
    session: Box<dyn Session>,
    /// Known when candle runs it.
    architecture: Option<Architecture>,
}

/// A weights file and what its card says of it.
struct File<'a> {
    path: &'a Path,
    card: Option<&'a ModelCard>,
}

impl File<'_> {
    fn path(&self) -> PathBuf {
        self.path.to_owned()
    }

    fn open(&self, options: &LoadOptions) -> Result<Opened, LoadError> {
        let mut architecture = None;
        let session = options.engine.open(self.path, &options.ort, || -> Result<_, LoadError> {
            let (session, found) = self.open_with_candle(&options.device)?;
            architecture = Some(found);
            Ok(session)
        })?;
        Ok(Opened { session, architecture })
    }

    fn spec(&self, opened: &Opened, options: &LoadOptions) -> Result<YoloSpec, LoadError> {
        let info = opened.session.info();
        // A card may lack; what it says goes before what the exporter wrote.
        if let Some(task) = info.metadata.get("task").filter(|task| *task != "detect") {
            return Err(LoadError::Task { path: self.path(), found: task.chars().take(40).collect() });
        }
        if let Some(family) = info.metadata.get("description").and_then(|text| foreign_family(text)) {
            return Err(LoadError::Family { path: self.path(), family });
        }
        let (name, plan, stride, outputs, map) = match self.card {
            Some(card) => {
                if card.classes.is_empty() {
                    let card = Some(ModelCard::path_for(self.path));
                    return Err(LoadError::NoClasses { path: self.path(), card });
                }
                let name = format!("{}@{}", card.name, card.sha256.short());
                let map = (!card.class_map.is_empty()).then(|| card.class_map.clone());
                (name, card.preprocess.clone(), MAX_STRIDE as u32, card.classes.clone(), map)
            }
            None => {
                let metadata = ExportMetadata::parse(&info.metadata)
                    .map_err(|source| LoadError::Metadata { path: self.path(), source })?;
                let outputs = self.class_names(metadata.names, opened.architecture)?;
                let (height, width) = metadata.image_size.unwrap_or((DEFAULT_SIDE, DEFAULT_SIDE));
                let side =
                    |fixed: Option<usize>, stated| fixed.and_then(|side| u32::try_from(side).ok()).unwrap_or(stated);
                let plan = PreprocessPlan::yolo(side(info.input.width, width), side(info.input.height, height));
                let map = ClassMap::is_coco(&outputs).then(ClassMap::coco_containers);
                (self.name()?, plan, metadata.stride.unwrap_or(MAX_STRIDE as u32), outputs, map)
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
        let classes = classes.map_err(|source| LoadError::ClassMap { path: self.path(), source })?;
        let heights = self.card.and_then(|card| card.facing_height).unwrap_or(options.tiling.heights);
        Ok(YoloSpec { name, plan, stride, classes, tiling: AutoTiling { heights, ..options.tiling } })
    }

    fn class_names(
        &self,
        names: Option<Vec<String>>,
        architecture: Option<Architecture>,
    ) -> Result<Vec<String>, LoadError> {
        match (names, architecture) {
            (Some(names), _) if !names.is_empty() => Ok(names),
            (_, Some(Architecture { classes, .. })) => {
                warn!(
                    model = %self.path.display(),
                    classes,
                    "neither a model card nor the file names the classes: they are called by their numbers; write a model card"
                );
                Ok((0..classes).map(|i| format!("class {i}")).collect())
            }
            _ => Err(LoadError::NoClasses { path: self.path(), card: None }),
        }
    }

    /// For a file without a card: its own name and digest.
    fn name(&self) -> Result<String, LoadError> {
        let digest = Sha256::of_file(self.path).map_err(|source| CardError::Io { path: self.path(), source })?;
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(format!("{stem}@{}", digest.short()))
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

fn task_name(task: Task) -> &'static str {
    match task {
        Task::Detector => "detector",
        Task::Embedder => "embedder",
    }
}
