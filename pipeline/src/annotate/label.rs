//! The label within a box.

use vision::draw::text::SMALLEST;
use vision::draw::{Canvas, Pen, Rect};
use vision::{RecognizedItem, SkuStatus};

use super::{ClassNames, Shown, Style, palette};

/// Maximum number of lines of a label.
const MAX_LINES: usize = 3;

/// How much of its box a label may cover from above: caps and necks, not the product's own label.
const MAX_BOX_FRACTION: f32 = 0.5;

/// The part of a box that belongs to its label alone. Facings stand so close that their boxes overlap a little; each gives
/// half of that to its neighbour, or the labels would cover one another's first letters.
pub(super) fn place(rect: Rect, all: &[Rect]) -> Rect {
    // Only where labels are: boxes of the row above or below may reach into this one, but their labels do not.
    let label_ends = |rect: Rect| rect.top + (rect.height() as f32 * MAX_BOX_FRACTION) as i32;
    let mut place = rect;
    for other in all {
        let beside = other.top < label_ends(rect) && rect.top < label_ends(*other);
        // One box within the other is no neighbour.
        if beside && other.left < rect.left && rect.left < other.right && other.right < rect.right {
            place.left = place.left.max(rect.left + (other.right - rect.left) / 2);
        } else if beside && rect.left < other.left && other.left < rect.right && rect.right < other.right {
            place.right = place.right.min(rect.right - (rect.right - other.left) / 2);
        }
    }
    // Much overlap means that one stands before the other: sharing would leave nothing for either.
    if place.width() * 2 < rect.width() { rect } else { place }
}

/// Number, name and confidence of a facing on a plate at the top of its box, as much of them as fits, and a question mark
/// on an ambiguous one. `place` is the part of the box that the plate may take.
pub(super) fn draw(
    canvas: &mut Canvas,
    item: &RecognizedItem,
    (rect, place): (Rect, Rect),
    (shown, names): (Option<&Shown<'_>>, &dyn ClassNames),
    style: &Style,
) {
    let color = shown.map_or(palette::UNKNOWN, |shown| shown.color);
    let class = names.class_name(item.detection.class).unwrap_or_default();
    // From the fullest wording to the tersest. A number alone on its line could be taken for a count, hence the no-break
    // space; but a whole name below its number is better than half a name beside it.
    let wordings = match shown {
        Some(Shown { number, name, .. }) => [format!("{number}\u{a0}{name}"), format!("{number} {name}")],
        None => [format!("unknown {class}"), format!("? {class}")],
    };
    let Some((pen, lines)) = set(&wordings, &confidence(item), place, style) else { return };
    let pad = padding(pen.height);
    let widest = lines.iter().map(|line| pen.width(line)).fold(0.0, f32::max);
    let plate = Rect {
        left: place.left + 1,
        top: place.top + 1,
        right: (place.left + 1 + (widest + 2.0 * pad).ceil() as i32).min(place.right - 1),
        bottom: place.top + 1 + (lines.len() as f32 * pen.height + pad).ceil() as i32,
    };
    canvas.plate(plate, pen.height * 0.25, color, 0.9);
    let ink = palette::ink(color);
    for (line, at) in lines.iter().zip(0_u8..) {
        let top = plate.top as f32 + pad / 2.0 + f32::from(at) * pen.height;
        pen.draw(canvas, (plate.left as f32 + pad, top), line, ink);
    }
    if item.decision.status == SkuStatus::Ambiguous && shown.is_some() {
        question(canvas, rect, plate, (pen, color));
    }
}

/// The first wording that can be set whole, in the largest letters that allow it; or else the first wording in the smallest
/// letters, shortened. `None` when the place has no room for anything.
fn set(wordings: &[String], confidence: &str, place: Rect, style: &Style) -> Option<(Pen, Vec<String>)> {
    let (width, height) = (place.width() as f32, place.height() as f32);
    let smallest = SMALLEST as u16;
    let largest = style.letters.min(height / 3.0).max(SMALLEST).round() as u16;
    let fit = |wording: &str, letters: u16| {
        let letters = f32::from(letters);
        let pen = Pen::new(&style.fonts.bold, letters);
        let room = width - 2.0 - 2.0 * padding(letters);
        let max = ((height * MAX_BOX_FRACTION - padding(letters)) / letters).floor();
        let lines =
            if max < 1.0 { Vec::new() } else { compose(pen, wording, confidence, room, (max as usize).min(MAX_LINES)) };
        (pen, lines)
    };
    let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let whole = |wording: &str, lines: &[String]| {
        let kept: usize = lines.iter().map(|line| visible(line)).sum();
        kept == visible(wording) + visible(confidence) && !lines.iter().any(|line| line.ends_with('…'))
    };
    let sizes = || (smallest..=largest).rev();
    wordings
        .iter()
        .flat_map(|wording| sizes().map(move |size| (wording, size)))
        .map(|(wording, size)| (wording, fit(wording, size)))
        .find_map(|(wording, (pen, lines))| whole(wording, &lines).then_some((pen, lines)))
        .or_else(|| Some(fit(wordings.first()?, smallest)))
        .filter(|(_, lines)| !lines.is_empty())
}

fn padding(letters: f32) -> f32 {
    (letters * 0.2).ceil()
}

/// A round badge in the lower right corner, where no label lies.
fn question(canvas: &mut Canvas, rect: Rect, plate: Rect, (pen, color): (Pen, [u8; 3])) {
    let side = (pen.height * 1.35).ceil() as i32;
    let gap = side / 4;
    let badge = Rect {
        left: rect.right - gap - side,
        top: rect.bottom - gap - side,
        right: rect.right - gap,
        bottom: rect.bottom - gap,
    };
    if badge.left <= rect.left || badge.top <= plate.bottom {
        return;
    }
    let rim = (side / 10).max(1);
    let inner =
        Rect { left: badge.left + rim, top: badge.top + rim, right: badge.right - rim, bottom: badge.bottom - rim };
    canvas.plate(badge, side as f32, color, 1.0);
    canvas.plate(inner, side as f32, [255; 3], 1.0);
    let left = badge.left as f32 + (side as f32 - pen.width("?")) / 2.0;
    let top = badge.top as f32 + (side as f32 - pen.height) / 2.0;
    pen.draw(canvas, (left, top), "?", [32; 3]);
}

fn confidence(item: &RecognizedItem) -> String {
    let percent = (item.detection.confidence * 100.0).clamp(0.0, 100.0);
    // NaN survives `clamp`; nothing is said then.
    if percent.is_nan() { String::new() } else { format!("{percent:.0}%") }
}

/// The lines of a label: the name first; the confidence behind its last word, or below it when a line is left.
fn compose(pen: Pen, what: &str, confidence: &str, room: f32, lines: usize) -> Vec<String> {
    // A single line is shared when it is long enough for both.
    if lines == 1 {
        let behind = pen.width(confidence) + pen.width("  ");
        let name = pen.wrapped(what, room - behind, 1).pop().filter(|name| name.chars().count() > 3);
        return match name {
            Some(name) => vec![format!("{name} {confidence}").trim_end().to_owned()],
            None => pen.wrapped(what, room, 1),
        };
    }
    let mut composed = pen.wrapped(what, room, lines);
    let joined = composed.last().map(|last| format!("{last} {confidence}"));
    match joined {
        _ if confidence.is_empty() || pen.width(confidence) > room => {}
        Some(joined) if pen.width(&joined) <= room => {
            composed.pop();
            composed.push(joined);
        }
        _ => {
            if composed.len() == lines {
                composed = pen.wrapped(what, room, lines - 1);
            }
            composed.push(confidence.to_owned());
        }
    }
    composed
}
