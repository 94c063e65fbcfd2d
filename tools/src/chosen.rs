//! Which images of a data set take part: those of some parts of a frozen split.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use dataset::{FrozenSplit, Part};

/// Part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartName {
    /// For training
    Train,
    /// For decisions during development
    Val,
    /// For the final evaluation
    Test,
}

impl From<PartName> for Part {
    fn from(part: PartName) -> Self {
        match part {
            PartName::Train => Self::Train,
            PartName::Val => Self::Val,
            PartName::Test => Self::Test,
        }
    }
}

/// Parts of a frozen split
#[derive(Args)]
pub(crate) struct ChosenArgs {
    /// Only images of a part of this frozen split (see `shelf dataset split`)
    #[arg(long, value_name = "FILE", requires = "part")]
    split: Option<PathBuf>,
    /// Which part; may be given more than once
    #[arg(long, value_name = "PART", requires = "split")]
    part: Vec<PartName>,
}

/// Images that take part.
pub(crate) struct Chosen {
    split: FrozenSplit,
    parts: Vec<Part>,
}

impl ChosenArgs {
    /// Reads the split, when there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Chosen>> {
        let Some(path) = &self.split else { return Ok(None) };
        Ok(Some(Chosen::read(path, self.part.iter().copied())?))
    }
}

impl Chosen {
    /// Those of some parts of the split in a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(split: &Path, parts: impl IntoIterator<Item = PartName>) -> anyhow::Result<Self> {
        Ok(Self { split: FrozenSplit::read(split)?, parts: parts.into_iter().map(Part::from).collect() })
    }

    /// Whether the image, relative to its data set, takes part. Some label formats leave `images/` out.
    pub(crate) fn takes(&self, image: &str) -> bool {
        let part = self.split.part_of(image).or_else(|| self.split.part_of(&format!("images/{image}")));
        part.is_some_and(|part| self.parts.contains(&part))
    }
}
