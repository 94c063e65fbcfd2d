//! Labels, as labelling programs write them.

use std::path::Path;

use dataset::convert::{ConvertError, Format, Loaded, ReadOptions, read};
use eval::formats::coco::parse_truth;

use super::{Answer, Target};
use crate::corpus::scratch;

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

pub(super) const VOC: Target = Target { name: "voc", run: voc, words: XML, mend: None, max_mib: MAX_MIB };
pub(super) const CVAT: Target = Target { name: "cvat", run: cvat, words: XML, mend: None, max_mib: MAX_MIB };
pub(super) const COCO: Target = Target { name: "coco", run: coco, words: JSON, mend: None, max_mib: MAX_MIB };
pub(super) const LABEL_STUDIO: Target =
    Target { name: "label-studio", run: label_studio, words: JSON, mend: None, max_mib: MAX_MIB };
pub(super) const EVAL_COCO: Target =
    Target { name: "eval-coco", run: eval_coco, words: JSON, mend: None, max_mib: MAX_MIB };
pub(super) const YOLO: Target = Target {
    name: "yolo",
    run: yolo,
    words: &[b"0 0.5 0.5 0.2 0.2\n", b"# {\"id\":1}", b"nan", b"inf", b"-0", b"1e-320", b"4294967296", b"\t", b"\r\n"],
    mend: None,
    max_mib: MAX_MIB,
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

fn eval_coco(data: &[u8]) -> Answer {
    Answer::of(parse_truth(data, Path::new("truth.json")), |_| "truth".to_owned())
}

fn yolo(data: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(data) else { return Answer::Refused("not text".to_owned()) };
    let (mut good, mut bad) = (0_u32, None);
    for (_, line) in dataset::yolo::parse(text) {
        match line {
            Ok(line) => {
                let edges = line.label.edges();
                if !edges.iter().all(|edge| edge.is_finite()) {
                    return Answer::Wrong(format!("edges {edges:?}"));
                }
                good += 1;
            }
            Err(error) => bad = Some(error),
        }
    }
    match bad {
        Some(error) => Answer::Refused(super::sentence(&error)),
        None => Answer::Read("line ".repeat(good.min(8) as usize)),
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
