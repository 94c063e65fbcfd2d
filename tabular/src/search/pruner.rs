//! Trials that are given up early: the median rule (Golovin and others 2017).

/// Gives up a trial whose mean score after some folds is below the median of what the trials before had after as many.
#[derive(Debug, Clone, Default)]
pub struct MedianPruner {
    /// Mean scores after each fold of the trials so far.
    before: Vec<Vec<f64>>,
}

impl MedianPruner {
    /// Trials that are always finished.
    const STARTUP: usize = 5;

    /// Whether a trial with these scores so far shall go on.
    #[must_use]
    pub fn goes_on(&self, scores: &[f64]) -> bool {
        let at = scores.len();
        let others = crate::stats::ascending(self.before.iter().filter_map(|means| means.get(at - 1)).copied());
        let mean = crate::stats::mean(scores);
        others.len() < Self::STARTUP || !(mean < crate::stats::quantile(&others, 0.5))
    }

    /// Takes note of a trial.
    pub fn note(&mut self, scores: &[f64]) {
        let means = (1..=scores.len()).map(|folds| crate::stats::mean(&scores[..folds]));
        self.before.push(means.collect());
    }
}
