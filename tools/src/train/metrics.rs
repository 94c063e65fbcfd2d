//! The metrics of a run as people read them.

use train::core::{BatchReport, RunStart};

/// What is trained, and on how much.
pub(super) fn describe(run: &RunStart) -> String {
    format!(
        "{}: {:.2} million parameters; {} batches of {} images an epoch, {} images to validate on",
        run.network,
        run.parameters as f64 / 1e6,
        run.batches,
        run.batch,
        run.validation_images
    )
}

/// A column of `results.csv` in few letters.
pub(super) fn short(name: &'static str) -> &'static str {
    match name {
        "images_per_second" => "images/s",
        "peak_memory_mib" => "MiB",
        "image_size" => "size",
        _ => {
            let name = name.strip_prefix("metrics/").unwrap_or(name);
            let part = name.strip_prefix("train/").and_then(|loss| loss.strip_suffix("_loss")).unwrap_or(name);
            part.trim_end_matches("(B)")
        }
    }
}

/// How the epoch goes so far.
pub(super) fn line(report: &BatchReport) -> String {
    let some = report.means.iter().filter_map(|(name, value)| Some((short(name), (*value)?)));
    let each = some.map(|(name, value)| format!("{name} {}  ", number(value)));
    each.collect::<String>() + &format!("{:.1} images/s", report.images_per_second)
}

/// A metric in few digits.
pub(super) fn number(value: f64) -> String {
    let whole = value.fract() == 0.0 && value >= 10.0;
    if whole || value >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
