//! How far a file that lost digits may fall behind the network it came from.

use thiserror::Error;

/// It lost too much.
#[derive(Debug, Error)]
#[error(
    "{metric} falls from {} to {}, by more than the {max_drop} that --max-drop allows: it was not written. Give more images to \
     calibrate on, or ship the network in fp32 or fp16", shown(*before), shown(*after)
)]
pub(super) struct MetricDrop {
    metric: &'static str,
    /// Of the file in full precision.
    before: Option<f64>,
    after: Option<f64>,
    /// Largest fall.
    max_drop: f64,
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "nothing that could be measured".to_owned(), |value| format!("{value:.4}"))
}

/// Whether a metric may fall like this. What could not be measured may not.
pub(super) fn accept(
    metric: &'static str,
    before: Option<f64>,
    after: Option<f64>,
    max_drop: f64,
) -> Result<(), MetricDrop> {
    match (before, after) {
        (Some(full), Some(lossy)) if full - lossy <= max_drop => Ok(()),
        _ => Err(MetricDrop { metric, before, after, max_drop }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loses_too_much_or_cannot_be_measured_is_refused() {
        let check = |before, after, accepted: bool| {
            assert_eq!(accept("mAP50", before, after, 0.01).is_ok(), accepted, "{before:?} {after:?}");
        };
        check(Some(0.8), Some(0.8), true);
        check(Some(0.8), Some(0.9), true);
        check(Some(0.8), Some(0.7901), true);
        check(Some(0.8), Some(0.78), false);
        check(Some(0.8), Some(f64::NAN), false);
        check(Some(f64::NAN), Some(0.8), false);
        check(Some(0.8), None, false);
        check(None, None, false);
        let text =
            accept("mAP50", Some(0.8), None, 0.01).map_or_else(|refused| refused.to_string(), |()| String::new());
        assert!(text.contains("mAP50 falls from 0.8000 to nothing") && text.contains("--max-drop"), "{text}");
    }
}
