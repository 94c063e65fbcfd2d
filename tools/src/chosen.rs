//! Which images of a data set take part: those of some parts of a frozen split.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dataset::{FrozenSplit, Part};

/// Part of a frozen split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PartName {
    /// For training
    Train,
    /// For decisions during development
    Val,
    /// For the final evaluation
    Test,
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
        let part = |name: &PartName| match name {
            PartName::Train => Part::Train,
            PartName::Val => Part::Val,
            PartName::Test => Part::Test,
        };
        Ok(Some(Chosen { split: FrozenSplit::read(path)?, parts: self.part.iter().map(part).collect() }))
    }
}

impl Chosen {
    /// Whether the image, relative to its data set, takes part. Some label formats leave `images/` out.
    pub(crate) fn takes(&self, image: &str) -> bool {
        let part = self.split.part_of(image).or_else(|| self.split.part_of(&format!("images/{image}")));
        part.is_some_and(|part| self.parts.contains(&part))
    }
}
