//! Bars for long runs: images per second and time to go.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use dataset::hash::Manifest;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use vision::Sha256;

/// A bar on standard error; nothing when that is not a terminal or there is little to do.
pub(super) fn bar(what: &str, total: usize) -> ProgressBar {
    if total < 2 {
        return ProgressBar::hidden();
    }
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{:.1} images/s", state.per_sec());
    };
    let style = ProgressStyle::with_template("{msg:12} {bar:36} {pos}/{len}  {rate}  ETA {eta}")
        .expect("the template is well-formed")
        .with_key("rate", rate);
    ProgressBar::new(total as u64).with_style(style).with_message(what.to_owned())
}

/// Digest of a folder's content, as `shelf dataset hash` gives it. Files the command itself writes there are left out.
pub(crate) fn folder_digest(root: &Path, own: &[PathBuf]) -> anyhow::Result<Sha256> {
    let own: Vec<String> = own.iter().filter_map(|file| dataset::hash::inside(root, file)).collect();
    Ok(Manifest::of_folder(root, &own, &())?.root())
}
