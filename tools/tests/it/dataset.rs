//! `shelf dataset` as a person uses it: exit codes, messages, files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs in `folder`; the exit code must be `code`. Returns what was printed.
fn shelf(folder: &Path, arguments: &[&str], code: i32) -> String {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_shelf"))
        .arg("dataset")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{arguments:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// Twenty small images with a box each.
fn data(folder: &Path) {
    for part in ["images", "labels"] {
        fs::create_dir_all(folder.join("data").join(part)).expect("writable");
    }
    for number in 0..20_u32 {
        let image = image::RgbImage::from_fn(48, 32, |x, y| {
            image::Rgb([(x * (number + 3) * 5 % 251) as u8, (y * (number + 1) * 7 % 241) as u8, (number * 12) as u8])
        });
        image.save(folder.join(format!("data/images/{number:02}.png"))).expect("writable");
        let label = format!("{} .5 .5 .5 .5\n", number % 2);
        fs::write(folder.join(format!("data/labels/{number:02}.txt")), label).expect("writable");
    }
    fs::write(folder.join("data/classes.txt"), "bottle\ncan\n").expect("writable");
}

#[test]
fn hash_and_compare() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    data(place);
    shelf(place, &["hash", "data", "--output", "m.json"], 0);
    assert!(shelf(place, &["hash", "data", "--compare", "m.json"], 0).contains("same: "));
    fs::rename(place.join("data/images/00.png"), place.join("data/images/99.png")).expect("writable");
    fs::write(place.join("data/labels/01.txt"), "").expect("writable");
    let told = shelf(place, &["hash", "data", "--compare", "m.json", "--json", "c.json"], 1);
    assert!(
        told.contains("moved    images/00.png -> images/99.png") && told.contains("changed  labels/01.txt"),
        "{told}"
    );
    assert!(fs::read_to_string(place.join("c.json")).expect("written").contains("\"same\": false"));
    assert!(shelf(place, &["hash", "nowhere"], 2).contains("cannot list nowhere"));
    fs::write(place.join("m.json"), "{}").expect("writable");
    assert!(shelf(place, &["hash", "data", "--compare", "m.json"], 2).contains("m.json is not a manifest"));
}

#[test]
fn split_verify_extend() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    data(place);
    shelf(place, &["split", "data", "--stratify", "--output", "s.json"], 0);
    assert!(shelf(place, &["split", "data", "--verify", "s.json"], 0).contains("in agreement: 20 images"));
    assert!(shelf(place, &["split", "data", "--output", "s.json"], 2).contains("s.json exists: extend it"));
    fs::copy(place.join("data/images/00.png"), place.join("data/images/new.png")).expect("writable");
    assert!(shelf(place, &["split", "data", "--verify", "s.json"], 1).contains("images/new.png is in no part"));
    shelf(place, &["split", "data", "--extend", "s.json", "--output", "s.json"], 0);
    shelf(place, &["split", "data", "--verify", "s.json"], 0);
    shelf(place, &["split", "data", "--output", "t.json", "--ratios", ".9/.9"], 2);
    assert!(
        shelf(place, &["split", "data", "--output", "t.json", "--group-by", "store"], 2).contains("use file, folder")
    );
    assert!(!place.join("t.json").exists());
}

#[test]
fn crowds_alone_are_no_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let coco = r#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}], "categories": [{"id": 1, "name": "can"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "iscrowd": 1}]}"#;
    fs::write(place.join("a.json"), coco).expect("writable");
    let told = shelf(place, &["convert", "a.json", "--to", "yolo", "--output", "out"], 2);
    assert!(told.contains("holds nothing but crowds") && !place.join("out").exists(), "{told}");
    shelf(place, &["convert", "a.json", "--to", "yolo", "--keep-ids", "--output", "out"], 0);
    shelf(place, &["convert", "a.json", "--to", "coco", "--output", "b.json"], 0);
}

#[test]
fn a_bad_line_costs_itself_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    data(place);
    fs::write(place.join("data/labels/07.txt"), "1 .5 .5 .5 .5\n1 .5 .5 .5\n").expect("writable");
    let told = shelf(place, &["split", "data", "--stratify", "--strict", "--output", "s.json"], 2);
    assert!(told.contains("data/labels/07.txt:2: 4 columns where 5 are expected"), "{told}");
    assert!(!place.join("s.json").exists());
    let told = shelf(place, &["split", "data", "--stratify", "--output", "s.json"], 0);
    assert!(
        told.contains("left out: 1 label that is not understood (the first: data/labels/07.txt:2: 4 col"),
        "{told}"
    );
    fs::copy(place.join("data/images/00.png"), place.join("data/images/new.png")).expect("writable");
    let told = shelf(place, &["split", "data", "--extend", "s.json", "--output", "t.json"], 0);
    assert!(told.contains("left out: 1 label"), "{told}");
    // Nothing here can be cut out; that is what is said, not that a line is bad.
    let told = shelf(place, &["synth", "--photos", "1", "--paste", "data", "--output", "set"], 2);
    assert!(told.contains("among 20 boxes"), "{told}");
    let told = shelf(place, &["synth", "--photos", "1", "--paste", "data", "--strict", "--output", "set"], 2);
    assert!(told.contains("07.txt:2: 4 columns"), "{told}");
}

#[test]
fn check_fix_convert_crop() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    data(place);
    assert!(shelf(place, &["check", "data", "--no-near"], 0).contains("0 errors"));
    fs::write(place.join("data/labels/03.txt"), "1 .1 .5 .4 .5\n7 .5 .5 .1 .1\n").expect("writable");
    let told = shelf(place, &["check", "data", "--no-near", "--fix", "--output", "fixed"], 1);
    assert!(
        told.contains("error labels/03.txt:2: class 7 does not exist") && told.contains("1 boxes clipped"),
        "{told}"
    );
    shelf(place, &["check", "data", "--fix"], 2);
    assert!(
        shelf(place, &["convert", "data", "--to", "coco", "--output", "d.json", "--strict"], 2)
            .contains("03.txt:2: class 7 has no name")
    );
    let told = shelf(place, &["convert", "data", "--to", "coco", "--output", "c.json"], 0);
    let one = "left out: 1 entries that are not understood (the first: data/labels/03.txt:2: class 7 has no name";
    assert!(told.contains(one) && told.contains("20 images, 20 boxes"), "{told}");
    fs::write(place.join("data/labels/03.txt"), "1 .5 .5 .5 .5\n").expect("writable");
    shelf(place, &["convert", "data", "--to", "coco", "--output", "d.json", "--images", "data"], 0);
    shelf(place, &["convert", "d.json", "--to", "voc", "--output", "voc", "--copy-images", "data"], 0);
    shelf(place, &["convert", "voc", "--to", "yolo", "--output", "back"], 0);
    assert_eq!(fs::read_to_string(place.join("back/labels/03.txt")).expect("written"), "1 0.5 0.5 0.5 0.5\n");
    assert!(shelf(place, &["crop", "voc", "--output", "crops"], 0).contains("20 crops of 2 SKUs"));
    assert!(place.join("crops/can/03-4.png").is_file());
    assert!(shelf(place, &["convert", "d.json", "--to", "cvat", "--output", "x"], 2).contains("are read, not written"));
    assert!(!place.join("x").exists());
}

#[test]
fn synth_draws_what_check_accepts() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    fs::write(place.join("small.yaml"), "size: [320, 240]\nfacings: [8, 20]\nfamilies: 6\nvariants: [2, 2]\n")
        .expect("writable");
    assert!(
        shelf(place, &["synth", "--config", "small.yaml", "--photos", "2", "--output", "drawn"], 0)
            .contains("2 photos")
    );
    let told = shelf(place, &["check", "drawn", "--layout", "boxes"], 0);
    assert!(told.contains("0 errors"), "{told}");
    fs::write(place.join("bad.yaml"), "photoes: 3\n").expect("writable");
    assert!(
        shelf(place, &["synth", "--config", "bad.yaml", "--output", "x"], 2)
            .contains("bad.yaml is not a configuration")
    );
    assert!(!place.join("x").exists());
}

/// COCO with one image and the given annotations.
fn coco(annotations: &str) -> String {
    format!(
        r#"{{"images": [{{"id": 1, "file_name": "a.png", "width": 48, "height": 32}}], "annotations": [{annotations}],
            "categories": [{{"id": 1, "name": "bottle"}}]}}"#
    )
}

#[test]
fn bad_labels_are_refused_by_name_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let check = |name: &str, text: &str, expected: &str| {
        fs::write(place.join(name), text).expect("writable");
        for (command, extra) in [("convert", &["--to", "yolo"][..]), ("crop", &[])] {
            let arguments = [&[command, name], extra, &["--output", "out"]].concat();
            let told = shelf(place, &arguments, 2);
            assert!(told.contains(expected), "{told}");
            assert!(!place.join("out").exists(), "{command} {name} left something behind");
        }
    };
    let annotation = |id: u32, image: u32, bbox: &str| {
        format!(r#"{{"id": {id}, "image_id": {image}, "category_id": 1, "bbox": {bbox}}}"#)
    };
    check("a.json", "{\"images\": [", "a.json: is not COCO JSON: EOF");
    check(
        "a.json",
        &coco(&annotation(1, 7, "[1, 1, 2, 2]")),
        "a.json: annotations[0].image_id: there is no image with the id 7",
    );
    check(
        "a.json",
        &coco(&annotation(1, 1, "[1, NaN, 2, 2]")),
        "a.json: annotations[0].bbox: a coordinate is not a finite",
    );
    check(
        "a.json",
        &coco(&annotation(1, 1, "[1, 1, -2, 2]")),
        "a.json: annotations[0].bbox: the box has a negative size",
    );
    check("a.json", &coco(&annotation(1, 1, "[30, 20, 45, 30]")), "x1, y1, x2, y2");
    check("a.json", &coco(&annotation(1, 1, "[0.1, 0.1, 0.2, 0.3]")), "a.json: all 1 boxes lie within 0..1");
    check("a.json", r#"{"images": [], "annotations": [], "categories": []}"#, "a.json holds no labelled image");
    check("a.json", "[]", "a.json holds no labelled image");
    let voc = "<annotation><filename>a.png</filename><size><width>48</width><height>32</height></size>\n\
               <object><name>can</name><bndbox><xmin>30</xmin><ymin>1</ymin><xmax>20</xmax><ymax>9</ymax></bndbox></object></annotation>";
    check("a.xml", voc, "a.xml:2: the right or lower edge lies before the left or upper one");
}

#[test]
fn bad_folders_are_refused_by_name_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    data(place);
    fs::create_dir(place.join("void")).expect("writable");
    let refused = |arguments: &[&str], expected: &str| {
        let told = shelf(place, arguments, 2);
        assert!(told.contains(expected), "{arguments:?}: {told}");
        assert!(!place.join("out").exists() && !place.join("out.json").exists(), "{arguments:?} left something behind");
    };
    // Nothing to work on.
    for command in ["check", "split"] {
        refused(
            &[command, "void", "--output", "out.json"][..if command == "check" { 2 } else { 4 }],
            "void holds no image",
        );
    }
    refused(&["synth", "--paste", "void", "--output", "out"], "void holds no image");
    refused(&["convert", "void", "--to", "coco", "--output", "out.json"], "void is not recognised as labels");
    // Pixels where fractions are expected, and a broken line.
    fs::write(place.join("data/labels/04.txt"), "0 20 10 20 10\n").expect("writable");
    let strict = ["convert", "data", "--to", "coco", "--output", "out.json", "--strict"];
    refused(&strict, "04.txt:1: x_center is 20, outside 0..1");
    refused(&["synth", "--paste", "data", "--strict", "--output", "out"], "04.txt:1: x_center is 20, outside 0..1");
    fs::write(place.join("data/labels/04.txt"), "0 .5 NaN .2 .1\n").expect("writable");
    refused(&["crop", "data", "--output", "out", "--strict"], "04.txt:1: y_center is NaN");
    fs::write(place.join("data/labels/04.txt"), "0 .5 .5 .2 .1\n").expect("writable");
    // An image that is none: everybody who opens it says which.
    fs::write(place.join("data/images/05.png"), "no image").expect("writable");
    refused(&["crop", "data", "--output", "out", "--strict"], "05.png");
    assert!(shelf(place, &["check", "data"], 1).contains("images/05.png"));
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles_end() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    data(place);
    symlink(place.join("data"), place.join("data/images/loop")).expect("writable");
    symlink("self", place.join("data/self")).expect("writable");
    shelf(place, &["hash", "data", "--output", "m.json"], 0);
    assert!(shelf(place, &["check", "data", "--no-near"], 0).contains("2 symbolic links are not followed"));
    shelf(place, &["split", "data", "--output", "s.json"], 0);
    shelf(place, &["convert", "data", "--to", "coco", "--output", "d.json"], 0);
    assert_eq!(fs::read_to_string(place.join("d.json")).expect("written").matches("file_name").count(), 20);
}

#[test]
fn crops_of_the_tables_of_a_data_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    data(place);
    fs::create_dir(place.join("data/facings")).expect("writable");
    for number in 0..20_u32 {
        let table = format!("x,y,w,h,class,sku\n2,3,20,24,bottle,sku{}\n24,3,20,24,bottle,\n", number % 2);
        fs::write(place.join(format!("data/facings/{number:02}.csv")), table).expect("writable");
    }
    shelf(place, &["split", "data", "--output", "s.json", "--seed", "7"], 0);
    let split: serde_json::Value =
        serde_json::from_slice(&fs::read(place.join("s.json")).expect("written")).expect("JSON");
    let test = split["counts"]["test"].as_u64().expect("a number");
    let told =
        shelf(place, &["crop", "data", "--split", "s.json", "--part", "test", "--only-named", "--output", "c"], 0);
    assert!(told.contains(&format!("{test} crops of ")) && told.contains(&format!("{test} unnamed")), "{told}");
    let crop = walk(&place.join("c")).into_iter().next().expect("a crop");
    let crop = vision::decode(&fs::read(crop).expect("readable"), &vision::DecodeLimits::default()).expect("an image");
    assert_eq!(crop.dimensions(), (20, 24));
    assert!(
        shelf(place, &["crop", "data", "--output", "all"], 0).contains("40 crops of 3 SKUs"),
        "unnamed ones go by class"
    );
    fs::write(place.join("data/facings/05.csv"), "x,y,w,h,class,sku\n1,2,three,4,bottle,a\n").expect("writable");
    let told = shelf(place, &["crop", "data", "--output", "d"], 0);
    assert!(told.contains("left out: 1 entries that are not understood") && told.contains("05.csv"), "{told}");
    assert!(shelf(place, &["crop", "data", "--strict", "--output", "f"], 2).contains("05.csv"));
    assert!(shelf(place, &["crop", "data", "--split", "s.json", "--output", "e"], 2).contains("--part"));
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// What tools and systems leave beside the data, and what people write in capitals.
#[test]
fn folders_as_people_have_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    data(place);
    for (from, to) in [("images", "Images"), ("labels", "Labels")] {
        fs::rename(place.join("data").join(from), place.join("data").join(to)).expect("writable");
    }
    for hidden in
        ["data/Images/.ipynb_checkpoints/00-checkpoint.png", "data/Labels/._00.txt", "data/__MACOSX/Images/._00.png"]
    {
        fs::create_dir_all(place.join(hidden).parent().expect("below")).expect("writable");
        fs::write(place.join(hidden), b"\xff\x00").expect("writable");
    }
    fs::write(place.join("data/Labels/01.txt"), "1 .2 .2 .6 .2 .4 .6\n").expect("writable");
    let told = shelf(place, &["convert", "data", "--to", "coco", "--output", "d.json"], 0);
    assert!(told.contains("20 images, 20 boxes") && told.contains("passed over: 3 hidden files"), "{told}");
    assert!(told.contains("left out: 1 polygons (their boxes are kept)"), "{told}");
    let told = shelf(place, &["check", "data", "--no-near"], 0);
    assert!(told.contains("0 errors") && told.contains("3 hidden files"), "{told}");
    shelf(place, &["split", "data", "--output", "s.json"], 0);
    assert!(!fs::read_to_string(place.join("s.json")).expect("written").contains("checkpoint"));

    // Nothing to be found is no success.
    for number in 0..20 {
        fs::write(place.join(format!("data/Labels/{number:02}.txt")), "").expect("writable");
    }
    assert!(
        shelf(place, &["convert", "data", "--to", "coco", "--output", "e.json"], 2).contains("not one labelled box")
    );
    assert!(!place.join("e.json").exists());
}

#[test]
fn turned_boxes_are_counted_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let turned =
        r#"{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "attributes": {"rotation": 37.5}}"#;
    let upright = r#"{"id": 2, "image_id": 1, "category_id": 1, "bbox": [20, 1, 9, 9], "attributes": {"rotation": 0.0, "occluded": true}}"#;
    fs::write(place.join("a.json"), coco(&[turned, upright].join(","))).expect("writable");
    let told = shelf(place, &["convert", "a.json", "--to", "yolo", "--output", "out"], 0);
    assert!(told.contains("left out: 1 turned boxes") && told.contains("1 boxes, 1 classes"), "{told}");
    assert!(told.contains("left out: 1 flags (truncated, occluded, hidden; their boxes are kept"), "{told}");
    // Whatever folder a trainer is started in, the images are beside the file.
    assert!(!fs::read_to_string(place.join("out/data.yaml")).expect("written").contains("path:"));
}
