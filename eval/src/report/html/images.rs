//! Photos inside the page, with boxes drawn over them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vision::RgbImage;

use super::super::confusions::{ConfusedFacings, FacingBox};
use super::super::worst::{Outcome, WorstCase};
use vision::plot::escape;

/// Longest side of a photo in the page.
const SIDE: u32 = 900;
/// JPEG quality: boxes are drawn as vectors, so the photo may be soft.
const QUALITY: u8 = 70;

pub(super) fn worst(cases: &[WorstCase], image: &mut dyn FnMut(&str) -> Option<RgbImage>) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<h2>Worst images</h2><p class=\"small\"><b class=\"missed-ink\">missed</b> (dashed), \
         <b class=\"invented-ink\">invented</b>, <b class=\"right-ink\">right</b>. Point at a box to read it; click an image to enlarge it.</p><div class=\"worst\">",
    );
    for case in cases {
        let photo = image(&case.image);
        let size = photo.as_ref().map(RgbImage::dimensions).or(case.size).or_else(|| extent(case));
        let Some((width, height)) = size else { continue };
        let image = photo.and_then(|photo| data_uri(&photo)).map_or_else(String::new, |uri| {
            format!("<img alt=\"\" width=\"{width}\" height=\"{height}\" src=\"{uri}\">")
        });
        let class = if image.is_empty() { " class=\"alone\"" } else { "" };
        let mut boxes = String::new();
        for b in &case.boxes {
            let [x, y, w, h] = b.rect;
            let (class, word) = match b.outcome {
                Outcome::Right => ("right", "right"),
                Outcome::Invented => ("invented", "invented"),
                Outcome::Missed => ("missed", "missed"),
            };
            let _ = write!(
                boxes,
                "<rect class=\"{class}\" pointer-events=\"all\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"><title>{word}: {}</title></rect>",
                escape(&b.label)
            );
        }
        let _ = write!(
            out,
            "<figure class=\"card\"><label class=\"photo\"><input type=\"checkbox\" aria-label=\"enlarge\">{image}\
             <svg{class} viewBox=\"0 0 {width} {height}\">{boxes}</svg></label>\
             <figcaption><b>{}</b><br><span class=\"missed-ink\">{} missed</span>, <span class=\"invented-ink\">{} invented</span>, \
             <span class=\"right-ink\">{} right</span></figcaption></figure>",
            escape(&case.image),
            case.missed,
            case.invented,
            case.right
        );
    }
    out.push_str("</div>");
    out
}

/// Photos held in memory while facings are cut out of them.
const HELD: usize = 8;
/// Height of a crop in the page.
const CROP_HEIGHT: u32 = 96;

/// SKUs taken for others: facings, and what they were taken for.
pub(super) fn confusions(pairs: &[ConfusedFacings], image: &mut dyn FnMut(&str) -> Option<RgbImage>) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    // Most photos are opened once, however many facings of theirs are shown; few are held at a time.
    let mut photos: std::collections::HashMap<String, Option<RgbImage>> = std::collections::HashMap::new();
    let mut crops = |places: &[FacingBox]| {
        let shown = places.iter().filter_map(|place| {
            if photos.len() >= HELD && !photos.contains_key(&place.image) {
                photos.clear();
            }
            let photo = photos.entry(place.image.clone()).or_insert_with(|| image(&place.image)).as_ref()?;
            let (uri, width) = cut(photo, place.rect)?;
            let name = escape(&place.image);
            Some(format!("<img alt=\"\" title=\"{name}\" width=\"{width}\" height=\"{CROP_HEIGHT}\" src=\"{uri}\">"))
        });
        shown.collect::<String>()
    };
    let mut rows = String::new();
    for pair in pairs {
        let taken_for = pair.predicted.as_deref().map_or_else(|| "<i>unknown</i>".to_owned(), escape);
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{taken_for}</td><td class=\"n\">{}</td><td class=\"crops\">{}</td><td class=\"crops\">{}</td></tr>",
            escape(&pair.truth),
            pair.count,
            crops(&pair.facings),
            crops(&pair.like)
        );
    }
    format!(
        "<h2>Confused facings</h2><div class=\"card scroll\"><table><thead><tr><th>Is</th><th>Taken for</th><th class=\"n\">Times</th>\
         <th>Such facings</th><th>True facings of what they were taken for</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// The facing as an image of [`CROP_HEIGHT`], and its width.
#[expect(clippy::disallowed_methods, reason = "an image for people; no network sees it")]
fn cut(photo: &RgbImage, [x, y, w, h]: [f64; 4]) -> Option<(String, u32)> {
    let bbox = vision::BBox::new(x as f32, y as f32, (x + w) as f32, (y + h) as f32);
    let crop = vision::crop(photo, &bbox, vision::crop::CropRule::default());
    let (width, height) = crop.dimensions();
    let wide =
        (u64::from(width) * u64::from(CROP_HEIGHT) / u64::from(height.max(1))).clamp(1, 4 * u64::from(CROP_HEIGHT));
    let shown = image::imageops::resize(&crop, wide as u32, CROP_HEIGHT, image::imageops::FilterType::Triangle);
    Some((data_uri(&shown)?, wide as u32))
}

/// Far corner of the boxes, for images of which neither size nor pixels are known.
fn extent(case: &WorstCase) -> Option<(u32, u32)> {
    let far = case
        .boxes
        .iter()
        .fold((0.0_f64, 0.0_f64), |(x, y), b| (x.max(b.rect[0] + b.rect[2]), y.max(b.rect[1] + b.rect[3])));
    (far.0 >= 1.0 && far.1 >= 1.0).then_some((far.0.ceil() as u32, far.1.ceil() as u32))
}

fn data_uri(photo: &RgbImage) -> Option<String> {
    let small = shrunk(photo);
    let jpeg = vision::encode_jpeg(small.as_ref().unwrap_or(photo), QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

#[expect(clippy::disallowed_methods, reason = "an image for people; no network sees it")]
fn shrunk(photo: &RgbImage) -> Option<RgbImage> {
    let (width, height) = photo.dimensions();
    let longer = width.max(height);
    (longer > SIDE).then(|| {
        let side = |length: u32| (u64::from(length) * u64::from(SIDE) / u64::from(longer)).max(1) as u32;
        image::imageops::thumbnail(photo, side(width), side(height))
    })
}
