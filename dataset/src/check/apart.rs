//! Whether what a network is judged on is apart from what it learned from.

use serde::{Deserialize, Serialize};
use vision::Sha256;

use super::checked_image::CheckedImage;
use super::copies::{self, NearRule};
use super::finding::{Finding, Issue};
use super::observe::observe;
use super::{CheckError, MAX_DISTANCE};
use crate::layout::DataFolder;
use crate::progress::Progress;
use crate::split::Part;

/// Images of one data set that another has, too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedImages {
    /// Images that were judged and could be compared.
    pub compared: usize,
    /// Images of either that could not be read: they may be anything.
    pub unreadable: usize,
    /// Whether every pair that may be alike was looked at.
    pub complete: bool,
    /// Judged images that training has, by their bytes or as the same photo saved anew: `judged -> learned`.
    pub same: Vec<(String, String)>,
    /// Judged images that look like one of training: another photo of that shelf, perhaps.
    pub alike: Vec<(String, String)>,
}

impl SharedImages {
    /// Whether nothing of training was judged, as far as anybody can tell.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.complete && self.compared > 0 && self.unreadable == 0 && self.same.is_empty()
    }
}

/// Compares each image of `judged` with all of `learned`, by bytes and by looks.
///
/// # Errors
/// When `rule` has a distance that cannot be searched.
pub fn shared(
    learned: &DataFolder,
    judged: &DataFolder,
    rule: NearRule,
    progress: &dyn Progress,
) -> Result<SharedImages, CheckError> {
    if rule.distance > MAX_DISTANCE {
        return Err(CheckError::Distance(rule.distance));
    }
    let (first, second) = (observe(learned, None, progress), observe(judged, None, progress));
    let part = |part: Part| move |(image, observed)| CheckedImage { image, part: Some(part), observed };
    let mut all: Vec<CheckedImage<'_>> = learned.images.iter().zip(&first).map(part(Part::Train)).collect();
    all.extend(judged.images.iter().zip(&second).map(part(Part::Test)));
    let unreadable = all.iter().filter(|image| image.observed.size.is_none()).count();
    let compared = all.iter().filter(|image| image.part == Some(Part::Test) && image.observed.size.is_some()).count();
    let mut findings = Vec::new();
    copies::exact(&all, &mut findings);
    progress.begin("comparing images", 0);
    copies::near(&all, rule, &mut findings);
    let mut found = SharedImages { compared, unreadable, complete: true, ..SharedImages::default() };
    for Finding { file, issue, .. } in findings {
        match issue {
            Issue::CopyAcrossParts { other, .. } | Issue::SamePhotoAcrossParts { other, .. } => {
                found.same.push((file, other));
            }
            Issue::NearCopyAcrossParts { other, .. } => found.alike.push((file, other)),
            Issue::TooManyNearCopies { .. } => found.complete = false,
            _ => {}
        }
    }
    found.same.sort();
    found.same.dedup_by(|a, b| a.0 == b.0);
    found.alike.sort();
    Ok(found)
}

/// The document that says so, for `shelf release register`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApartReport {
    /// Always [`ApartReport::FORMAT`].
    pub format: String,
    /// Digest of the folder that was learned from, as `shelf dataset hash` gives it.
    pub learned: Sha256,
    /// Digest of the folder that was judged on.
    pub judged: Sha256,
    /// What they share.
    pub shared: SharedImages,
}

impl ApartReport {
    /// What the document calls itself.
    pub const FORMAT: &str = "shelf-apart-1";
}
