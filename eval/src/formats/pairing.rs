//! True and predicted shelves put side by side: counts always, boxes and identities where both sides list them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use vision::Confidences;

use super::error::{Fault, FormatError, Location};
use super::facings::{Facing, Shelf, Shelves};
use crate::counts::{CountRow, CountTable};
use crate::identification::{QuerySet, Ranked};
use crate::matching::DEFAULT_MAX_DETECTIONS;
use crate::sample::{DetectionSet, ImageInfo, Prediction, Truth};
use crate::{MatchResult, pair};

/// What can be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct ShelfComparison {
    /// Always.
    pub counts: CountTable,
    /// When both sides list facings.
    pub boxes: Option<DetectionSet>,
    /// When facings also say which SKU they are: the found facings that lie on a true one (IoU .50, whatever the class).
    pub identities: Option<QuerySet>,
    /// Images that nothing was predicted for: counted as empty, which can only lower the result.
    pub unanswered: Vec<String>,
}

/// Joins by image name. `path` is that of the predictions. Facings below the confidence of their class
/// take no part in identities.
///
/// # Errors
/// When a predicted image is not in the truth, or a number is none.
pub fn compare(
    truth: &Shelves,
    predictions: &Shelves,
    path: &Path,
    confidence: &Confidences<f64>,
) -> Result<ShelfComparison, FormatError> {
    let by_name = join(truth, predictions, path)?;
    let skus: BTreeSet<&String> =
        truth.images.iter().chain(&predictions.images).flat_map(|p| p.counts.keys()).collect();
    let sku_index: HashMap<&String, u32> = skus.iter().copied().zip(0..).collect();
    let mut rows = Vec::new();
    for (index, shelf) in truth.images.iter().enumerate() {
        let nothing = BTreeMap::new();
        let found = by_name[index].map_or(&nothing, |p| &p.counts);
        let named: BTreeSet<&String> = shelf.counts.keys().chain(found.keys()).collect();
        rows.extend(named.into_iter().map(|sku| CountRow {
            sku: sku_index[sku],
            image: index as u32,
            truth: shelf.counts.get(sku).copied().unwrap_or(0),
            predicted: found.get(sku).copied().unwrap_or(0),
        }));
    }
    let names = || truth.images.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    let counts = CountTable::new(skus.into_iter().cloned().collect(), names(), rows);

    let unanswered = truth.images.iter().zip(&by_name).filter(|(_, p)| p.is_none()).map(|(t, _)| t.name.clone());
    let listed = truth.images.iter().all(|p| p.facings.is_some())
        && by_name.iter().flatten().all(|p| p.facings.is_some())
        && by_name.iter().any(Option::is_some);
    let boxes = if listed { Some(detection_set(truth, &by_name, path)?) } else { None };
    let identities = match &boxes {
        Some(set) if truth.images.iter().any(|p| facings(p).any(|f| f.sku.is_some())) => {
            Some(identities(truth, predictions, &by_name, (set, confidence), path)?)
        }
        _ => None,
    };
    Ok(ShelfComparison { counts, boxes, identities, unanswered: unanswered.collect() })
}

fn facings(shelf: &Shelf) -> impl Iterator<Item = &Facing> {
    shelf.facings.iter().flatten()
}

/// The prediction of each true image. Names must be equal; where one side has folders before its file names, the file
/// names decide if they are all different.
fn join<'a>(truth: &Shelves, predictions: &'a Shelves, path: &Path) -> Result<Vec<Option<&'a Shelf>>, FormatError> {
    let file_name = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned();
    let exact: HashMap<&str, usize> = truth.images.iter().map(|p| p.name.as_str()).zip(0..).collect();
    let mut by_file: HashMap<String, Option<usize>> = HashMap::new();
    for (index, image) in truth.images.iter().enumerate() {
        by_file.entry(file_name(&image.name)).and_modify(|at| *at = None).or_insert(Some(index));
    }
    let mut joined = vec![None; truth.images.len()];
    for shelf in &predictions.images {
        let place = || Location::Image { name: shelf.name.clone(), entry: None, key: "" };
        let at = exact.get(shelf.name.as_str()).copied();
        let at = at.or_else(|| by_file.get(&file_name(&shelf.name)).copied().flatten());
        let unknown = || FormatError::new(path, place(), Fault::Unknown { what: "image", id: shelf.name.clone() });
        let at = at.ok_or_else(unknown)?;
        if joined[at].replace(shelf).is_some() {
            let fault = Fault::Duplicate { what: "the prediction of image", id: truth.images[at].name.clone() };
            return Err(FormatError::new(path, place(), fault));
        }
    }
    Ok(joined)
}

/// The class of facings that have none.
const CONTAINER: &str = "container";

fn detection_set(truth: &Shelves, predicted: &[Option<&Shelf>], path: &Path) -> Result<DetectionSet, FormatError> {
    let all = || truth.images.iter().chain(predicted.iter().copied().flatten()).flat_map(facings);
    // A side that names no classes can only be compared where classes play no part.
    let unnamed = all().any(|f| f.class.is_empty());
    let class = |f: &Facing| if unnamed { CONTAINER.to_owned() } else { f.class.clone() };
    let classes: BTreeSet<String> = all().map(class).collect();
    let index: HashMap<&String, u32> = classes.iter().zip(0..).collect();
    let (mut truths, mut predictions) = (Vec::new(), Vec::new());
    for (image, (shelf, found)) in (0..).zip(truth.images.iter().zip(predicted)) {
        truths.extend(facings(shelf).map(|f| Truth {
            image,
            class: index[&class(f)],
            rect: f.rect,
            area: f.rect.area(),
            crowd: f.crowd,
        }));
        predictions.extend(found.iter().flat_map(|p| facings(p)).map(|f| Prediction {
            image,
            class: index[&class(f)],
            rect: f.rect,
            score: f.confidence,
        }));
    }
    let image = |(shelf, found): (&Shelf, &Option<&Shelf>)| ImageInfo {
        name: shelf.name.clone(),
        size: shelf.size.or_else(|| found.and_then(|f| f.size)),
    };
    let images = truth.images.iter().zip(predicted).map(image).collect();
    drop(index);
    let classes = classes.into_iter().collect();
    DetectionSet::new(images, classes, truths, predictions).map_err(|fault| FormatError::whole(path, fault))
}

/// True and found facings in the order of truths and predictions of a comparison's [`DetectionSet`].
pub(crate) fn in_order<'a>(
    truth: &'a Shelves,
    predictions: &'a Shelves,
    path: &Path,
) -> Result<(Vec<&'a Facing>, Vec<&'a Facing>), FormatError> {
    let by_name = join(truth, predictions, path)?;
    Ok((truth.images.iter().flat_map(facings).collect(), by_name.iter().copied().flatten().flat_map(facings).collect()))
}

/// Places of found and of true facings that are one: predictions and truths of a [`DetectionSet`].
pub(crate) fn matched(
    boxes: &DetectionSet,
    found: &[&Facing],
    confidence: &Confidences<f64>,
    path: &Path,
) -> Result<Vec<(usize, usize)>, FormatError> {
    // Cut before all become one class, which has no confidence of its own any more.
    let served =
        (0..found.len()).filter(|&at| found[at].confidence >= confidence.of(&found[at].class)).collect::<Vec<_>>();
    let any = Confidences::uniform(f64::NEG_INFINITY);
    let pairing = pair(&one_class(boxes, &served, path)?, 0.5, &any, DEFAULT_MAX_DETECTIONS);
    let right = served.iter().zip(&pairing.results).filter_map(|(&at, result)| match result {
        MatchResult::Right(truth) => Some((at, *truth as usize)),
        _ => None,
    });
    Ok(right.collect())
}

fn identities(
    truth: &Shelves,
    predictions: &Shelves,
    predicted: &[Option<&Shelf>],
    (boxes, confidence): (&DetectionSet, &Confidences<f64>),
    path: &Path,
) -> Result<QuerySet, FormatError> {
    let true_facings: Vec<&Facing> = truth.images.iter().flat_map(facings).collect();
    let found: Vec<&Facing> = predicted.iter().copied().flatten().flat_map(facings).collect();

    // Which SKUs a right answer was possible for: as the files say, or else all that either side names.
    let declared = predictions.enrolled.as_ref().or(truth.enrolled.as_ref());
    let enrolled: Vec<String> = match declared {
        Some(enrolled) => enrolled.clone(),
        None => {
            let named = true_facings.iter().filter_map(|f| f.sku.as_ref());
            let answered = found.iter().flat_map(|f| f.sku.iter().chain(f.candidates.iter().map(|c| &c.0)));
            named.chain(answered).collect::<BTreeSet<_>>().into_iter().cloned().collect()
        }
    };
    let index: HashMap<&String, u32> = enrolled.iter().zip(0..).collect();
    let names = truth.images.iter().map(|p| p.name.clone()).collect();
    let mut set = QuerySet::new(enrolled.clone(), names);
    for (at, truth_at) in matched(boxes, &found, confidence, path)? {
        let (image, facing) = (boxes.predictions()[at].image, found[at]);
        let ranked = ranking(facing);
        let mut candidates = Vec::with_capacity(ranked.len());
        for (sku, similarity) in ranked {
            let place =
                || Location::Image { name: truth.images[image as usize].name.clone(), entry: None, key: "candidates" };
            let sku = index.get(&sku).copied();
            let sku = sku.ok_or_else(|| {
                FormatError::new(path, place(), Fault::NotEnrolled { sku: facing.sku.clone().unwrap_or_default() })
            })?;
            candidates.push(Ranked { sku, similarity });
        }
        let truth_sku = true_facings[truth_at].sku.as_ref().and_then(|sku| index.get(sku).copied());
        set.push_stated(truth_sku, image, &candidates, facing.stated).map_err(|fault| {
            let name = truth.images[image as usize].name.clone();
            FormatError::new(path, Location::Image { name, entry: None, key: "candidates" }, fault)
        })?;
    }
    Ok(set)
}

/// What would be counted if every found facing were named rightly: predictions with the SKU of the true facing that each lies on,
/// as far as that SKU is enrolled; the others are unknown. `None` where a side lists no facings.
///
/// # Errors
/// As [`compare`].
pub fn with_true_identities(
    truth: &Shelves,
    predictions: &Shelves,
    path: &Path,
    confidence: &Confidences<f64>,
) -> Result<Option<Shelves>, FormatError> {
    let by_name = join(truth, predictions, path)?;
    let listed = |shelf: &&Shelf| shelf.facings.is_some();
    if !truth.images.iter().all(|shelf| listed(&shelf)) || !by_name.iter().flatten().all(listed) {
        return Ok(None);
    }
    let boxes = detection_set(truth, &by_name, path)?;
    let true_facings: Vec<&Facing> = truth.images.iter().flat_map(facings).collect();
    let found: Vec<&Facing> = by_name.iter().copied().flatten().flat_map(facings).collect();
    let of: HashMap<usize, usize> = matched(&boxes, &found, confidence, path)?.into_iter().collect();
    let mut at = 0;
    let mut images = Vec::with_capacity(truth.images.len());
    for (shelf, found) in truth.images.iter().zip(&by_name) {
        let mut renamed: Vec<Facing> = found.iter().flat_map(|shelf| facings(shelf)).cloned().collect();
        for facing in &mut renamed {
            let sku = of.get(&at).and_then(|&truth_at| true_facings[truth_at].sku.clone());
            let is_enrolled = |sku: &String| predictions.enrolled.as_ref().is_none_or(|skus| skus.contains(sku));
            (facing.sku, facing.candidates) = (sku.filter(is_enrolled), Vec::new());
            at += 1;
        }
        images.push(Shelf {
            name: shelf.name.clone(),
            counts: Shelf::count(&renamed),
            facings: Some(renamed),
            ..Shelf::default()
        });
    }
    Ok(Some(Shelves { images, enrolled: predictions.enrolled.clone() }))
}

/// The answer first, then the other candidates in their order. An answer without a similarity of its own has that of the
/// first candidate, or its confidence.
fn ranking(facing: &Facing) -> Vec<(String, f64)> {
    let Some(answer) = &facing.sku else { return facing.candidates.clone() };
    let own = facing.candidates.iter().find(|c| &c.0 == answer).or(facing.candidates.first()).map(|c| c.1);
    let others = facing.candidates.iter().filter(|c| &c.0 != answer).cloned();
    std::iter::once((answer.clone(), own.unwrap_or(facing.confidence))).chain(others).collect()
}

/// The truth, and the predictions at these places, as one class.
fn one_class(set: &DetectionSet, predictions: &[usize], path: &Path) -> Result<DetectionSet, FormatError> {
    let truths = set.truths().iter().map(|t| Truth { class: 0, ..*t }).collect();
    let predictions = predictions.iter().map(|&at| Prediction { class: 0, ..set.predictions()[at] }).collect();
    DetectionSet::new(set.images().to_vec(), vec![CONTAINER.to_owned()], truths, predictions)
        .map_err(|fault| FormatError::whole(path, fault))
}
