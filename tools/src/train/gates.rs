//! What a trained network must reach, judged as every other gate is.

use std::process::ExitCode;

use eval::gate::Measurement;
use eval::{Gate, GatedMetric, Targets, verdict};

/// Judges what was measured, says it line by line, and how to exit.
pub(super) fn judge(targets: &Targets, measured: &[(GatedMetric, Option<f64>)]) -> ExitCode {
    let judged = |&(metric, value): &(GatedMetric, Option<f64>)| {
        Gate::judge(metric, targets, Measurement { value, ..Measurement::default() })
    };
    let gates: Vec<Gate> = measured.iter().map(judged).collect();
    for Gate { metric, bound, value, passed, .. } in &gates {
        let mark = if *passed { "PASS" } else { "FAIL" };
        let value = value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:.4}"));
        println!("{mark}  {}  {value}  {bound}", metric.as_str());
    }
    ExitCode::from(verdict(&gates).exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_is_missed_or_not_measured_is_a_failure() {
        let exits = |recall: Option<f64>, map50: Option<f64>, code: u8| {
            let measured = [(GatedMetric::Recall, recall), (GatedMetric::Map50, map50)];
            assert_eq!(judge(&Targets::default(), &measured), ExitCode::from(code), "{recall:?} {map50:?}");
        };
        exits(Some(0.99), Some(0.96), 0);
        exits(Some(0.97), Some(0.96), 1);
        exits(Some(0.99), None, 1);
        exits(Some(f64::NAN), Some(0.96), 1);
    }
}
