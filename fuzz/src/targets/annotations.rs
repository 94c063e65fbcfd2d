//! Labels, as labelling programs write them.

use std::path::Path;

use dataset::ClassNames;
use dataset::convert::{ConvertError, Format, Loaded, ReadOptions, read, read_bytes};
use eval::formats::coco::parse_truth;
use eval::formats::{Side, shelf_counts};

use super::{Answer, Target};
use crate::corpus::scratch;
use crate::judge::MAX_TIME;

const MAX_MIB: usize = 96;
const JSON: &[&[u8]] = &[
    b"\"images\":",
    b"\"annotations\":",
    b"\"categories\":",
    b"\"bbox\":[",
    b"\"id\":",
    b"\"file_name\":",
    b"\"width\":",
    b"\"segmentation\":",
    b"\"iscrowd\":1",
    b"null",
    b"1e308",
    b"-1",
    b"18446744073709551616",
    b"\"../../x\"",
    b"[[[[",
    b"}}",
];
const XML: &[&[u8]] = &[
    b"<object>",
    b"</object>",
    b"<bndbox>",
    b"<xmin>",
    b"<size>",
    b"<width>",
    b"<image ",
    b"<box ",
    b"xtl=\"",
    b"<!DOCTYPE a [",
    b"<!ENTITY x \"y\">",
    b"&x;",
    b"&#0;",
    b"<![CDATA[",
    b"]]>",
    b"<?xml",
    b"/>",
    b"NaN",
    b"1e999",
    b"../..",
];

pub(super) const VOC: Target =
    Target { name: "voc", run: voc, words: XML, mend: None, max_mib: MAX_MIB, max_time: MAX_TIME };
pub(super) const CVAT: Target =
    Target { name: "cvat", run: cvat, words: XML, mend: None, max_mib: MAX_MIB, max_time: MAX_TIME };
pub(super) const COCO: Target =
    Target { name: "coco", run: coco, words: JSON, mend: None, max_mib: MAX_MIB, max_time: MAX_TIME };
pub(super) const LABEL_STUDIO: Target =
    Target { name: "label-studio", run: label_studio, words: JSON, mend: None, max_mib: MAX_MIB, max_time: MAX_TIME };
pub(super) const EVAL_COCO: Target =
    Target { name: "eval-coco", run: eval_coco, words: JSON, mend: None, max_mib: MAX_MIB, max_time: MAX_TIME };
pub(super) const EVAL_RESULTS: Target = Target {
    name: "eval-results",
    run: eval_results,
    words: &[
        b"\"image_id\":1",
        b"\"category_id\":2",
        b"\"bbox\":[1,2,3,4]",
        b"\"score\":",
        b"NaN",
        b"1e400",
        b"-1",
        b"[[[[",
        b"null",
    ],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};
pub(super) const EVAL_COUNTS: Target = Target {
    name: "eval-counts",
    run: eval_counts,
    words: &[
        b"\"format\":\"shelf-counts\",\"version\":1",
        b"\"images\":",
        b"\"counts\":",
        b"\"facings\":",
        b"\"image\":",
        b"18446744073709551615",
        b"-1",
        b"{{{{",
    ],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};
pub(super) const FACINGS: Target = Target {
    name: "facings",
    run: facings,
    words: &[
        b"x,y,w,h,class,sku",
        b"file,",
        b";",
        b"\t",
        b"\"",
        b"\"\"",
        b"\r\n",
        b"\xff\xfe",
        b"NaN",
        b"1e999",
        b"-1",
        b"rotation",
        b"../",
    ],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};
pub(super) const CLASS_NAMES: Target = Target {
    name: "class-names",
    run: class_names,
    words: &[
        b"names:",
        b"nc: ",
        b"&a ",
        b"*a",
        b"<<: *a",
        b"- ",
        b"0: ",
        b"{",
        b"[",
        b"\"",
        b"| ",
        b"!!binary ",
        b"\xfe\xff",
        b"\r\n",
        b"path: ",
    ],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};
pub(super) const YOLO: Target = Target {
    name: "yolo",
    run: yolo,
    words: &[b"0 0.5 0.5 0.2 0.2\n", b"# {\"id\":1}", b"nan", b"inf", b"-0", b"1e-320", b"4294967296", b"\t", b"\r\n"],
    mend: None,
    max_mib: MAX_MIB,
    max_time: MAX_TIME,
};

fn voc(data: &[u8]) -> Answer {
    converted(scratch("voc.xml", data, |path| read(path, Format::Voc, &ReadOptions::default())))
}

fn cvat(data: &[u8]) -> Answer {
    converted(scratch("cvat.xml", data, |path| read(path, Format::Cvat, &ReadOptions::default())))
}

fn coco(data: &[u8]) -> Answer {
    converted(scratch("coco.json", data, |path| read(path, Format::Coco, &ReadOptions::default())))
}

fn label_studio(data: &[u8]) -> Answer {
    converted(scratch("label-studio.json", data, |path| read(path, Format::LabelStudio, &ReadOptions::default())))
}

fn facings(data: &[u8]) -> Answer {
    let read = read_bytes(Path::new("facings.csv"), data.to_vec(), Format::Facings, &ReadOptions::default());
    Answer::of(read, |(rows, left_out)| {
        let left_out: Vec<&str> = left_out.iter().map(|(what, ..)| what).collect();
        format!("{} {}", "row ".repeat((*rows).min(8)), left_out.join(" "))
    })
}

/// As `data.yaml` where it says so, else as `classes.txt`.
fn class_names(data: &[u8]) -> Answer {
    let name = if data.windows(5).any(|word| word == b"names") { "data.yaml" } else { "classes.txt" };
    Answer::of(ClassNames::parse(Path::new(name), data.to_vec()), |names| "name ".repeat(names.len().min(8)))
}

/// Against a truth of two images and two classes.
fn eval_results(data: &[u8]) -> Answer {
    const TRUTH: &[u8] = br#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480},
        {"id": 2, "file_name": "b.jpg", "width": 8, "height": 8}],
        "categories": [{"id": 1, "name": "bottle"}, {"id": 2, "name": "can"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40]}]}"#;
    let truth = match parse_truth(TRUTH, Path::new("truth.json")) {
        Ok(truth) => truth,
        Err(error) => return Answer::Wrong(super::sentence(&error)),
    };
    Answer::of(truth.parse_results(data, Path::new("results.json")), |found| "box ".repeat(found.len().min(8)))
}

fn eval_counts(data: &[u8]) -> Answer {
    let path = Path::new("counts.json");
    match shelf_counts::parse_full(data, path, Side::Truth) {
        Ok(shelves) => Answer::Read("shelf ".repeat(shelves.images.len().min(8))),
        Err(_) => Answer::of(shelf_counts::parse_short(data, path), |_| "short".to_owned()),
    }
}

fn eval_coco(data: &[u8]) -> Answer {
    Answer::of(parse_truth(data, Path::new("truth.json")), |_| "truth".to_owned())
}

fn yolo(data: &[u8]) -> Answer {
    let sifted = match scratch("a.txt", data, dataset::yolo::sift) {
        Ok(sifted) => sifted,
        Err(error) => return Answer::Refused(super::sentence(&error)),
    };
    for line in &sifted.lines {
        let edges = line.label.edges();
        if !edges.iter().all(|edge| edge.is_finite()) {
            return Answer::Wrong(format!("edges {edges:?}"));
        }
    }
    match sifted.wrong.last() {
        Some((_, error)) => Answer::Refused(super::sentence(error)),
        None => Answer::Read("line ".repeat(sifted.lines.len().min(8))),
    }
}

/// What was accepted is sound: every box has finite sides.
fn converted(result: Result<Loaded, ConvertError>) -> Answer {
    if let Ok(loaded) = &result {
        for object in loaded.annotations.images.iter().flat_map(|image| &image.objects) {
            let rect = object.rect;
            if ![rect.x, rect.y, rect.w, rect.h].iter().all(|side| side.is_finite()) {
                return Answer::Wrong(format!("a box of {rect:?}"));
            }
        }
    }
    Answer::of(result, |loaded| {
        let left_out: Vec<&str> = loaded.left_out.iter().map(|(what, ..)| what).collect();
        format!("{} {}", "box ".repeat(loaded.annotations.boxes().min(8)), left_out.join(" "))
    })
}
