//! What was found out, as a page or as charts.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use tabular::report::{Outcome, charts, page};
use vision::files::write_atomic;

/// Reads an outcome back as those who plot it see it.
fn outcome(found: &impl Serialize) -> anyhow::Result<Outcome> {
    Ok(Outcome::of_json(&serde_json::to_string(found)?)?)
}

/// Writes the page, where that was asked for.
pub(crate) fn write_report(
    path: Option<&Path>,
    found: &impl Serialize,
    title: &str,
    facts: &[String],
) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let page = page(&outcome(found)?, title, facts);
    write_atomic(path, |writer| writer.write_all(page.as_bytes()))?;
    println!("{}", path.display());
    Ok(())
}

/// Writes every chart as an SVG file into a folder that is there.
pub(crate) fn write_charts(folder: &Path, found: &impl Serialize) -> anyhow::Result<()> {
    for chart in charts(&outcome(found)?) {
        let svg = chart.svg();
        write_atomic(&folder.join(format!("{}.svg", chart.name)), |writer| writer.write_all(svg.as_bytes()))?;
    }
    Ok(())
}
