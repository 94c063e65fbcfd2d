//! What is wrong with a data set, with file and line.

mod apart;
mod balance;
mod checked_image;
mod copies;
pub mod finding;
mod fix;
mod labels;
pub mod near;
mod observe;
pub use vision::phash;
mod report;

use thiserror::Error;

use crate::hash::merkle::{Builder, Kind};
use crate::layout::{DataFolder, LayoutKind};
use crate::names::ClassNames;
use crate::progress::Progress;
use crate::split::{Disagreement, FrozenSplit};
use vision::Sha256;

pub use apart::{ApartReport, SharedImages, shared};
pub use balance::{BoxSizes, ClassCount, SizeCount, Summary};
pub use copies::NearRule;
pub use finding::{Finding, Issue, Severity, Unit};
pub use fix::{FixError, FixReport, fix_labels};
pub use near::MAX_DISTANCE;
pub use report::CheckReport;

use checked_image::CheckedImage;

/// What a check needs to know beside the folder.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckOptions {
    /// Class names; class numbers are not checked without.
    pub classes: Option<ClassNames>,
    /// The frozen split; without, folder names (`train`, `val`, `test`) say which part an image is in.
    pub split: Option<FrozenSplit>,
    /// SKU folders with fewer images are told.
    pub min_images_per_sku: usize,
    /// When two images look alike; `None`: only equal bytes count.
    pub near: Option<NearRule>,
}

/// Images a SKU should have at least: with fewer, no part but train has more than one.
pub const MIN_IMAGES_PER_SKU: usize = 10;

impl Default for CheckOptions {
    fn default() -> Self {
        Self { classes: None, split: None, min_images_per_sku: MIN_IMAGES_PER_SKU, near: Some(NearRule::default()) }
    }
}

/// Why a data set cannot be checked at all.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The distance cannot be searched.
    #[error("a distance of {0} bits is too large to search for: use 0 to {MAX_DISTANCE}")]
    Distance(u32),
}

/// Looks a data set through.
///
/// # Errors
/// When the options make no sense. What is wrong with the data is in the report.
pub fn check(data: &DataFolder, options: &CheckOptions, progress: &dyn Progress) -> Result<CheckReport, CheckError> {
    if let Some(NearRule { distance, .. }) = options.near
        && distance > MAX_DISTANCE
    {
        return Err(CheckError::Distance(distance));
    }
    let mut observed = observe::observe(data, options.classes.as_ref().map(ClassNames::len), progress);
    let mut findings: Vec<Finding> = observed.iter_mut().flat_map(|o| std::mem::take(&mut o.findings)).collect();

    findings.extend(data.unsupported.iter().map(|path| Finding::of(path, Issue::UnsupportedImage)));
    findings.extend(data.stray_labels.iter().map(|path| Finding::of(path, Issue::LabelWithoutImage)));
    for (label, images) in data.shared_labels() {
        let images = images.iter().map(|p| p.path.clone()).collect();
        findings.push(Finding::of(&label, Issue::SharedLabel { images }));
    }
    if data.kind == LayoutKind::Folders {
        let homeless = data.images.iter().filter(|p| p.sku.is_none());
        findings.extend(homeless.map(|p| Finding::of(&p.path, Issue::NoSku)));
    }
    if data.hidden > 0 {
        findings.push(Finding::of("", Issue::Hidden { count: data.hidden }));
    }
    if data.unnamed > 0 {
        findings.push(Finding::of("", Issue::Unnamed { count: data.unnamed }));
    }
    if !data.links.is_empty() {
        findings.push(Finding::of("", Issue::Links { count: data.links.len() }));
    }
    if let Some(split) = &options.split {
        check_split(data, split, &mut findings);
    }

    let placed: Vec<CheckedImage<'_>> = data
        .images
        .iter()
        .zip(&observed)
        .map(|(image, observed)| {
            let part = match &options.split {
                Some(split) => split.part_of(&image.path),
                None => image.part,
            };
            CheckedImage { image, part, observed }
        })
        .collect();
    copies::exact(&placed, &mut findings);
    let mut groups = Vec::new();
    if let Some(rule) = options.near {
        progress.begin("comparing images", 0);
        groups = copies::near(&placed, rule, &mut findings);
    }
    let summary = balance::balance(data, &placed, options.classes.as_ref(), options.min_images_per_sku, &mut findings);
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.severity(), f.code());
        key(a).cmp(&key(b)).then_with(|| a.file.cmp(&b.file)).then(a.line.cmp(&b.line))
    });
    Ok(CheckReport { data: digest(&placed), findings, summary, look_alikes: groups })
}

/// Images that came or went since the split was frozen. What changed inside files is `split --verify`'s to say.
fn check_split(data: &DataFolder, split: &FrozenSplit, findings: &mut Vec<Finding>) {
    for image in data.images.iter().filter(|p| split.part_of(&p.path).is_none()) {
        let path = image.path.clone();
        findings.push(Finding::of(&image.path, Issue::Split(Disagreement::New { path })));
    }
    for file in split.all_files() {
        if data.images.binary_search_by(|p| p.path.cmp(&file.path)).is_err() {
            let missing = Disagreement::Missing { path: file.path.clone(), part: file.part };
            findings.push(Finding::of(&file.path, Issue::Split(missing)));
        }
    }
}

/// The digest a split frozen over the whole folder would carry; `None` when a file cannot be read.
fn digest(placed: &[CheckedImage<'_>]) -> Option<Sha256> {
    let mut builder = Builder::default();
    for CheckedImage { image, observed, .. } in placed {
        builder.push(Kind::File, &image.path, 0, &observed.sha256?);
        if let Some(label) = &image.label {
            builder.push(Kind::File, label, 0, &observed.label_sha256?);
        }
    }
    Some(builder.root())
}
