//! `dataset::check` on folders with known faults, and on real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use dataset::check::{CheckOptions, CheckReport, FixReport, NearRule, Severity, check, fix_labels};
use dataset::split::{FreezeOptions, Grouping, freeze};
use dataset::{ClassNames, DataFolder, FrozenSplit, LayoutChoice, Verdict};

use crate::shared::{data, test_image, write};

fn scan(root: &Path) -> DataFolder {
    DataFolder::scan(root, LayoutChoice::Auto).unwrap()
}

fn names(names: &[&str]) -> Option<ClassNames> {
    Some(ClassNames::new(names.iter().map(|n| (*n).to_owned()).collect()).unwrap())
}

/// Findings as `code file:line`.
fn told(report: &CheckReport) -> Vec<String> {
    let place = |f: &dataset::check::Finding| match f.line {
        Some(line) => format!("{} {}:{line}", f.code(), f.file),
        None => format!("{} {}", f.code(), f.file),
    };
    report.findings.iter().map(place).collect()
}

#[test]
fn every_fault_of_a_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let original = test_image(64, 48, 3);
    let jpeg = {
        let image = image::load_from_memory_with_format(&original, image::ImageFormat::Png).unwrap().to_rgb8();
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 60).encode_image(&image).unwrap();
        bytes
    };
    let blank = {
        let mut bytes = Vec::new();
        let image = image::RgbImage::from_pixel(30, 30, image::Rgb([9, 9, 9]));
        image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        bytes
    };
    write(
        root,
        &[
            ("images/train/a.png", &original),
            ("labels/train/a.txt", b"0 .5 .5 .5 .5 # fine\n0 .5 .5 .5\n7 .5 .5 .2 .2\n0 .5 .5 .5 .5\n0 .5 .5 0 .5\n"),
            ("images/val/copy.png", &original),
            ("labels/val/copy.txt", b"0 .5 .5 .5 .5\n"),
            ("images/test/again.jpg", &jpeg),
            ("labels/test/again.txt", b""),
            ("images/train/b.png", &test_image(64, 48, 4)),
            ("images/train/c.png", &test_image(64, 48, 5)[..200]),
            ("labels/train/c.txt", b"1 .01 .5 .2 .2\n"),
            ("images/train/d.png", &blank),
            ("labels/train/d.txt", b"1 .5 .5 .2 .2\n"),
            ("images/train/e.bmp", b"BM"),
            ("labels/train/lost.txt", b"0 .5 .5 .5 .5\n"),
            ("labels/train/garbled.txt", b"\xff\xff"),
            ("images/train/garbled.png", &test_image(64, 48, 6)),
        ],
    );
    let options = CheckOptions { classes: names(&["bottle", "can", "glass"]), ..Default::default() };
    let report = check(&scan(root), &options, &()).unwrap();
    assert_eq!(
        told(&report),
        [
            "bad-line labels/train/a.txt:2",
            "copy-across-parts images/val/copy.png",
            "label-without-picture labels/train/lost.txt",
            "same-photo-across-parts images/test/again.jpg",
            "unknown-class labels/train/a.txt:3",
            "unreadable-label labels/train/garbled.txt",
            "unreadable-picture images/train/c.png",
            "zero-box labels/train/a.txt:5",
            "blank-picture images/train/d.png",
            "box-pokes-out labels/train/c.txt:1",
            "class-missing ",
            "missing-in-part ",
            "missing-in-part ",
            "missing-in-part ",
            "picture-without-label images/train/b.png",
            "repeated-line labels/train/a.txt:4",
            "unsupported-picture images/train/e.bmp",
            "empty-label labels/test/again.txt",
        ]
    );
    assert_eq!(report.verdict(false), Verdict::Failed);
    assert_eq!(report.summary.images, 7);
    let text = report.to_string();
    assert!(text.contains("error labels/train/a.txt:2: 4 columns where 5 are expected"), "{text}");
    assert!(text.ends_with("8 errors, 9 warnings, 1 note"), "{text}");

    let json = root.join("report.json");
    report.write(&json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(
        (&json["format"], &json["errors"], &json["data"]),
        (&"shelf-check".into(), &8.into(), &report.data.unwrap().to_string().into())
    );
    assert_eq!(json["findings"][0]["file"], "labels/train/a.txt");
    assert_eq!(json["findings"][0]["line"], 2);
    assert_eq!(json["findings"].as_array().unwrap().len(), report.findings.len());
}

#[test]
fn a_sound_folder_is_clean_and_carries_the_digest_of_its_split() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    for seed in 0..30 {
        write(
            &root,
            &[
                (&format!("images/{seed}.png"), &test_image(64, 48, seed * 11 + 1)),
                (&format!("labels/{seed}.txt"), b"0 .5 .5 .2 .2\n1 .2 .2 .1 .1\n"),
            ],
        );
    }
    write(&root, &[("classes.txt", b"bottle\ncan\n")]);
    let split = freeze(&scan(&root), &FreezeOptions { stratify: true, ..Default::default() }, &()).unwrap();
    let path = folder.path().join("split.json");
    split.write(&path).unwrap();
    let classes = ClassNames::find(&root).unwrap().map(|(_, names)| names);
    let options =
        CheckOptions { classes, split: Some(FrozenSplit::read(&path).unwrap()), near: None, ..Default::default() };
    let report = check(&scan(&root), &options, &()).unwrap();
    assert_eq!(told(&report), Vec::<String>::new());
    assert_eq!(report.verdict(true), Verdict::Passed);
    assert_eq!(report.data, Some(split.data()));
    assert_eq!(report.summary.classes["bottle"].count, 30);

    write(&root, &[("images/new.png", &test_image(64, 48, 999)), ("labels/new.txt", b"0 .5 .5 .2 .2\n")]);
    fs::remove_file(root.join("images/3.png")).unwrap();
    let report = check(&scan(&root), &options, &()).unwrap();
    assert_eq!(told(&report), ["label-without-picture labels/3.txt", "split images/3.png", "split images/new.png"]);
}

#[test]
fn sku_folders() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for seed in 0..12 {
        write(root, &[(&format!("train/cola/{seed}.png"), &test_image(40, 40, seed * 13 + 1))]);
    }
    write(root, &[("train/water/1.png", &test_image(40, 40, 1)), ("val/water/2.png", &test_image(40, 40, 777))]);
    let report = check(&scan(root), &CheckOptions { near: None, ..Default::default() }, &()).unwrap();
    assert_eq!(told(&report), ["copy-of-other-sku train/water/1.png", "few-pictures ", "missing-in-part "]);
    let text = report.to_string();
    assert!(text.contains("\"water\" has 2 images, fewer than 10"), "{text}");
    assert!(text.contains("\"cola\" has 12 images but none in val"), "{text}");
    let report = check(&scan(root), &CheckOptions { min_images_per_sku: 2, ..Default::default() }, &()).unwrap();
    assert!(!report.to_string().contains("fewer than"));
}

#[test]
fn fixing_writes_elsewhere_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    let faulty = "0 .05 .5 .2 .2\n0 .5 .5 0 .1\n1 .5 .5 .1 .1 # keep\n1 .5 .5 .1 .1\nrubbish\n";
    write(
        &root,
        &[
            ("images/a.png", &test_image(64, 48, 1)),
            ("labels/a.txt", faulty.as_bytes()),
            ("images/b.png", &test_image(64, 48, 2)),
            ("labels/b.txt", b"0 .5 .5 .1 .1\r\n"),
            ("classes.txt", b"bottle\ncan\n"),
        ],
    );
    let out = folder.path().join("fixed");
    let report = fix_labels(&scan(&root), &out).unwrap();
    let expected = FixReport { files: 2, changed: 1, clipped: 1, repeated: 1, without_area: 1 };
    assert_eq!(report, expected);
    let mended = "0 0.075 0.5 0.15 0.2\n1 .5 .5 .1 .1 # keep\nrubbish\n";
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    assert_eq!(read(&out.join("labels/a.txt")), mended);
    assert_eq!(read(&out.join("labels/b.txt")), "0 .5 .5 .1 .1\r\n");
    assert_eq!(read(&out.join("classes.txt")), "bottle\ncan\n");
    assert_eq!(read(&root.join("labels/a.txt")), faulty, "the original is untouched");
    assert!(fix_labels(&scan(&root), &out).unwrap_err().to_string().contains("exists and is not an empty folder"));

    assert_eq!(fix_labels(&scan(&root), &root).unwrap(), FixReport { files: 1, ..expected });
    assert_eq!(read(&root.join("labels/a.txt")), mended);
}

#[test]
fn a_million_equal_images_would_end() {
    // 3,000 files of one image: pairs grow with the number of files, not its square.
    let folder = tempfile::tempdir().unwrap();
    let bytes = test_image(16, 16, 5);
    for number in 0..3000 {
        write(folder.path(), &[(&format!("sku/{number}.png"), &bytes)]);
    }
    let report = check(&scan(folder.path()), &CheckOptions::default(), &()).unwrap();
    assert_eq!(report.findings.iter().filter(|f| f.code() == "copy").count(), 2999);
    assert!(report.to_string().contains("2979 more [copy]"));
}

#[test]
fn real_sets_are_mostly_sound() {
    let codes = |folder: &str, classes: &[&str]| -> Option<BTreeMap<&'static str, usize>> {
        let options = CheckOptions { classes: names(classes), ..Default::default() };
        let report = check(&scan(&data(folder)?), &options, &()).unwrap();
        let mut codes = BTreeMap::new();
        for finding in &report.findings {
            *codes.entry(finding.code()).or_default() += 1;
        }
        Some(codes)
    };
    let four = ["bottle", "can", "glass", "unknown_container"];
    let Some(beverage) = codes("beverage3-bottle-can/dev", &four) else { return };
    // Turntable frames of one can look alike; glasses and unknown containers are not in this set.
    assert_eq!(beverage.get("near-copy"), Some(&2), "{beverage:?}");
    assert_eq!(beverage.get("class-missing"), Some(&2));
    assert!(
        ["bad-line", "unreadable-picture", "unknown-class", "box-outside"].iter().all(|c| !beverage.contains_key(c))
    );
    // Frames of one film, seconds apart.
    let frames = codes("mductran-beverage-skus/dev/frames", &four).unwrap();
    assert!(frames["near-copy"] > 5, "{frames:?}");
    // 13 SKUs, all with enough images.
    let crops = codes("mductran-beverage-skus/dev/crops", &[]).unwrap();
    assert!(!crops.contains_key("few-pictures") && !crops.contains_key("unreadable-picture"), "{crops:?}");
    // The catalogue has one image a SKU.
    let grocery = codes("grocerystore-packages/dev", &[]).unwrap();
    assert!(!grocery.contains_key("unreadable-picture"), "{grocery:?}");
}

#[test]
fn turned_and_cropped_copies_are_found() {
    let Some(root) = data("beverage3-bottle-can/dev") else { return };
    let mut files: Vec<_> = fs::read_dir(root.join("images")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let folder = tempfile::tempdir().unwrap();
    let originals: Vec<_> = files.iter().step_by(13).take(20).collect();
    for (at, path) in originals.iter().enumerate() {
        let image = dataset::image_file::load(path).unwrap();
        let (w, h) = image.dimensions();
        let cropped =
            image::imageops::crop_imm(&image, w * 8 / 100, h * 8 / 100, w * 84 / 100, h * 84 / 100).to_image();
        let (sin, cos) = 10_f32.to_radians().sin_cos();
        let turned = image::RgbImage::from_fn(w, h, |x, y| {
            let (dx, dy) = (x as f32 - w as f32 / 2.0, y as f32 - h as f32 / 2.0);
            let (sx, sy) = (w as f32 / 2.0 + dx * cos - dy * sin, h as f32 / 2.0 + dx * sin + dy * cos);
            let inside = sx >= 0.0 && sy >= 0.0 && sx < w as f32 && sy < h as f32;
            if inside { *image.get_pixel(sx as u32, sy as u32) } else { image::Rgb([0; 3]) }
        });
        for (part, what, variant) in [("train", "a", &image), ("val", "b", &cropped), ("test", "c", &turned)] {
            let name = folder.path().join(format!("{part}/images/{at:02}{what}.png"));
            fs::create_dir_all(name.parent().unwrap()).unwrap();
            variant.save(name).unwrap();
        }
    }
    let found = |changed: bool| {
        let near = Some(NearRule { changed, ..NearRule::default() });
        let report = check(&scan(folder.path()), &CheckOptions { near, ..Default::default() }, &()).unwrap();
        let copies = |part: &str| {
            let near = report.findings.iter().filter(|f| f.code().ends_with("across-parts"));
            near.filter(|f| f.file.starts_with(part)).count()
        };
        (copies("val"), copies("test"))
    };
    let (cropped, turned) = found(true);
    assert!(cropped >= 15 && turned >= 13, "of 20: {cropped} cropped, {turned} turned");
    let (cropped, turned) = found(false);
    assert!(cropped < 8 && turned < 8, "of 20: {cropped} cropped, {turned} turned");
}

#[test]
fn loose_rules_find_more() {
    let Some(root) = data("mductran-beverage-skus/dev/frames") else { return };
    let count = |near| {
        let report = check(&scan(&root), &CheckOptions { near, ..Default::default() }, &()).unwrap();
        report.findings.iter().filter(|f| f.code() == "near-copy" && f.severity() == Severity::Note).count()
    };
    let strict = count(Some(NearRule { distance: 3, correlation: 0.99, changed: false }));
    let usual = count(Some(NearRule::default()));
    let loose = count(Some(NearRule { distance: 11, correlation: 0.9, changed: false }));
    assert!(strict < usual && usual < loose, "{strict} {usual} {loose}");
    assert_eq!(count(None), 0);
    let far =
        CheckOptions { near: Some(NearRule { distance: 12, correlation: 0.9, changed: false }), ..Default::default() };
    assert!(check(&scan(&root), &far, &()).unwrap_err().to_string().contains("use 0 to 11"));
}

#[test]
fn look_alikes_become_groups_that_a_split_keeps_whole() {
    let Some(root) = data("mductran-beverage-skus/dev/frames") else { return };
    let data = scan(&root);
    let report = check(&data, &CheckOptions::default(), &()).unwrap();
    assert!(report.look_alikes.len() > 3, "{:?}", report.look_alikes);
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("groups.csv");
    report.write_groups(&data, &table).unwrap();
    let grouping = Grouping::from_table(&table).unwrap();
    let split = freeze(&data, &FreezeOptions { grouping, ..Default::default() }, &()).unwrap();
    for group in &report.look_alikes {
        let parts: BTreeSet<_> = group.iter().map(|file| split.part_of(file).unwrap()).collect();
        assert_eq!(parts.len(), 1, "{group:?} lies in {parts:?}");
    }
    // And so the check has nothing to say about likeness across parts any more, but without the table it has.
    let across = |split: FrozenSplit| {
        let report = check(&data, &CheckOptions { split: Some(split), ..Default::default() }, &()).unwrap();
        report.findings.iter().filter(|f| f.code().ends_with("across-parts")).count()
    };
    assert_eq!(across(split), 0);
    assert!(across(freeze(&data, &FreezeOptions::default(), &()).unwrap()) > 0);
}
