//! What a training run is whatever it trains: its folder, those who follow it, its end.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ::hub::WeightsSource;
use anyhow::{Context, bail, ensure};
use clap::Args;
use train::core::fit::{End, Finished};
use train::core::{FitError, Observer, RunFolder, Stop, find_run};
use vision::ModelCard;

use super::live::Live;
use super::tensorboard::Events;
use super::terminal::Terminal;
use crate::hub;
use crate::signals::stop_on_signal;

/// In a card whose licence nobody named.
pub(super) const NO_LICENSE: &str = "not stated";

/// The configuration of a run, kept in its folder.
const ARGUMENTS: &str = "args.yaml";

#[derive(Args)]
pub(super) struct RunArgs {
    /// Name of the run (overrides the configuration)
    #[arg(long)]
    name: Option<String>,
    /// Number of epochs (overrides the configuration)
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Resume a run: `last`, its name, its folder or a checkpoint in it; its own args.yaml is the configuration
    #[arg(long, value_name = "RUN", conflicts_with_all = ["name", "validate"])]
    resume: Option<String>,
    /// Show the run live on a page: `:8001` is port 8001 of this machine
    #[arg(long, value_name = "ADDRESS")]
    dashboard: Option<String>,
    /// Licence of the weights, for their card
    #[arg(long, default_value = NO_LICENSE)]
    pub(super) license: String,
}

impl RunArgs {
    /// The run that was asked for: one that goes on, or a new one in `runs` configured by `config`.
    pub(super) fn planned(&self, runs: &Path, config: &Path) -> anyhow::Result<Planned> {
        let resumed = match &self.resume {
            Some(which) => Some(find_run(runs, which).context("there is no run to go on with")?),
            None => None,
        };
        let config = resumed.as_ref().map_or_else(|| config.to_owned(), |folder| folder.path().join(ARGUMENTS));
        Ok(Planned { resumed, config, runs: runs.to_owned() })
    }

    /// Puts what was asked for in place of what the configuration says.
    pub(super) fn override_in(&self, name: &mut String, epochs: &mut u32) {
        if let Some(wanted) = &self.name {
            name.clone_from(wanted);
        }
        *epochs = self.epochs.unwrap_or(*epochs);
    }

    /// Trains by `fit`, followed by a terminal, event files and, if wanted, a page. `patience` is for telling why it
    /// ended.
    pub(super) fn follow<E: Error + Send + Sync + 'static>(
        &self,
        name: &str,
        patience: u32,
        folder: &RunFolder,
        fit: impl FnOnce(&mut (dyn Observer + Send), &Stop) -> Result<Finished, FitError<E>>,
    ) -> anyhow::Result<Finished> {
        eprintln!("results go to {}", folder.path().display());
        let stop = Stop::default();
        stop_on_signal(&stop)?;
        let mut observers: Vec<Box<dyn Observer + Send>> =
            vec![Box::new(Terminal::new()), Box::new(Events::new(folder.path())?)];
        let mut ending = None;
        if let Some(listen) = &self.dashboard {
            let live = Live::start(listen, name, folder, &stop)?;
            ending = Some(live.ending());
            observers.push(Box::new(live));
        }
        let finished = fit(&mut observers, &stop);
        if let Some(ending) = ending {
            ending.tell(&match &finished {
                Ok(finished) => describe_end(finished, patience),
                Err(error) => format!("it failed: {error}"),
            });
        }
        let finished = finished?;
        println!("{}", describe_end(&finished, patience));
        if finished.why == End::Stopped {
            println!("go on with the same command and --resume {}", folder.path().display());
        }
        if let Some((epoch, fitness)) = finished.best {
            println!("best: epoch {epoch}, fitness {fitness:.4}, {}", folder.best().display());
        }
        Ok(finished)
    }
}

fn describe_end(finished: &Finished, patience: u32) -> String {
    match finished.why {
        End::Done => format!("{} epochs done", finished.epochs),
        End::Patience => format!("ended after {} epochs: no better network for {patience}", finished.epochs),
        End::Stopped => format!("stopped in epoch {}", finished.epochs + 1),
    }
}

/// A run that has not begun.
pub(super) struct Planned {
    resumed: Option<RunFolder>,
    /// Its configuration.
    pub(super) config: PathBuf,
    runs: PathBuf,
}

impl Planned {
    /// Its folder, with its configuration in it as it holds now: for these epochs, under this name.
    pub(super) fn folder(self, name: &str, epochs: u32) -> anyhow::Result<RunFolder> {
        let folder = match self.resumed {
            Some(folder) => folder,
            None => RunFolder::create(&self.runs, name)
                .with_context(|| format!("cannot make a folder for the run in {}", self.runs.display()))?,
        };
        let path = folder.path().join(ARGUMENTS);
        let failed = || format!("cannot copy {} into the folder of the run", self.config.display());
        let text = fs::read_to_string(&self.config).with_context(failed)?;
        let text = with_key(&with_key(&text, "name", name), "epochs", &epochs.to_string());
        let beside = path.with_extension("new");
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path)).with_context(failed)?;
        Ok(folder)
    }
}

/// YAML with another value of a key of its uppermost mapping; comments and all else stay.
fn with_key(yaml: &str, key: &str, value: &str) -> String {
    let prefix = format!("{key}:");
    let mut found = false;
    let mut lines: Vec<String> = Vec::new();
    for line in yaml.lines() {
        match line.strip_prefix(&prefix) {
            Some(old) if !found => {
                found = true;
                let comment = old.find(" #").map_or("", |at| &old[at..]);
                lines.push(format!("{prefix} {value}{comment}"));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    if !found {
        lines.push(format!("{prefix} {value}"));
    }
    lines.join("\n") + "\n"
}

/// `best` is that of the latest run; a run's folder or its name stands for its best network; everything else is a file,
/// here or
/// on a hub.
pub(super) fn weights(runs: &Path, which: &str) -> anyhow::Result<PathBuf> {
    let is_run = Path::new(which).is_dir() || (!Path::new(which).exists() && runs.join(which).is_dir());
    let weights = match which {
        "best" => find_run(runs, "last").context("there is no run yet")?.best(),
        run if is_run => find_run(runs, run)?.best(),
        file => {
            let source = WeightsSource::of(Path::new(file))?;
            let path = hub::local(&source)?;
            let known = ModelCard::path_for(&path).is_file() || path.extension().is_some_and(|e| e == "onnx");
            if matches!(source, WeightsSource::Hub(_)) && !known {
                bail!(
                    "{source} has no model card; `shelf models import {source} --license LICENCE` makes a file with one, which \
                     can be named here"
                );
            }
            path
        }
    };
    ensure!(weights.is_file(), "{} is neither a weights file nor the folder of a run that has one", weights.display());
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::{weights, with_key};

    #[test]
    fn weights_are_named_by_run_folder_name_or_file() {
        let root = tempfile::tempdir().unwrap();
        let runs = root.path().join("runs");
        let run = ::train::core::RunFolder::create(&runs, "cooler").unwrap();
        std::fs::write(run.best(), b"x").unwrap();
        let folder = run.path().to_string_lossy().into_owned();
        let file = run.best().to_string_lossy().into_owned();
        for which in ["best", "cooler", &folder, &file] {
            let found = weights(&runs, which).unwrap();
            assert_eq!(found.canonicalize().unwrap(), run.best().canonicalize().unwrap(), "{which}");
        }
        let empty = ::train::core::RunFolder::create(&runs, "empty").unwrap();
        let error = weights(&runs, &empty.path().to_string_lossy()).unwrap_err();
        assert!(error.to_string().contains("neither a weights file nor the folder of a run"), "{error}");
        assert!(weights(&runs, "no-such-run").is_err());
    }

    #[test]
    fn a_key_is_replaced_where_it_stands() {
        let yaml = "name: a\nepochs: 4 # short\nlook:\n  epochs: 3\n";
        assert_eq!(with_key(yaml, "epochs", "9"), "name: a\nepochs: 9 # short\nlook:\n  epochs: 3\n");
    }

    #[test]
    fn a_key_that_was_left_out_is_added() {
        assert_eq!(with_key("name: a", "epochs", "9"), "name: a\nepochs: 9\n");
    }
}
