//! The live page as a listener to a run.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use train::core::{BatchReport, EpochReport, Observer, RunFolder, RunStart, Stop, results};
use train::dashboard::Dashboard;

use super::eta::Eta;
use super::metrics::{describe, line};
use super::tensorboard::UNSEEN;

/// Publishes to the live page.
pub(super) struct Live {
    dashboard: Dashboard,
    eta: Option<Eta>,
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
        let live = Self { dashboard, eta: None };
        live.replay(folder);
        Ok(live)
    }

    /// For telling how the run ended, when nobody listens to it any more.
    pub(super) fn ending(&self) -> Ending {
        Ending(self.dashboard.clone())
    }

    /// A run that goes on shows what it did before.
    fn replay(&self, folder: &RunFolder) {
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
        let mut images: Vec<_> = std::fs::read_dir(folder.path())
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "jpg" || end == "png"))
            .collect();
        images.sort();
        images.iter().for_each(|path| self.show(path));
    }

    fn show(&self, path: &Path) {
        // The page draws these curves itself.
        if path.file_name().is_some_and(|name| name != "results.png") {
            self.dashboard.image(path);
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
        self.eta = Some(Eta::of(run));
        self.dashboard.describe(&describe(run));
    }

    fn batch(&mut self, report: &BatchReport) {
        let Some(eta) = self.eta else { return };
        let line = format!("{}, {} left", line(report).replace("  ", ", "), eta.left_in(report));
        self.dashboard.progress((report.epoch, eta.epochs()), (report.batch, report.batches), &line);
    }

    fn epoch(&mut self, report: &EpochReport) {
        let seen: Vec<_> = report.metrics.iter().copied().filter(|(name, _)| !UNSEEN.contains(name)).collect();
        self.dashboard.point(report.epoch, &seen);
    }

    fn image(&mut self, path: &Path) {
        self.show(path);
    }
}
