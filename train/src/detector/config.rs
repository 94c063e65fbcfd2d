//! What the user wrote (`detector.yaml`), converted once into what training needs.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::core::Optimiser;
use crate::core::settings;
use hub::WeightsSource;
use serde::Deserialize;
use serde::de::IgnoredAny;
use synth::SynthConfig;
use vision::config::{self, ConfigError, Renamed, Variables};
use vision::model_card::DataSet;

use super::augment::Augment;
use super::cache::CacheLimits;
use super::dataset::Source;
use super::loss::LossConfig;
use super::plan::BatchRules;
use detector::model::Design;

/// Everything that decides how a detector is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// Name of the run: its folder below `runs/detector`.
    pub name: String,
    /// Which network.
    pub design: Design,
    /// Weights to start from, as far as they fit; from scratch without.
    pub weights: Option<WeightsSource>,
    /// The classes; without them the first folder that names its classes does.
    pub names: Option<Vec<String>>,
    /// Labelled images: their part `train` is learned, their part `val` validates.
    pub data: Vec<Source>,
    /// What the card says of them.
    pub data_sets: Vec<DataSet>,
    /// Folders that only validate.
    pub validation: Vec<Source>,
    /// Synthetic shelves beside them.
    pub synthetic: Option<Synthetic>,
    /// Side of the input in pixels, a multiple of 32.
    pub side: u32,
    /// Epochs in all.
    pub epochs: u32,
    /// Last epochs without mosaics.
    pub close_mosaic: u32,
    /// Epochs without progress after which training ends; 0 for never.
    pub patience: u32,
    /// Batches are cut to the shape of their images.
    pub rectangular: bool,
    /// How batches are put together.
    pub rules: BatchRules,
    /// Augmentation.
    pub augment: Augment,
    /// How weights are moved.
    pub optimiser: Optimiser,
    /// What counts how much.
    pub loss: LossConfig,
    /// How images are kept.
    pub cache: CacheLimits,
    /// Threads that prepare images; 0 for one per core but one.
    pub workers: usize,
    /// Batches prepared ahead.
    pub ahead: usize,
    /// `cpu`, `cuda`, `cuda:1`.
    pub device: String,
    /// Whether the first label that is not understood is an error; else it is left out and counted.
    pub strict: bool,
}

/// Synthetic shelves as a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    /// Fraction of a batch, 0 to 1.
    pub ratio: f32,
    /// How many different shelves there are.
    pub shelves: u32,
    /// Whether instances cut out of the training images are pasted into rows.
    pub paste: bool,
    /// Other folders of labelled images whose instances are pasted.
    pub paste_from: Vec<PathBuf>,
    /// What they look like.
    pub synth: SynthConfig,
}

/// Keys by their names of the first release.
const RENAMED: &[Renamed] = &[
    Renamed { section: "", old: "drawn", new: "synthetic" },
    Renamed { section: "synthetic", old: "share", new: "ratio" },
    Renamed { section: "synthetic.look", old: "paste_share", new: "paste_ratio" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default::name")]
    name: String,
    #[serde(default = "default::model")]
    model: String,
    weights: Option<String>,
    names: Option<Vec<String>>,
    data: Vec<SourceSection>,
    #[serde(default)]
    validation: Vec<SourceSection>,
    #[serde(alias = "drawn")]
    synthetic: Option<SyntheticSection>,
    #[serde(default = "default::imgsz")]
    imgsz: u32,
    #[serde(default = "default::epochs")]
    epochs: u32,
    #[serde(default = "default::batch")]
    batch: usize,
    #[serde(default = "default::close_mosaic")]
    close_mosaic: u32,
    #[serde(default = "default::patience")]
    patience: u32,
    #[serde(default)]
    rect: bool,
    #[serde(default)]
    balanced: bool,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    augment: AugmentSection,
    #[serde(default)]
    optimizer: Optimiser,
    #[serde(default)]
    loss: LossSection,
    #[serde(default)]
    cache: CacheSection,
    #[serde(default)]
    workers: usize,
    #[serde(default = "default::ahead")]
    ahead: usize,
    #[serde(default = "default::device")]
    device: String,
    /// Where gates stood before: read by who judges.
    #[serde(default, rename = "targets")]
    _targets: IgnoredAny,
}

mod default {
    pub(super) fn name() -> String {
        "train".to_owned()
    }
    pub(super) fn model() -> String {
        "efficientnet_lite0-yolov8n".to_owned()
    }
    pub(super) fn device() -> String {
        "cpu".to_owned()
    }
    pub(super) const fn imgsz() -> u32 {
        640
    }
    pub(super) const fn epochs() -> u32 {
        100
    }
    pub(super) const fn batch() -> usize {
        16
    }
    pub(super) const fn close_mosaic() -> u32 {
        10
    }
    pub(super) const fn patience() -> u32 {
        50
    }
    pub(super) const fn ahead() -> usize {
        3
    }
    pub(super) const fn one() -> u32 {
        1
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceSection {
    root: String,
    name: Option<String>,
    license: Option<String>,
    split: Option<String>,
    #[serde(default = "default::one")]
    repeat: u32,
    #[serde(default)]
    unlabelled: Vec<String>,
}

impl SourceSection {
    /// A name instead of a path, which says nothing elsewhere, and the licence as its publisher states it.
    fn data_set(&self) -> DataSet {
        DataSet {
            name: self.name.clone().unwrap_or_else(|| self.root.clone()),
            sha256: None,
            license: self.license.clone().unwrap_or_else(|| "not stated".to_owned()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SyntheticSection {
    #[serde(alias = "share")]
    ratio: f32,
    shelves: u32,
    #[serde(default)]
    paste: bool,
    #[serde(default)]
    paste_from: Vec<String>,
    #[serde(default)]
    look: SynthConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AugmentSection {
    mosaic: f32,
    hsv_h: f32,
    hsv_s: f32,
    hsv_v: f32,
    translate: f32,
    scale: f32,
    degrees: f32,
    fliplr: f32,
    jpeg: f32,
    blur: f32,
    light: f32,
}

impl Default for AugmentSection {
    fn default() -> Self {
        let Augment { mosaic, hsv: [hsv_h, hsv_s, hsv_v], translate, scale, degrees, fliplr, jpeg, blur, light } =
            Augment::default();
        Self { mosaic, hsv_h, hsv_s, hsv_v, translate, scale, degrees, fliplr, jpeg, blur, light }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LossSection {
    r#box: f64,
    cls: f64,
    dfl: f64,
}

impl Default for LossSection {
    fn default() -> Self {
        let LossConfig { box_gain, class_gain, dfl_gain, .. } = LossConfig::default();
        Self { r#box: box_gain, cls: class_gain, dfl: dfl_gain }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CacheSection {
    memory_mib: u64,
    folder: Option<String>,
    disk_mib: u64,
    max_unreadable: usize,
}

impl Default for CacheSection {
    fn default() -> Self {
        Self { memory_mib: 1024, folder: None, disk_mib: 8192, max_unreadable: 10 }
    }
}

impl TrainConfig {
    /// Reads and checks a file. Paths may hold `${NAME}` and `${NAME:-default}`, which `variables` answers.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown or missing key, or a value out of range; the error names file and key.
    pub fn read(path: &Path, variables: Variables<'_>) -> Result<Self, ConfigError> {
        Self::parse(&config::read_text(path)?, path, variables)
    }

    /// As [`TrainConfig::read`], from text; `path` only names it in errors.
    ///
    /// # Errors
    /// As [`TrainConfig::read`].
    pub fn parse(text: &str, path: &Path, variables: Variables<'_>) -> Result<Self, ConfigError> {
        let file: File = settings::parse(text, path, RENAMED)?;
        let check = Check(config::Check { path, variables });
        let name = check.name(file.name)?;
        let design = file.model.parse().map_err(|e| check.wrong("model", &file.model, &e))?;
        if !file.imgsz.is_multiple_of(32) {
            return Err(check.wrong("imgsz", file.imgsz, &"it must be a multiple of 32"));
        }
        let side = check.within("imgsz", file.imgsz, 32, 2048)?;
        let epochs = check.within("epochs", file.epochs, 1, 100_000)?;
        let rules = BatchRules {
            batch: check.within("batch", file.batch, 1, 4096)?,
            seed: file.seed,
            balanced: file.balanced,
            synthetic_ratio: 0.0,
        };
        if file.data.is_empty() {
            return Err(check.wrong("data", "[]", &"at least one folder of labelled images is needed"));
        }
        let (synthetic, synthetic_ratio) = match file.synthetic {
            Some(section) => {
                let ratio = check.within("synthetic.ratio", section.ratio, 0.0, 1.0)?;
                (Some(check.synthetic(section)?), ratio)
            }
            None => (None, 0.0),
        };
        Ok(Self {
            name,
            design,
            weights: file.weights.map(|weights| settings::weights(&check, "weights", &weights)).transpose()?,
            names: file.names,
            data_sets: file.data.iter().map(SourceSection::data_set).collect(),
            data: check.sources("data", file.data)?,
            validation: check.sources("validation", file.validation)?,
            synthetic,
            side,
            epochs,
            close_mosaic: file.close_mosaic,
            patience: file.patience,
            rectangular: file.rect,
            rules: BatchRules { synthetic_ratio, ..rules },
            augment: check.augment(&file.augment)?,
            optimiser: file.optimizer.checked(&check)?,
            loss: LossConfig {
                box_gain: check.within("loss.box", file.loss.r#box, 0.0, 1000.0)?,
                class_gain: check.within("loss.cls", file.loss.cls, 0.0, 1000.0)?,
                dfl_gain: check.within("loss.dfl", file.loss.dfl, 0.0, 1000.0)?,
                ..LossConfig::default()
            },
            cache: check.cache(file.cache, side)?,
            workers: check.within("workers", file.workers, 0, 256)?,
            ahead: check.within("ahead", file.ahead, 1, 64)?,
            device: file.device,
            strict: false,
        })
    }
}

/// Turns what cannot be into an error that names file and key.
struct Check<'a>(config::Check<'a>);

impl<'a> Deref for Check<'a> {
    type Target = config::Check<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Check<'_> {
    fn sources(&self, key: &str, sections: Vec<SourceSection>) -> Result<Vec<Source>, ConfigError> {
        let source = |(at, section): (usize, SourceSection)| {
            let key = |name: &str| format!("{key}[{at}].{name}");
            Ok(Source {
                root: self.place(&key("root"), &section.root)?,
                split: section.split.map(|split| self.place(&key("split"), &split)).transpose()?,
                repeat: self.within(&key("repeat"), section.repeat, 1, 1000)?,
                unlabelled: section.unlabelled,
            })
        };
        sections.into_iter().enumerate().map(source).collect()
    }

    fn synthetic(&self, section: SyntheticSection) -> Result<Synthetic, ConfigError> {
        section.look.validate().map_err(|error| self.wrong("synthetic.look", error, &"that cannot be rendered"))?;
        Ok(Synthetic {
            ratio: section.ratio,
            shelves: self.within("synthetic.shelves", section.shelves, 1, 1_000_000)?,
            paste: section.paste,
            paste_from: section
                .paste_from
                .iter()
                .map(|folder| self.place("synthetic.paste_from", folder))
                .collect::<Result<_, _>>()?,
            synth: section.look,
        })
    }

    fn augment(&self, section: &AugmentSection) -> Result<Augment, ConfigError> {
        let probability = |key: &str, value: f32| self.within(&format!("augment.{key}"), value, 0.0, 1.0);
        Ok(Augment {
            mosaic: probability("mosaic", section.mosaic)?,
            hsv: [
                probability("hsv_h", section.hsv_h)?,
                probability("hsv_s", section.hsv_s)?,
                probability("hsv_v", section.hsv_v)?,
            ],
            translate: probability("translate", section.translate)?,
            scale: self.within("augment.scale", section.scale, 0.0, 0.95)?,
            degrees: self.within("augment.degrees", section.degrees, 0.0, 45.0)?,
            fliplr: probability("fliplr", section.fliplr)?,
            jpeg: probability("jpeg", section.jpeg)?,
            blur: probability("blur", section.blur)?,
            light: probability("light", section.light)?,
        })
    }

    fn cache(&self, section: CacheSection, side: u32) -> Result<CacheLimits, ConfigError> {
        let mib = |key: &str, value: u64| Ok::<_, ConfigError>(self.within(key, value, 0, 1 << 24)? << 20);
        let limit = mib("cache.disk_mib", section.disk_mib)?;
        let folder = section.folder.map(|folder| self.place("cache.folder", &folder)).transpose()?;
        Ok(CacheLimits {
            side,
            memory: mib("cache.memory_mib", section.memory_mib)?,
            disk: folder.map(|folder| (folder, limit)),
            unreadable: section.max_unreadable,
        })
    }
}
