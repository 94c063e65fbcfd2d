//! From which confidence on a class is right often enough.
//!
//! Precision does not rise with the confidence all the way: a wrong detection among the surest ones pulls it down for a while. The
//! confidence named is the **lowest** from which on precision, over all detections with at least that confidence, is as wanted;
//! somewhere above it precision may be lower again. Matching, recall and precision are those of the curves (IoU .50).

use serde::{Deserialize, Serialize};

use crate::Matches;
use crate::average_precision::{OperatingPoint, positives};
use crate::evaluate::detection::CurvePoint;
use crate::matching::{ClassMatches, Outcome};

/// A wanted precision, and from which confidence on each class has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrecisionGoal {
    /// Minimum fraction of detections that are right.
    pub precision: f64,
    /// Classes with true boxes or detections.
    pub classes: Vec<ClassGoal>,
}

/// What the goal comes to for one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassGoal {
    /// Its name.
    pub class: String,
    /// True boxes.
    pub true_boxes: u64,
    /// At the lowest confidence from which on precision is as wanted; `None` when there is none.
    pub reached: Option<CurvePoint>,
    /// Where precision is highest, at the lowest such confidence; `None` when nothing was found.
    pub highest: Option<CurvePoint>,
}

impl PrecisionGoal {
    /// Looks for the confidence of each of `classes`.
    #[must_use]
    pub fn of(classes: &[String], matches: &Matches, precision: f64) -> Self {
        let goals = classes.iter().zip(&matches.classes).map(|(name, class)| goal(name, class, precision));
        let occurs = |goal: &ClassGoal| goal.true_boxes > 0 || goal.highest.is_some();
        Self { precision, classes: goals.filter(occurs).collect() }
    }

    /// The key of the pipeline configuration that puts it in force, for the classes that reach the goal: one line of YAML, which
    /// belongs under `detector:`. `None` when no class does.
    #[must_use]
    pub fn yaml(&self) -> Option<String> {
        // JSON strings are YAML strings, whatever the name holds.
        let entry = |goal: &ClassGoal| Some(format!("{}: {}", serde_json::json!(goal.class), goal.reached?.confidence));
        let entries: Vec<String> = self.classes.iter().filter_map(entry).collect();
        (!entries.is_empty()).then(|| format!("class_confidence: {{{}}}", entries.join(", ")))
    }
}

impl ClassGoal {
    /// Why there is no confidence, for people; `None` when there is one.
    #[must_use]
    pub fn unreached(&self) -> Option<String> {
        let fraction = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
        match (&self.reached, &self.highest) {
            (Some(_), _) => None,
            (None, None) => Some("none reaches it: nothing was found".to_owned()),
            (None, Some(_)) if self.true_boxes == 0 => Some("none reaches it: no true box is of this class".to_owned()),
            (None, Some(at)) => Some(format!(
                "none reaches it: precision is {} at most, from {:.4} on (recall {})",
                fraction(at.precision),
                at.confidence,
                fraction(at.recall)
            )),
        }
    }
}

fn goal(name: &str, class: &ClassMatches, precision: f64) -> ClassGoal {
    let (mut reached, mut highest) = (None, None::<OperatingPoint>);
    walk(class, |point| {
        if point.precision().is_some_and(|p| p >= precision) {
            reached = Some(CurvePoint::from(point));
        }
        if highest.is_none_or(|highest| point.precision() >= highest.precision()) {
            highest = Some(*point);
        }
    });
    ClassGoal {
        class: name.to_owned(),
        true_boxes: positives(class, 0, None),
        reached,
        highest: highest.as_ref().map(CurvePoint::from),
    }
}

/// Calls `step` with the state at each confidence that changes it, from the highest.
fn walk(class: &ClassMatches, mut step: impl FnMut(&OperatingPoint)) {
    let counted: Vec<&Outcome> = class.outcomes.iter().filter(|o| o.is_right(0, 0) || o.is_wrong(0, 0)).collect();
    let mut now =
        OperatingPoint { confidence: f64::INFINITY, right: 0, wrong: 0, positives: positives(class, 0, None) };
    for (at, outcome) in counted.iter().enumerate() {
        now.right += u64::from(outcome.is_right(0, 0));
        now.wrong += u64::from(outcome.is_wrong(0, 0));
        now.confidence = written(outcome.score);
        // One confidence cannot part scores that only further digits tell apart.
        if counted.get(at + 1).is_none_or(|next| next.score < now.confidence) {
            step(&now);
        }
    }
}

/// The score as people write it, in four decimals and never above it: what it names must be kept by it.
fn written(score: f64) -> f64 {
    let steps = (score * 1e4).floor();
    // The product may have been rounded up over a whole number.
    let steps = if steps / 1e4 > score { steps - 1.0 } else { steps };
    steps / 1e4
}
