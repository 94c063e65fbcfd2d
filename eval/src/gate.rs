//! What a release must reach, decided in one place.

use std::fmt;

use serde::{Deserialize, Serialize};
use vision::Verdict;

use crate::Interval;

/// Bounds of the gates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// Minimum detection recall at the serving confidence.
    pub recall_min: f64,
    /// Minimum mAP at IoU .50.
    pub map50_min: f64,
    /// Minimum fraction of crops whose SKU is right.
    pub top1_accuracy_min: f64,
    /// Largest macro count MAE.
    pub count_mae_max: f64,
}

impl Default for Targets {
    fn default() -> Self {
        Self { recall_min: 0.98, map50_min: 0.95, top1_accuracy_min: 0.93, count_mae_max: 0.30 }
    }
}

/// A metric that is gated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatedMetric {
    /// Detection recall at the serving confidence.
    Recall,
    /// mAP at IoU .50.
    Map50,
    /// SKU top-1.
    Top1,
    /// Macro count MAE.
    CountMae,
}

impl GatedMetric {
    /// All, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Recall, Self::Map50, Self::Top1, Self::CountMae];

    /// Name among the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recall => "recall",
            Self::Map50 => "map50",
            Self::Top1 => "top1",
            Self::CountMae => "count_mae",
        }
    }

    /// What it must reach.
    #[must_use]
    pub const fn bound(self, targets: &Targets) -> Bound {
        match self {
            Self::Recall => Bound::AtLeast(targets.recall_min),
            Self::Map50 => Bound::AtLeast(targets.map50_min),
            Self::Top1 => Bound::AtLeast(targets.top1_accuracy_min),
            Self::CountMae => Bound::AtMost(targets.count_mae_max),
        }
    }
}

/// Which side of a number is good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// `value >= bound` passes.
    AtLeast(f64),
    /// `value <= bound` passes.
    AtMost(f64),
}

impl Bound {
    /// Whether a value passes. Missing and NaN never do, on either side, nor does any value of a bound that is NaN.
    #[must_use]
    pub fn admits(self, value: Option<f64>) -> bool {
        match (self, value) {
            (_, None) => false,
            (Self::AtLeast(floor), Some(v)) => v >= floor,
            (Self::AtMost(ceiling), Some(v)) => v <= ceiling,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(v) => write!(f, ">= {v:.2}"),
            Self::AtMost(v) => write!(f, "<= {v:.2}"),
        }
    }
}

/// A gate and how it came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What is gated.
    pub metric: GatedMetric,
    /// What it must reach.
    pub bound: Bound,
    /// What it is; `None` when it could not be measured.
    pub value: Option<f64>,
    /// How far it would move with other images. It informs; the value decides.
    pub interval: Option<Interval>,
    /// How many times its unit (boxes, crops, rows) was seen, so that nobody trusts three images.
    pub evidence: u64,
    /// Whether it passed.
    pub passed: bool,
}

impl Gate {
    /// Judges a metric.
    #[must_use]
    pub fn judge(metric: GatedMetric, targets: &Targets, measured: Measurement) -> Self {
        let bound = metric.bound(targets);
        let Measurement { value, interval, evidence } = measured;
        Self { metric, bound, value, interval, evidence, passed: bound.admits(value) }
    }

    /// Passed, but the interval reaches over the bound: other images could have failed it (or the reverse).
    #[must_use]
    pub fn is_close(&self) -> bool {
        let other_side = self.interval.map(|i| match self.bound {
            Bound::AtLeast(floor) => (i.low >= floor) != (i.high >= floor),
            Bound::AtMost(ceiling) => (i.low <= ceiling) != (i.high <= ceiling),
        });
        other_side.unwrap_or(false)
    }
}

/// A measured metric, ready to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measurement {
    /// What it is.
    pub value: Option<f64>,
    /// Its interval.
    pub interval: Option<Interval>,
    /// How many boxes, crops or rows it rests on.
    pub evidence: u64,
}

/// What gates that were asked for come to. No gates at all is not a pass: nothing was shown.
#[must_use]
pub fn verdict(gates: &[Gate]) -> Verdict {
    match gates {
        [] => Verdict::NotEvaluated,
        gates => Verdict::passed_if(gates.iter().all(|gate| gate.passed)),
    }
}
