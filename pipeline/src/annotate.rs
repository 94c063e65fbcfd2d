//! The photo with what was found drawn into it.
//!
//! Made for crowded shelves: every label lies within its own box, so a row of facings that touch each other stays
//! readable; where a name has no room, the number before it leads to the legend below the photo.

mod label;
mod legend;
mod palette;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use vision::draw::{Canvas, Fonts, Rect, Stroke, text};
use vision::{BBox, ClassId, Recognition, RecognizedItem, RgbImage, SkuId, SkuStatus};

use crate::Recognizer;

/// What is drawn, and how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnnotateOptions {
    /// Names and confidences in the boxes.
    pub labels: bool,
    /// SKUs, counts and colours below the photo. Photos too narrow to read one get none.
    pub legend: bool,
    /// Size of letters and lines; 1 suits a photo that is looked at whole. Kept within 0.5 and 4.
    pub scale: f32,
}

impl Default for AnnotateOptions {
    fn default() -> Self {
        Self { labels: true, legend: true, scale: 1.0 }
    }
}

/// Knows what the classes of detections are called.
pub trait ClassNames {
    /// The name of a class, if there is such a class.
    fn class_name(&self, class: ClassId) -> Option<&str>;
}

impl ClassNames for Vec<String> {
    fn class_name(&self, class: ClassId) -> Option<&str> {
        self.get(class.index()).map(String::as_str)
    }
}

impl ClassNames for Recognizer {
    fn class_name(&self, class: ClassId) -> Option<&str> {
        self.detector().classes().get(class.index()).map(String::as_str)
    }
}

/// How one SKU is shown in boxes and legend.
struct Shown<'a> {
    /// Place in the legend, from 1.
    number: usize,
    name: &'a str,
    color: [u8; 3],
}

/// What all parts of the drawing share.
struct Style {
    fonts: &'static Fonts,
    /// Width of lines in pixels.
    line: f32,
    /// Height of the largest label letters.
    letters: f32,
}

/// Draws boxes, SKU names and confidences into a copy of `image`, and a legend below it. The result is as wide as the
/// photo and at least as high.
///
/// A SKU has the same colour in every photo as long as no two SKUs of one photo want the same; an ambiguous facing carries
/// a question mark; a facing of no enrolled SKU has a dashed, hatched box in greyish red under the name of its class.
/// Boxes outside the photo or without area are left out (they are still counted).
#[must_use]
pub fn annotate(
    image: &RgbImage,
    recognition: &Recognition,
    classes: &dyn ClassNames,
    options: &AnnotateOptions,
) -> RgbImage {
    let style = Style::new(image.dimensions(), options.scale);
    let shown = shown_skus(recognition, style.fonts);
    let panel = options.legend.then(|| legend::plan(image.dimensions(), recognition, &shown, options.scale)).flatten();

    let mut canvas = Canvas::new(image, panel.as_ref().map_or(0, legend::Legend::height));
    let mut items: Vec<(&RecognizedItem, Rect)> =
        recognition.items.iter().filter_map(|item| Some((item, visible(image, &item.detection.bbox)?))).collect();
    // Small boxes last: one that lies within another stays visible.
    items.sort_by_key(|(_, rect)| std::cmp::Reverse(rect.area()));
    for (item, rect) in &items {
        draw_box(&mut canvas, item, *rect, shown_as(&shown, item), &style);
    }
    if options.labels {
        let rects: Vec<Rect> = items.iter().map(|(_, rect)| *rect).collect();
        for (item, rect) in &items {
            let place = label::place(*rect, &rects);
            label::draw(&mut canvas, item, (*rect, place), (shown_as(&shown, item), classes), &style);
        }
    }
    if let Some(panel) = panel {
        panel.draw(&mut canvas);
    }
    canvas.into_image()
}

impl Style {
    fn new((width, height): (u32, u32), scale: f32) -> Self {
        let scale = sane(scale);
        let side = width.min(height) as f32;
        Self {
            fonts: Fonts::get(),
            line: (side / 420.0 * scale).clamp(1.0, 16.0).round(),
            letters: (side / 52.0 * scale).clamp(text::SMALLEST, 120.0),
        }
    }
}

/// NaN and absurd factors become what the documentation promises.
fn sane(scale: f32) -> f32 {
    if scale.is_nan() { 1.0 } else { scale.clamp(0.5, 4.0) }
}

/// Names, numbers and colours by SKU, in the order of the counts.
fn shown_skus<'a>(recognition: &'a Recognition, fonts: &Fonts) -> BTreeMap<SkuId, Shown<'a>> {
    let ids: Vec<SkuId> = recognition.counts.iter().map(|c| c.sku.id).collect();
    let colors = palette::assign(&ids);
    let numbered = recognition.counts.iter().zip(1..).map(|(count, number)| {
        let sku = &count.sku;
        // The font has no Chinese, say; a code in Latin letters says more than a row of empty frames.
        let name = if fonts.can_write(&sku.name) || !fonts.can_write(&sku.code) { &sku.name } else { &sku.code };
        (sku.id, Shown { number, name, color: colors[&sku.id] })
    });
    numbered.collect()
}

/// `None` for a facing of no enrolled SKU, or of one that was removed while the photo was looked at.
fn shown_as<'a, 'b>(shown: &'b BTreeMap<SkuId, Shown<'a>>, item: &RecognizedItem) -> Option<&'b Shown<'a>> {
    item.decision.sku.filter(|_| item.decision.status != SkuStatus::Unknown).and_then(|sku| shown.get(&sku))
}

/// The part of a box that can be seen, in whole pixels.
fn visible(image: &RgbImage, bbox: &BBox) -> Option<Rect> {
    let clipped = bbox.clip(image.width(), image.height());
    // `as` saturates; a box that is not valid has no pixels to speak of.
    clipped.is_valid().then(|| Rect {
        left: clipped.x1.floor() as i32,
        top: clipped.y1.floor() as i32,
        right: clipped.x2.ceil() as i32,
        bottom: clipped.y2.ceil() as i32,
    })
}

fn draw_box(canvas: &mut Canvas, item: &RecognizedItem, rect: Rect, shown: Option<&Shown<'_>>, style: &Style) {
    // A line takes no more than a tenth of what it surrounds.
    let width = style.line.min(rect.width().min(rect.height()) as f32 / 10.0).max(1.0);
    let Some(shown) = shown else {
        canvas.hatch(rect, palette::UNKNOWN, 0.30, (width * 5.0).max(7.0));
        canvas.outline(rect, Stroke { width, dash: Some((width * 5.0).max(6.0)), color: palette::UNKNOWN });
        return;
    };
    canvas.fill(rect, shown.color, 0.10);
    let dash = (item.decision.status == SkuStatus::Ambiguous).then_some((width * 9.0).max(12.0));
    canvas.outline(rect, Stroke { width, dash, color: shown.color });
}
