//! A table of counts as coloured cells.

use super::Drawing;
use super::shape::{Anchor, Shape, shortened};

/// Draws `counts[row][column]`. Each cell is coloured by its fraction of its row, the diagonal in another hue: a rare class
/// that is always mistaken stands out as much as a frequent one. `rows` and `columns` name both sides.
#[must_use]
pub fn heatmap(rows: &[String], columns: &[String], counts: &[Vec<u64>]) -> Drawing {
    const MAX_LETTERS: usize = 20;
    let longest = |names: &[String]| names.iter().map(|n| n.chars().count()).max().unwrap_or(0).min(MAX_LETTERS) as f64;
    let shown = |name: &str| shortened(name, MAX_LETTERS);
    let cell = (440.0 / columns.len().max(1) as f64).clamp(18.0, 64.0);
    let (left, top) = (longest(rows) * 6.6 + 34.0, longest(columns) * 4.9 + 34.0);
    let (width, height) = (left + cell * columns.len() as f64 + 40.0, top + cell * rows.len() as f64 + 8.0);
    let middle_y = top + cell * rows.len() as f64 / 2.0;
    let mut shapes = vec![
        Shape::text("label", (left, 13.0), Anchor::Start, "predicted →"),
        Shape::text("label", (13.0, middle_y), Anchor::Middle, "← true").turned(-90.0),
    ];
    for (column, name) in columns.iter().enumerate() {
        let x = left + cell * (column as f64 + 0.5) + 2.0;
        shapes.push(Shape::text("tick", (x, top - 6.0), Anchor::Start, &shown(name)).turned(-45.0));
    }
    for (row, name) in rows.iter().enumerate() {
        let y = top + cell * row as f64;
        shapes.push(Shape::text("tick", (left - 6.0, y + cell / 2.0 + 3.5), Anchor::End, &shown(name)));
        let total: u64 = counts[row].iter().sum();
        for (column, &count) in counts[row].iter().enumerate() {
            let fraction = if total == 0 { 0.0 } else { count as f64 / total as f64 };
            let hue = if row == column { "hit" } else { "miss" };
            // A tenth is already worth seeing: the root spreads small fractions.
            let strength = fraction.sqrt();
            let x = left + cell * column as f64;
            let square = |class: &str, inset: f64, opacity, tip| Shape::Rect {
                class: class.to_owned(),
                corner: (x + inset, y + inset),
                size: (cell - 2.0 * inset, cell - 2.0 * inset),
                opacity,
                tip,
            };
            shapes.push(square("cell", 0.75, None, String::new()));
            let tip = format!("{} as {}: {count} ({:.1} %)", name, columns[column], fraction * 100.0);
            shapes.push(square(hue, 0.75, Some(strength), tip));
            if count > 0 && cell >= 24.0 {
                let class = if strength > 0.65 { "count strong" } else { "count" };
                let place = (x + cell / 2.0, y + cell / 2.0 + 4.0);
                shapes.push(Shape::text(class, place, Anchor::Middle, &count.to_string()));
            }
        }
    }
    Drawing { width, height, shapes, legend: Vec::new() }
}

impl Drawing {
    /// A heatmap as HTML, no wider than it is made for.
    #[must_use]
    pub fn heat_html(&self, title: &str) -> String {
        self.svg("chart heat", &format!(r#" style="max-width:{:.0}px""#, self.width), title)
    }
}
