//! Taking new images into a frozen split without moving an old one.

use std::collections::HashMap;

use super::assign::{Group, Holdings};
use super::clusters::clusters;
use super::freeze::{Rule, split_file};
use super::sample::samples;
use super::{Disagreement, FrozenSplit, Grouping, GroupingError, Part, SplitError, SplitFile};
use crate::layout::DataFolder;
use crate::progress::Progress;
use crate::yolo::BadLabels;

/// How a frozen split is extended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExtendOptions {
    /// The grouping, when the split was grouped by a table; else the frozen one is used.
    pub grouping: Option<Grouping>,
    /// Whether frozen images may be gone or have another content. Those gone are dropped; the others stay in their part.
    pub accept_changes: bool,
    /// As [`FreezeOptions::strict`](super::FreezeOptions::strict).
    pub strict: bool,
}

/// Adds the images of `data` that `frozen` does not know. Changed labels are taken as they are now.
///
/// # Errors
/// As [`super::freeze`]; and when frozen images are gone or changed (unless accepted), when the grouping is another, or when a
/// new image belongs with frozen ones of two parts.
pub fn extend<'a>(
    frozen: &'a FrozenSplit,
    data: &DataFolder,
    options: &ExtendOptions,
    progress: &dyn Progress,
) -> Result<FrozenSplit, SplitError> {
    let grouping = match &options.grouping {
        Some(given) if *given.rule() != frozen.grouping => {
            return Err(GroupingError::Other { frozen: frozen.grouping.clone(), given: given.rule().clone() }.into());
        }
        Some(given) => given.clone(),
        None => Grouping::by_rule(frozen.grouping.clone())?,
    };
    let mut labels = BadLabels::new(options.strict);
    let samples = samples(data, frozen.stratify, &mut labels, progress)?;
    if !options.accept_changes {
        let found = samples.iter().map(|s| (s.path.as_str(), s.sha256, None));
        let mut serious = frozen.disagreements(found).into_iter().filter(Disagreement::is_about_a_frozen_image);
        if let Some(first) = serious.next() {
            return Err(SplitError::Disagrees { first, others: serious.count() });
        }
    }

    let (old, new): (Vec<usize>, Vec<usize>) =
        (0..samples.len()).partition(|&at| frozen.file(&samples[at].path).is_some());
    let new_keys = grouping.keys(new.iter().map(|&at| samples[at].path.as_str()))?;
    let mut keys = vec![String::new(); samples.len()];
    for (&at, key) in new.iter().zip(new_keys) {
        keys[at] = key;
    }
    let mut held = Holdings::default();
    let mut files = Vec::with_capacity(samples.len());
    // What a new image may belong with: a frozen one of its group, or with its bytes.
    let mut by_group: HashMap<String, Vec<(Part, &str)>> = HashMap::new();
    let mut by_bytes = HashMap::new();
    let mut tie = |group: String, file: &'a SplitFile| {
        let ties = by_group.entry(group).or_default();
        if ties.iter().all(|(part, _)| *part != file.part) {
            ties.push((file.part, &file.path));
        }
    };
    for file in frozen.all_files() {
        tie(file.group.clone(), file);
        // A table may call the group of an old file by another name now.
        if let Some(group) = grouping.key(&file.path).filter(|group| *group != file.group) {
            tie(group, file);
        }
    }
    for &at in &old {
        let sample = &samples[at];
        let file = frozen.file(&sample.path).expect("chosen because it is frozen");
        let single = Group { key: file.group.clone(), images: 1, content: sample.content.clone() };
        held.add(file.part, &single);
        by_bytes.entry(sample.sha256).or_insert((file.part, file.path.as_str()));
        files.push(split_file(sample, &file.group, file.part));
    }

    let mut free = Vec::new();
    for cluster in clusters(&samples, &keys, &new) {
        let mut bound: Option<(Part, &str)> = None;
        for &member in &cluster.members {
            let by_group = by_group.get(&keys[member]).into_iter().flatten();
            for &(part, path) in by_group.chain(by_bytes.get(&samples[member].sha256)) {
                match bound {
                    Some((one_part, one)) if one_part != part => {
                        return Err(SplitError::Torn {
                            path: samples[cluster.members[0]].path.clone(),
                            one: one.to_owned(),
                            one_part,
                            other: path.to_owned(),
                            other_part: part,
                        });
                    }
                    _ => bound = Some((part, path)),
                }
            }
        }
        match bound {
            Some((part, _)) => {
                held.add(part, &cluster.group);
                files.extend(cluster.members.iter().map(|&m| split_file(&samples[m], &keys[m], part)));
            }
            None => free.push(cluster),
        }
    }
    let rule = Rule { seed: frozen.seed, ratios: frozen.ratios, stratify: frozen.stratify };
    let groups: Vec<Group> = free.iter().map(|c| c.group.clone()).collect();
    for (cluster, part) in free.iter().zip(rule.divide(&groups, &held)) {
        files.extend(cluster.members.iter().map(|&m| split_file(&samples[m], &keys[m], part)));
    }
    Ok(FrozenSplit::new((rule.seed, rule.ratios, rule.stratify, frozen.grouping.clone()), files, labels))
}
