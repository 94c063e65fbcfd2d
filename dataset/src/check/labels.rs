//! Objections to one label file.

use vision::BBox;

use super::finding::{Finding, Issue};
use crate::yolo::{Label, LabelLine, Shape, parse_shapes};

/// Beyond the image by more than this is worth a word: rounding moves edges by less.
const POKE_PIXELS: f64 = 1.0;
/// Thinner than this cannot be learned.
const TINY_PIXELS: f64 = 2.0;
/// A larger fraction of the image is suspicious.
const HUGE_FRACTION: f64 = 0.95;
/// Boxes that overlap more than this mean the same object.
const SAME_OBJECT_IOU: f32 = 0.9;
/// Boxes compared pairwise in one file; beyond that only the first so many.
const MAX_COMPARED: usize = 2_000;

/// What is known beside the file itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// Size of the upright image; fractions are taken for pixels of 1000 x 1000 when it cannot be read.
    pub(super) size: Option<(u32, u32)>,
    /// Number of classes, when known.
    pub(super) classes: Option<usize>,
}

/// Checks the text of the label file called `file`; returns the sound lines.
pub(super) fn check_labels(file: &str, text: &str, context: Context, findings: &mut Vec<Finding>) -> Vec<LabelLine> {
    let before = findings.len();
    let mut lines = Vec::new();
    let mut polygons = Vec::new();
    for (line, parsed) in parse_shapes(text) {
        match parsed {
            Ok((label, shape)) => {
                if shape == Shape::Polygon {
                    polygons.push(Finding::at(file, line, Issue::Polygon));
                }
                lines.push(label);
            }
            Err(error) => findings.push(Finding::at(file, line, Issue::BadLine(error))),
        }
    }
    if lines.is_empty() && findings.len() == before {
        findings.push(Finding::of(file, Issue::EmptyLabel));
    }
    findings.append(&mut polygons);
    for LabelLine { line, label, .. } in &lines {
        check_box(label, context, &mut |issue| findings.push(Finding::at(file, *line, issue)));
    }
    check_pairs(file, &lines, context, findings);
    lines
}

fn check_box(label: &Label, context: Context, report: &mut dyn FnMut(Issue)) {
    if let Some(known) = context.classes
        && label.class as usize >= known
    {
        report(Issue::UnknownClass { class: label.class, known });
    }
    let (width, height) = context.size.map_or((1000.0, 1000.0), |(w, h)| (f64::from(w), f64::from(h)));
    let [x1, y1, x2, y2] = label.edges();
    if label.w <= 0.0 || label.h <= 0.0 {
        report(Issue::ZeroBox);
    } else if x1 >= 1.0 || y1 >= 1.0 || x2 <= 0.0 || y2 <= 0.0 {
        report(Issue::BoxOutside);
    } else {
        let pixels =
            [-x1 * width, -y1 * height, (x2 - 1.0) * width, (y2 - 1.0) * height].into_iter().fold(0.0, f64::max);
        if pixels > POKE_PIXELS {
            report(Issue::BoxPokesOut { pixels });
        }
        let (w, h) = (label.w * width, label.h * height);
        if w < TINY_PIXELS || h < TINY_PIXELS {
            report(Issue::TinyBox { width: w, height: h });
        }
        if label.w * label.h > HUGE_FRACTION {
            report(Issue::HugeBox { fraction: label.w * label.h });
        }
    }
}

/// The same box twice, or one object under two boxes. Each line is compared with earlier ones; the first hit is told.
fn check_pairs(file: &str, lines: &[LabelLine], context: Context, findings: &mut Vec<Finding>) {
    let (width, height) = context.size.unwrap_or((1000, 1000));
    let boxes: Vec<BBox> = lines.iter().take(MAX_COMPARED).map(|l| l.label.to_pixels(width, height)).collect();
    for (at, LabelLine { line, label, .. }) in lines.iter().enumerate().take(MAX_COMPARED) {
        let hit = lines[..at].iter().zip(&boxes).find_map(|(earlier, bbox)| {
            let first = earlier.line;
            if earlier.label == *label {
                return Some(Issue::RepeatedLine { first });
            }
            let iou = bbox.iou(&boxes[at]);
            match iou > SAME_OBJECT_IOU {
                true if earlier.label.class == label.class => Some(Issue::DoubleBox { first, iou }),
                true => Some(Issue::TwoClasses { first, iou }),
                false => None,
            }
        });
        if let Some(issue) = hit {
            findings.push(Finding::at(file, *line, issue));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_objection() {
        let check = |text: &str, expected: &[(u32, &str)]| {
            let mut findings = Vec::new();
            let context = Context { size: Some((400, 200)), classes: Some(2) };
            check_labels("a.txt", text, context, &mut findings);
            let got: Vec<_> = findings.iter().map(|f| (f.line.unwrap_or(0), f.code())).collect();
            assert_eq!(got, expected, "{text}");
        };
        check("0 .5 .5 .2 .2\n1 .1 .1 .1 .1 # fine\n", &[]);
        check("", &[(0, "empty-label")]);
        check("# nothing here\n", &[(0, "empty-label")]);
        check("0 .5 .5 .2\n", &[(1, "bad-line")]);
        check("0 .4 .4 .6 .4 .5 .6\n", &[(1, "polygon")]);
        check("0 .5 .5 .2 .2\n2 .1 .1 .1 .1\n", &[(2, "unknown-class")]);
        check("0 .5 .5 0 .2\n", &[(1, "zero-box")]);
        check("0 .01 .5 .1 .2\n", &[(1, "box-pokes-out")]);
        // 1 pixel of 400 is tolerated.
        check("0 .049 .5 .1 .2\n", &[]);
        check("0 1 .5 .001 .2\n", &[(1, "tiny-box")]);
        check("0 1.0008 .5 .001 .2\n", &[(1, "box-outside")]);
        check("0 .5 .5 1 .99\n", &[(1, "huge-box")]);
        check("0 .5 .5 .2 .2\n\n0 0.5 0.50 .2 .2 # again\n", &[(3, "repeated-line")]);
        check("0 .5 .5 .2 .2\n0 .501 .5 .2 .2\n", &[(2, "double-box")]);
        check("0 .5 .5 .2 .2\n1 .501 .5 .2 .2\n", &[(2, "two-classes")]);
    }
}
