//! From a report to files, a table on the terminal, and an exit code.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use dataset::files::write_atomic;
use eval::report::{self, Report};
use vision::RgbImage;

use super::settings::{CommonArgs, REPORT_FILES};

/// Where results go, looked at before the work: an hour of detecting must not end at a folder that cannot be written.
pub(super) struct Outputs<'a> {
    args: &'a CommonArgs,
    earlier: Option<Report>,
}

impl<'a> Outputs<'a> {
    /// Reads what is compared with and tries the folders that are written.
    ///
    /// # Errors
    /// When the earlier report cannot be used, or a place cannot be written.
    pub(super) fn prepare(args: &'a CommonArgs) -> anyhow::Result<Self> {
        let earlier = args.compare.as_deref().map(Report::read).transpose()?;
        if let Some(file) = &args.basic.json {
            check_writable_file(file)?;
        }
        if let Some(folder) = &args.report {
            check_report_folder(folder)?;
        }
        Ok(Self { args, earlier })
    }

    /// Writes what was asked for, prints the table with the gates last, and says how to exit. Nothing is half-written: each
    /// file is written beside its place and renamed.
    pub(super) fn finish(
        &self,
        report: &Report,
        image: &mut dyn FnMut(&str) -> Option<RgbImage>,
    ) -> anyhow::Result<ExitCode> {
        let comparison = self.earlier.as_ref().map(|earlier| report::compare(earlier, report));
        let json = report.to_json();
        if let Some(path) = &self.args.basic.json {
            write(path, &json)?;
        }
        if let Some(folder) = &self.args.report {
            let html = report::html(report, comparison.as_ref(), image);
            write_report(folder, REPORT_FILES.into_iter().zip([html, json, report::csv(report)]))?;
        }
        let mut out = std::io::stdout().lock();
        // A reader that stopped reading (`| head`) changes no verdict.
        let _ = out.write_all(report::text(report, comparison.as_ref()).as_bytes());
        let code = report.verdict.exit_code();
        Ok(ExitCode::from(if self.args.no_gate && code == 1 { 0 } else { code }))
    }
}

/// Tries whether a report can be written into a folder, which may be missing yet.
///
/// # Errors
/// When it is a file, or cannot be written.
pub(super) fn check_report_folder(folder: &Path) -> anyhow::Result<()> {
    ensure!(!folder.is_file(), "--report {} names a file; name a folder", folder.display());
    check_writable(&folder.join("report"))
}

/// Writes the files of a report, the page first, and says where it is.
pub(super) fn write_report<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a str, String)>,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (at, (name, text)) in files.into_iter().enumerate() {
        write(&folder.join(name), &text)?;
        if at == 0 {
            // To the other stream: the gates stand last in the table.
            eprintln!("report: {}", folder.join(name).display());
        }
    }
    Ok(())
}

/// Tries whether a file can be written at `path`, leaving no trace.
///
/// # Errors
/// When it is a folder, or the folder it lies in cannot be written.
pub(super) fn check_writable_file(path: &Path) -> anyhow::Result<()> {
    ensure!(!path.is_dir(), "{} is a folder; name a file", path.display());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(folder.is_dir(), "cannot write {}: the folder {} is not there", path.display(), folder.display());
    check_writable(path)
}

/// As [`check_writable_file`], where folders on the way may still be missing.
pub(super) fn check_writable(path: &Path) -> anyhow::Result<()> {
    // Folders that are not there yet are made when there is something to write: look at the nearest that is.
    let above = path.ancestors().skip(1).map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    let folder: PathBuf = above.into_iter().find(|p| p.exists()).unwrap_or(Path::new(".")).to_owned();
    let probe = folder.join(format!(".shelf-{}.partial", std::process::id()));
    std::fs::write(&probe, b"")
        .and_then(|()| std::fs::remove_file(&probe))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes beside, then renames.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    write_atomic(path, |writer| writer.write_all(text.as_bytes()))?;
    Ok(())
}
