//! Terminal, event files and live page as listeners to runs that give their figures by name.

use std::io::IsTerminal as _;
use std::path::Path;

use engine::train::{BatchReport, EpochReport, Figure, Observer, RunStart};
use indicatif::{ProgressBar, ProgressStyle};

use super::listeners::{Events, Live};
use super::progress::Terminal;

/// Columns that say nothing new on a terminal.
const QUIET: [&str; 3] = ["epoch", "time", "lr/pg0"];

fn describe(run: &RunStart) -> String {
    format!(
        "{}: {:.2} million parameters; {} batches of {} pictures an epoch, {} pictures to validate on",
        run.network,
        run.parameters as f64 / 1e6,
        run.batches,
        run.batch,
        run.validation_pictures
    )
}

fn figures(figures: &[Figure]) -> String {
    let some = figures.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let each = some.filter(|(name, _)| !QUIET.contains(name)).map(|(name, value)| {
        let name = name.rsplit('/').next().unwrap_or(name);
        if value >= 100.0 { format!("{name} {value:.0}") } else { format!("{name} {value:.3}") }
    });
    each.collect::<Vec<_>>().join("  ")
}

impl Observer for Terminal {
    fn started(&mut self, run: &RunStart) {
        self.begin(run.epochs, run.done);
        eprintln!("{}", describe(run));
        if run.done > 0 {
            eprintln!("going on after epoch {} of {}", run.done, run.epochs);
        }
    }

    fn batch(&mut self, report: &BatchReport) {
        if self.bar.is_hidden() && std::io::stderr().is_terminal() || self.bar.position() > report.batch as u64 {
            let style = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {msg}").expect("it is well-formed");
            self.bar = ProgressBar::new(report.batches as u64).with_style(style);
            self.bar.set_prefix(format!("epoch {}/{}", report.epoch, self.epochs));
        }
        let message = format!(
            "{}  {:.1} images/s  {} left",
            figures(&report.means),
            report.pictures_per_second,
            self.left(report.epoch, report.batch as f64 / report.batches as f64)
        );
        self.report((report.epoch, report.batch, report.batches), message);
    }

    fn validating(&mut self, done: usize, all: usize) {
        self.bar.set_message(format!("validating {done}/{all}"));
    }

    fn epoch(&mut self, report: &EpochReport) {
        let best = if report.best { "  best" } else { "" };
        let left = self.left(report.epoch, 1.0);
        self.line(&format!("{}/{}  {}  {left} left{best}", report.epoch, self.epochs, figures(&report.figures)));
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    fn note(&mut self, line: &str) {
        self.line(line);
    }
}

impl Observer for Events {
    fn epoch(&mut self, report: &EpochReport) {
        self.write(report.epoch, &report.figures);
    }
}

impl Observer for Live {
    fn started(&mut self, run: &RunStart) {
        self.epochs = run.epochs;
        self.dashboard.describe(&describe(run));
    }

    fn batch(&mut self, report: &BatchReport) {
        let line = format!("{}; {:.1} images/s", figures(&report.means), report.pictures_per_second);
        self.dashboard.progress((report.epoch, self.epochs), (report.batch, report.batches), &line);
    }

    fn epoch(&mut self, report: &EpochReport) {
        self.dashboard.point(report.epoch, &report.figures);
    }

    fn picture(&mut self, path: &Path) {
        self.dashboard.picture(path);
    }
}
