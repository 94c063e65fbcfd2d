//! Where everything of an organisation lies.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::config::OrgConfig;

/// Folders below one root, with the names of the contract.
pub(super) struct Places {
    root: PathBuf,
    organisation: String,
}

impl Places {
    pub(super) fn of(config: &OrgConfig) -> Self {
        Self { root: config.root(), organisation: config.organization_id.clone() }
    }

    fn of_organisation(&self, what: &str) -> PathBuf {
        self.root.join(what).join(&self.organisation)
    }

    /// The prepared table and its parts.
    pub(super) fn data(&self) -> PathBuf {
        self.of_organisation("data")
    }

    fn versions(&self) -> PathBuf {
        self.of_organisation("models").join("versions")
    }

    pub(super) fn version(&self, version: &str) -> PathBuf {
        self.versions().join(version)
    }

    /// What serves.
    pub(super) fn current(&self) -> PathBuf {
        self.of_organisation("models").join("current")
    }

    /// Where a step of a version leaves something behind: `training_logs`, `validation_plots`, `hyperparameter_results`.
    pub(super) fn left_by(&self, version: &str, what: &str) -> PathBuf {
        self.of_organisation("artifacts").join(version).join(what)
    }

    /// The same, made where it is not there.
    pub(super) fn artifacts(&self, version: &str, what: &str) -> anyhow::Result<PathBuf> {
        let folder = self.left_by(version, what);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// Numbers of the versions that are there, ascending.
    fn numbers(&self) -> anyhow::Result<Vec<u64>> {
        let folder = self.versions();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
        };
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix('v')?.parse().ok();
        let mut numbers: Vec<u64> = entries.filter_map(|entry| number(entry.ok()?)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The version that is trained next.
    pub(super) fn next(&self) -> anyhow::Result<String> {
        Ok(format!("v{}", self.numbers()?.last().map_or(1, |last| last + 1)))
    }

    /// The version that was trained last, or the one asked for.
    pub(super) fn trained(&self, asked: Option<&str>) -> anyhow::Result<String> {
        let numbers = self.numbers()?;
        let known = || numbers.iter().map(|number| format!("v{number}")).collect::<Vec<_>>();
        match asked {
            Some(version) if known().iter().any(|known| known == version) => Ok(version.to_owned()),
            Some(version) => {
                bail!("there is no version {version:?} of {}; there are: {}", self.organisation, known().join(", "))
            }
            None => known()
                .pop()
                .with_context(|| format!("{} has no version yet: `shelf org train` makes one", self.organisation)),
        }
    }
}

/// A path below the working folder as a person writes it.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}
