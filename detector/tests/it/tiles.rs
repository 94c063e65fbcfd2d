//! Tiling with an oracle for a network: every object counts once, wherever the seams fall.

use detector::AutoTiling;
use detector::tiling::{OVERLAP, TilePass, disputed, merge};
use proptest::prelude::*;
use vision::preprocess::Region;
use vision::{BBox, ClassId, DetectOptions, Detection, Detector, NmsOptions, Tiling, tile_grid};

use crate::oracle::{self, LEAST_SIDE, SIDE, draw};

const PHOTO: (u32, u32) = (960, 640);

fn options(tiling: Tiling) -> DetectOptions {
    DetectOptions { tiling, ..DetectOptions::default() }
}

/// Rectangles on a grid of cells, at most one in each, so that they never touch.
fn shelf(cells: &[Option<(f32, f32, f32, f32)>], columns: usize) -> Vec<BBox> {
    let cell = 120.0;
    let place = |(i, spot): (usize, &Option<(f32, f32, f32, f32)>)| {
        let (x, y, w, h) = (*spot)?;
        let (left, top) = ((i % columns) as f32 * cell, (i / columns) as f32 * cell);
        let side = |share: f32| (20.0 + share * 80.0).round();
        let (w, h) = (side(w), side(h));
        let start = |low: f32, share: f32, length: f32| (low + 4.0 + share * (cell - 8.0 - length)).floor();
        let (x1, y1) = (start(left, x, w), start(top, y, h));
        Some(BBox::new(x1, y1, x1 + w, y1 + h))
    };
    cells.iter().enumerate().filter_map(place).collect()
}

/// Network pixels per photo pixel in the best view of this grid.
fn best_scale(columns: u32, rows: u32) -> f32 {
    let tile = tile_grid(PHOTO.0, PHOTO.1, columns, rows, OVERLAP)[0];
    let scale = |w: u32, h: u32| (SIDE as f32 / w as f32).min(SIDE as f32 / h as f32);
    scale(tile.width, tile.height).max(scale(PHOTO.0, PHOTO.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_object_counts_once(
        cells in proptest::collection::vec(proptest::option::of((0.0_f32..1.0, 0.0_f32..1.0, 0.0_f32..1.0, 0.0_f32..1.0)), 40),
        columns in 1_u32..=4,
        rows in 1_u32..=3,
    ) {
        let boxes = shelf(&cells, 8);
        let detector = oracle::detector(Some(1), false, AutoTiling::default());
        let found = detector.detect(&[draw(PHOTO.0, PHOTO.1, &boxes)], &options(Tiling::Grid { columns, rows })).unwrap().remove(0);
        for truth in &boxes {
            let views: Vec<_> = found.iter().filter(|d| d.bbox.intersection(truth) > 0.3 * truth.area().min(d.bbox.area())).collect();
            let seen = truth.width().min(truth.height()) * best_scale(columns, rows);
            prop_assert!(views.len() <= 1, "{truth} is counted {} times: {views:?}", views.len());
            if seen >= LEAST_SIDE as f32 + 4.0 {
                prop_assert!(views.len() == 1, "{truth} is lost at {columns}x{rows}");
                prop_assert!(views[0].bbox.iou(truth) > 0.7, "{truth} was found as {}", views[0].bbox);
            }
        }
        for detection in &found {
            prop_assert!(boxes.iter().any(|b| b.iou(&detection.bbox) > 0.5), "nothing is at {}", detection.bbox);
        }
    }
}

#[test]
fn small_objects_show_up_in_tiles_only() {
    let boxes: Vec<BBox> =
        (0..10).map(|i| BBox::new(10.0 + 90.0 * i as f32, 300.0, 32.0 + 90.0 * i as f32, 330.0)).collect();
    let image = draw(PHOTO.0, PHOTO.1, &boxes);
    let detector = oracle::detector(Some(1), false, AutoTiling::default());
    let count = |tiling| detector.detect(std::slice::from_ref(&image), &options(tiling)).unwrap()[0].len();
    assert_eq!(count(Tiling::Off), 0);
    assert_eq!(count(Tiling::Grid { columns: 3, rows: 2 }), 10);
}

#[test]
fn auto_tiles_crowded_shelves_only() {
    let row = |count: usize, side: f32| -> Vec<BBox> {
        let place = |i: usize| (20.0 + 110.0 * (i % 8) as f32, 20.0 + 110.0 * (i / 8) as f32);
        (0..count).map(place).map(|(x, y)| BBox::new(x, y, x + side, y + side)).collect()
    };
    // Not even vast photos, so that only the crowd decides.
    let rule = AutoTiling { vast: 0.0, ..AutoTiling::default() };
    let detector = oracle::detector(None, true, rule);
    let detect =
        |boxes: &[BBox], tiling| detector.detect(&[draw(PHOTO.0, PHOTO.1, boxes)], &options(tiling)).unwrap().remove(0);
    // Tiles see more sharply, so the boxes differ a little when a photo was tiled.
    let is_tiled = |boxes: &[BBox]| detect(boxes, Tiling::Auto) != detect(boxes, Tiling::Off);
    assert!(!is_tiled(&row(3, 60.0)), "three facings are no crowd");
    assert!(is_tiled(&row(40, 60.0)), "forty small facings are");
    assert_eq!(detect(&row(40, 60.0), Tiling::Auto).len(), 40);
}

#[test]
fn the_rule_looks_at_number_and_size() {
    let rule = AutoTiling::default();
    let facings = |count: usize, side: f32, confidence: f32| -> Vec<Detection> {
        let bbox = BBox::new(0.0, 0.0, side, side);
        vec![Detection { bbox, class: ClassId(0), confidence }; count]
    };
    let input = (640, 640);
    let (few, many, sure, unsure) = (rule.crowd - 1, rule.crowd, rule.min_confidence, rule.min_confidence - 0.01);
    // Photos whose pixels the network sees all, and of which it sees one in 39.
    let (small, vast) = ((640, 480), (4000, 3000));
    for (what, photo, found, expected) in [
        ("nothing", small, facings(0, 1.0, sure), None),
        ("few small", small, facings(few, 50.0, sure), None),
        ("many small", small, facings(many, 50.0, sure), Some((2, 2, false))),
        ("many large", small, facings(many, 100.0, sure), None),
        ("many unsure", small, facings(500, 50.0, unsure), None),
        ("not even a pixel", small, facings(many, 0.0, sure), None),
        ("not a number", small, facings(many, f32::NAN, sure), None),
        ("enlarged already", (320, 240), facings(many, 25.0, sure), None),
        ("vast, nothing", vast, facings(0, 1.0, sure), Some((2, 2, true))),
        ("vast, nothing sure", vast, facings(500, 100.0, unsure), Some((2, 2, true))),
        ("vast, few tiny", vast, facings(1, 100.0, sure), Some((2, 2, true))),
        ("vast, few small", vast, facings(few, 300.0, sure), None),
        ("vast, many tiny", vast, facings(many, 100.0, sure), Some((4, 3, false))),
        ("vast, many small", vast, facings(many, 300.0, sure), Some((3, 2, false))),
        ("vast, many large", vast, facings(many, 600.0, sure), None),
        ("panorama, many tiny", (6000, 1000), facings(many, 150.0, sure), Some((4, 1, false))),
    ] {
        let grid = rule.grid(photo, input, &found).map(|grid| (grid.columns, grid.rows, grid.look_again));
        assert_eq!(grid, expected, "{what}");
    }
}

#[test]
fn vast_photos_are_looked_at_more_closely_step_by_step() {
    // 20 pixels of the photo are 3 of the input, 6 of the first tiles, 11 of the finest ones; 40 are 6, 12, 22.
    let photo = (1920, 1280);
    let row = |count: usize, side: f32| -> Vec<BBox> {
        let place = |i: usize| (20.0 + 110.0 * (i % 17) as f32, 20.0 + 110.0 * (i / 17) as f32);
        (0..count).map(place).map(|(x, y)| BBox::new(x, y, x + side, y + side)).collect()
    };
    let detector = oracle::detector(Some(1), false, AutoTiling::default());
    let count =
        |boxes: &[BBox], tiling| detector.detect(&[draw(photo.0, photo.1, boxes)], &options(tiling)).unwrap()[0].len();
    let mut boxes = row(30, 42.0);
    assert_eq!((count(&boxes, Tiling::Off), count(&boxes, Tiling::Auto)), (0, 30), "the first tiles show the crowd");
    boxes.extend(row(55, 26.0).split_off(34));
    assert_eq!(count(&boxes, Tiling::Grid { columns: 2, rows: 2 }), 30);
    assert_eq!(count(&boxes, Tiling::Auto), 51, "the crowd is worth the finest tiles");
    assert_eq!(count(&[], Tiling::Auto), 0);
}

fn found(x1: f32, y1: f32, x2: f32, y2: f32, confidence: f32) -> Detection {
    Detection { bbox: BBox::new(x1, y1, x2, y2), class: ClassId(0), confidence }
}

const NMS: NmsOptions = NmsOptions { iou: 0.7, class_agnostic: true, max_detections: 300 };

/// Two tiles side by side over 1000 x 500: columns 0..556 and 444..1000.
fn side_by_side(left: &[Detection], right: &[Detection]) -> Vec<TilePass> {
    tile_grid(1000, 500, 2, 1, OVERLAP)
        .into_iter()
        .zip([left, right])
        .map(|(region, detections)| TilePass { region, detections: detections.to_vec() })
        .collect()
}

#[test]
fn parts_and_duplicates_merge() {
    let regions: Vec<Region> = side_by_side(&[], &[]).into_iter().map(|t| t.region).collect();
    let (end, start) = ((regions[0].x + regions[0].width) as f32, regions[1].x as f32);
    let check = |what: &str, whole: &[Detection], left: &[Detection], right: &[Detection], expected: &[Detection]| {
        let merged = merge((1000, 500), whole, &side_by_side(left, right), &NMS);
        assert_eq!(merged, expected, "{what}");
    };
    let whole = found(500.0, 100.0, 600.0, 300.0, 0.6);
    check(
        "a part of what the photo shows whole goes, however sure",
        &[whole],
        &[found(500.0, 100.0, end, 300.0, 0.9)],
        &[],
        &[whole],
    );
    check(
        "a part of what the neighbour shows whole goes",
        &[],
        &[found(500.0, 100.0, end, 300.0, 0.9)],
        &[whole],
        &[whole],
    );
    let sharper = found(501.0, 99.0, 601.0, 301.0, 0.8);
    check("the surer of two views stays", &[whole], &[], &[sharper], &[sharper]);
    let looser = found(500.0, 100.0, 600.0, 410.0, 0.5);
    check("views of different passes agree less", &[looser], &[], &[sharper], &[sharper]);
    check("neighbours of one pass may overlap more", &[], &[], &[sharper, looser], &[sharper, looser]);
    let (a, b) = (found(300.0, 100.0, end, 300.0, 0.7), found(start, 110.0, 700.0, 310.0, 0.8));
    check("halves of what no view shows whole are joined", &[], &[a], &[b], &[found(300.0, 100.0, 700.0, 310.0, 0.8)]);
    let (a, b) = (found(520.0, 100.0, end, 300.0, 0.7), found(start, 100.0, 480.0, 300.0, 0.8));
    check("two objects cut by the two borders stay two", &[], &[a], &[b], &[b, a]);
    let lone = found(500.0, 100.0, end, 300.0, 0.7);
    check("a part whose rest nobody saw stays", &[], &[lone], &[], &[lone]);
    let edge = found(0.0, 0.0, 100.0, 100.0, 0.7);
    check(
        "the photo's own border cuts nothing",
        &[found(0.0, 0.0, 300.0, 300.0, 0.5)],
        &[edge],
        &[],
        &[edge, found(0.0, 0.0, 300.0, 300.0, 0.5)],
    );
}

#[test]
fn an_object_over_four_tiles_is_one() {
    let tiles: Vec<TilePass> = tile_grid(1000, 1000, 2, 2, OVERLAP)
        .into_iter()
        .map(|region| {
            let (x, y) = (region.x as f32, region.y as f32);
            let bbox = BBox::new(200.0, 210.0, 800.0, 790.0)
                .translate(-x, -y)
                .clip(region.width, region.height)
                .translate(x, y);
            TilePass { region, detections: vec![Detection { bbox, class: ClassId(0), confidence: 0.5 }] }
        })
        .collect();
    assert_eq!(merge((1000, 1000), &[], &tiles, &NMS), [found(200.0, 210.0, 800.0, 790.0, 0.5)]);
}

#[test]
fn classes_are_kept_apart_when_asked() {
    let other = Detection { class: ClassId(1), ..found(500.0, 100.0, 600.0, 300.0, 0.6) };
    let part = found(500.0, 100.0, 556.0, 300.0, 0.9);
    let merged = |class_agnostic| {
        merge((1000, 500), &[other], &side_by_side(&[part], &[]), &NmsOptions { class_agnostic, ..NMS }).len()
    };
    assert_eq!((merged(true), merged(false)), (1, 2));
}

#[test]
fn thousands_of_parts_merge_in_time() {
    // What a broken network may say: every tile full of boxes that touch its border.
    let tiles: Vec<TilePass> = tile_grid(8000, 8000, 8, 8, OVERLAP)
        .into_iter()
        .map(|region| {
            let (x, y) = (region.x as f32, region.y as f32);
            let part = |i: u16| {
                let top = y + f32::from(i) * 3.0;
                found(x, top, x + region.width as f32, top + 2.0, 0.5)
            };
            TilePass { region, detections: (0..300).map(part).collect() }
        })
        .collect();
    let start = std::time::Instant::now();
    let merged = merge((8000, 8000), &[], &tiles, &NMS);
    assert!(merged.len() <= 300 && start.elapsed().as_secs() < 20, "{} boxes in {:?}", merged.len(), start.elapsed());
}

#[test]
fn what_passes_do_not_agree_on_is_disputed() {
    // Two tiles side by side that share 200 pixels, and the facing within.
    let photo = (1000, 400);
    let regions = [(0, 600), (400, 600)].map(|(x, width)| Region { x, y: 0, width, height: 400 });
    let bbox = BBox::new(450.0, 100.0, 550.0, 300.0);
    let seen = |class| Detection { bbox, class: ClassId(class), confidence: 0.9 };
    let options = NmsOptions { iou: 0.7, class_agnostic: true, max_detections: 300 };
    let check = |whole: &[Detection], left: &[Detection], right: &[Detection], expected: bool| {
        let passes = [left, right].into_iter().zip(regions);
        let tiles: Vec<_> = passes.map(|(found, region)| TilePass { region, detections: found.to_vec() }).collect();
        let merged = merge(photo, whole, &tiles, &options);
        let found = disputed(photo, &merged, whole, &tiles);
        assert_eq!(found, vec![expected; merged.len()], "{whole:?} {left:?} {right:?}");
    };
    check(&[seen(0)], &[seen(0)], &[seen(0)], false);
    check(&[], &[seen(0)], &[seen(0)], false);
    check(&[seen(0)], &[seen(1)], &[seen(0)], true);
    check(&[], &[seen(0)], &[], true);
    check(&[seen(1)], &[seen(0)], &[seen(0)], true);
    // Where only one tile shows it, another cannot have missed it.
    let edge = Detection { bbox: BBox::new(20.0, 100.0, 120.0, 300.0), ..seen(0) };
    check(&[], &[edge], &[], false);
    // The whole photo alone: a second pass that was never made does not object.
    assert_eq!(disputed(photo, &[seen(0)], &[seen(0)], &[]), [false]);
}
