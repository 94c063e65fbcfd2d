//! What moved since an older report.

use serde::Serialize;

use super::Report;
use crate::Interval;
use crate::metric::{Better, METRICS};

/// Two reports side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What made the older predictions.
    pub old_predictions: String,
    /// Whether both were evaluated on the same data; otherwise differences mix model and data.
    pub same_data: bool,
    /// Metrics that both or either have, in the order of reports.
    #[serde(rename = "figures")]
    pub metrics: Vec<Moved>,
    /// Classes whose AP50 moved, the largest fall first.
    pub classes: Vec<MovedClass>,
}

/// One metric, then and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// Its name.
    pub metric: String,
    /// Then.
    pub old: Option<f64>,
    /// Then, 95 %.
    pub old_interval: Option<Interval>,
    /// Now.
    pub new: Option<f64>,
    /// Now, 95 %.
    pub new_interval: Option<Interval>,
    /// `new - old`
    pub change: Option<f64>,
    /// How to read it.
    pub reading: Reading,
}

/// How to read a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Better, and the intervals do not touch.
    Better,
    /// Worse, and the intervals do not touch.
    Worse,
    /// Moved, but within what other images would do.
    WithinNoise,
    /// Exactly the same.
    Same,
    /// It moved, but has no interval or no good side.
    Moved,
    /// Only one of both reports has it.
    Incomparable,
}

/// A class then and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MovedClass {
    /// Its name.
    pub class: String,
    /// AP50 then.
    pub old: f64,
    /// AP50 now.
    pub new: f64,
}

/// Compares. Intervals that do not overlap are a careful test: a real difference may hide within touching intervals, but
/// what is called better or worse is so.
#[must_use]
pub fn compare(old: &Report, new: &Report) -> Comparison {
    let moved = |metric: &crate::metric::Metric| {
        let name = metric.name;
        let known = old.metrics.contains_key(name) || new.metrics.contains_key(name);
        known.then(|| {
            let (before, after) = (old.metric(name), new.metric(name));
            let intervals = (old.intervals.get(name).copied(), new.intervals.get(name).copied());
            Moved {
                metric: name.to_owned(),
                old: before,
                old_interval: intervals.0,
                new: after,
                new_interval: intervals.1,
                change: before.zip(after).map(|(b, a)| a - b),
                reading: read(metric.better, before.zip(after), intervals),
            }
        })
    };
    let classes = old.detection.iter().flat_map(|d| &d.classes).filter_map(|before| {
        let after = new.detection.as_ref()?.classes.iter().find(|c| c.class == before.class)?;
        let (old, new) = (before.ap50?, after.ap50?);
        (old != new).then(|| MovedClass { class: before.class.clone(), old, new })
    });
    let mut classes: Vec<MovedClass> = classes.collect();
    classes.sort_by(|a, b| (a.new - a.old).total_cmp(&(b.new - b.old)));
    Comparison {
        old_predictions: old.predictions.clone(),
        same_data: old.data == new.data,
        metrics: METRICS.iter().filter_map(moved).collect(),
        classes,
    }
}

fn read(better: Better, values: Option<(f64, f64)>, intervals: (Option<Interval>, Option<Interval>)) -> Reading {
    let Some((old, new)) = values else { return Reading::Incomparable };
    if old == new {
        return Reading::Same;
    }
    let (Some(before), Some(after)) = intervals else { return Reading::Moved };
    if before.low <= after.high && after.low <= before.high {
        return Reading::WithinNoise;
    }
    match (better, new > old) {
        (Better::Neither, _) => Reading::Moved,
        (Better::Higher, true) | (Better::Lower, false) => Reading::Better,
        _ => Reading::Worse,
    }
}
