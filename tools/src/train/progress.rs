//! What a person sees of a run on the terminal.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use detector::train::fit::{BatchReport, EpochRow, Observer, RunStart};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// A bar per epoch, a line below it when it ends. Where there is no terminal, lines only.
pub(super) struct Terminal {
    pub(super) bar: ProgressBar,
    pub(super) epochs: u64,
    done: u64,
    began: Instant,
    header: bool,
    last_line: Instant,
}

/// Without a terminal a line is printed this often.
const LINE_EVERY: Duration = Duration::from_secs(60);

impl Terminal {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { bar: ProgressBar::hidden(), epochs: 0, done: 0, began: now, header: false, last_line: now }
    }

    /// A run of so many epochs begins, or goes on after `done`.
    pub(super) fn begin(&mut self, epochs: u64, done: u64) {
        (self.epochs, self.done, self.began) = (epochs, done, Instant::now());
    }

    /// A batch of an epoch went through: moves the bar, or prints a line once in a while.
    pub(super) fn report(&mut self, (epoch, batch, batches): (u64, usize, usize), message: String) {
        if self.bar.is_hidden() {
            if self.last_line.elapsed() > LINE_EVERY {
                self.last_line = Instant::now();
                eprintln!("epoch {epoch}/{} {batch}/{batches} {message}", self.epochs);
            }
            return;
        }
        self.bar.set_position(batch as u64);
        self.bar.set_message(message);
    }

    /// Time to the end of the run, judged by the epochs of this process.
    pub(super) fn left(&self, epoch: u64, part: f64) -> String {
        let done = (epoch - 1 - self.done) as f64 + part;
        let all = (self.epochs - self.done) as f64;
        if done <= 0.0 {
            return "?".to_owned();
        }
        let left = self.began.elapsed().as_secs_f64() * (all - done) / done;
        HumanDuration(Duration::from_secs_f64(left.clamp(0.0, 1e9))).to_string()
    }

    pub(super) fn line(&self, line: &str) {
        if self.bar.is_hidden() { eprintln!("{line}") } else { self.bar.println(line) }
    }
}

impl Observer for Terminal {
    fn started(&mut self, run: &RunStart) {
        self.begin(run.epochs, run.done);
        eprintln!(
            "{}: {:.2} million parameters; {} batches of {} pictures an epoch, {} pictures to validate on",
            run.architecture,
            run.parameters as f64 / 1e6,
            run.batches,
            run.batch,
            run.validation_pictures
        );
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
        let mean = report.mean;
        let message = format!(
            "box {:.3} cls {:.3} dfl {:.3}  {:.1} images/s  {} left",
            mean.boxes,
            mean.classes,
            mean.dfl,
            report.pictures_per_second,
            self.left(report.epoch, report.batch as f64 / report.batches as f64)
        );
        self.report((report.epoch, report.batch, report.batches), message);
    }

    fn validating(&mut self, done: usize, all: usize) {
        self.bar.set_message(format!("validating {done}/{all}"));
    }

    fn epoch(&mut self, row: &EpochRow) {
        if !self.header {
            self.header = true;
            self.line(
                "  epoch     box     cls     dfl  precision  recall   mAP50  mAP50-95  images/s  memory      left",
            );
        }
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        let v = row.validation;
        let mut line = format!(
            "{:>7} {:>7.3} {:>7.3} {:>7.3} ",
            format!("{}/{}", row.epoch, self.epochs),
            row.loss.boxes,
            row.loss.classes,
            row.loss.dfl
        );
        let _ = write!(
            line,
            "{:>10} {:>7} {:>7} {:>9} {:>9.1} {:>5.0} MiB {:>9}{}",
            number(v.and_then(|v| v.precision)),
            number(v.and_then(|v| v.recall)),
            number(v.and_then(|v| v.map50)),
            number(v.and_then(|v| v.map50_95)),
            row.pictures_per_second,
            row.peak_memory_mib,
            self.left(row.epoch, 1.0),
            if row.best { "  best" } else { "" }
        );
        self.line(&line);
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    fn note(&mut self, line: &str) {
        self.line(line);
    }
}
