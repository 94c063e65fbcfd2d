//! `dataset::convert`: what goes round comes back, and what is wrong is named.

mod cvat;
mod label_studio;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dataset::convert::{
    Annotations, Category, Format, ImageRecord, Object, ReadOptions, Rect, VocConvention, WriteOptions, check_images,
    detect, read, write,
};
use dataset::{ClassNames, yolo};
use proptest::prelude::*;

use crate::shared::{data, png, write as write_files};

/// Pixel coordinates come back within this: see `convert::model`.
const PIXELS: f64 = 1e-6;

fn load(path: &Path, format: Format) -> Annotations {
    let mut annotations = read(path, format, &ReadOptions::default()).unwrap().annotations;
    annotations.sort();
    annotations
}

/// Everything equal, coordinates within `tolerance`.
fn assert_same(a: &Annotations, b: &Annotations, tolerance: f64) {
    assert_eq!(a.categories, b.categories);
    assert_eq!(a.images.len(), b.images.len());
    for (a, b) in a.images.iter().zip(&b.images) {
        assert_eq!((a.id, &a.file, a.width, a.height), (b.id, &b.file, b.width, b.height));
        assert_eq!(a.objects.len(), b.objects.len());
        for (a, b) in a.objects.iter().zip(&b.objects) {
            let rest = |o: &Object| (o.id, o.category, o.crowd, o.area, o.attributes.clone());
            assert_eq!(rest(a), rest(b));
            assert_rect(a.rect, b.rect, tolerance);
        }
    }
}

fn assert_rect(a: Rect, b: Rect, tolerance: f64) {
    for (a, b) in [(a.x, b.x), (a.y, b.y), (a.w, b.w), (a.h, b.h)] {
        assert!((a - b).abs() <= tolerance, "{a} became {b}");
    }
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zß中 <>&\"'/#{}:,-]{1,12}", Just("truncated".to_owned()), Just("pose".to_owned())]
        .prop_map(|name| name.trim().to_owned())
        .prop_filter("a name is not empty", |name| !name.is_empty())
}

fn objects(width: u32, height: u32) -> impl Strategy<Value = Vec<Object>> {
    let fraction = || 0.0..1.0_f64;
    let object = (
        (fraction(), fraction(), fraction(), fraction()),
        any::<prop::sample::Index>(),
        any::<bool>(),
        prop::option::of(0.0..1e6_f64),
        prop::collection::btree_map(names(), "[ -~\n\tßä]{0,20}", 0..4),
    );
    prop::collection::vec(object, 0..6).prop_map(move |all| {
        let (width, height) = (f64::from(width), f64::from(height));
        let object = |((cx, cy, w, h), category, crowd, area, attributes): (_, prop::sample::Index, _, _, _)| {
            // At least two pixels, centre inside; may reach beyond the image.
            let (cx, cy, w, h): (f64, f64, f64, f64) = (cx, cy, w, h);
            let (w, h) = (2.0 + w * (width - 2.0), 2.0 + h * (height - 2.0));
            let rect = Rect { x: cx * width - w / 2.0, y: cy * height - h / 2.0, w, h };
            Object { id: 0, category: category.index(1000) as u64, rect, crowd, area, attributes }
        };
        all.into_iter().map(object).collect()
    })
}

/// Sound, sorted annotations with awkward names and scattered ids.
fn annotations() -> impl Strategy<Value = Annotations> {
    let image = (1_u32..5000, 1_u32..5000).prop_map(|(w, h)| (w.max(4), h.max(4)));
    let image = image.prop_flat_map(|(w, h)| ("[a-z é]{0,6}", 0_u8..5, Just((w, h)), objects(w, h)));
    let categories = prop::collection::btree_set(names(), 1..5);
    (prop::collection::vec(image, 0..5), categories, 1_u64..1000, 1_u64..1000).prop_map(
        |(images, names, step, first)| {
            let categories: Vec<Category> = (0..)
                .zip(names)
                .map(|(at, name)| Category {
                    id: first + at * step,
                    name,
                    supercategory: (at % 2 == 0).then(|| "x y".into()),
                })
                .collect();
            let mut next = first;
            let images = (0..)
                .zip(images)
                .map(|(at, (name, folder, (width, height), mut objects))| {
                    let folder = ["", "a/", "a/b c/", "images/", "x/images/y/"][usize::from(folder)];
                    for object in &mut objects {
                        next += step;
                        object.id = next;
                        object.category = categories[object.category as usize % categories.len()].id;
                    }
                    ImageRecord { id: first + at * 7, file: format!("{folder}{name}x{at}.jpg"), width, height, objects }
                })
                .collect();
            Annotations { categories, images }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn coco_keeps_everything_bit_for_bit(annotations in annotations()) {
        prop_assume!(annotations.check().is_ok() && !annotations.images.is_empty());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&annotations, &path, Format::Coco, &WriteOptions::default()).unwrap();
        prop_assert_eq!(detect(&path).unwrap(), Format::Coco);
        assert_same(&load(&path, Format::Coco), &annotations, 0.0);
    }

    #[test]
    fn voc_keeps_everything(annotations in annotations(), from_one in any::<bool>()) {
        prop_assume!(annotations.check().is_ok() && !annotations.images.is_empty());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voc");
        let voc = if from_one { VocConvention::PixelsFromOne } else { VocConvention::Edges };
        write(&annotations, &path, Format::Voc, &WriteOptions { voc, ..Default::default() }).unwrap();
        prop_assert_eq!(detect(&path).unwrap(), Format::Voc);
        let mut back = read(&path, Format::Voc, &ReadOptions { voc, ..Default::default() }).unwrap().annotations;
        back.sort();
        assert_same(&back, &annotations, PIXELS);
    }

    #[test]
    fn yolo_with_ids_keeps_everything(annotations in annotations()) {
        prop_assume!(annotations.check().is_ok() && !annotations.images.is_empty());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("yolo");
        write(&annotations, &path, Format::Yolo, &WriteOptions { keep_ids: true, ..Default::default() }).unwrap();
        prop_assert_eq!(detect(&path).unwrap(), Format::Yolo);
        assert_same(&load(&path, Format::Yolo), &annotations, PIXELS);
    }

    /// Through every format and back: what plain YOLO keeps is what it promises.
    #[test]
    fn plain_yolo_keeps_names_and_pixels(annotations in annotations()) {
        prop_assume!(annotations.check().is_ok() && !annotations.images.is_empty());
        let folder = tempfile::tempdir().unwrap();
        let (voc, plain) = (folder.path().join("voc"), folder.path().join("plain"));
        write(&annotations, &voc, Format::Voc, &WriteOptions::default()).unwrap();
        write(&load(&voc, Format::Voc), &plain, Format::Yolo, &WriteOptions::default()).unwrap();
        let class_of: BTreeMap<u64, u32> = annotations.categories.iter().map(|c| c.id).zip(0..).collect();
        let names = ClassNames::find(&plain).unwrap().unwrap().1;
        for (category, number) in annotations.categories.iter().zip(0..) {
            prop_assert_eq!(names.get(number), Some(category.name.as_str()));
        }
        for image in &annotations.images {
            let file = if image.file.contains("images/") { image.file.clone() } else { format!("images/{}", image.file) };
            let label = match file.rsplit_once("images/") {
                Some((before, after)) => format!("{before}labels/{}", after.replace(".jpg", ".txt")),
                None => unreachable!("every image lies below images"),
            };
            let lines = yolo::read(&plain.join(label)).unwrap();
            let sayable: Vec<_> = image.objects.iter().filter(|object| !object.crowd).collect();
            prop_assert_eq!(lines.len(), sayable.len());
            for (line, object) in lines.iter().zip(sayable) {
                prop_assert_eq!(line.label.class, class_of[&object.category]);
                let [x1, y1, x2, y2] = line.label.edges();
                let (w, h) = (f64::from(image.width), f64::from(image.height));
                let back = Rect { x: x1 * w, y: y1 * h, w: (x2 - x1) * w, h: (y2 - y1) * h };
                assert_rect(back, object.rect, PIXELS);
            }
        }
    }
}

#[test]
fn real_labels_go_round_unchanged() {
    let Some(root) = data("beverage3-bottle-can/dev") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let classes = ClassNames::new(vec!["bottle".into(), "can".into()]).unwrap();
    let options = ReadOptions { classes: Some(classes), ..Default::default() };
    let first = read(&root, Format::Yolo, &options).unwrap().annotations;
    assert_eq!((first.images.len(), first.boxes()), (314, 777));
    check_images(&first, &root).unwrap();
    write(&first, &at("a.json"), Format::Coco, &WriteOptions::default()).unwrap();
    write(&load(&at("a.json"), Format::Coco), &at("voc"), Format::Voc, &WriteOptions::default()).unwrap();
    let copy = WriteOptions { copy_images: Some(root.clone()), ..Default::default() };
    write(&load(&at("voc"), Format::Voc), &at("yolo"), Format::Yolo, &copy).unwrap();
    let last = read(&at("yolo"), Format::Yolo, &options).unwrap().annotations;
    assert_same(&last, &first, PIXELS);
    for image in &first.images {
        let label = format!("labels/{}.txt", image.file.strip_suffix(".jpg").unwrap());
        // Six decimals in, the same numbers out, whatever happened to them in two other formats.
        let (before, after) = (yolo::read(&root.join(&label)).unwrap(), yolo::read(&at("yolo").join(&label)).unwrap());
        assert_eq!(before, after, "{label}");
    }
}

#[test]
fn real_facings_are_read() {
    let Some(root) = data("shelf-scenes/dev/cola-aisle-hk") else { return };
    assert_eq!(detect(&root).unwrap(), Format::Facings);
    let annotations = load(&root, Format::Facings);
    assert_eq!((annotations.images.len(), annotations.boxes()), (1, 85));
    assert_eq!((annotations.images[0].width, annotations.images[0].height), (1280, 960));
    let expected: BTreeMap<String, usize> =
        serde_json::from_slice(&fs::read(root.join("expected_counts.json")).unwrap()).unwrap();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for object in &annotations.images[0].objects {
        *counts.entry(object.attributes["sku"].clone()).or_default() += 1;
    }
    assert_eq!(counts, expected);
}

/// What a reader says about hostile or broken text, as `FILE...`.
fn refusal(name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let format = detect(&path).unwrap();
    let strict = ReadOptions { strict: true, ..Default::default() };
    let message = read(&path, format, &strict).unwrap_err().to_string();
    message.strip_prefix(&format!("{}/", folder.path().display())).unwrap_or(&message).to_owned()
}

/// What a reader leaves out of such text, or why it refuses it all.
fn left_out(name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let options = ReadOptions::default();
    let said = match read(&path, detect(&path).unwrap(), &options) {
        Ok(loaded) => loaded.left_out.to_string(),
        Err(error) => error.to_string(),
    };
    said.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn coco_refusals_name_file_and_place() {
    let coco = |image: &str, annotation: &str| {
        format!(
            r#"{{"images": [{{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}}{image}],
               "annotations": [{{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}}{annotation}],
               "categories": [{{"id": 1, "name": "bottle"}}]}}"#
        )
    };
    let check = |image: &str, annotation: &str, expected: &str| {
        let message = refusal("a.json", &coco(image, annotation));
        assert_eq!(message.get(..expected.len()), Some(expected), "{message}");
    };
    let image =
        |id: u32, name: &str| format!(r#", {{"id": {id}, "file_name": "{name}", "width": 100, "height": 100}}"#);
    check(&image(1, "b.jpg"), "", "a.json: images[1].id: image id 1 is given twice");
    check(&image(2, "a.jpg"), "", "a.json: a.jpg: would be left out, as all second entries of an image");
    check(&image(2, "../../etc/passwd"), "", "a.json: images[1].file_name: \"../../etc/passwd\" climbs out");
    check(&image(2, "..\\\\b.jpg"), "", "a.json: images[1].file_name: \"..\\\\b.jpg\" climbs out");
    check(&image(2, "/etc/passwd"), "", "a.json: images[1].file_name: \"/etc/passwd\" is an absolute path");
    check(
        r#", {"id": 2, "file_name": "b.jpg", "width": 0, "height": 9}"#,
        "",
        "a.json: images[1].width: an image of 0 x 9",
    );
    let boxed = |id: u32, image: u32, category: u32, bbox: &str| {
        format!(r#", {{"id": {id}, "image_id": {image}, "category_id": {category}, "bbox": {bbox}}}"#)
    };
    check("", &boxed(2, 7, 1, "[1, 1, 2, 2]"), "a.json: annotations[1].image_id: there is no image with the id 7");
    check(
        "",
        &boxed(2, 1, 7, "[1, 1, 2, 2]"),
        "a.json: annotations[1].category_id: there is no category with the id 7",
    );
    check("", &boxed(2, 1, 1, "[1, 1, -2, 2]"), "a.json: annotations[1].bbox: the box has a negative size (-2 x 2)");
    check(
        "",
        &boxed(2, 1, 1, "[1, 1, 1e308, 1e308]"),
        "a.json: annotations[1].bbox: a coordinate is not a finite number",
    );
    check("", &boxed(2, 1, 1, "[1, NaN, 2, 2]"), "a.json: annotations[1].bbox: a coordinate is not a finite number");
    check("", &boxed(2, 1, 1, "[1, 2, 3]"), "a.json: annotations[1].bbox: a box has 4 numbers, this one 3");
    check(
        "",
        r#", {"id": 2, "image_id": 1, "category_id": 1}"#,
        "a.json: annotations[1].bbox: would be left out, as all annotations without a box are",
    );
    let listed = r#", {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "attributes": []}"#;
    assert_eq!(left_out("a.json", &coco("", listed)), "", "no attributes, as some exports write it");
    let cut = &coco("", "")[..80];
    assert!(refusal("a.json", cut).starts_with("a.json: is not COCO JSON: EOF while parsing"));

    // The whole set in the wrong convention.
    let set = |bbox: &str| {
        format!(
            r#"{{"images": [{{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}}],
               "annotations": [{{"id": 1, "image_id": 1, "category_id": 1, "bbox": {bbox}}}],
               "categories": [{{"id": 1, "name": "bottle"}}]}}"#
        )
    };
    assert!(refusal("a.json", &set("[60, 60, 90, 90]")).contains("none would if they were x1, y1, x2, y2"));
    assert!(refusal("a.json", &set("[0.1, 0.1, 0.25, 0.5]")).contains("fractions of the image's size where pixels"));
}

#[test]
fn xml_refusals_name_file_and_line() {
    let voc = |name: &str, bounds: &str| {
        format!(
            "<annotation>\n<filename>{name}</filename>\n<size><width>100</width><height>100</height></size>\n\
             <object><name>bottle</name>\n<bndbox>{bounds}</bndbox></object>\n</annotation>"
        )
    };
    let edges = |a: &str, b: &str, c: &str, d: &str| {
        format!("<xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax>")
    };
    let check = |text: String, expected: &str| {
        let message = refusal("a.xml", &text);
        assert!(message.starts_with(expected), "{message}");
    };
    check(voc("../a.jpg", &edges("1", "1", "2", "2")), "a.xml:2: \"../a.jpg\" climbs out");
    check(voc("C:\\a.jpg", &edges("1", "1", "2", "2")), "a.xml:2: \"C:\\\\a.jpg\" is an absolute path");
    check(voc("a.jpg", &edges("50", "1", "20", "2")), "a.xml:4: the right or lower edge lies before");
    check(voc("a.jpg", &edges("nan", "1", "20", "2")), "a.xml:4: a coordinate is not a finite number");
    check(voc("a.jpg", &edges("x", "1", "20", "2")), "a.xml:4: <xmin> is \"x\", not a number");
    check(voc("a.jpg", "<xmin>1</xmin>"), "a.xml:4: <ymin> is missing");
    check(voc("a.jpg", &edges("0.1", "0.1", "0.2", "0.2")), "a.xml: all 1 boxes lie within 0..1");
    let bomb = "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>\n";
    check(format!("{bomb}{}", voc("&b;", "")), "a.xml:1: holds a DOCTYPE");
    check(voc("&b;", ""), "a.xml:2: &b; is not one of the five entities");
    check(format!("<annotation>{}", "<a>".repeat(100)), "a.xml:1: elements are nested deeper than 32");
    check("<annotation><size>".into(), "a.xml:1: ends in the middle");
}

#[test]
fn yolo_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_files(root, &[("images/a.png", &png(40, 20)), ("labels/a.txt", b"0 .5 .5 .5 .5\n3 .5 .5 .2 .2\n")]);
    let message = |options: &ReadOptions| read(root, Format::Yolo, options).unwrap_err().to_string();
    assert!(
        message(&ReadOptions::default())
            .ends_with("class 3 has no name: keep data.yaml or classes.txt in the folder, or give --classes")
    );
    let two = ReadOptions {
        classes: Some(ClassNames::new(vec!["a".into(), "b".into()]).unwrap()),
        strict: true,
        ..Default::default()
    };
    assert!(message(&two).contains("a.txt:2: class 3 has no name"), "{}", message(&two));
    fs::write(root.join("labels/a.txt"), "0 20 10 20 10\n").unwrap();
    assert!(message(&two).contains("a.txt:1: x_center is 20, outside 0..1"));
    fs::write(root.join("labels/a.txt"), "0 .5 .5 .5 .5 # front\n").unwrap();
    fs::write(root.join("labels/b.txt"), "0 .5 .5 .5 .5\n").unwrap();
    assert!(message(&two).contains("b.txt: no image belongs to this label file"));
    fs::remove_file(root.join("labels/b.txt")).unwrap();
    let annotations = read(root, Format::Yolo, &two).unwrap().annotations;
    let object = &annotations.images[0].objects[0];
    assert_eq!(object.rect, Rect { x: 10.0, y: 5.0, w: 20.0, h: 10.0 });
    assert_eq!(object.attributes["comment"], "front");
}

#[test]
fn nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let image = |id, file: &str, rect| {
        let object = Object { id, category: 1, rect, crowd: false, area: None, attributes: BTreeMap::new() };
        ImageRecord { id, file: file.into(), width: 100, height: 100, objects: vec![object] }
    };
    let inside = Rect { x: 1.0, y: 1.0, w: 50.0, h: 50.0 };
    let far = Rect { x: 150.0, y: 1.0, w: 5.0, h: 5.0 };
    let categories = vec![Category { id: 1, name: "bottle".into(), supercategory: None }];
    let set = |images| Annotations { categories: categories.clone(), images };
    let out = folder.path().join("out");
    let check = |annotations: &Annotations, format: Format, expected: &str| {
        let message = write(annotations, &out, format, &WriteOptions::default()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    };
    let poking = set(vec![image(1, "a.jpg", inside), image(2, "b.jpg", far)]);
    check(&poking, Format::Yolo, "the centre of the box lies outside its image");
    let twins = set(vec![image(1, "a.jpg", inside), image(2, "a.png", inside)]);
    check(&twins, Format::Yolo, "images[1].file_name: \"a.png\" and another image of that name");
    check(&twins, Format::Voc, "images[1].file_name: \"a.png\" and another image of that name");
    check(&set(vec![image(1, "a.jpg", inside)]), Format::Cvat, "cvat labels are read, not written");

    write(&set(vec![image(1, "a.jpg", inside)]), &out, Format::Voc, &WriteOptions::default()).unwrap();
    let again = write(&set(vec![]), &out, Format::Yolo, &WriteOptions::default()).unwrap_err().to_string();
    assert!(again.contains("exists and is not an empty folder"), "{again}");
}

#[test]
fn sizes_are_held_against_the_images() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("images/a.png", &png(40, 20))]);
    let image = |file: &str, width, height| ImageRecord { id: 1, file: file.into(), width, height, objects: vec![] };
    let check = |file: &str, width, height| {
        let set = Annotations { categories: vec![], images: vec![image(file, width, height)] };
        check_images(&set, folder.path()).map_err(|e| e.to_string())
    };
    assert_eq!(check("a.png", 40, 20), Ok(()));
    assert_eq!(check("images/a.png", 40, 20), Ok(()));
    assert!(check("a.png", 20, 40).unwrap_err().contains("without its EXIF rotation"));
    assert!(
        check("a.png", 41, 20).unwrap_err().contains("the labels say 41x20, but the upright image has 40x20 pixels")
    );
    assert!(check("b.png", 40, 20).unwrap_err().contains("cannot read"));
}
