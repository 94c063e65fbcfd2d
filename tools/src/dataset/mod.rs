//! `shelf dataset`: own your data: hash it, split it, check it, convert it, cut crops, draw shelves.

mod apart;
mod bar;
mod check;
mod convert;
mod crop;
mod hash;
mod split;
mod synth;

use std::path::Path;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use dataset::{DataFolder, LayoutChoice, LayoutKind};

/// Hash, split, check and convert data sets, cut crops, render synthetic shelves
#[derive(Subcommand)]
pub(crate) enum DatasetCommand {
    Hash(hash::HashArgs),
    Split(split::SplitArgs),
    Check(check::CheckArgs),
    Apart(apart::ApartArgs),
    Convert(convert::ConvertArgs),
    Crop(crop::CropArgs),
    Synth(synth::SynthArgs),
}

/// Runs a command. Exit code 0: done; 1: folders differ, a split no longer fits, a check found errors, images are shared. What cannot be
/// done at
/// all is an `Err`, for which the binary exits with 2.
pub(crate) fn run(command: DatasetCommand) -> anyhow::Result<ExitCode> {
    let verdict = match command {
        DatasetCommand::Hash(args) => hash::run(&args),
        DatasetCommand::Split(args) => split::run(&args),
        DatasetCommand::Check(args) => check::run(&args),
        DatasetCommand::Apart(args) => apart::run(&args),
        DatasetCommand::Convert(args) => convert::run(&args),
        DatasetCommand::Crop(args) => crop::run(&args),
        DatasetCommand::Synth(args) => synth::run(&args),
    }?;
    Ok(ExitCode::from(verdict.exit_code()))
}

/// How a folder says what its images show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Layout {
    /// Detected from the content
    #[default]
    Auto,
    /// YOLO: label files with boxes
    Boxes,
    /// One folder per SKU
    Folders,
}

impl From<Layout> for LayoutChoice {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Auto => Self::Auto,
            Layout::Boxes => Self::Is(LayoutKind::Boxes),
            Layout::Folders => Self::Is(LayoutKind::Folders),
        }
    }
}

fn scan(root: &Path, layout: Layout) -> anyhow::Result<DataFolder> {
    Ok(DataFolder::scan(root, layout.into())?)
}

/// Writes a small JSON document beside `path`, then renames it.
fn write_json(path: &Path, value: &serde_json::Value) -> anyhow::Result<()> {
    dataset::files::write_atomic(path, |writer| {
        serde_json::to_writer_pretty(&mut *writer, value)?;
        std::io::Write::write_all(writer, b"\n")
    })?;
    Ok(())
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
