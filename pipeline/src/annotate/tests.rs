//! What holds of an annotated image whatever was recognised.

use vision::{Decision, Detection, Reason, Sku, SkuCount};

use super::*;

const PHOTO: [u8; 3] = [120, 130, 140];

fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, image::Rgb(PHOTO))
}

fn item(bbox: BBox, status: SkuStatus, sku: Option<u32>) -> RecognizedItem {
    RecognizedItem {
        detection: Detection { bbox, class: ClassId(0), confidence: 0.87 },
        decision: Decision {
            status,
            reason: Reason::Accepted,
            sku: sku.map(SkuId),
            similarity: 0.9,
            margin: 0.2,
            probability: None,
            candidates: Vec::new(),
        },
        embedding: None,
        disagreement: false,
    }
}

fn known(bbox: BBox, sku: u32) -> RecognizedItem {
    item(bbox, SkuStatus::Known, Some(sku))
}

/// Counts as the recogniser would, under names that `name` gives.
fn recognition(items: Vec<RecognizedItem>, name: impl Fn(u32) -> String) -> Recognition {
    let mut per_sku: BTreeMap<SkuId, u32> = BTreeMap::new();
    for sku in items.iter().filter_map(|item| item.decision.sku) {
        *per_sku.entry(sku).or_default() += 1;
    }
    let counts = per_sku.into_iter().map(|(id, count)| {
        let sku = Sku { id, code: format!("sku_{id}"), name: name(id.0) };
        SkuCount { sku, count }
    });
    let unknown_count = items.iter().filter(|item| item.decision.sku.is_none()).count() as u32;
    Recognition {
        width: 0,
        height: 0,
        counts: counts.collect(),
        items,
        unknown_count,
        trace: vision::DetectionTrace::default(),
        warnings: Vec::new(),
    }
}

fn classes() -> Vec<String> {
    vec!["bottle".to_owned()]
}

fn draw(image: &RgbImage, recognition: &Recognition) -> RgbImage {
    annotate(image, recognition, &classes(), &AnnotateOptions::default())
}

/// Colours on the left edge of a box, below its label.
fn edge_colors(image: &RgbImage, bbox: &BBox) -> Vec<[u8; 3]> {
    let y = (bbox.y2 - 12.0) as u32;
    (0..6).map(|dx| image.get_pixel(bbox.x1 as u32 + dx, y).0).collect()
}

#[test]
fn as_wide_as_the_photo_and_the_legend_below_it() {
    let found = recognition(vec![known(BBox::new(10.0, 10.0, 110.0, 210.0), 1)], |_| "Absolut".to_owned());
    for (width, height) in [(640, 480), (480, 640), (1920, 1080), (161, 4000)] {
        let drawn = draw(&photo(width, height), &found);
        assert_eq!(drawn.width(), width);
        assert!(drawn.height() > height, "{width} x {height} has a legend");
        // The legend has a light ground of its own.
        assert!(drawn.get_pixel(width - 2, drawn.height() - 2).0.iter().all(|&v| v > 230));
    }
    let plain = AnnotateOptions { legend: false, labels: false, ..AnnotateOptions::default() };
    let drawn = annotate(&photo(640, 480), &found, &classes(), &plain);
    assert_eq!(drawn.dimensions(), (640, 480));
    assert!(drawn != photo(640, 480), "the box is drawn all the same");
}

#[test]
fn nothing_found_leaves_the_photo_as_it_is() {
    let image = photo(300, 200);
    let drawn = draw(&image, &recognition(Vec::new(), |_| String::new()));
    let above = image::imageops::crop_imm(&drawn, 0, 0, 300, 200).to_image();
    // Not `assert_eq`, which would print every pixel.
    assert!(above == image);
}

#[test]
fn labels_and_lines_stay_within_their_boxes() {
    let bbox = BBox::new(100.0, 60.0, 150.0, 200.0);
    let found = recognition(vec![known(bbox, 3)], |_| "A very long name of a bottle, dry, 0.75 l".to_owned());
    let image = photo(400, 300);
    let drawn = draw(&image, &found);
    for (x, y, pixel) in image.enumerate_pixels() {
        let inside = (100..150).contains(&x) && (60..200).contains(&y);
        assert!(inside || drawn.get_pixel(x, y) == pixel, "{x}, {y} lies outside the box");
    }
}

#[test]
fn labels_share_what_their_boxes_have_in_common() {
    let rect = |left, top, right, bottom| Rect { left, top, right, bottom };
    let places = |all: &[Rect]| all.iter().map(|&one| label::place(one, all)).collect::<Vec<_>>();
    // A row of facings that overlap by eight pixels.
    let row = [rect(50, 50, 118, 250), rect(110, 52, 178, 250), rect(170, 50, 238, 250)];
    assert_eq!(places(&row), [rect(50, 50, 114, 250), rect(114, 52, 174, 250), rect(174, 50, 238, 250)]);
    // The row below reaches into this one from below: labels lie at the top, so nothing is shared.
    let rows = [rect(50, 50, 118, 250), rect(110, 240, 178, 440)];
    assert_eq!(places(&rows), rows);
    // A box within another is no neighbour.
    let within = [rect(0, 0, 100, 100), rect(20, 20, 60, 60)];
    assert_eq!(places(&within), within);
    // A box with neighbours on both sides that leave it next to nothing keeps all it has.
    let crowd = [rect(0, 0, 60, 100), rect(10, 0, 70, 100), rect(20, 0, 80, 100)];
    assert_eq!(places(&crowd)[1], crowd[1]);
}

#[test]
fn a_sku_has_one_color_and_another_has_another() {
    let (a, b) = (BBox::new(20.0, 20.0, 90.0, 220.0), BBox::new(200.0, 20.0, 270.0, 220.0));
    let image = photo(400, 300);
    let same = draw(&image, &recognition(vec![known(a, 2), known(b, 2)], |_| "A".to_owned()));
    assert_eq!(edge_colors(&same, &a), edge_colors(&same, &b));
    let other = draw(&image, &recognition(vec![known(a, 2), known(b, 3)], |_| "A".to_owned()));
    assert_eq!(edge_colors(&same, &a), edge_colors(&other, &a), "its colour does not depend on its neighbours");
    assert_ne!(edge_colors(&other, &a), edge_colors(&other, &b));
    assert!(other == draw(&image, &recognition(vec![known(a, 2), known(b, 3)], |_| "A".to_owned())));
}

#[test]
fn unknown_and_ambiguous_show() {
    let bbox = BBox::new(20.0, 20.0, 120.0, 220.0);
    let image = photo(400, 300);
    let one = |status, sku| draw(&image, &recognition(vec![item(bbox, status, sku)], |_| "A".to_owned()));
    let images = [
        one(SkuStatus::Known, Some(1)),
        one(SkuStatus::Ambiguous, Some(1)),
        one(SkuStatus::Unknown, None),
        // The SKU was removed meanwhile: shown as unknown even though the decision names it.
        one(SkuStatus::Unknown, Some(1)),
    ];
    for (at, image) in images.iter().enumerate() {
        assert!(images[at + 1..].iter().all(|other| other != image), "image {at} is like another");
    }
}

#[test]
fn boxes_that_make_no_sense_are_left_out() {
    let nan = f32::NAN;
    let boxes = [
        BBox::new(-500.0, -500.0, -10.0, -10.0),
        BBox::new(1e9, 1e9, 2e9, 2e9),
        BBox::new(50.0, 50.0, 50.0, 90.0),
        BBox::new(90.0, 90.0, 50.0, 50.0),
        BBox::new(nan, 0.0, 10.0, 10.0),
        BBox::new(nan, nan, nan, nan),
        BBox::new(f32::INFINITY, 0.0, f32::NEG_INFINITY, 10.0),
    ];
    let image = photo(300, 200);
    let found = recognition(boxes.iter().map(|&b| known(b, 1)).collect(), |_| "A".to_owned());
    let drawn = draw(&image, &found);
    assert!(image::imageops::crop_imm(&drawn, 0, 0, 300, 200).to_image() == image);
}

#[test]
fn any_box_in_any_image_under_any_name_is_survived() {
    let names: [&str; 8] =
        ["", " ", "A", "可口可樂", "line\nbreak\ttab\u{0}", "…", "👩‍👩‍👧 Ⱥ\u{301}\u{301}", "no-break\u{a0}space"];
    let long = "Wasserflaschenverschlusskappe ".repeat(2_000);
    let sizes = [(1, 1), (2, 3), (7, 400), (400, 7), (40, 40), (160, 90), (640, 480)];
    let edges = [-1e30, -7.5, 0.0, 0.2, 1.0, 3.9, 20.0, 41.0, 160.5, 700.0, f32::INFINITY];
    for (width, height) in sizes {
        let mut items = Vec::new();
        for (at, &x1) in edges.iter().enumerate() {
            for &x2 in &edges[at..] {
                for (y1, y2) in [(0.0, 3.0), (-1e30, 1e30), (2.0, 60.0), (5.0, 480.0)] {
                    let status = [SkuStatus::Known, SkuStatus::Ambiguous, SkuStatus::Unknown][items.len() % 3];
                    let sku = (status != SkuStatus::Unknown).then_some(items.len() as u32 % 9);
                    let mut one = item(BBox::new(x1, y1, x2, y2), status, sku);
                    one.detection.confidence = [0.5, f32::NAN, f32::INFINITY, -3.0][items.len() % 4];
                    one.detection.class = ClassId([0, 9, u16::MAX][items.len() % 3]);
                    items.push(one);
                }
            }
        }
        let found = recognition(items, |sku| names.get(sku as usize).map_or_else(|| long.clone(), |&n| n.to_owned()));
        for scale in [1.0, 0.0, f32::NAN, 1e30, 4.0] {
            let options = AnnotateOptions { scale, ..AnnotateOptions::default() };
            let drawn = annotate(&photo(width, height), &found, &classes(), &options);
            assert_eq!(drawn.width(), width);
            assert!(drawn.height() >= height);
        }
    }
}

#[test]
fn a_thousand_skus_do_not_make_an_endless_legend() {
    let boxes = (0..1_000_u32).map(|i| {
        let (x, y) = ((i % 40) as f32 * 25.0, (i / 40) as f32 * 28.0);
        known(BBox::new(x, y, x + 24.0, y + 27.0), i)
    });
    let found = recognition(boxes.collect(), |sku| format!("Product number {sku}"));
    let drawn = draw(&photo(1000, 700), &found);
    assert!(drawn.height() <= 700 * 2, "{}", drawn.height());
}

#[test]
fn a_name_the_font_lacks_gives_way_to_the_code() {
    let found = recognition(vec![known(BBox::new(0.0, 0.0, 9.0, 9.0), 4)], |_| "可口可樂".to_owned());
    assert_eq!(shown_skus(&found, Fonts::get())[&SkuId(4)].name, "sku_4");
}
