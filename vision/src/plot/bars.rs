//! Named values as bars that lie.

use super::Drawing;
use super::shape::{Anchor, Shape, shortened};

/// Letters of a name.
const MAX_LETTERS: usize = 28;
/// Height of a bar with the room around it.
const ROW: f64 = 22.0;
/// Length of the longest bar.
const LONGEST: f64 = 300.0;

/// A bar for each name, as long as its value is beside the largest, with the value at its end. Values that are negative or no number
/// have no length.
#[must_use]
pub fn bars(values: &[(&str, f64)]) -> Drawing {
    let letters = values.iter().map(|(name, _)| name.chars().count().min(MAX_LETTERS)).max().unwrap_or(0);
    let left = letters as f64 * 6.6 + 12.0;
    let largest = values.iter().map(|(_, value)| *value).filter(|value| value.is_finite()).fold(0.0, f64::max);
    let mut shapes = Vec::new();
    for (at, (name, value)) in values.iter().enumerate() {
        let top = at as f64 * ROW + 4.0;
        let length = if largest > 0.0 && *value > 0.0 { value / largest * LONGEST } else { 0.0 };
        let baseline = top + ROW / 2.0 + 2.0;
        shapes.push(Shape::text("tick", (left - 8.0, baseline), Anchor::End, &shortened(name, MAX_LETTERS)));
        shapes.push(Shape::Rect {
            class: "bar s1".to_owned(),
            corner: (left, top),
            size: (length.max(1.0), ROW - 6.0),
            opacity: None,
            tip: format!("{name}: {value}"),
        });
        shapes.push(Shape::text("tick", (left + length + 7.0, baseline), Anchor::Start, &figures(*value)));
    }
    let height = values.len() as f64 * ROW + 6.0;
    Drawing { width: left + LONGEST + 60.0, height, shapes, legend: Vec::new() }
}

/// Three significant digits.
fn figures(value: f64) -> String {
    let digits = if value == 0.0 || !value.is_finite() { 0 } else { 2 - value.abs().log10().floor() as i32 };
    match digits {
        ..=9 => format!("{value:.*}", digits.clamp(0, 9) as usize),
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let chart = bars(&[("first", 4.0), ("second", 1.0), ("none", f64::NAN)]);
        let lengths: Vec<f64> = chart
            .shapes
            .iter()
            .filter_map(|shape| if let Shape::Rect { size, .. } = shape { Some(size.0) } else { None })
            .collect();
        assert_eq!(lengths, [LONGEST, LONGEST / 4.0, 1.0]);
        assert_eq!(
            ["0.125", "12.3", "1234", "0"],
            [0.125, 12.34, 1234.0, 0.0].map(figures).each_ref().map(String::as_str)
        );
        assert_eq!(figures(1e-12), "1.0e-12");
    }
}
