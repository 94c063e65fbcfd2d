//! A table of counts as coloured cells.

use std::fmt::Write as _;

use super::escape;

/// Draws `counts[row][column]`. Each cell is coloured by its share of its row, the diagonal in another hue: a rare class
/// that is always mistaken stands out as much as a frequent one. `rows` and `columns` name both sides.
#[must_use]
pub fn heatmap(rows: &[String], columns: &[String], counts: &[Vec<u64>]) -> String {
    const MOST_LETTERS: usize = 20;
    let longest =
        |names: &[String]| names.iter().map(|n| n.chars().count()).max().unwrap_or(0).min(MOST_LETTERS) as f64;
    let shown = |name: &str| match name.chars().count() {
        0..=MOST_LETTERS => escape(name),
        _ => format!("{}…", escape(&name.chars().take(MOST_LETTERS - 1).collect::<String>())),
    };
    let cell = (440.0 / columns.len().max(1) as f64).clamp(18.0, 64.0);
    let (left, top) = (longest(rows) * 6.6 + 34.0, longest(columns) * 4.9 + 34.0);
    let (width, height) = (left + cell * columns.len() as f64 + 40.0, top + cell * rows.len() as f64 + 8.0);
    let mut out = format!(
        r#"<svg class="chart heat" viewBox="0 0 {width:.0} {height:.0}" style="max-width:{width:.0}px" role="img" aria-label="Confusion matrix">"#
    );
    let middle_y = top + cell * rows.len() as f64 / 2.0;
    let _ = write!(out, r#"<text class="label" x="{left:.1}" y="13">predicted →</text>"#);
    let _ = write!(
        out,
        r#"<text class="label" transform="translate(13 {middle_y:.1}) rotate(-90)" text-anchor="middle">← true</text>"#
    );
    for (column, name) in columns.iter().enumerate() {
        let x = left + cell * (column as f64 + 0.5);
        let _ = write!(
            out,
            r#"<text class="tick" transform="translate({:.1} {:.1}) rotate(-45)">{}</text>"#,
            x + 2.0,
            top - 6.0,
            shown(name)
        );
    }
    for (row, name) in rows.iter().enumerate() {
        let y = top + cell * row as f64;
        let _ = write!(
            out,
            r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            left - 6.0,
            y + cell / 2.0 + 3.5,
            shown(name)
        );
        let total: u64 = counts[row].iter().sum();
        for (column, &count) in counts[row].iter().enumerate() {
            let share = if total == 0 { 0.0 } else { count as f64 / total as f64 };
            let hue = if row == column { "hit" } else { "miss" };
            // A tenth is already worth seeing: the root spreads small shares.
            let strength = share.sqrt();
            let x = left + cell * column as f64;
            let tip = format!("{} as {}: {count} ({:.1} %)", name, columns[column], share * 100.0);
            let _ = write!(
                out,
                r#"<g><title>{}</title><rect class="cell" x="{x:.1}" y="{y:.1}" width="{cell:.1}" height="{cell:.1}"/><rect class="{hue}" x="{x:.1}" y="{y:.1}" width="{cell:.1}" height="{cell:.1}" fill-opacity="{strength:.2}"/>"#,
                escape(&tip)
            );
            if count > 0 && cell >= 24.0 {
                let strong = if strength > 0.65 { " strong" } else { "" };
                let _ = write!(
                    out,
                    r#"<text class="count{strong}" x="{:.1}" y="{:.1}" text-anchor="middle">{count}</text>"#,
                    x + cell / 2.0,
                    y + cell / 2.0 + 4.0
                );
            }
            out.push_str("</g>");
        }
    }
    out.push_str("</svg>");
    out
}
