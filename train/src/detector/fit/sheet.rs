//! Many images with their boxes on one.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use vision::BBox;
use vision::draw::sheet;

use super::validate::Shown;
use crate::detector::Batch;

/// Side of an image on the sheet, in pixels.
const CELL: u32 = 320;
/// Images on a sheet.
const MAX_IMAGES: usize = 16;
/// One colour per class, in turn.
const COLORS: [Rgb<u8>; 6] = [
    Rgb([0, 200, 83]),
    Rgb([255, 109, 0]),
    Rgb([41, 121, 255]),
    Rgb([213, 0, 249]),
    Rgb([255, 214, 0]),
    Rgb([0, 229, 255]),
];
const UNLABELLED: Rgb<u8> = Rgb([158, 158, 158]);

/// The images of a batch as the network sees them, with their truth; grey frames are regions where objects may be
/// unlabelled.
#[must_use]
pub fn batch(batch: &Batch) -> RgbImage {
    let cells: Vec<RgbImage> = batch
        .targets
        .iter()
        .enumerate()
        .take(MAX_IMAGES)
        .map(|(at, targets)| {
            let grey = targets.unlabelled.iter().map(|region| (region.region, UNLABELLED));
            let boxes = targets.objects.iter().map(|truth| (truth.bbox, COLORS[truth.class % COLORS.len()]));
            cell(&batch.image(at), grey.chain(boxes))
        })
        .collect();
    laid_out(&cells)
}

/// Images with what was found on them above `confidence`.
#[must_use]
pub fn predictions(shown: &[Shown], confidence: f32) -> RgbImage {
    let cells: Vec<RgbImage> = shown
        .iter()
        .take(MAX_IMAGES)
        .map(|Shown { image, found }| {
            let found = found.iter().filter(|d| d.confidence >= confidence);
            cell(image, found.map(|d| (d.bbox, COLORS[d.class.index() % COLORS.len()])))
        })
        .collect();
    laid_out(&cells)
}

fn cell(image: &RgbImage, boxes: impl Iterator<Item = (BBox, Rgb<u8>)>) -> RgbImage {
    let scale = (CELL as f32 / image.width() as f32).min(CELL as f32 / image.height() as f32);
    let side = |length: u32| ((length as f32 * scale).round() as u32).clamp(1, CELL);
    #[expect(clippy::disallowed_methods, reason = "for people to look at; no network sees it")]
    let small = imageops::resize(image, side(image.width()), side(image.height()), FilterType::Triangle);
    let mut cell = RgbImage::from_pixel(CELL, CELL, Rgb([32, 32, 32]));
    imageops::overlay(&mut cell, &small, 0, 0);
    for (bbox, color) in boxes {
        frame(&mut cell, &bbox, scale, color);
    }
    cell
}

/// Draws the edges of a box, one pixel wide.
fn frame(cell: &mut RgbImage, bbox: &BBox, scale: f32, color: Rgb<u8>) {
    let at = |value: f32| (value * scale).round().clamp(0.0, (CELL - 1) as f32) as i32;
    let (left, top) = (at(bbox.x1), at(bbox.y1));
    sheet::frame(cell, (left, top), (at(bbox.x2).max(left), at(bbox.y2).max(top)), color);
}

fn laid_out(cells: &[RgbImage]) -> RgbImage {
    sheet::sheet(cells, CELL, (cells.len() as f32).sqrt().ceil() as u32)
}
