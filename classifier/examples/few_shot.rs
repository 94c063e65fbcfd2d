//! How well crops are identified from a few exemplars a SKU, with an embedder that never saw the SKUs.
//!
//! ```text
//! cargo run -p classifier --example few_shot -- [--data FOLDER] [--weights FILE] [--shots N] [--draws N] > few_shot.csv
//! ```
//!
//! `--data` is an ImageFolder, by default the mductran crops of the development data (`SHELF_DATA`, else `../shared/data`).
//! The gallery is the first N crops of every SKU by file name, and then N sampled at random, draw after draw; every other crop
//! is a query.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use classifier::gallery::enrol::{Listing, list};
use classifier::gallery::{GalleryData, NewExemplar};
use classifier::{DecisionRule, EmbedderIdentity, Gallery, IndexOptions, LoadOptions, decide, load};
use vision::{DecodeLimits, Embedder, Embedding, RgbImage, Sha256, SkuId, SkuIndex as _, SkuStatus, decode};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: few_shot [--data FOLDER] [--weights FILE] [--shots N] [--draws N]";

struct Arguments {
    data: PathBuf,
    weights: PathBuf,
    shots: usize,
    draws: u64,
}

impl Arguments {
    fn parse() -> Result<Self> {
        let shared = std::env::var_os("SHELF_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
        let mut arguments = Self {
            data: shared.join("mductran-beverage-skus/dev/crops"),
            weights: shared.join("weights/efficientnet-lite0-imagenet/efficientnet_lite0_imagenet.onnx"),
            shots: 3,
            draws: 5,
        };
        let mut words = std::env::args().skip(1);
        while let Some(flag) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            match flag.as_str() {
                "--data" => arguments.data = value.into(),
                "--weights" => arguments.weights = value.into(),
                "--shots" => arguments.shots = value.parse()?,
                "--draws" => arguments.draws = value.parse()?,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(arguments)
    }
}

struct Crop {
    sku: usize,
    embedding: Embedding,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let embedder = load(&arguments.weights, &LoadOptions::default())?;
    let listing = list(&arguments.data)?;
    let (crops, digest) = embed(&listing, &arguments.data, &embedder)?;
    let skus = listing.skus.len();

    println!("# cargo run -p classifier --example few_shot -- --shots {} --draws {}", arguments.shots, arguments.draws);
    println!("# data: {} ({} crops, {skus} SKUs, sha256 {digest})", name_of(&arguments.data), crops.len());
    println!("# embedder: {}; plan: {}", embedder.describe(), serde_json::to_string(embedder.plan())?);
    println!("# rule: {:?}", DecisionRule::default());
    println!(
        "# top1_nearest: SKU of the nearest exemplar; top1_voted: winner of the vote, whatever its status; right_*: fraction of"
    );
    println!(
        "# right winners among the crops of that status; sim_*: similarity of right and wrong winners, percentiles"
    );
    println!(
        "draw,exemplars,queries,top1_nearest,top1_voted,known,right_known,ambiguous,right_ambiguous,unknown,\
         right_unknown,sim_right_p05,sim_right_p50,sim_wrong_p50,sim_wrong_p95"
    );
    let mut means = Vec::new();
    for draw in 0..=arguments.draws {
        let gallery = draw_gallery(&crops, skus, arguments.shots, draw);
        let row = evaluate(&crops, &gallery, &listing, &embedder)?;
        let name = if draw == 0 { "first by name".to_owned() } else { format!("seed {draw}") };
        println!("{name},{}", row.csv());
        if draw > 0 {
            means.push(row.top1_voted);
        }
    }
    if !means.is_empty() {
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        eprintln!("top-1 (voted), mean of {} random draws: {mean:.4}", means.len());
    }
    Ok(())
}

/// The last folders of a path, which say what the data is; the first say only where this machine keeps it.
fn name_of(path: &Path) -> String {
    let parts: Vec<_> = path.iter().rev().take(3).map(|part| part.to_string_lossy()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// All crops in order of SKU and file name, and a digest of names and contents.
fn embed(listing: &Listing, root: &Path, embedder: &dyn Embedder) -> Result<(Vec<Crop>, Sha256)> {
    let mut crops = Vec::new();
    let mut digests = Vec::new();
    for (sku, folder) in listing.skus.iter().enumerate() {
        for files in folder.files.chunks(64) {
            let mut images: Vec<RgbImage> = Vec::new();
            for file in files {
                let bytes = fs::read(file)?;
                digests.push(file.strip_prefix(root)?.to_string_lossy().into_owned().into_bytes());
                digests.push(Sha256::of(&bytes).0.to_vec());
                images.push(decode(&bytes, &DecodeLimits::default())?);
            }
            crops.extend(embedder.embed(&images)?.into_iter().map(|embedding| Crop { sku, embedding }));
        }
    }
    let parts: Vec<&[u8]> = digests.iter().map(Vec::as_slice).collect();
    Ok((crops, Sha256::of_parts(&parts)))
}

/// `shots` crops of every SKU: the first ones for draw 0, else a random choice.
fn draw_gallery(crops: &[Crop], skus: usize, shots: usize, draw: u64) -> Vec<usize> {
    let mut state = draw;
    let mut chosen = Vec::new();
    for sku in 0..skus {
        let mut own: Vec<usize> = (0..crops.len()).filter(|&at| crops[at].sku == sku).collect();
        if draw > 0 {
            for last in (1..own.len()).rev() {
                own.swap(last, (split_mix(&mut state) % (last as u64 + 1)) as usize);
            }
        }
        chosen.extend(own.into_iter().take(shots));
    }
    chosen
}

/// SplitMix64 (Steele, Lea and Flood 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

struct Row {
    exemplars: usize,
    queries: usize,
    top1_nearest: f64,
    top1_voted: f64,
    /// Crops of a status, and how many of those have the right winner.
    by_status: BTreeMap<SkuStatus, (usize, usize)>,
    right: Vec<f32>,
    wrong: Vec<f32>,
}

fn evaluate(crops: &[Crop], chosen: &[usize], listing: &Listing, embedder: &dyn Embedder) -> Result<Row> {
    let mut data = GalleryData::new("few shot", EmbedderIdentity::of(embedder));
    let ids = listing
        .skus
        .iter()
        .map(|sku| data.add_sku(&sku.code, &sku.code))
        .collect::<std::result::Result<Vec<SkuId>, _>>()?;
    let exemplars = chosen.iter().map(|&at| NewExemplar {
        sku: ids[crops[at].sku],
        origin: String::new(),
        sha256: Sha256::of(b""),
        embedding: crops[at].embedding.clone(),
    });
    data.add(exemplars.collect())?;
    let gallery = Gallery::new(data, &IndexOptions::default())?;

    let queries: Vec<&Crop> =
        crops.iter().enumerate().filter(|(at, _)| !chosen.contains(at)).map(|(_, crop)| crop).collect();
    let embeddings: Vec<Embedding> = queries.iter().map(|crop| crop.embedding.clone()).collect();
    let rule = DecisionRule::default();
    let found = gallery.search(&embeddings, rule.k)?;
    let mut row = Row {
        exemplars: gallery.len(),
        queries: queries.len(),
        top1_nearest: 0.0,
        top1_voted: 0.0,
        by_status: BTreeMap::new(),
        right: Vec::new(),
        wrong: Vec::new(),
    };
    let (mut nearest, mut voted) = (0, 0);
    for (crop, neighbors) in queries.iter().zip(&found) {
        let truth = ids[crop.sku];
        nearest += usize::from(neighbors[0].sku == truth);
        let decision = decide(neighbors, &rule, 1);
        let right = decision.candidates[0].sku == truth;
        voted += usize::from(right);
        let (count, hits) = row.by_status.entry(decision.status).or_default();
        *count += 1;
        *hits += usize::from(right);
        if right { row.right.push(decision.similarity) } else { row.wrong.push(decision.similarity) }
    }
    row.top1_nearest = nearest as f64 / queries.len() as f64;
    row.top1_voted = voted as f64 / queries.len() as f64;
    row.right.sort_by(f32::total_cmp);
    row.wrong.sort_by(f32::total_cmp);
    Ok(row)
}

impl Row {
    fn csv(&self) -> String {
        let status = |status| {
            let (count, right) = self.by_status.get(&status).copied().unwrap_or_default();
            format!("{:.4},{:.4}", count as f64 / self.queries as f64, right as f64 / count as f64)
        };
        let percentile = |values: &[f32], fraction: f64| {
            values.get((fraction * (values.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(f32::NAN)
        };
        format!(
            "{},{},{:.4},{:.4},{},{},{},{:.3},{:.3},{:.3},{:.3}",
            self.exemplars,
            self.queries,
            self.top1_nearest,
            self.top1_voted,
            status(SkuStatus::Known),
            status(SkuStatus::Ambiguous),
            status(SkuStatus::Unknown),
            percentile(&self.right, 0.05),
            percentile(&self.right, 0.50),
            percentile(&self.wrong, 0.50),
            percentile(&self.wrong, 0.95),
        )
    }
}
