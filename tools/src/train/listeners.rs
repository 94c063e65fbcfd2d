//! Who else listens to a run: the live page and TensorBoard's event files.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use detector::train::fit::{BatchReport, EpochRow, Observer, RunStart};
use engine::train::{EventWriter, RunFolder, Stop, results};
use server::dashboard::Dashboard;
use tokio::net::TcpListener;

/// Columns of `results.csv` that are no curves anybody looks for.
const UNSEEN: [&str; 4] = ["epoch", "time", "lr/pg1", "peak_memory_mib"];

/// Columns of a detector's that are shown, under the names that users of Ultralytics know.
const FIGURES: [&str; 9] = [
    "train/box_loss",
    "train/cls_loss",
    "train/dfl_loss",
    "metrics/precision(B)",
    "metrics/recall(B)",
    "metrics/mAP50(B)",
    "metrics/mAP50-95(B)",
    "lr/pg0",
    "images_per_second",
];

/// Their values in an epoch.
fn figures(row: &EpochRow) -> Vec<(&'static str, Option<f64>)> {
    let v = row.validation;
    let values = [
        Some(row.loss.boxes),
        Some(row.loss.classes),
        Some(row.loss.dfl),
        v.and_then(|v| v.precision),
        v.and_then(|v| v.recall),
        v.and_then(|v| v.map50),
        v.and_then(|v| v.map50_95),
        Some(row.learning_rate),
        Some(row.pictures_per_second),
    ];
    FIGURES.into_iter().zip(values).collect()
}

/// Writes event files. A full disk must not end the run: it is said once.
pub(super) struct Events(Option<EventWriter>);

impl Events {
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self(Some(EventWriter::create(folder).context("cannot write an event file for TensorBoard")?)))
    }
}

impl Events {
    pub(super) fn write(&mut self, epoch: u64, figures: &[(&str, Option<f64>)]) {
        let Some(writer) = &mut self.0 else { return };
        if let Err(error) = writer.scalars(epoch, figures) {
            eprintln!("no more event files: {}: {error}", writer.path().display());
            self.0 = None;
        }
    }
}

impl Observer for Events {
    fn epoch(&mut self, row: &EpochRow) {
        self.write(row.epoch, &figures(row));
    }
}

/// Publishes to the live page.
pub(super) struct Live {
    pub(super) dashboard: Dashboard,
    pub(super) epochs: u64,
}

impl Live {
    /// Serves the page at `listen` on a thread of its own: `:8001` is port 8001 of this machine alone.
    pub(super) fn start(listen: &str, title: &str, folder: &RunFolder, stop: &Stop) -> anyhow::Result<Self> {
        let address = address(listen)?;
        let stop = stop.clone();
        let dashboard = Dashboard::new(title, move || {
            stop.request();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .with_context(|| format!("cannot listen on {address}; choose another port with --dashboard"))?;
        eprintln!("follow the run at http://{}", listener.local_addr()?);
        let served = dashboard.clone();
        thread::Builder::new().name("dashboard".to_owned()).spawn(move || runtime.block_on(served.serve(listener)))?;
        let live = Self { dashboard, epochs: 0 };
        live.recall(folder);
        Ok(live)
    }

    /// For telling how the run ended, when nobody listens to it any more.
    pub(super) fn ending(&self) -> Ending {
        Ending(self.dashboard.clone())
    }

    /// A run that goes on shows what it did before.
    fn recall(&self, folder: &RunFolder) {
        let columns = results::read(&folder.results()).unwrap_or_default();
        let epochs = columns.iter().find(|(name, _)| name == "epoch").map_or(&[][..], |(_, epochs)| epochs.as_slice());
        for (row, epoch) in epochs.iter().enumerate() {
            let Some(epoch) = epoch else { continue };
            let values: Vec<(&str, Option<f64>)> = columns
                .iter()
                .filter(|(name, _)| !UNSEEN.contains(&name.as_str()))
                .map(|(name, values)| (name.as_str(), values[row]))
                .collect();
            self.dashboard.point(*epoch as u64, &values);
        }
        let mut pictures: Vec<_> = std::fs::read_dir(folder.path())
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "jpg" || end == "png"))
            .collect();
        pictures.sort();
        pictures.iter().for_each(|path| self.show(path));
    }

    fn show(&self, path: &Path) {
        // The page draws these curves itself.
        if path.file_name().is_some_and(|name| name != "results.png") {
            self.dashboard.picture(path);
        }
    }
}

/// Tells browsers how a run ended.
pub(super) struct Ending(Dashboard);

impl Ending {
    /// The process is about to end: browsers get a moment to hear of it.
    pub(super) fn tell(&self, why: &str) {
        self.0.ended(why);
        thread::sleep(Duration::from_millis(500));
    }
}

fn address(listen: &str) -> anyhow::Result<SocketAddr> {
    let full = if listen.starts_with(':') { format!("127.0.0.1{listen}") } else { listen.to_owned() };
    match full.parse() {
        Ok(address) => Ok(address),
        Err(_) => bail!("--dashboard {listen}: give a port, `:8001`, or an address, `0.0.0.0:8001`"),
    }
}

impl Observer for Live {
    fn started(&mut self, run: &RunStart) {
        self.epochs = run.epochs;
        self.dashboard.describe(&format!(
            "{}: {:.2} million parameters, {} batches of {} pictures an epoch, {} pictures to validate on",
            run.architecture,
            run.parameters as f64 / 1e6,
            run.batches,
            run.batch,
            run.validation_pictures
        ));
    }

    fn batch(&mut self, report: &BatchReport) {
        let mean = report.mean;
        let line = format!(
            "box {:.3}, cls {:.3}, dfl {:.3}; {:.1} images/s",
            mean.boxes, mean.classes, mean.dfl, report.pictures_per_second
        );
        self.dashboard.progress((report.epoch, self.epochs), (report.batch, report.batches), &line);
    }

    fn epoch(&mut self, row: &EpochRow) {
        self.dashboard.point(row.epoch, &figures(row));
    }

    fn picture(&mut self, path: &Path) {
        self.show(path);
    }
}
