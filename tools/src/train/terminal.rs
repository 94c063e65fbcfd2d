//! What a person sees of a run on the terminal.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use train::core::{BatchReport, EpochReport, Metric, Observer, RunStart};

use super::eta::Eta;
use super::metrics::{describe, line, number, short};

/// Without a terminal a line is printed this often.
const LINE_EVERY: Duration = Duration::from_secs(60);
/// Columns that say nothing new on a terminal.
const QUIET: [&str; 4] = ["epoch", "time", "lr/pg0", "lr/pg1"];

/// A bar per epoch, a line of a table below it when it ends. Where there is no terminal, lines only.
pub(super) struct Terminal {
    bar: ProgressBar,
    eta: Option<Eta>,
    header: bool,
    last_line: Instant,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self { bar: ProgressBar::hidden(), eta: None, header: false, last_line: Instant::now() }
    }

    fn line(&self, line: &str) {
        if self.bar.is_hidden() { eprintln!("{line}") } else { self.bar.println(line) }
    }
}

/// Cells of a row of the table, each as wide as its heading.
fn cells(metrics: &[Metric], cell: impl Fn(&'static str, Option<f64>) -> String) -> String {
    let shown = metrics.iter().filter(|(name, _)| !QUIET.contains(name));
    shown.map(|(name, value)| format!(" {:>1$}", cell(name, *value), short(name).len().max(7))).collect()
}

impl Observer for Terminal {
    fn started(&mut self, run: &RunStart) {
        self.eta = Some(Eta::of(run));
        eprintln!("{}", describe(run));
        if run.done > 0 {
            eprintln!("going on after epoch {} of {}", run.done, run.epochs);
        }
    }

    fn batch(&mut self, report: &BatchReport) {
        let Some(eta) = self.eta else { return };
        let epoch = format!("epoch {}/{}", report.epoch, eta.epochs());
        if self.bar.is_hidden() && std::io::stderr().is_terminal() || self.bar.position() > report.batch as u64 {
            let style = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {msg}").expect("it is well-formed");
            self.bar = ProgressBar::new(report.batches as u64).with_style(style);
            self.bar.set_prefix(epoch.clone());
        }
        let message = format!("{}  {} left", line(report), eta.left_in(report));
        if !self.bar.is_hidden() {
            self.bar.set_position(report.batch as u64);
            self.bar.set_message(message);
        } else if self.last_line.elapsed() > LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("{epoch} {}/{} {message}", report.batch, report.batches);
        }
    }

    fn validating(&mut self, done: usize, all: usize) {
        self.bar.set_message(format!("validating {done}/{all}"));
    }

    fn epoch(&mut self, report: &EpochReport) {
        let Some(eta) = self.eta else { return };
        if !self.header {
            self.header = true;
            self.line(&format!("  epoch{}      left", cells(&report.metrics, |name, _| short(name).to_owned())));
        }
        let (epoch, left) = (format!("{}/{}", report.epoch, eta.epochs()), eta.left(report.epoch));
        let best = if report.best { "  best" } else { "" };
        self.line(&format!(
            "{epoch:>7}{} {left:>9}{best}",
            cells(&report.metrics, |_, value| value.map_or_else(|| "-".to_owned(), number))
        ));
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    fn note(&mut self, line: &str) {
        self.line(line);
    }
}
