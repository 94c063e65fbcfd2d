//! Labels needed until SKUs are identified rightly: chosen by the review queue, against chosen at random.
//!
//! ```text
//! cargo run --release -p review --example labels_needed -- FOLDER WEIGHTS [TARGET] [SEEDS] > labels_needed.csv
//! cargo run --release -p review --example labels_needed -- plot OUT.png FILE.csv...
//! ```
//!
//! FOLDER holds a folder of crops per SKU, WEIGHTS is an embedder. For every seed, two fifths of the crops of each SKU are
//! kept back to measure on; the rest come by as facings nobody has labelled. Nothing is enrolled at first. Both ways label
//! five at a time; the queue chooses by the shipped samplers (`configs/pipeline.yaml`) and takes what is left at random.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use classifier::gallery::enrol::list;
use classifier::gallery::{GalleryData, NewExemplar};
use classifier::{DecisionRule, EmbedderIdentity, Gallery, IndexOptions, LoadOptions, decide, load};
use review::config::{Limits, Samplers};
use review::sampler::{GalleryFacts, Sampler};
use vision::phash::hash_of as image_hash;
use vision::plot::{Axis, Drawing, Frame, paint};
use vision::random::Random;
use vision::{
    BBox, ClassId, DecodeLimits, Detection, Embedder, Embedding, Recognition, RecognizedItem, Sha256, SkuId, SkuIndex,
    decode,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Labels given before the gallery is asked again.
const TOGETHER: usize = 5;

struct Crop {
    sku: usize,
    embedding: Embedding,
    hash: Option<u64>,
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [plot, out, files @ ..] = words.as_slice()
        && plot == "plot"
    {
        return draw(out, files);
    }
    let [folder, weights, rest @ ..] = words.as_slice() else {
        return Err("labels_needed FOLDER WEIGHTS [TARGET] [SEEDS]".into());
    };
    let target: f64 = rest.first().map_or(Ok(0.9), |text| text.parse())?;
    let seeds: u64 = rest.get(1).map_or(Ok(5), |text| text.parse())?;
    let folder = PathBuf::from(folder);
    let embedder = load(weights.as_ref(), &LoadOptions::default())?;
    let (listing, mut crops) = (list(&folder)?, Vec::new());
    for (sku, own) in listing.skus.iter().enumerate() {
        for files in own.files.chunks(64) {
            let images = files.iter().map(|file| Ok(decode(&std::fs::read(file)?, &DecodeLimits::default())?));
            let images = images.collect::<Result<Vec<_>>>()?;
            let seen = embedder.embed(&images)?.into_iter().zip(&images);
            crops.extend(seen.map(|(embedding, image)| Crop { sku, embedding, hash: image_hash(image) }));
        }
    }
    let last: Vec<_> = folder.iter().rev().take(3).map(|part| part.to_string_lossy()).collect();
    println!("# command: cargo run --release -p review --example labels_needed -- FOLDER WEIGHTS {target} {seeds}");
    println!(
        "# data: {} ({} crops, {} SKUs); embedder: {}",
        last.into_iter().rev().collect::<Vec<_>>().join("/"),
        crops.len(),
        listing.skus.len(),
        embedder.describe()
    );
    println!("# samplers: {:?}", samplers());
    twins(&crops);
    println!("seed,way,labels,top1");
    let (mut queue, mut blind) = (Vec::new(), Vec::new());
    for seed in 1..=seeds {
        queue.push(run(&crops, &embedder, seed, target, true)?);
        blind.push(run(&crops, &embedder, seed, target, false)?);
    }
    let mean = |counts: &[usize]| counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    println!(
        "# labels to top-1 {target}: queue {queue:?} (mean {:.0}), random {blind:?} (mean {:.0}), ratio {:.2}",
        mean(&queue),
        mean(&blind),
        mean(&queue) / mean(&blind)
    );
    Ok(())
}

/// Which pairs near-duplicate suppression would take for one facing.
fn twins(crops: &[Crop]) {
    let bits = samplers().duplicate_bits;
    let mut counts = [[0_usize; 2]; 2];
    for (at, one) in crops.iter().enumerate() {
        for other in &crops[..at] {
            let close = one.hash.zip(other.hash).is_some_and(|(a, b)| (a ^ b).count_ones() <= bits);
            let similar = one.embedding.cosine(&other.embedding) >= samplers().duplicate_similarity;
            let same = usize::from(one.sku == other.sku);
            counts[0][same] += usize::from(close);
            counts[1][same] += usize::from(similar);
        }
    }
    let [[hash_wrong, hash_right], [wrong, right]] = counts;
    println!(
        "# twins by image ({bits} bits): {hash_right} pairs of one SKU, {hash_wrong} of two; by embedding: {right}, {wrong}"
    );
}

/// Mean top-1 over the labels given, both ways, a chart a file.
fn draw(out: &str, files: &[String]) -> Result<()> {
    let mut charts = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file)?;
        let rows: Vec<Vec<&str>> =
            text.lines().filter(|l| !l.starts_with('#')).skip(1).map(|l| l.split(',').collect()).collect();
        let mut curves: BTreeMap<&str, BTreeMap<u64, Vec<f64>>> = BTreeMap::new();
        for row in &rows {
            let [_, way, labels, top1] = row.as_slice() else { return Err("a row of four".into()) };
            curves.entry(way).or_default().entry(labels.parse()?).or_default().push(top1.parse()?);
        }
        let seeds = rows.iter().map(|row| row[0]).collect::<BTreeSet<_>>().len();
        let max = curves.values().flat_map(BTreeMap::keys).copied().max().unwrap_or(1);
        let mut frame = Frame::new(Axis::counts("labels", max), Axis::fraction("top-1"));
        for (way, mark) in [("queue", "s1"), ("random", "s2")] {
            let curve = curves.get(way).into_iter().flatten();
            // All seeds run until every crop is labelled; the last step of one may be shorter.
            let points = curve.filter(|(_, all)| all.len() == seeds);
            let points = points.map(|(labels, all)| (*labels as f64, Some(all.iter().sum::<f64>() / all.len() as f64)));
            frame = frame.line(points, mark, &format!("{way}, mean of {seeds} seeds"));
        }
        let name = PathBuf::from(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        charts.push((name.replace('_', " "), frame.done()));
    }
    let charts: Vec<(&str, &Drawing)> = charts.iter().map(|(name, chart)| (name.as_str(), chart)).collect();
    Ok(paint(&charts, 2).save(out)?)
}

fn samplers() -> Samplers {
    Samplers { random_ratio: 0.0, low_confidence: 0.0, ..Samplers::default() }
}

/// Labels until `target` holds for three measurements in a row: one lucky one is no result. All of them when it never does.
fn run(crops: &[Crop], embedder: &dyn Embedder, seed: u64, target: f64, by_queue: bool) -> Result<usize> {
    let mut random = Random::new(seed);
    let (mut pool, test) = divide(crops, &mut random);
    let mut data = GalleryData::new("labels", EmbedderIdentity::of(embedder));
    let skus = crops.iter().map(|crop| crop.sku).max().unwrap_or(0) + 1;
    for sku in 0..skus {
        data.add_sku(&format!("sku_{sku}"), "sku")?;
    }
    let (mut labels, mut reached, mut needed) = (0, Vec::new(), None);
    while !pool.is_empty() {
        let gallery = Gallery::new(data.clone(), &IndexOptions::default())?;
        let mut chosen = if by_queue { choose(crops, &pool, &gallery)? } else { Vec::new() };
        let mut others: Vec<usize> = pool.iter().copied().filter(|at| !chosen.contains(at)).collect();
        while chosen.len() < TOGETHER && !others.is_empty() {
            chosen.push(others.swap_remove(random.below(others.len())));
        }
        pool.retain(|at| !chosen.contains(at));
        labels += chosen.len();
        let new = |&at: &usize| NewExemplar {
            sku: SkuId(crops[at].sku as u32 + 1),
            origin: at.to_string(),
            sha256: Sha256::of(&at.to_le_bytes()),
            embedding: crops[at].embedding.clone(),
        };
        data.add(chosen.iter().map(new).collect())?;
        let top1 = measure(crops, &test, &Gallery::new(data.clone(), &IndexOptions::default())?)?;
        println!("{seed},{},{labels},{top1:.4}", if by_queue { "queue" } else { "random" });
        if top1 >= target {
            reached.push(labels);
        } else {
            reached.clear();
        }
        if reached.len() == 3 {
            needed = needed.or(Some(reached[0]));
        }
    }
    Ok(needed.unwrap_or(labels))
}

/// Pool and test, of every SKU the same fractions.
fn divide(crops: &[Crop], random: &mut Random) -> (Vec<usize>, Vec<usize>) {
    let (mut pool, mut test) = (Vec::new(), Vec::new());
    let skus = crops.iter().map(|crop| crop.sku).max().unwrap_or(0) + 1;
    for sku in 0..skus {
        let mut own: Vec<usize> = (0..crops.len()).filter(|&at| crops[at].sku == sku).collect();
        for last in (1..own.len()).rev() {
            own.swap(last, random.below(last + 1));
        }
        let kept = own.len() * 2 / 5;
        test.extend(&own[..kept]);
        pool.extend(&own[kept..]);
    }
    // Facings come by in any order.
    for last in (1..pool.len()).rev() {
        pool.swap(last, random.below(last + 1));
    }
    (pool, test)
}

/// What the queue would show first: the pool as facings of one photo, through decision and sampler.
fn choose(crops: &[Crop], pool: &[usize], gallery: &Gallery) -> Result<Vec<usize>> {
    let rule = DecisionRule::default();
    let queries: Vec<Embedding> = pool.iter().map(|&at| crops[at].embedding.clone()).collect();
    let neighbors = gallery.search_wide(&queries, rule.k, 5)?;
    let items = queries.into_iter().zip(neighbors).map(|(embedding, neighbors)| RecognizedItem {
        detection: Detection { bbox: BBox::new(0.0, 0.0, 1.0, 1.0), class: ClassId(0), confidence: 1.0 },
        decision: decide(&neighbors, &rule, 5),
        embedding: Some(embedding),
        disagreement: false,
    });
    let recognition = Recognition {
        width: 1,
        height: 1,
        items: items.collect(),
        counts: Vec::new(),
        unknown_count: 0,
        trace: vision::DetectionTrace::default(),
        warnings: Vec::new(),
    };
    let limits = Limits { per_photo: TOGETHER, per_minute: TOGETHER, per_hour: TOGETHER, per_day: TOGETHER };
    let hash = |facing: usize| crops[pool[facing]].hash;
    let facts =
        GalleryFacts { threshold: &|_| rule.threshold, exemplars: None, image_hash: Some(&hash), gallery_version: 0 };
    let picked = Sampler::new(samplers(), limits).pick(&recognition, 0, &facts);
    Ok(picked.new.iter().map(|pick| pool[pick.facing]).collect())
}

/// Fraction of the test crops whose nearest SKU is theirs, whatever its status.
fn measure(crops: &[Crop], test: &[usize], gallery: &Gallery) -> Result<f64> {
    let rule = DecisionRule::default();
    let queries: Vec<Embedding> = test.iter().map(|&at| crops[at].embedding.clone()).collect();
    let found = gallery.search(&queries, rule.k)?;
    let right = found.iter().zip(test).filter(|(neighbors, at)| {
        let winner = decide(neighbors, &rule, 1).candidates.first().map(|candidate| candidate.sku);
        winner == Some(SkuId(crops[**at].sku as u32 + 1))
    });
    Ok(right.count() as f64 / test.len() as f64)
}
