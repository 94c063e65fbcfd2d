//! Who else listens to a run: the live page and TensorBoard's event files.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use anyhow::{Context, bail};
use detector::train::fit::{BatchReport, EpochRow, Observer, RunStart};
use engine::train::{EventWriter, Stop};
use server::dashboard::Dashboard;
use tokio::net::TcpListener;

/// Figures of an epoch under the names that users of Ultralytics know.
fn figures(row: &EpochRow) -> [(&'static str, Option<f64>); 9] {
    let v = row.validation;
    [
        ("train/box_loss", Some(row.loss.boxes)),
        ("train/cls_loss", Some(row.loss.classes)),
        ("train/dfl_loss", Some(row.loss.dfl)),
        ("metrics/precision(B)", v.and_then(|v| v.precision)),
        ("metrics/recall(B)", v.and_then(|v| v.recall)),
        ("metrics/mAP50(B)", v.and_then(|v| v.map50)),
        ("metrics/mAP50-95(B)", v.and_then(|v| v.map50_95)),
        ("lr/pg0", Some(row.learning_rate)),
        ("images_per_second", Some(row.pictures_per_second)),
    ]
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
    pub(super) fn start(listen: &str, title: &str, stop: &Stop) -> anyhow::Result<Self> {
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
        Ok(Self { dashboard, epochs: 0 })
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
        self.dashboard.picture(path);
    }
}
