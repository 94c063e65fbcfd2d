//! The charts of a model.

use vision::plot::{Axis, Drawing, Frame, bars, heatmap};

use super::outcome::{ClassCurves, Curves, Outcome, Point};

/// Classes that a confusion matrix is plotted of, at most.
const MAX_CLASSES: usize = 40;
/// Lines that can be told apart.
const MAX_LINES: usize = 4;
/// Features whose importance is plotted.
const MAX_FEATURES: usize = 20;
/// Series colours, in order.
const MARKS: [&str; MAX_LINES] = ["s1", "s2", "s3", "s4"];

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it is called in addresses and file names: `roc`.
    pub name: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// The chart itself.
    pub drawing: Drawing,
}

impl Chart {
    /// As an SVG file.
    #[must_use]
    pub fn svg(&self) -> String {
        self.drawing.document(self.title)
    }
}

/// Name, title, and what plots it.
type Kind = (&'static str, &'static str, fn(&Outcome) -> Option<Drawing>);

const KINDS: &[Kind] = &[
    ("confusion", "Confusion matrix", confusion),
    ("roc", "ROC curve", roc),
    ("precision-recall", "Precision and recall", precision_recall),
    ("thresholds", "Thresholds", thresholds),
    ("residuals", "Residuals", residuals),
    ("importance", "Feature importance", importance),
    ("shap", "Mean absolute SHAP value", shap),
    ("learning", "Learning curve", learning),
    ("robustness", "Robustness", robustness),
    ("comparison", "Mean score of the folds", comparison),
    ("trials", "Trials", trials),
];

fn plotted((name, title, plot): &Kind, outcome: &Outcome) -> Option<Chart> {
    plot(outcome).map(|drawing| Chart { name, title, drawing })
}

/// All charts that can be plotted of an outcome.
#[must_use]
pub fn charts(outcome: &Outcome) -> Vec<Chart> {
    KINDS.iter().filter_map(|kind| plotted(kind, outcome)).collect()
}

/// The chart of this name, if it can be plotted of the outcome.
#[must_use]
pub fn chart(outcome: &Outcome, name: &str) -> Option<Chart> {
    plotted(KINDS.iter().find(|(known, ..)| *known == name)?, outcome)
}

fn confusion(outcome: &Outcome) -> Option<Drawing> {
    let matrix = outcome.confusion().filter(|matrix| matrix.len() <= MAX_CLASSES)?;
    let names: Vec<String> = (0..matrix.len()).map(|class| outcome.class(class)).collect();
    Some(heatmap(&names, &names, &matrix))
}

/// The classes that are hardest to tell from the others, hardest first: by the area below their ROC curve.
fn hardest(outcome: &Outcome) -> Option<Vec<&ClassCurves>> {
    let Some(Curves::Classes(classes)) = &outcome.curves else { return None };
    let area = |class: &ClassCurves| -> f64 {
        let points: Vec<[f64; 2]> = class.roc.iter().filter_map(both).collect();
        points.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * f64::midpoint(pair[0][1], pair[1][1])).sum()
    };
    let mut classes: Vec<&ClassCurves> = classes.iter().collect();
    classes.sort_by(|a, b| area(a).total_cmp(&area(b)));
    classes.truncate(MAX_LINES);
    (!classes.is_empty()).then_some(classes)
}

fn both(point: &Point) -> Option<[f64; 2]> {
    Some([point[0]?, point[1]?])
}

fn roc(outcome: &Outcome) -> Option<Drawing> {
    let frame = Frame::new(Axis::fraction("false-positive rate"), Axis::fraction("true-positive rate")).diagonal();
    by_class(outcome, frame, |class| &class.roc)
}

fn precision_recall(outcome: &Outcome) -> Option<Drawing> {
    let frame = Frame::new(Axis::fraction("recall"), Axis::fraction("precision"));
    by_class(outcome, frame, |class| &class.precision_recall)
}

fn by_class(outcome: &Outcome, frame: Frame, points: fn(&ClassCurves) -> &Vec<Point>) -> Option<Drawing> {
    let line = |frame: Frame, (class, mark): (&ClassCurves, &str)| {
        let points = points(class).iter().filter_map(both).map(|[x, y]| (x, Some(y)));
        frame.line(points, mark, &outcome.class(class.class))
    };
    Some(hardest(outcome)?.into_iter().zip(MARKS).fold(frame, line).done())
}

fn thresholds(outcome: &Outcome) -> Option<Drawing> {
    let thresholds = outcome.thresholds.as_ref()?;
    let axis = Axis::fraction(&format!("probability of {} from which on it is told", outcome.class(1)));
    let line = |value: fn(&super::outcome::Threshold) -> f64| {
        thresholds.steps.iter().map(move |step| (step.threshold, Some(value(step)))).collect::<Vec<_>>()
    };
    let frame = Frame::new(axis, Axis::fraction("precision, recall, F1"))
        .line(line(|step| step.precision), "s1", "precision")
        .line(line(|step| step.recall), "s2", "recall")
        .line(line(|step| step.f1), "s3", "F1")
        .upright(thresholds.best_f1.threshold, &format!("best F1 {:.2}", thresholds.best_f1.f1));
    Some(frame.done())
}

fn residuals(outcome: &Outcome) -> Option<Drawing> {
    let Some(Curves::Residuals(points)) = &outcome.curves else { return None };
    let points: Vec<[f64; 2]> = points.iter().filter_map(both).collect();
    let range = |at: usize| {
        let values = points.iter().map(|point| point[at]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (x, y) = (range(0), range(1));
    (x.0.is_finite() && y.0.is_finite()).then_some(())?;
    let (x, y) = (Axis::around("predicted", x.0, x.1), Axis::around("true less predicted", y.0.min(0.0), y.1.max(0.0)));
    let zero = [(x.min, Some(0.0)), (x.max, Some(0.0))];
    let frame = Frame::new(x, y).line(zero, "ideal", "");
    let dot = |frame: Frame, [told, off]: [f64; 2]| frame.dot((told, off), 2.5, "s1", &format!("{told:.4}: {off:+.4}"));
    Some(points.into_iter().fold(frame, dot).done())
}

fn importance(outcome: &Outcome) -> Option<Drawing> {
    let summary = outcome.training_summary.as_ref()?;
    ranked(&summary.features, summary.feature_importance.as_ref()?)
}

fn shap(outcome: &Outcome) -> Option<Drawing> {
    let summary = outcome.training_summary.as_ref()?;
    ranked(&summary.features, summary.shap_importance.as_ref()?)
}

fn ranked(features: &[String], importance: &[Option<f64>]) -> Option<Drawing> {
    let known = features.iter().zip(importance).filter_map(|(name, value)| Some((name.as_str(), (*value)?)));
    let mut known: Vec<(&str, f64)> = known.collect();
    known.sort_by(|a, b| b.1.total_cmp(&a.1));
    known.truncate(MAX_FEATURES);
    (!known.is_empty()).then(|| bars(&known))
}

fn learning(outcome: &Outcome) -> Option<Drawing> {
    let steps = &outcome.training_history;
    let losses = steps.iter().flat_map(|step| [step.train_loss, step.validation_loss]).flatten();
    let (low, high) =
        losses.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| (low.min(loss), high.max(loss)));
    (steps.len() > 1 && low.is_finite() && high.is_finite()).then_some(())?;
    let last = steps.last().map_or(1, |step| step.step) as u64;
    let mut frame = Frame::new(Axis::counts("step", last), Axis::around("loss", low, high));
    frame = frame.line(steps.iter().map(|step| (step.step as f64, step.train_loss)), "s1", "training rows");
    if steps.iter().any(|step| step.validation_loss.is_some()) {
        frame = frame.line(steps.iter().map(|step| (step.step as f64, step.validation_loss)), "s2", "validation rows");
    }
    Some(frame.done())
}

fn robustness(outcome: &Outcome) -> Option<Drawing> {
    let (name, score) = outcome.score()?;
    let known = outcome.robustness.iter().filter_map(|one| one.score);
    let (low, high) = known.fold((score, score), |(low, high), value| (low.min(value), high.max(value)));
    let most = outcome.robustness.iter().map(|one| one.level).fold(0.0, f64::max);
    (most > 0.0 && low.is_finite() && high.is_finite()).then_some(())?;
    let x = Axis::around("noise, standard deviations of the feature; fraction of cells missing", 0.0, most);
    let line = |disturbance: &'static str| {
        let levels = outcome.robustness.iter().filter(move |one| one.disturbance == disturbance);
        std::iter::once((0.0, Some(score))).chain(levels.map(|one| (one.level, one.score))).collect::<Vec<_>>()
    };
    let frame = Frame::new(x, Axis::around(name, low.min(high - 0.1), high)).line(line("noise"), "s1", "noise").line(
        line("missing"),
        "s2",
        "missing cells",
    );
    Some(frame.done())
}

fn comparison(outcome: &Outcome) -> Option<Drawing> {
    let scores = outcome.comparison.iter().filter_map(|one| Some((one.model.as_str(), one.mean_score?)));
    let scores: Vec<(&str, f64)> = scores.collect();
    (!scores.is_empty()).then(|| bars(&scores))
}

fn trials(outcome: &Outcome) -> Option<Drawing> {
    let scores = outcome.trials.iter().enumerate().filter_map(|(at, trial)| Some(((at + 1) as f64, trial.mean_score?)));
    let scores: Vec<(f64, f64)> = scores.collect();
    (scores.len() > 1).then_some(())?;
    let best: Vec<(f64, f64)> = scores
        .iter()
        .scan(f64::NEG_INFINITY, |best, (at, score)| {
            *best = best.max(*score);
            Some((*at, *best))
        })
        .collect();
    // A failed trial may be far below all others: the axis begins at the lower quartile less as much again.
    let sorted = crate::stats::ascending(scores.iter().map(|(_, score)| *score));
    let (quarter, top) = (crate::stats::quantile(&sorted, 0.25), sorted[sorted.len() - 1]);
    let low = sorted[0].max(quarter - (top - quarter).max(0.01));
    let x = Axis::counts("trial", outcome.trials.len() as u64);
    let frame = Frame::new(x, Axis::around("mean score of the folds", low, top));
    let frame =
        frame.line(best.into_iter().map(|(at, score)| (at, Some(score))), "s2", "best so far").key("s1", "trial");
    let dot = |frame: Frame, (at, score): (f64, f64)| frame.dot((at, score), 2.5, "s1", &format!("{score:.4}"));
    Some(scores.into_iter().fold(frame, dot).done())
}
