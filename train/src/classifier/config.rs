//! What the user wrote (`classifier.yaml`), converted once into what training needs.

use std::path::Path;

use crate::core::{Optimiser, Workers, settings};
use engine::Backbone;
use hub::WeightsSource;
use serde::Deserialize;
use serde::de::IgnoredAny;
use vision::PreprocessPlan;
use vision::config::{self, Check, ConfigError, Renamed, Variables};
use vision::model_card::DataSet;

use super::augment::Augment;
use super::cache::Cache;
use super::data::{HoldOut, SkuImages, Source};
use super::error::DataError;
use super::feed::Feed;
use super::head::MarginKind;
use super::sampler::{SamplerRules, Sampling};

/// Everything that decides how an embedder is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// Name of the run: its folder below `runs/classifier`.
    pub name: String,
    /// Which network.
    pub backbone: &'static dyn Backbone,
    /// Components of an embedding.
    pub dimension: usize,
    /// Weights to start from; from scratch without.
    pub weights: Option<WeightsSource>,
    /// Whether embedding and centres begin with what those weights say of the images, or at random.
    pub head_start: bool,
    /// Fraction of those weights in what is served, 0 to 1.
    pub start_ratio: f64,
    /// What is minimised.
    pub head: HeadConfig,
    /// Minimum number of images of a SKU.
    pub min_images: usize,
    /// Whether fewer are an error.
    pub min_images_gate: bool,
    /// SKU folders.
    pub data: Vec<Source>,
    /// What the card says of them.
    pub data_sets: Vec<DataSet>,
    /// SKUs that only validate.
    pub hold_out: HoldOut,
    /// Side of the input in pixels, as it is served.
    pub side: u32,
    /// Smaller sides at first: up to this fraction of the epochs, this side.
    pub growing: Vec<(f64, u32)>,
    /// Epochs in all.
    pub epochs: u32,
    /// Epochs without progress after which training ends; 0 for never.
    pub patience: u32,
    /// Epochs from one validation to the next.
    pub validate_every: u32,
    /// How batches are put together.
    pub rules: SamplerRules,
    /// Whether hard negatives, the nearest wrong SKUs, fill batches.
    pub hard_negatives: bool,
    /// Hard negatives known of each SKU.
    pub negatives: usize,
    /// Augmentation.
    pub augment: Augment,
    /// Fraction of features dropped, 0 to 0.9.
    pub dropout: f64,
    /// How weights are moved.
    pub optimiser: Optimiser,
    /// Bytes of images in memory.
    pub memory: u64,
    /// Images that may be unreadable.
    pub unreadable: usize,
    /// Threads that prepare crops, and batches ahead.
    pub workers: Workers,
    /// `cpu`, `cuda`, `cuda:1`.
    pub device: String,
}

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadConfig {
    /// How the margin is added.
    pub kind: MarginKind,
    /// The margin: radians for ArcFace, cosine for CosFace.
    pub margin: f64,
    /// The margin of the SKU with fewest images; `margin` is then that of the one with most.
    pub rarest: Option<f64>,
    /// What cosines are multiplied by.
    pub scale: f64,
    /// Centres of a SKU.
    pub sub_centers: usize,
    /// Epochs over which margins grow from nothing.
    pub warmup_epochs: f64,
}

/// Keys by their names of the first release.
const RENAMED: &[Renamed] = &[
    Renamed { section: "", old: "start_share", new: "start_ratio" },
    Renamed { section: "held_out", old: "share", new: "ratio" },
    Renamed { section: "hard_negative_mining", old: "share", new: "ratio" },
    Renamed { section: "hard_negative_mining", old: "rivals", new: "negatives" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    name: String,
    backbone: String,
    embedding_dim: usize,
    weights: Option<String>,
    head_start: bool,
    #[serde(alias = "start_share")]
    start_ratio: f64,
    metric_head: HeadSection,
    min_images_per_sku: usize,
    min_images_gate: bool,
    data: Vec<SourceSection>,
    held_out: HoldOutSection,
    image_size: Option<u32>,
    growing: Vec<GrowingSection>,
    epochs: u32,
    patience: u32,
    validate_every: u32,
    seed: u64,
    sampler: SamplerSection,
    hard_negative_mining: MiningSection,
    augment: Augment,
    dropout: Option<f64>,
    optimizer: Optimiser,
    cache: CacheSection,
    workers: usize,
    ahead: usize,
    device: String,
    /// Where gates stood before: read by who judges.
    #[serde(rename = "targets")]
    _targets: IgnoredAny,
}

impl Default for File {
    fn default() -> Self {
        Self {
            name: "train".to_owned(),
            backbone: "efficientnet_b2".to_owned(),
            embedding_dim: 512,
            weights: None,
            head_start: true,
            start_ratio: 0.0,
            metric_head: HeadSection::default(),
            min_images_per_sku: 300,
            min_images_gate: false,
            data: Vec::new(),
            held_out: HoldOutSection::default(),
            image_size: None,
            growing: Vec::new(),
            epochs: 30,
            patience: 10,
            validate_every: 1,
            seed: 0,
            sampler: SamplerSection::default(),
            hard_negative_mining: MiningSection::default(),
            augment: Augment::default(),
            dropout: None,
            optimizer: Optimiser::default(),
            cache: CacheSection::default(),
            workers: 0,
            ahead: 3,
            device: "cpu".to_owned(),
            _targets: IgnoredAny,
        }
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum HeadType {
    #[serde(alias = "arcface")]
    Arcface,
    #[serde(alias = "sub_center_arcface")]
    SubcenterArcface,
    Cosface,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HeadSection {
    r#type: HeadType,
    margin: f64,
    rare_margin: Option<f64>,
    scale: f64,
    sub_centers: usize,
    margin_warmup_epochs: f64,
}

impl Default for HeadSection {
    fn default() -> Self {
        Self {
            r#type: HeadType::Arcface,
            margin: 0.5,
            rare_margin: None,
            scale: 64.0,
            sub_centers: 3,
            margin_warmup_epochs: 5.0,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceSection {
    root: String,
    split: Option<String>,
    #[serde(default)]
    val: f64,
    name: Option<String>,
    license: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct HoldOutSection {
    #[serde(alias = "share")]
    ratio: f64,
    seed: u64,
    skus: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrowingSection {
    until: f64,
    size: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SamplerSection {
    r#type: Sampling,
    skus: usize,
    images: usize,
    frequency: f32,
}

impl Default for SamplerSection {
    fn default() -> Self {
        Self { r#type: Sampling::Pk, skus: 16, images: 4, frequency: 0.0 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MiningSection {
    enabled: bool,
    #[serde(alias = "share")]
    ratio: f32,
    #[serde(alias = "rivals")]
    negatives: usize,
}

impl Default for MiningSection {
    fn default() -> Self {
        Self { enabled: true, ratio: 0.5, negatives: 5 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CacheSection {
    memory_mib: u64,
    max_unreadable: usize,
}

impl Default for CacheSection {
    fn default() -> Self {
        Self { memory_mib: 1024, max_unreadable: 10 }
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
        let check = Check { path, variables };
        let backbone: &dyn Backbone =
            file.backbone.parse().map_err(|error| check.wrong("backbone", &file.backbone, &error))?;
        if file.data.is_empty() {
            return Err(check.wrong("data", "[]", &"at least one folder of SKU folders is needed"));
        }
        let side = |key: &str, value: u32| check.within(key, value, 32, 1024);
        let sampler = file.sampler;
        let rules = SamplerRules {
            sampling: sampler.r#type,
            skus: check.within("sampler.skus", sampler.skus, 1, 4096)?,
            images: check.within("sampler.images", sampler.images, 1, 4096)?,
            seed: file.seed,
            hard: check.within("hard_negative_mining.ratio", file.hard_negative_mining.ratio, 0.0, 1.0)?,
            frequency: check.within("sampler.frequency", sampler.frequency, 0.0, 1.0)?,
        };
        if rules.batch() < 2 {
            return Err(check.wrong("sampler.images", rules.images, &"a batch needs at least two images"));
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = check.within("workers", file.workers, 0, 256)?;
        Ok(Self {
            name: check.name(file.name)?,
            backbone,
            dimension: check.within("embedding_dim", file.embedding_dim, 2, 4096)?,
            weights: file.weights.map(|weights| settings::weights(&check, "weights", &weights)).transpose()?,
            head_start: file.head_start,
            start_ratio: check.within("start_ratio", file.start_ratio, 0.0, 1.0)?,
            head: head(&file.metric_head, &check)?,
            min_images: file.min_images_per_sku,
            min_images_gate: file.min_images_gate,
            data_sets: file.data.iter().map(data_set).collect(),
            data: sources(file.data, &check)?,
            hold_out: HoldOut {
                ratio: check.within("held_out.ratio", file.held_out.ratio, 0.0, 0.9)?,
                seed: file.held_out.seed,
                skus: file.held_out.skus,
            },
            side: side("image_size", file.image_size.unwrap_or(backbone.plan().width))?,
            growing: file
                .growing
                .iter()
                .map(|step| {
                    Ok((check.within("growing.until", step.until, 0.0, 1.0)?, side("growing.size", step.size)?))
                })
                .collect::<Result<_, ConfigError>>()?,
            epochs: check.within("epochs", file.epochs, 1, 100_000)?,
            patience: file.patience,
            validate_every: check.within("validate_every", file.validate_every, 1, 100_000)?,
            rules,
            hard_negatives: file.hard_negative_mining.enabled,
            negatives: check.within("hard_negative_mining.negatives", file.hard_negative_mining.negatives, 1, 100)?,
            augment: augment(file.augment, &check)?,
            dropout: check.within("dropout", file.dropout.unwrap_or(backbone.dropout()), 0.0, 0.9)?,
            optimiser: file.optimizer.checked(&check)?,
            memory: check.within("cache.memory_mib", file.cache.memory_mib, 0, 1 << 24)? << 20,
            unreadable: file.cache.max_unreadable,
            workers: Workers {
                threads: if threads > 0 { threads } else { (cores - 1).max(1) },
                ahead: check.within("ahead", file.ahead, 1, 64)?,
            },
            device: file.device,
        })
    }

    /// From pixels to the network's input, as it is served.
    #[must_use]
    pub fn plan(&self) -> PreprocessPlan {
        PreprocessPlan { width: self.side, height: self.side, ..self.backbone.plan() }
    }

    /// Side of the crops of an epoch, counted from 0.
    #[must_use]
    pub fn side_at(&self, epoch: u32) -> u32 {
        let progress = f64::from(epoch) / f64::from(self.epochs);
        self.growing.iter().find(|(until, _)| progress < *until).map_or(self.side, |(_, side)| *side)
    }

    /// All images, learned and validated with.
    ///
    /// # Errors
    /// When a folder cannot be used.
    pub fn images(&self) -> Result<SkuImages, DataError> {
        let mut data = SkuImages::read(&self.data, &self.hold_out)?;
        data.check_min_images(self.min_images, self.min_images_gate)?;
        Ok(data)
    }

    /// Everything batches are made from.
    #[must_use]
    pub fn feed(&self, data: SkuImages) -> Feed {
        // Half as large again: jitter cuts away, and what is left should still be shrunk rather than blown up.
        let short = self.growing.iter().map(|(_, side)| *side).chain([self.side]).max().unwrap_or(self.side) * 3 / 2;
        let cache = Cache::new(self.plan(), short, self.memory, self.unreadable);
        Feed::new(data, cache, self.augment, self.rules, self.plan())
    }
}

fn head(section: &HeadSection, check: &Check<'_>) -> Result<HeadConfig, ConfigError> {
    let kind = if section.r#type == HeadType::Cosface { MarginKind::CosFace } else { MarginKind::ArcFace };
    let margin = |key: &str, value: f64| check.within(&format!("metric_head.{key}"), value, 0.0, 1.5);
    let sub_centers = check.within("metric_head.sub_centers", section.sub_centers, 1, 100)?;
    Ok(HeadConfig {
        kind,
        margin: margin("margin", section.margin)?,
        rarest: section.rare_margin.map(|value| margin("rare_margin", value)).transpose()?,
        scale: check.within("metric_head.scale", section.scale, 1.0, 1000.0)?,
        sub_centers: if section.r#type == HeadType::SubcenterArcface { sub_centers } else { 1 },
        warmup_epochs: check.within("metric_head.margin_warmup_epochs", section.margin_warmup_epochs, 0.0, 1e5)?,
    })
}

/// A name instead of a path, which says nothing elsewhere, and the licence as its publisher states it.
fn data_set(section: &SourceSection) -> DataSet {
    DataSet {
        name: section.name.clone().unwrap_or_else(|| section.root.clone()),
        sha256: None,
        license: section.license.clone().unwrap_or_else(|| "not stated".to_owned()),
    }
}

fn sources(sections: Vec<SourceSection>, check: &Check<'_>) -> Result<Vec<Source>, ConfigError> {
    let source = |(at, section): (usize, SourceSection)| {
        let key = |name: &str| format!("data[{at}].{name}");
        Ok(Source {
            root: check.place(&key("root"), &section.root)?,
            split: section.split.map(|split| check.place(&key("split"), &split)).transpose()?,
            val: check.within(&key("val"), section.val, 0.0, 0.9)?,
        })
    };
    sections.into_iter().enumerate().map(source).collect()
}

fn augment(given: Augment, check: &Check<'_>) -> Result<Augment, ConfigError> {
    for (key, value, high) in [
        ("jitter", given.jitter, 0.45),
        ("degrees", given.degrees, 45.0),
        ("hsv_h", given.hsv_h, 0.5),
        ("hsv_s", given.hsv_s, 1.0),
        ("hsv_v", given.hsv_v, 1.0),
        ("light", given.light, 1.0),
        ("blur", given.blur, 1.0),
        ("jpeg", given.jpeg, 1.0),
        ("far", given.far, 1.0),
        ("cover", given.cover, 1.0),
    ] {
        check.within(&format!("augment.{key}"), value, 0.0, high)?;
    }
    Ok(given)
}
