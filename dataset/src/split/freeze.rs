//! Making a split.

use thiserror::Error;

use super::assign::{Group, Holdings, by_hash, stratified};
use super::clusters::clusters;
use super::sample::{Sample, SampleError, samples};
use super::{Disagreement, FrozenSplit, Grouping, GroupingError, GroupingRule, Part, Ratios, SplitFile, SplitLabel};
use crate::hash::HashError;
use crate::layout::DataFolder;
use crate::progress::Progress;
use crate::yolo::{BadLabels, LabelError};

/// How a data set is divided.
#[derive(Debug, Clone, PartialEq)]
pub struct FreezeOptions {
    /// Another seed, another split.
    pub seed: u64,
    /// Ratios of the parts.
    pub ratios: Ratios,
    /// Whether every part gets its fraction of every class or SKU.
    pub stratify: bool,
    /// What belongs together.
    pub grouping: Grouping,
    /// Whether the first label that is not understood is an error; else it counts for no class and
    /// [`FrozenSplit::left_out`] tells it.
    pub strict: bool,
}

impl Default for FreezeOptions {
    fn default() -> Self {
        let grouping = Grouping::by_rule(GroupingRule::File).expect("needs no table");
        Self { seed: 42, ratios: Ratios::default(), stratify: false, grouping, strict: false }
    }
}

/// Why there is no split.
#[derive(Debug, Error)]
pub enum SplitError {
    /// An image or label file cannot be read.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A label file is wrong; classes are needed to stratify.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The grouping does not fit the images.
    #[error(transparent)]
    Grouping(#[from] GroupingError),
    /// Frozen images are gone or are others now.
    #[error("the frozen split and the folder disagree: {first}{}; put the images back, or accept the changes",
        if *.others > 0 { format!(" (and {others} more)") } else { String::new() })]
    Disagrees {
        /// The first disagreement.
        first: Disagreement,
        /// How many more there are.
        others: usize,
    },
    /// A new image belongs to two parts.
    #[error(
        "{path} belongs with {one} ({one_part}) and with {other} ({other_part}), by group or because the bytes are the same: \
         remove it, or put it into another group"
    )]
    Torn {
        /// The first new image of those that are joined.
        path: String,
        /// A frozen image it belongs with.
        one: String,
        /// Its part.
        one_part: Part,
        /// Another.
        other: String,
        /// Its part.
        other_part: Part,
    },
}

impl From<SampleError> for SplitError {
    fn from(error: SampleError) -> Self {
        match error {
            SampleError::Hash(error) => Self::Hash(error),
            SampleError::Label(error) => Self::Label(error),
        }
    }
}

/// Divides a data set by the rule of [`crate::split`] and freezes the outcome.
///
/// # Errors
/// When a file cannot be read, a label is wrong (with `stratify` and `strict`), or a table lacks images.
pub fn freeze(data: &DataFolder, options: &FreezeOptions, progress: &dyn Progress) -> Result<FrozenSplit, SplitError> {
    let mut labels = BadLabels::new(options.strict);
    let samples = samples(data, options.stratify, &mut labels, progress)?;
    let keys = options.grouping.keys(samples.iter().map(|s| s.path.as_str()))?;
    let all: Vec<usize> = (0..samples.len()).collect();
    let clusters = clusters(&samples, &keys, &all);
    let groups: Vec<Group> = clusters.iter().map(|c| c.group.clone()).collect();
    let rule = Rule { seed: options.seed, ratios: options.ratios, stratify: options.stratify };
    let parts = rule.divide(&groups, &Holdings::default());
    let files = clusters
        .iter()
        .zip(parts)
        .flat_map(|(cluster, part)| cluster.members.iter().map(move |&member| (member, part)))
        .map(|(member, part)| split_file(&samples[member], &keys[member], part))
        .collect();
    Ok(FrozenSplit::new((rule.seed, rule.ratios, rule.stratify, options.grouping.rule().clone()), files, labels))
}

/// What decides over groups that are not frozen yet.
pub(super) struct Rule {
    pub(super) seed: u64,
    pub(super) ratios: Ratios,
    pub(super) stratify: bool,
}

impl Rule {
    pub(super) fn divide(&self, groups: &[Group], held: &Holdings) -> Vec<Part> {
        if self.stratify {
            stratified(groups, held, self.seed, &self.ratios)
        } else {
            groups.iter().map(|group| by_hash(&group.key, self.seed, &self.ratios)).collect()
        }
    }
}

pub(super) fn split_file(sample: &Sample, key: &str, part: Part) -> SplitFile {
    SplitFile {
        path: sample.path.clone(),
        part,
        group: key.to_owned(),
        sha256: sample.sha256,
        label: sample.label.as_ref().map(|(path, sha256)| SplitLabel { path: path.clone(), sha256: *sha256 }),
    }
}
