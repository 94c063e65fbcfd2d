//! The report as one table for spreadsheets: a metric a line.

use super::Report;
use crate::Interval;
use crate::evaluate::SliceLine;

/// `scope,name,metric,value,low,high,evidence`. Missing metrics are empty cells.
///
/// # Panics
/// Never: it is written to memory.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut rows = Rows(csv::Writer::from_writer(Vec::new()));
    rows.write(["scope", "name", "metric", "value", "low", "high", "evidence"].map(str::to_owned));
    for (metric, value) in &report.metrics {
        rows.metric(("all", "", metric), *value, report.intervals.get(metric).copied(), None);
    }
    for gate in &report.gates {
        let passed = f64::from(u8::from(gate.passed));
        rows.metric(("gate", gate.metric.as_str(), "passed"), Some(passed), None, Some(gate.evidence));
    }
    if let Some(section) = &report.detection {
        for c in &section.classes {
            for (metric, value) in
                [("ap50", c.ap50), ("ap50_95", c.ap50_95), ("recall", c.recall), ("precision", c.precision)]
            {
                let interval = c.ap50_interval.filter(|_| metric == "ap50");
                rows.metric(("class", &c.class, metric), value, interval, Some(c.true_boxes));
            }
        }
        rows.slices(&section.slices);
    }
    if let Some(section) = &report.identification {
        for s in &section.skus {
            for (metric, value) in [("recall", s.recall), ("precision", s.precision), ("f1", s.f1)] {
                rows.metric(("sku", &s.sku, metric), value, None, Some(s.support));
            }
        }
        for p in &section.pairs {
            let name = format!("{} as {}", p.truth, p.predicted);
            rows.metric(("pair", &name, "share"), Some(p.ratio), None, Some(p.count));
        }
        rows.slices(&section.slices);
    }
    if let Some(section) = &report.counts {
        for (scope, lines) in [("sku_count", &section.worst_skus), ("picture_count", &section.worst_images)] {
            for line in lines {
                rows.metric((scope, &line.name, "mae"), Some(line.mae), None, Some(line.rows));
                rows.metric((scope, &line.name, "truth"), Some(line.truth as f64), None, None);
                rows.metric((scope, &line.name, "predicted"), Some(line.predicted as f64), None, None);
            }
        }
        rows.slices(&section.slices);
    }
    for line in &report.robustness {
        for drop in &line.metrics {
            let name = format!("{}_change", drop.metric);
            rows.metric(("robustness", &line.distortion, &name), drop.change, drop.interval, None);
            rows.metric(("robustness", &line.distortion, &drop.metric), drop.damaged, None, None);
        }
    }
    let bytes = rows.0.into_inner().expect("memory does not fail");
    String::from_utf8(bytes).expect("text was written")
}

struct Rows(csv::Writer<Vec<u8>>);

impl Rows {
    fn write(&mut self, cells: [String; 7]) {
        self.0.write_record(cells).expect("memory does not fail");
    }

    fn metric(
        &mut self,
        (scope, name, metric): (&str, &str, &str),
        value: Option<f64>,
        interval: Option<Interval>,
        evidence: Option<u64>,
    ) {
        let number = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
        // A spreadsheet runs cells that begin like this.
        let name = if name.starts_with(['=', '+', '-', '@']) { format!("'{name}") } else { name.to_owned() };
        self.write([
            scope.to_owned(),
            name,
            metric.to_owned(),
            number(value),
            number(interval.map(|i| i.low)),
            number(interval.map(|i| i.high)),
            evidence.map_or_else(String::new, |e| e.to_string()),
        ]);
    }

    fn slices(&mut self, slices: &[SliceLine]) {
        for slice in slices {
            let name = format!("{}={}", slice.column, slice.value);
            for (metric, value) in &slice.metrics.values {
                let interval = slice.metrics.intervals.get(metric).copied();
                self.metric(("slice", &name, metric), *value, interval, Some(slice.evidence));
            }
        }
    }
}
