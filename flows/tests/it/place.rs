//! Photos of shelves, kept and verified, and trees of files to be compared.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use flows::{Flows, FlowsConfig};
use image::{ImageFormat, Rgb};
use store::Store;
use store::access::DEFAULT_ORGANISATION;
use store::model::{Timestamp, now};
use store::photos::{Day, Facing, NewPhoto};
use store::verify::{Boxes, Save};
use vision::phash::hash_of;
use vision::{RgbImage, Sha256};

pub(crate) const HOME: &str = DEFAULT_ORGANISATION;

/// Without a pause after a period's end.
pub(crate) fn config() -> FlowsConfig {
    FlowsConfig { settle: Duration::ZERO, ..FlowsConfig::default() }
}

pub(crate) fn flows(store: &Store) -> Flows {
    Flows::new(store.clone(), config(), "test")
}

/// An image that looks like no other: a dozen rectangles placed by its number.
pub(crate) fn image(number: u32) -> RgbImage {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as u32 % below
    };
    let mut image = RgbImage::from_pixel(64, 48, Rgb([90, 84, 76]));
    for _ in 0..12 {
        let (x, y, w, h) = (random(56), random(40), 8 + random(30), 8 + random(24));
        let color = Rgb([random(256) as u8, random(256) as u8, random(256) as u8]);
        for row in y..(y + h).min(48) {
            for column in x..(x + w).min(64) {
                image.put_pixel(column, row, color);
            }
        }
    }
    image
}

/// The same, a little brighter: other bytes, the same looks.
pub(crate) fn brighter(number: u32) -> RgbImage {
    let mut image = image(number);
    image.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|value| value.saturating_add(4)));
    image
}

pub(crate) fn png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).expect("encoded");
    bytes.into_inner()
}

pub(crate) fn photo(image: &RgbImage, at: i64, shelf: Option<&str>) -> NewPhoto {
    let file = png(image);
    NewPhoto {
        organisation: HOME.into(),
        at,
        request_id: format!("r{at}"),
        release: "shelf@1".into(),
        store: shelf.map(|_| "north".into()),
        shelf: shelf.map(str::to_owned),
        taken_at: None,
        photo: Sha256::of(&file),
        file: file.into(),
        extension: "png",
        width: image.width(),
        height: image.height(),
        image_hash: hash_of(image),
        answer: vec![Facing {
            corners: [1.0, 2.0, 30.25, 40.0],
            class: "bottle".into(),
            sku: Some(7),
            code: Some("cola".into()),
            confidence: Some(0.87),
            similarity: Some(0.91),
        }],
    }
}

/// Keeps photos of a day, by their numbers.
pub(crate) async fn keep(store: &Store, day: Day, numbers: std::ops::Range<u32>) -> Vec<Sha256> {
    let photos: Vec<NewPhoto> = numbers.map(|n| photo(&image(n), day.begin() + i64::from(n), None)).collect();
    let names = photos.iter().map(|photo| photo.photo).collect();
    for part in photos.chunks(500) {
        store.keep_photos(part.to_vec()).await.expect("kept");
    }
    names
}

/// Somebody leaves the boxes as they are, at that time.
pub(crate) async fn accept(store: &Store, photo: Sha256, at: Timestamp) {
    let save = Save {
        organisation: HOME.into(),
        photo,
        version: store.photo(HOME, photo).await.expect("there").version,
        boxes: Boxes::AsShown,
        reviewer: "ann".into(),
        at,
        looks: 1,
        key: None,
    };
    store.save_boxes(save).await.expect("saved");
}

/// Every file below a folder, with its bytes.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_string_lossy().into_owned();
                files.insert(name, std::fs::read(&path).expect("readable"));
            }
        }
    }
    files
}

/// A day of the past: `back` days ago.
pub(crate) fn past(back: i64) -> Day {
    Day(Day::of(now()).0 - back)
}
