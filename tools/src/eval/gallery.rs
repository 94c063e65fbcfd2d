//! Folders of SKU images looked up in a gallery made for the occasion.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use classifier::SessionEmbedder;
use classifier::gallery::{EmbedderIdentity, Gallery, GalleryData, NewExemplar};
use dataset::LayoutKind;
use eval::QuerySet;
use eval::formats::identifications::{
    Identifications, IdentifiedCrop, SkuSimilarity, parse_identifications, query_set,
};
use eval::formats::read_bounded;
use eval::random::Random;
use eval::robustness::Distortion;
use pipeline::config::PipelineConfig;
use rayon::prelude::*;
use vision::{Embedder, Embedding, Sha256, SkuId, SkuIndex};

use super::progress::{bar, folder_digest};
use super::settings::{BasicArgs, default_config, named_file};
use crate::environment::Environment;

/// Where crops come from
#[derive(Args)]
pub(super) struct CropArgs {
    /// Images to enrol: one folder per SKU
    #[arg(long, value_name = "DIR", required_unless_present = "predictions", requires = "query")]
    pub(super) enrol: Option<PathBuf>,
    /// Images to look up: one folder per SKU
    #[arg(long, value_name = "DIR")]
    pub(super) query: Option<PathBuf>,
    /// Images of products that are not enrolled
    #[arg(long, value_name = "DIR", requires = "enrol")]
    pub(super) unknown: Option<PathBuf>,
    /// Images enrolled per SKU, sampled by --seed [default: all]
    #[arg(long, value_name = "N", requires = "enrol", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) exemplars: Option<u32>,
    /// Weights of the embedder [default: embedder.model of the configuration]
    #[arg(long, value_name = "FILE", requires = "enrol")]
    pub(super) weights: Option<PathBuf>,
    /// Saved look-ups instead of images (see docs/metrics.md)
    #[arg(long, value_name = "FILE", conflicts_with = "enrol")]
    pub(super) predictions: Option<PathBuf>,
    /// Save the look-ups, so that they can be evaluated again without the model
    #[arg(long, value_name = "FILE", requires = "enrol")]
    pub(super) save_predictions: Option<PathBuf>,
}

/// Crops that were looked up, and where they come from.
pub(super) struct Queries {
    pub(super) queries: QuerySet,
    pub(super) data_set: eval::report::DataSet,
    pub(super) predictions: String,
    pub(super) warnings: Vec<String>,
    /// For looking at damaged images; none when the look-ups were saved.
    pub(super) live: Option<Live>,
}

/// Models and files, kept for another round.
pub(super) struct Live {
    embedder: SessionEmbedder,
    gallery: Gallery,
    config: PipelineConfig,
    crops: Vec<Crop>,
}

/// An image to look up.
struct Crop {
    path: PathBuf,
    name: String,
    truth: Option<String>,
}

/// Images embedded at a time.
const BATCH: usize = 16;
/// Candidates kept per crop.
const CANDIDATES: usize = 20;

pub(super) fn look_up(
    crops: &CropArgs,
    (basic, own): (&BasicArgs, &[PathBuf]),
    (config, environment): (Option<&PipelineConfig>, &Environment),
) -> anyhow::Result<Queries> {
    if let Some(path) = &crops.predictions {
        return Ok(Queries {
            queries: parse_identifications(&read_bounded(path)?, path)?,
            data_set: basic.file_data_set(path)?,
            predictions: named_file(path)?,
            warnings: Vec::new(),
            live: None,
        });
    }
    let (Some(enrol), Some(query)) = (&crops.enrol, &crops.query) else {
        anyhow::bail!("give --enrol and --query, or --predictions")
    };
    let mut config = match config {
        Some(config) => config.clone(),
        None if crops.weights.is_some() || environment.overrides.embedder_model.is_some() => {
            default_config(environment)?
        }
        None => anyhow::bail!(
            "no configuration names an embedder: give --weights or --pipeline-config, or set AI_V2_CLASSIFIER_MODEL"
        ),
    };
    if let Some(weights) = &crops.weights {
        config.embedder_model.clone_from(weights);
    }
    if let Some(file) = &crops.save_predictions {
        super::outcome::check_writable_file(file)?;
    }
    let embedder = pipeline::load::load_embedder(&config)?;
    let mut warnings = Vec::new();
    let (data, digests) = enrolled(enrol, crops.exemplars, basic.seed, &embedder)?;
    let codes: Vec<String> = data.skus().map(|sku| sku.code.clone()).collect();
    let mut queries = listed(query)?;
    if let Some(crop) = queries.iter().find(|c| c.truth.as_ref().is_none_or(|sku| !codes.contains(sku))) {
        anyhow::bail!(
            "{} is of SKU {}, which is not enrolled: enrol it, or put such images into the folder of --unknown",
            crop.path.display(),
            crop.truth.as_deref().unwrap_or("(no folder)")
        );
    }
    if let Some(unknown) = &crops.unknown {
        let mut strangers = listed(unknown)?;
        if let Some(known) = strangers.iter().find(|c| c.truth.as_ref().is_some_and(|sku| codes.contains(sku))) {
            anyhow::bail!(
                "{} lies in a folder named like the enrolled SKU {}: it is not unknown",
                known.path.display(),
                known.truth.as_deref().unwrap_or_default()
            );
        }
        for crop in &mut strangers {
            crop.truth = None;
            crop.name = format!("unknown/{}", crop.name);
        }
        queries.extend(strangers);
    }
    let seen = overlap(&queries, &digests)?;
    if seen > 0 {
        warnings.push(format!("{seen} looked-up images are also enrolled, bit for bit: they are left out"));
        let digests = &digests;
        queries = queries
            .into_par_iter()
            .filter(|crop| Sha256::of_file(&crop.path).is_ok_and(|digest| !digests.contains_key(&digest)))
            .collect();
        ensure!(!queries.is_empty(), "every looked-up image is enrolled: nothing is left to measure");
    }
    let gallery = Gallery::new(data, &pipeline::load::index_options(&config))?;
    let gallery = gallery.calibrated(&pipeline::load::standard(&config, &embedder)?)?;
    let live = Live { embedder, gallery, config, crops: queries };
    let saved = live.search(None, basic.seed)?;
    if let Some(path) = &crops.save_predictions {
        super::outcome::write(path, &format!("{}\n", serde_json::to_string(&saved)?))?;
    }
    let mut parts = vec![folder_digest(enrol, &[])?, folder_digest(query, own)?];
    if let Some(unknown) = &crops.unknown {
        parts.push(folder_digest(unknown, &[])?);
    }
    let digest = Sha256::of_parts(&parts.iter().map(|d| &d.0[..]).collect::<Vec<_>>());
    Ok(Queries {
        queries: query_set(&saved, query)?,
        data_set: basic.data_set(query, &digest, query),
        predictions: format!("{}, {}", live.embedder.describe(), live.gallery.describe()),
        warnings,
        live: Some(live),
    })
}

/// Images of a folder of SKU folders, by name.
fn listed(root: &Path) -> anyhow::Result<Vec<Crop>> {
    let folder = super::boxes::scan(root, LayoutKind::Folders)?;
    let crop =
        |p: &dataset::ImageFile| Crop { path: folder.locate(&p.path), name: p.path.clone(), truth: p.sku.clone() };
    Ok(folder.images.iter().map(crop).collect())
}

/// What is enrolled: all images of each SKU, or as many as wanted, sampled by seed.
fn enrolled(
    root: &Path,
    exemplars: Option<u32>,
    seed: u64,
    embedder: &SessionEmbedder,
) -> anyhow::Result<(GalleryData, HashMap<Sha256, String>)> {
    let mut by_sku: BTreeMap<String, Vec<Crop>> = BTreeMap::new();
    for crop in listed(root)? {
        let sku = crop.truth.clone();
        let sku = sku.with_context(|| format!("{} lies in no SKU folder", crop.path.display()))?;
        by_sku.entry(sku).or_default().push(crop);
    }
    let mut data = GalleryData::new("evaluation", EmbedderIdentity::of(embedder));
    let mut chosen: Vec<(SkuId, Crop)> = Vec::new();
    for (number, (code, mut crops)) in by_sku.into_iter().enumerate() {
        let sku = data.add_sku(&code, &vision::sku::display_name(&code))?;
        // A stream per SKU: another SKU more does not change the draw of this one.
        let mut random = Random::stream(seed, number as u64);
        let wanted = exemplars.map_or(crops.len(), |n| (n as usize).min(crops.len()));
        for at in 0..wanted {
            let other = at + random.below(crops.len() - at);
            crops.swap(at, other);
        }
        chosen.extend(crops.into_iter().take(wanted).map(|crop| (sku, crop)));
    }
    let progress = bar("enrolling", chosen.len());
    let mut digests = HashMap::new();
    for batch in chosen.chunks(BATCH) {
        let loaded: Vec<_> = batch.par_iter().map(|(_, crop)| read(&crop.path, None)).collect::<Result<_, _>>()?;
        let (images, sums): (Vec<_>, Vec<_>) = loaded.into_iter().unzip();
        let embeddings = embedder.embed(&images)?;
        let exemplars = batch.iter().zip(embeddings).zip(&sums).map(|(((sku, crop), embedding), sha256)| NewExemplar {
            sku: *sku,
            origin: crop.name.clone(),
            sha256: *sha256,
            embedding,
        });
        data.add(exemplars.collect())?;
        digests.extend(sums.iter().zip(batch).map(|(digest, (_, crop))| (*digest, crop.name.clone())));
        progress.inc(batch.len() as u64);
    }
    progress.finish_and_clear();
    Ok((data, digests))
}

fn read(path: &Path, damage: Option<(Distortion, u64)>) -> anyhow::Result<(vision::RgbImage, Sha256)> {
    let image = dataset::image_file::load(path)?;
    let digest = Sha256::of_file(path).with_context(|| format!("cannot read {}", path.display()))?;
    let image = match damage {
        Some((distortion, seed)) => distortion.apply(&image, seed)?,
        None => image,
    };
    Ok((image, digest))
}

/// Looked-up images that are enrolled too: they would find themselves.
fn overlap(queries: &[Crop], enrolled: &HashMap<Sha256, String>) -> anyhow::Result<usize> {
    let digests: Vec<Sha256> = queries
        .par_iter()
        .map(|c| Sha256::of_file(&c.path).with_context(|| format!("cannot read {}", c.path.display())))
        .collect::<Result<_, _>>()?;
    Ok(digests.iter().filter(|digest| enrolled.contains_key(digest)).count())
}

impl Live {
    /// Looks all crops up, damaged or not.
    pub(super) fn search(&self, damage: Option<Distortion>, seed: u64) -> anyhow::Result<Identifications> {
        let progress = bar(damage.map_or("looking up", Distortion::as_str), self.crops.len());
        let skus: HashMap<SkuId, String> = self.gallery.skus().iter().map(|s| (s.id, s.code.clone())).collect();
        // Enough neighbours that several SKUs are among them even where one has hundreds of exemplars.
        let k = self.gallery.len().min(1000).max(self.config.rule.k);
        let mut queries = Vec::with_capacity(self.crops.len());
        for (start, batch) in (0..).step_by(BATCH).zip(self.crops.chunks(BATCH)) {
            let images: Vec<vision::RgbImage> = batch
                .par_iter()
                .enumerate()
                .map(|(at, crop)| {
                    let damage = damage.map(|d| (d, seed.wrapping_add(start + at as u64)));
                    read(&crop.path, damage).map(|(image, _)| image)
                })
                .collect::<Result<_, _>>()?;
            let embeddings: Vec<Embedding> = self.embedder.embed(&images)?;
            for (crop, neighbors) in batch.iter().zip(self.gallery.search(&embeddings, k)?) {
                let decision = classifier::decide(&neighbors, &self.config.rule, CANDIDATES);
                let best = decision.candidates.first();
                let threshold = |sku: SkuId| {
                    let own = self.config.sku_thresholds.get(&skus[&sku]).copied();
                    let calibrated = || self.gallery.threshold(sku).filter(|_| self.config.calibrated);
                    own.or_else(calibrated).unwrap_or(self.config.rule.threshold)
                };
                let probability =
                    best.and_then(|best| self.gallery.probability(best.sku, best.similarity, decision.margin));
                let excess = best.map(|best| f64::from(best.similarity - threshold(best.sku)));
                let candidates = decision
                    .candidates
                    .iter()
                    .map(|c| SkuSimilarity { sku: skus[&c.sku].clone(), similarity: f64::from(c.similarity) });
                queries.push(IdentifiedCrop {
                    image: crop.name.clone(),
                    truth: crop.truth.clone(),
                    candidates: candidates.collect(),
                    probability: probability.map(f64::from),
                    excess,
                });
            }
            progress.inc(batch.len() as u64);
        }
        progress.finish_and_clear();
        Ok(Identifications {
            format: "shelf-identifications".to_owned(),
            version: 1,
            enrolled: self.gallery.data().skus().map(|s| s.code.clone()).collect(),
            queries,
        })
    }
}
