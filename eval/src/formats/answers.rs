//! Answers of `POST /v2/recognize` and `shelf recognize --json` as predictions.
//!
//! One answer, a list of answers, one a line, or an object of answers by image name. An answer is that of the image
//! named by its `file` key, by the object's key, or by the sha256 it carries. Unknown keys are passed over: answers may grow.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{Fault, FormatError, Location};
use super::facings::{Facing, Shelf, Shelves};
use super::json::{UniqueMap, parse};
use super::shelf_counts::{checked, corners};
use crate::identification::Stated;

#[derive(Deserialize)]
struct Answer {
    #[serde(default, alias = "path")]
    file: Option<String>,
    image: ImageInfo,
    detections: Vec<Found>,
    counts: Vec<Count>,
}

#[derive(Deserialize)]
struct ImageInfo {
    width: u32,
    height: u32,
    #[serde(default)]
    sha256: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(rename = "box")]
    bbox: PixelBox,
    class: String,
    confidence: f64,
    sku: Option<Sku>,
    #[serde(default)]
    probability: Option<f64>,
    #[serde(default)]
    candidates: Vec<Candidate>,
}

#[derive(Deserialize)]
struct PixelBox {
    x1: f64,
    y1: f64,
    x2: f64,
    y2: f64,
}

#[derive(Deserialize)]
struct Sku {
    code: String,
}

#[derive(Deserialize)]
struct Candidate {
    sku: Sku,
    similarity: f64,
}

#[derive(Deserialize)]
struct Count {
    sku: Sku,
    count: u64,
}

/// Parses answers. `truth` says which images there are.
///
/// # Errors
/// When the text is not of that form, an answer's image cannot be told or is answered twice, counts contradict the
/// detections, or a box is none.
pub fn parse_answers(bytes: &[u8], path: &Path, truth: &Shelves) -> Result<Shelves, FormatError> {
    let by_digest: HashMap<&str, &str> =
        truth.images.iter().filter_map(|p| Some((p.sha256.as_deref()?, p.name.as_str()))).collect();
    let mut images = Vec::new();
    for (index, (key, answer)) in read(bytes, path)?.into_iter().enumerate() {
        let place = |key| Location::Entry { list: "answers", index, key };
        let digest = answer.image.sha256.as_deref().and_then(|d| by_digest.get(d).copied().map(str::to_owned));
        let only = || match truth.images.as_slice() {
            [one] => Some(one.name.clone()),
            _ => None,
        };
        let name = key.or_else(|| answer.file.clone()).or(digest).or_else(only);
        let name = name.ok_or_else(|| FormatError::new(path, place(""), Fault::Nameless))?;
        images.push(shelf(name, answer, path)?);
    }
    let enrolled = None;
    checked(Shelves { images, enrolled }, path)
}

/// `(name, answer)` in whichever arrangement they come.
fn read(bytes: &[u8], path: &Path) -> Result<Vec<(Option<String>, Answer)>, FormatError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[') {
        return Ok(parse::<Vec<Answer>>(bytes, path)?.into_iter().map(|a| (None, a)).collect());
    }
    if is_by_name(bytes, path) {
        let UniqueMap(by_name) = parse::<UniqueMap<Answer>>(bytes, path)?;
        return Ok(by_name.into_iter().map(|(name, answer)| (Some(name), answer)).collect());
    }
    lines(text, path)
}

fn is_by_name(bytes: &[u8], path: &Path) -> bool {
    #[derive(Deserialize)]
    struct Any {}
    parse::<UniqueMap<Any>>(bytes, path).is_ok()
}

/// One JSON value after another, usually one a line.
fn lines<T>(text: &[u8], path: &Path) -> Result<Vec<(Option<String>, T)>, FormatError>
where
    T: DeserializeOwned,
{
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_slice(text).into_iter::<T>() {
        values.push((None, value.map_err(|e| super::json::located(path, &e))?));
    }
    Ok(values)
}

fn shelf(name: String, answer: Answer, path: &Path) -> Result<Shelf, FormatError> {
    let wrong =
        |entry, key, fault: Fault| FormatError::new(path, Location::Image { name: name.clone(), entry, key }, fault);
    let mut facings = Vec::with_capacity(answer.detections.len());
    for (index, found) in answer.detections.into_iter().enumerate() {
        let place = Some(("detections", index));
        let PixelBox { x1, y1, x2, y2 } = found.bbox;
        let rect = corners([x1, y1, x2, y2]).map_err(|fault| wrong(place, "box", fault))?;
        if !(0.0..=1.0).contains(&found.confidence) {
            return Err(wrong(place, "confidence", Fault::Fraction { value: found.confidence }));
        }
        if let Some(value) = found.probability.filter(|p| !(0.0..=1.0).contains(p)) {
            return Err(wrong(place, "probability", Fault::Fraction { value }));
        }
        facings.push(Facing {
            rect,
            class: found.class,
            sku: found.sku.map(|s| s.code),
            crowd: false,
            confidence: found.confidence,
            candidates: found.candidates.into_iter().map(|c| (c.sku.code, c.similarity)).collect(),
            stated: Stated { probability: found.probability, excess: None },
        });
    }
    let mut counts = std::collections::BTreeMap::new();
    for (index, count) in answer.counts.into_iter().enumerate() {
        if counts.insert(count.sku.code.clone(), count.count).is_some() {
            let fault = Fault::Duplicate { what: "SKU", id: count.sku.code };
            return Err(wrong(Some(("counts", index)), "sku", fault));
        }
    }
    let size = Some((answer.image.width, answer.image.height));
    Ok(Shelf { sha256: answer.image.sha256, size, counts, facings: Some(facings), name })
}
