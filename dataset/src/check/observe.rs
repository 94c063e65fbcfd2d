//! Going through images and labels, each opened once.

use rayon::prelude::*;
use vision::phash::ImageSignature;
use vision::{DecodeLimits, Sha256};

use super::finding::{Finding, Issue};
use super::labels::{Context, check_labels};
use crate::files::{into_text, read_bounded};
use crate::layout::{DataFolder, ImageFile, LayoutKind};
use crate::progress::Progress;
use crate::yolo::{LabelLine, MAX_LABEL_BYTES};

/// Below this standard deviation of brightness (grey levels) an image is blank.
const BLANK_CONTRAST: f32 = 2.0;

/// What was seen of one image.
#[derive(Debug)]
pub(super) struct Observed {
    /// Digest of the file, when it can be read.
    pub(super) sha256: Option<Sha256>,
    /// Upright size, when it can be decoded.
    pub(super) size: Option<(u32, u32)>,
    /// How it looks, when it can be decoded and is not blank.
    pub(super) signature: Option<ImageSignature>,
    /// Its sound labels.
    pub(super) lines: Vec<LabelLine>,
    /// Digest of the label file.
    pub(super) label_sha256: Option<Sha256>,
    /// Objections to image and labels.
    pub(super) findings: Vec<Finding>,
}

/// Looks at every image and its labels on all threads.
pub(super) fn observe(data: &DataFolder, classes: Option<usize>, progress: &dyn Progress) -> Vec<Observed> {
    progress.begin("checking images", data.images.len() as u64);
    data.images
        .par_iter()
        .map(|image| {
            let mut observed = open_image(data, image);
            if data.kind == LayoutKind::Boxes {
                open_labels(data, image, classes, &mut observed);
            }
            progress.advance(1);
            observed
        })
        .collect()
}

fn open_image(data: &DataFolder, file: &ImageFile) -> Observed {
    let mut observed =
        Observed { sha256: None, size: None, signature: None, lines: vec![], label_sha256: None, findings: vec![] };
    let mut report = |issue| observed.findings.push(Finding::of(&file.path, issue));
    let limits = DecodeLimits::default();
    let bytes = match read_bounded(&data.locate(&file.path), limits.max_bytes as u64) {
        Ok(bytes) => bytes,
        Err(error) => {
            report(Issue::UnreadableImage { reason: with_source(&error) });
            return observed;
        }
    };
    observed.sha256 = Some(Sha256::of(&bytes));
    match vision::decode(&bytes, &limits) {
        Err(error) => report(Issue::UnreadableImage { reason: error.to_string() }),
        Ok(image) => {
            let header = vision::decode::header(&bytes, &limits).ok();
            if header.is_some_and(|header| header.turned) {
                report(Issue::TurnedImage);
            }
            if let Some(form) = header.and_then(|header| header.unusual) {
                report(Issue::UnusualOrientation(form));
            }
            let signature = ImageSignature::of(&image);
            if signature.contrast() < BLANK_CONTRAST {
                report(Issue::BlankImage);
            } else {
                observed.signature = Some(signature);
            }
            observed.size = Some(image.dimensions());
        }
    }
    observed
}

fn open_labels(data: &DataFolder, file: &ImageFile, classes: Option<usize>, observed: &mut Observed) {
    let Some(label) = &file.label else {
        let expected = file.label_path();
        observed.findings.push(Finding::of(&file.path, Issue::ImageWithoutLabel { expected }));
        return;
    };
    let path = data.locate(label);
    let text = read_bounded(&path, MAX_LABEL_BYTES).and_then(|bytes| {
        observed.label_sha256 = Some(Sha256::of(&bytes));
        into_text(&path, bytes)
    });
    match text {
        Err(error) => {
            let reason = with_source(&error);
            observed.findings.push(Finding::of(label, Issue::UnreadableLabel { reason }));
        }
        Ok(text) => {
            let context = Context { size: observed.size, classes };
            observed.lines = check_labels(label, &text, context, &mut observed.findings);
        }
    }
}

/// An error and what lies beneath it, in one line.
fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
