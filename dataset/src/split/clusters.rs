//! Joining what must not be separated: images of one group, and images with the same bytes.

use std::collections::{BTreeMap, HashMap};

use super::assign::Group;
use super::sample::Sample;
use crate::disjoint::DisjointSets;

/// Images that must lie in one part, as positions in the list of samples.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) members: Vec<usize>,
    pub(super) group: Group,
}

/// Clusters of the samples at `chosen`, each named after the smallest of its members' keys, sorted by that name.
pub(super) fn clusters(samples: &[Sample], keys: &[String], chosen: &[usize]) -> Vec<Cluster> {
    let mut sets = DisjointSets::new(chosen.len());
    let mut by_key = HashMap::new();
    let mut by_bytes = HashMap::new();
    for (at, &sample) in chosen.iter().enumerate() {
        sets.join(at, *by_key.entry(&keys[sample]).or_insert(at));
        sets.join(at, *by_bytes.entry(samples[sample].sha256).or_insert(at));
    }
    let mut by_root: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, &sample) in chosen.iter().enumerate() {
        by_root.entry(sets.root(at)).or_default().push(sample);
    }
    let mut clusters: Vec<Cluster> = by_root
        .into_values()
        .map(|members| {
            let mut content: BTreeMap<String, u32> = BTreeMap::new();
            for &member in &members {
                for (stratum, amount) in &samples[member].content {
                    let held = content.entry(stratum.clone()).or_default();
                    *held = held.saturating_add(*amount);
                }
            }
            let key = members.iter().map(|&m| &keys[m]).min().cloned().unwrap_or_default();
            let images = u32::try_from(members.len()).unwrap_or(u32::MAX);
            Cluster { members, group: Group { key, images, content } }
        })
        .collect();
    clusters.sort_by(|a, b| a.group.key.cmp(&b.group.key));
    clusters
}
