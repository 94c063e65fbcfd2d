//! Tiling with an oracle for a network: every object counts once, wherever the seams fall.

use detector::AutoTiling;
use detector::tiling::{Canvas, Known, OVERLAP, PassDetections, Sizes, TilePass, disagreement, merge};
use proptest::prelude::*;
use vision::preprocess::Region;
use vision::{
    BBox, ClassId, DetectOptions, Detection, Detector, Doubt, FacingHeight, NmsOptions, ScalePass, Tiling, tile_grid,
};

use crate::oracle::{self, MIN_SIDE, SIDE, draw};

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
        let side = |fraction: f32| (20.0 + fraction * 80.0).round();
        let (w, h) = (side(w), side(h));
        let start = |low: f32, fraction: f32, length: f32| (low + 4.0 + fraction * (cell - 8.0 - length)).floor();
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
            if seen >= MIN_SIDE as f32 + 4.0 {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever the photo's shape, and whether the network takes any size or its own only.
    #[test]
    fn auto_counts_every_object_once(
        cells in proptest::collection::vec(proptest::option::of((0.0_f32..1.0, 0.0_f32..1.0, 0.0_f32..1.0, 0.0_f32..1.0)), 40),
        columns in 1_usize..=40,
        any_size in any::<bool>(),
    ) {
        let boxes = shelf(&cells, columns);
        let size = (columns as u32 * 120, 40_u32.div_ceil(columns as u32) * 120);
        let detector = oracle::detector(if any_size { None } else { Some(1) }, any_size, AutoTiling::default());
        let auto = DetectOptions { max_tiles: 64, ..options(Tiling::Auto) };
        let seen = detector.detect_detailed(&[draw(size.0, size.1, &boxes)], &auto).unwrap().remove(0);
        let closest = seen.trace.passes.iter().map(|pass| pass.scale).fold(0.0, f32::max);
        for truth in &boxes {
            let views = seen.detections.iter().filter(|d| d.bbox.intersection(truth) > 0.3 * truth.area().min(d.bbox.area()));
            let views: Vec<_> = views.collect();
            prop_assert!(views.len() <= 1, "{truth} is counted {} times: {views:?}", views.len());
            if truth.width().min(truth.height()) * closest >= MIN_SIDE as f32 + 4.0 {
                prop_assert!(views.len() == 1, "{truth} is lost: {:?}", seen.trace);
                prop_assert!(views[0].bbox.iou(truth) > 0.7, "{truth} was found as {}", views[0].bbox);
            }
        }
        for detection in &seen.detections {
            prop_assert!(boxes.iter().any(|b| b.iou(&detection.bbox) > 0.5), "nothing is at {}", detection.bbox);
        }
        prop_assert_eq!(seen.disagreement.len(), seen.detections.len());
        prop_assert!(seen.trace.pixels() <= 64 * (SIDE * SIDE) as u64);
    }
}

#[test]
fn auto_looks_again_where_facings_are_small() {
    let row = |count: usize, side: f32| -> Vec<BBox> {
        let place = |i: usize| (20.0 + 110.0 * (i % 8) as f32, 20.0 + 110.0 * (i / 8) as f32);
        (0..count).map(place).map(|(x, y)| BBox::new(x, y, x + side, y + side)).collect()
    };
    let pass = |any_size: bool, boxes: &[BBox], max_tiles: u32| {
        let detector = oracle::detector(if any_size { None } else { Some(1) }, any_size, AutoTiling::default());
        let auto = DetectOptions { max_tiles, ..options(Tiling::Auto) };
        detector.detect_detailed(&[draw(PHOTO.0, PHOTO.1, boxes)], &auto).unwrap().remove(0)
    };
    for any_size in [true, false] {
        // A pixel of the photo is a third of one of the input.
        let large = pass(any_size, &row(40, 90.0), 16);
        assert_eq!((large.detections.len(), large.trace.passes.len()), (40, 1));
        let small = pass(any_size, &row(40, 45.0), 16);
        assert_eq!(small.detections.len(), 40);
        let passes = &small.trace.passes;
        assert!(passes.len() == 2 && passes[1].scale > 1.0, "{passes:?}");
        assert!(small.trace.facing_height.is_some_and(|height| height > 45.0) && small.trace.doubts.is_empty());
        // A network that takes any size needs fewer tiles.
        assert_eq!(passes[1].columns * passes[1].rows > 2, !any_size, "{passes:?}");
        // Where the budget allows no closer pass, the answer says so.
        let poor = pass(any_size, &row(40, 45.0), 1);
        assert_eq!((poor.detections.len(), poor.trace.passes.len()), (40, 1));
        let doubts = &poor.trace.doubts;
        assert!(matches!(doubts[..], [Doubt::SmallFacings { .. }]), "{doubts:?}");
        assert!(doubts[0].to_string().contains("detector.max_tiles"));
    }
}

#[test]
fn the_rule_goes_by_number_and_size() {
    let rule = AutoTiling { heights: FacingHeight { min: 24.0, best: 64.0, max: 320.0 }, ..AutoTiling::default() };
    let canvas = Canvas { input: (640, 640), stride: 32, max_pixels: None };
    let sizes = |height: f32| {
        let bbox = BBox::new(0.0, 0.0, height / 2.0, height);
        Sizes::of(&[Detection { bbox, class: ClassId(0), confidence: 0.5 }; 9], 0.3)
    };
    let check = |what: &str, photo: (u32, u32), sizes: Option<Sizes>, expected: Option<(u32, u32)>| {
        let first = rule.first(photo, &canvas, 64 * canvas.unit());
        let passes = [first.pass];
        let known = Known { photo, passes: &passes, sizes, hints: false, budget: 64 * canvas.unit() };
        let grid = rule.next(&canvas, &known).map(|next| (next.pass.columns, next.pass.rows));
        assert_eq!(grid, expected, "{what}");
    };
    let (small, vast) = ((640, 480), (4000, 3000));
    check("nothing", small, None, None);
    check("small", small, sizes(20.0), Some((3, 2)));
    check("fine", small, sizes(30.0), None);
    check("large, but the whole photo was seen", small, sizes(400.0), None);
    check("not even a pixel", small, sizes(0.0), None);
    check("not a number", small, sizes(f32::NAN), None);
    check("nothing in many pixels", vast, None, Some((3, 2)));
    check("small in many pixels", vast, sizes(100.0), Some((5, 4)));
    check("fine in many pixels", vast, sizes(300.0), None);
    check("small in a panorama", (6000, 1000), sizes(20.0), Some((18, 3)));
    // Three looks are the end.
    let pass = ScalePass { scale: 0.1, columns: 1, rows: 1, input: (640, 640) };
    let passes = [pass; 3];
    let known = Known { photo: vast, passes: &passes, sizes: sizes(20.0), hints: true, budget: u64::MAX };
    assert_eq!(rule.next(&canvas, &known), None);
}

#[test]
fn vast_photos_are_looked_at_more_closely_step_by_step() {
    // 20 pixels of the photo are 3 of the input, 6 of the second pass; 42 are 7 and 14.
    let photo = (1920, 1280);
    let row = |count: usize, side: f32| -> Vec<BBox> {
        let place = |i: usize| (20.0 + 110.0 * (i % 17) as f32, 20.0 + 110.0 * (i / 17) as f32);
        (0..count).map(place).map(|(x, y)| BBox::new(x, y, x + side, y + side)).collect()
    };
    let detector = oracle::detector(Some(1), false, AutoTiling::default());
    let pass = |boxes: &[BBox]| {
        let options = DetectOptions { max_tiles: 128, ..options(Tiling::Auto) };
        detector.detect_detailed(&[draw(photo.0, photo.1, boxes)], &options).unwrap().remove(0)
    };
    let mut boxes = row(30, 42.0);
    let seen = pass(&boxes);
    assert_eq!((seen.detections.len(), seen.trace.passes.len()), (30, 3), "{:?}", seen.trace);
    boxes.extend(row(55, 26.0).split_off(34));
    assert_eq!(pass(&boxes).detections.len(), 51, "what the second pass shows is worth a third");
    let nothing = pass(&[]);
    assert_eq!(nothing.trace.passes.len(), 2, "one step into the dark");
    assert_eq!(nothing.trace.doubts, [Doubt::NothingSeen { width: 1920, height: 1280 }]);
}

#[test]
fn photos_of_any_shape_cost_no_more_than_allowed() {
    for any_size in [true, false] {
        let detector = oracle::detector(if any_size { None } else { Some(1) }, any_size, AutoTiling::default());
        for (width, height) in [(1, 1), (1, 3000), (3000, 2), (100, 100), (4000, 30), (640, 479), (2500, 2500)] {
            for max_tiles in [1, 4, 16] {
                let auto = DetectOptions { max_tiles, ..options(Tiling::Auto) };
                let seen = detector.detect_detailed(&[draw(width, height, &[])], &auto).unwrap().remove(0);
                let pixels = seen.trace.pixels();
                assert!(seen.detections.is_empty() && !seen.trace.passes.is_empty());
                assert!(pixels <= u64::from(max_tiles) * (SIDE * SIDE) as u64, "{width}x{height}: {:?}", seen.trace);
                if width.max(height) < 200 || width.max(height) > 2 * width.min(height) {
                    assert!(!seen.trace.doubts.is_empty(), "{width}x{height}");
                }
            }
        }
    }
}

/// Any canvas, photo and scale: tiles cover the photo, share what was asked for, and show it at the scale.
fn layouts() -> impl Strategy<Value = (Canvas, (u32, u32), f32, (u32, u32))> {
    let canvas = (1_u32..=4, 1_u32..=4, proptest::option::of(150_000_u64..2_000_000));
    let canvas = canvas.prop_map(|(w, h, max_pixels)| Canvas { input: (w * 160, h * 160), stride: 32, max_pixels });
    (canvas, (1_u32..3000, 1_u32..3000), 0.05_f32..2.0, (0_u32..120, 0_u32..120))
}

proptest! {
    #[test]
    fn layouts_keep_what_they_promise((canvas, photo, scale, overlap) in layouts()) {
        let budget = 64 * canvas.unit();
        let Some(layout) = canvas.at_scale(photo, scale, overlap, budget) else { return Ok(()) };
        let pass = layout.pass;
        prop_assert!(pass.pixels() <= budget);
        prop_assert_eq!(layout.regions.len() as u32, pass.columns * pass.rows);
        prop_assert!(pass.scale >= 0.99 * scale || pass.scale >= 0.99 * canvas.scale_of_whole(photo), "{:?} for {}", pass, scale);
        let (mut right, mut bottom) = (0, 0);
        for (i, tile) in layout.regions.iter().enumerate() {
            prop_assert!(tile.width > 0 && tile.height > 0);
            prop_assert!(tile.x + tile.width <= photo.0 && tile.y + tile.height <= photo.1);
            let (column, row) = (i as u32 % pass.columns, i as u32 / pass.columns);
            let shared = |before: u32, start: u32, length: u32, wanted: u32| before >= start + wanted.min(length / 2 - length.min(2) / 2);
            if column > 0 {
                prop_assert!(shared(right, tile.x, tile.width, overlap.0), "{:?}", layout);
            } else {
                prop_assert_eq!(tile.x, 0);
            }
            if column == 0 && row > 0 {
                prop_assert!(shared(bottom, tile.y, tile.height, overlap.1), "{:?}", layout);
            } else if row == 0 {
                prop_assert_eq!(tile.y, 0);
            }
            (right, bottom) = (tile.x + tile.width, if column + 1 == pass.columns { tile.y + tile.height } else { bottom });
        }
        prop_assert_eq!((right, bottom), photo);
    }

    /// Neither the order of boxes, tiles and looks decides, nor does merging once more.
    #[test]
    fn merging_knows_no_order_and_no_second_time(
        boxes in proptest::collection::vec((0.0_f32..900.0, 0.0_f32..400.0, 5.0_f32..300.0, 5.0_f32..300.0, 1_u32..100, 0_u16..2), 0..60),
        class_agnostic in any::<bool>(),
        rotation in 0_usize..60,
    ) {
        let photo = (1000, 500);
        let regions = tile_grid(1000, 500, 2, 1, OVERLAP);
        let whole = Region { x: 0, y: 0, width: 1000, height: 500 };
        let mut tiles = [whole, regions[0], regions[1]].map(|region| TilePass { region, detections: Vec::new() });
        for (i, &(x, y, w, h, confidence, class)) in boxes.iter().enumerate() {
            let tile = &mut tiles[i % 3];
            let (left, right) = (tile.region.x as f32, (tile.region.x + tile.region.width) as f32);
            let bbox = BBox::new(x.max(left), y, (x + w).min(right), (y + h).min(500.0));
            if bbox.is_valid() {
                let confidence = confidence as f32 / 100.0;
                tile.detections.push(Detection { bbox, class: ClassId(class), confidence });
            }
        }
        let options = NmsOptions { class_agnostic, ..NMS };
        let [whole, left, right] = tiles;
        let passes = [PassDetections { scale: 0.3, tiles: vec![whole.clone()] }, PassDetections { scale: 0.6, tiles: vec![left, right] }];
        let merged = merge(photo, &passes, &FacingHeight::default(), &options);
        let [mut first, mut second] = passes;
        second.tiles.reverse();
        for tile in first.tiles.iter_mut().chain(&mut second.tiles) {
            let count = tile.detections.len().max(1);
            tile.detections.rotate_left(rotation % count);
        }
        let again = merge(photo, &[second, first], &FacingHeight::default(), &options);
        let sorted = |mut list: Vec<Detection>| {
            list.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.bbox.x1.total_cmp(&b.bbox.x1)).then(a.bbox.y1.total_cmp(&b.bbox.y1)).then(a.bbox.x2.total_cmp(&b.bbox.x2)));
            list
        };
        prop_assert_eq!(sorted(again), sorted(merged.clone()));
        let one = PassDetections { scale: 0.3, tiles: vec![TilePass { detections: merged.clone(), ..whole }] };
        prop_assert_eq!(sorted(merge(photo, &[one], &FacingHeight::default(), &options)), sorted(merged));
    }
}

/// A look at the whole photo and one in tiles, at one scale, so that both are trusted alike.
fn passes(photo: (u32, u32), whole: &[Detection], tiles: &[TilePass]) -> [PassDetections; 2] {
    let region = Region { x: 0, y: 0, width: photo.0, height: photo.1 };
    let whole = vec![TilePass { region, detections: whole.to_vec() }];
    [PassDetections { scale: 1.0, tiles: whole }, PassDetections { scale: 1.0, tiles: tiles.to_vec() }]
}

fn merged(photo: (u32, u32), whole: &[Detection], tiles: &[TilePass], options: &NmsOptions) -> Vec<Detection> {
    merge(photo, &passes(photo, whole, tiles), &FacingHeight::default(), options)
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
        let merged = merged((1000, 500), whole, &side_by_side(left, right), &NMS);
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
        &[found(0.0, 0.0, 60.0, 300.0, 0.5)],
        &[edge],
        &[],
        &[edge, found(0.0, 0.0, 60.0, 300.0, 0.5)],
    );
    let (bottle, label) = (found(100.0, 100.0, 160.0, 280.0, 0.9), found(105.0, 180.0, 155.0, 240.0, 0.5));
    check("a label is no bottle before a bottle", &[bottle], &[label], &[], &[bottle]);
    check("within one tile a can may stand before a bottle", &[], &[bottle, label], &[], &[bottle, label]);
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
    assert_eq!(merged((1000, 1000), &[], &tiles, &NMS), [found(200.0, 210.0, 800.0, 790.0, 0.5)]);
}

/// On a seam the one tile sees the whole object, cut by its border, and the other a part that ends a hair earlier.
#[test]
fn an_object_that_ends_on_a_seam_is_whole() {
    let detector = oracle::detector(Some(1), false, AutoTiling::default());
    // Tiles of 2 rows are 356 high: rows 0..356 and 284..640; of 4 columns 282 wide, from 0, 226, 452 and 678.
    let grid = options(Tiling::Grid { columns: 4, rows: 2 });
    for bbox in [(244.0, 258.0, 265.0, 354.0), (244.0, 286.0, 265.0, 382.0), (230.0, 100.0, 279.0, 121.0)] {
        let truth = BBox::new(bbox.0, bbox.1, bbox.2, bbox.3);
        for shift in -4..=4 {
            let truth = truth.translate(shift as f32, shift as f32);
            let found = detector.detect(&[draw(PHOTO.0, PHOTO.1, &[truth])], &grid).unwrap().remove(0);
            assert!(found.len() == 1 && found[0].bbox.iou(&truth) > 0.85, "{truth} was found as {found:?}");
        }
    }
}

#[test]
fn classes_are_kept_apart_when_asked() {
    let other = Detection { class: ClassId(1), ..found(500.0, 100.0, 600.0, 300.0, 0.6) };
    let part = found(500.0, 100.0, 556.0, 300.0, 0.9);
    let count = |class_agnostic| {
        merged((1000, 500), &[other], &side_by_side(&[part], &[]), &NmsOptions { class_agnostic, ..NMS }).len()
    };
    assert_eq!((count(true), count(false)), (1, 2));
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
    let merged = merged((8000, 8000), &[], &tiles, &NMS);
    assert!(merged.len() <= 300 && start.elapsed().as_secs() < 20, "{} boxes in {:?}", merged.len(), start.elapsed());
}

#[test]
fn what_passes_do_not_agree_on_is_marked() {
    // Two tiles side by side that share 200 pixels, and the facing within.
    let photo = (1000, 400);
    let regions = [(0, 600), (400, 600)].map(|(x, width)| Region { x, y: 0, width, height: 400 });
    let bbox = BBox::new(450.0, 100.0, 550.0, 300.0);
    let seen = |class| Detection { bbox, class: ClassId(class), confidence: 0.9 };
    let options = NmsOptions { iou: 0.7, class_agnostic: true, max_detections: 300 };
    let check = |whole: &[Detection], left: &[Detection], right: &[Detection], expected: bool| {
        let tiles = [left, right].into_iter().zip(regions);
        let tiles: Vec<_> = tiles.map(|(found, region)| TilePass { region, detections: found.to_vec() }).collect();
        let merged = merged(photo, whole, &tiles, &options);
        let found = disagreement(photo, &merged, &passes(photo, whole, &tiles));
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
    assert_eq!(disagreement(photo, &[seen(0)], &passes(photo, &[seen(0)], &[])[..1]), [false]);
}
