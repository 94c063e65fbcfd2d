//! The images with the most mistakes, with what was missed, invented and right.

use serde::{Deserialize, Serialize};
use vision::Confidences;

use crate::matching::pair;
use crate::{DetectionSet, MatchResult};

/// An image and everything that happened in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorstCase {
    /// Name of the image.
    #[serde(rename = "picture")]
    pub image: String,
    /// Width and height in pixels, where known.
    pub size: Option<(u32, u32)>,
    /// True boxes missed.
    pub missed: usize,
    /// Boxes invented.
    pub invented: usize,
    /// Boxes right.
    pub right: usize,
    /// All boxes, the mistakes last so that they are drawn on top.
    pub boxes: Vec<WorstBox>,
}

/// What became of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A found box that is right.
    Right,
    /// A found box that is not there.
    Invented,
    /// A true box that was not found.
    Missed,
}

/// A box to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorstBox {
    /// Left, top, width, height in pixels.
    pub rect: [f64; 4],
    /// What became of it.
    pub outcome: Outcome,
    /// Class, and confidence of a found box.
    pub label: String,
}

/// The `max` images with the most mistakes at the serving confidence; images without mistakes are left out.
#[must_use]
pub fn worst_cases(
    set: &DetectionSet,
    confidence: &Confidences<f64>,
    max_detections: usize,
    max: usize,
) -> Vec<WorstCase> {
    let pairing = pair(set, 0.5, confidence, max_detections);
    let mut cases: Vec<WorstCase> = set
        .images()
        .iter()
        .map(|p| WorstCase { image: p.name.clone(), size: p.size, missed: 0, invented: 0, right: 0, boxes: Vec::new() })
        .collect();
    // Rounded to a tenth of a pixel: for the eye, and the file stays small.
    let rounded = |r: &crate::Rect| [r.x, r.y, r.width, r.height].map(|v| (v * 10.0).round() / 10.0);
    for (truth, found_by) in set.truths().iter().zip(&pairing.found_by) {
        if found_by.is_none() && !truth.crowd {
            let case = &mut cases[truth.image as usize];
            case.missed += 1;
            let label = set.classes()[truth.class as usize].clone();
            case.boxes.push(WorstBox { rect: rounded(&truth.rect), outcome: Outcome::Missed, label });
        }
    }
    for (prediction, result) in set.predictions().iter().zip(&pairing.results) {
        let case = &mut cases[prediction.image as usize];
        let outcome = match result {
            MatchResult::Dropped | MatchResult::Ignored => continue,
            MatchResult::Right(_) => {
                case.right += 1;
                Outcome::Right
            }
            MatchResult::Wrong => {
                case.invented += 1;
                Outcome::Invented
            }
        };
        let label = format!("{} {:.2}", set.classes()[prediction.class as usize], prediction.score);
        case.boxes.push(WorstBox { rect: rounded(&prediction.rect), outcome, label });
    }
    cases.retain(|c| c.missed + c.invented > 0);
    cases.sort_by(|a, b| (b.missed + b.invented).cmp(&(a.missed + a.invented)).then_with(|| a.image.cmp(&b.image)));
    cases.truncate(max);
    cases.iter_mut().for_each(|c| c.boxes.sort_by_key(|b| b.outcome));
    cases
}
