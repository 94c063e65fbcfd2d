//! Real shelves: what the default settings must find.

use std::path::Path;

use detector::{LoadOptions, load};
use vision::{BBox, DetectOptions, Detection, Detector, RgbImage};

use crate::support::{YOLOV8N, photo, shared_data};

#[test]
fn the_default_settings_find_the_bottles_of_the_cola_aisle() {
    let Some(root) = shared_data() else { return };
    let detector = load(&root.join(YOLOV8N), &LoadOptions::default()).unwrap();
    let (image, truth) = scene(&root.join("shelf-scenes/dev/cola-aisle-hk"));
    let bottles: Vec<BBox> = truth.iter().filter(|(class, _)| *class == 0).map(|&(_, bbox)| bbox).collect();
    assert_eq!(bottles.len(), 43);
    let found = detector.detect(&[image], &DetectOptions::default()).unwrap().remove(0);
    let bottle = detector.classes().iter().position(|name| name == "bottle").unwrap();
    let found: Vec<Detection> = found.into_iter().filter(|d| d.class.index() == bottle).collect();
    let matched = matched(&found, &bottles);
    assert!(matched >= 41, "{matched} of 43 bottles found");
}

#[test]
fn ordinary_images_are_looked_at_once() {
    let Some(root) = shared_data() else { return };
    let detector = load(&root.join(YOLOV8N), &LoadOptions::default()).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(root.join("coco128-parity/images/val2017"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut tiled = Vec::new();
    for file in &files {
        let image = photo(file);
        let seen = detector.detect_detailed(&[image], &DetectOptions::default()).unwrap().remove(0);
        if seen.trace.passes.len() > 1 {
            tiled.push((file.file_name().unwrap().to_owned(), seen.trace, seen.detections.len()));
        }
    }
    assert!(tiled.len() * 4 <= files.len(), "of {} everyday images these are looked at again: {tiled:?}", files.len());
}

/// Photo and labels `class, box` of a scene in YOLO's text format.
fn scene(folder: &Path) -> (RgbImage, Vec<(usize, BBox)>) {
    let image = photo(&folder.join("scene.jpg"));
    let (width, height) = (image.width() as f32, image.height() as f32);
    let label = |line: &str| {
        let numbers: Vec<f32> = line.split_whitespace().map(|n| n.parse().unwrap()).collect();
        let bbox = BBox::from_center(numbers[1] * width, numbers[2] * height, numbers[3] * width, numbers[4] * height);
        (numbers[0] as usize, bbox)
    };
    let text = std::fs::read_to_string(folder.join("scene.txt")).unwrap();
    (image, text.lines().map(label).collect())
}

/// True boxes matched at IoU .5, each detection to the free box it overlaps most, the surest detection first.
fn matched(found: &[Detection], truth: &[BBox]) -> usize {
    let mut free = truth.to_vec();
    for detection in found {
        let overlap = |b: &BBox| b.iou(&detection.bbox);
        let best = (0..free.len()).max_by(|&a, &b| overlap(&free[a]).total_cmp(&overlap(&free[b])));
        if let Some(best) = best.filter(|&best| overlap(&free[best]) >= 0.5) {
            free.swap_remove(best);
        }
    }
    truth.len() - free.len()
}
