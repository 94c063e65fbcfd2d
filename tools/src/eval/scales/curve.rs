//! Curves by height as a table and as an image.

use std::path::Path;

use anyhow::Context;
use eval::heights::{BINS, HeightBand, HeightBin, HeightCurve, edge};
use vision::plot::{Axis, Drawing, Frame, paint};

/// A row for every set and bin, and the band last.
pub(super) fn csv(curves: &[(String, HeightCurve)], band: Option<HeightBand>) -> String {
    let mut table = String::from("set,height_from,height_to,facings,recall,boxes,precision,f1\n");
    let metric = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4}"));
    for (name, curve) in curves {
        for (at, bin) in curve.bins().iter().enumerate().filter(|(_, bin)| bin.truths + bin.boxes > 0) {
            table += &format!(
                "{name},{:.0},{:.0},{},{},{},{},{}\n",
                edge(at),
                edge(at + 1),
                bin.truths,
                metric(bin.recall()),
                bin.boxes,
                metric(bin.precision()),
                metric(bin.f1())
            );
        }
    }
    match band {
        Some(HeightBand { min, best, max }) => {
            table + &format!("# facing_height: min {min:.0}, best {best:.0}, max {max:.0} network pixels\n")
        }
        None => table + "# too few facings to tell at which heights the network is good\n",
    }
}

/// Recall and precision of every set over height.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn save_plot(curves: &[(String, HeightCurve)], band: Option<HeightBand>, path: &Path) -> anyhow::Result<()> {
    let charts: Vec<(String, Drawing)> =
        curves.iter().map(|(name, curve)| (format!("{name}: by height on the input"), chart(curve, band))).collect();
    let charts: Vec<(&str, &Drawing)> = charts.iter().map(|(title, chart)| (title.as_str(), chart)).collect();
    let beside = path.with_added_extension("partial");
    paint(&charts, 3)
        .save_with_format(&beside, image::ImageFormat::Png)
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(std::fs::rename(&beside, path)?))
        .inspect_err(|_| drop(std::fs::remove_file(&beside)))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn chart(curve: &HeightCurve, band: Option<HeightBand>) -> Drawing {
    let ticks = (0..=BINS).step_by(2).map(|at| (edge(at).log2(), format!("{:.0}", edge(at)))).collect();
    let axis = Axis {
        label: "height of facings, network pixels".to_owned(),
        min: edge(0).log2(),
        max: edge(BINS).log2(),
        ticks,
    };
    let points = |of: fn(&HeightBin) -> Option<f64>| -> Vec<(f64, Option<f64>)> {
        let middle = |at: usize| f64::midpoint(edge(at).log2(), edge(at + 1).log2());
        let enough = |bin: &HeightBin| bin.f1().and_then(|_| of(bin));
        curve.bins().iter().enumerate().map(|(at, bin)| (middle(at), enough(bin))).collect()
    };
    let frame = Frame::sized(axis, Axis::fraction(""), 380.0, 260.0)
        .line(points(HeightBin::recall), "s1", "recall")
        .line(points(HeightBin::precision), "s2", "precision");
    match band {
        Some(band) => frame
            .upright(band.min.log2(), "min")
            .upright(band.best.log2(), "best")
            .upright(band.max.log2(), "max")
            .done(),
        None => frame.done(),
    }
}
