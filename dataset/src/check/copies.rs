//! Images that are in the data set twice: by their bytes, and by their looks.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;
use vision::Sha256;
use vision::phash::{CHANGES, Frame, ImageSignature};

use super::checked_image::CheckedImage;
use super::finding::{Finding, Issue};
use super::near::NearIndex;
use crate::disjoint::DisjointSets;

/// When two images count as looking alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearRule {
    /// At most so many of 64 bits differ, `0..=`[`super::near::MAX_DISTANCE`].
    pub distance: u32,
    /// And their brightness correlates at least so much.
    pub correlation: f32,
    /// Whether images that were turned (by up to 14 degrees) or cropped (by up to 10 % a side) are looked for, too.
    pub changed: bool,
}

impl Default for NearRule {
    /// Measured on copies of 96 photos of the development sets (`examples/near_copies.rs`): all that were made smaller,
    /// squeezed, darker, or mirrored are found, and with `changed` those cropped by 3 to 10 % a side and 94 of those turned by 10
    /// degrees; of 2.8 million pairs of different images 115 are taken for copies, 89 of them without `changed`. Different
    /// photos of one turntable or one package design come this near.
    fn default() -> Self {
        Self { distance: 8, correlation: 0.97, changed: true }
    }
}

/// At most so many bits and at least this correlation: one photo, saved anew.
const SAME_PHOTO: NearRule = NearRule { distance: 3, correlation: 0.99, changed: false };

/// Pairs that are looked at more closely; a data set of a million equal images must end, too.
const MAX_PAIRS: usize = 2_000_000;

/// Images with the same bytes: each but the first is told, with the worst of its equals.
pub(super) fn exact(images: &[CheckedImage<'_>], findings: &mut Vec<Finding>) {
    let mut by_bytes: BTreeMap<Sha256, Vec<&CheckedImage<'_>>> = BTreeMap::new();
    for placed in images {
        if let Some(sha256) = placed.observed.sha256 {
            by_bytes.entry(sha256).or_default().push(placed);
        }
    }
    for mut equal in by_bytes.into_values().filter(|equal| equal.len() > 1) {
        // Train first: what lies in val and test is what must not be known.
        equal.sort_by(|a, b| (a.part, &a.image.path).cmp(&(b.part, &b.image.path)));
        let first = equal[0];
        for placed in &equal[1..] {
            let other = first.image.path.clone();
            let issue = match (placed.part, first.part) {
                (Some(part), Some(other_part)) if part != other_part => {
                    Issue::CopyAcrossParts { part, other, other_part }
                }
                _ if placed.image.sku != first.image.sku => Issue::CopyOfOtherSku { other },
                _ => Issue::Copy { other },
            };
            findings.push(Finding::of(&placed.image.path, issue));
        }
    }
}

/// A likeness that holds.
struct Likeness {
    other: usize,
    mirrored: bool,
    distance: u32,
    correlation: f32,
    /// Whether it holds only after turning or cropping one of them.
    changed: bool,
}

/// Maximum number of bits that differ for an image that was turned or cropped: 7 needs an eighth of the look-ups of 8.
const CHANGED_DISTANCE: u32 = 7;

/// Images that look alike but differ in their bytes: each is told once, against its nearest in an earlier part, else
/// against its nearest earlier one in its own. Returns the groups of images that are joined by looking alike.
pub(super) fn near(images: &[CheckedImage<'_>], rule: NearRule, findings: &mut Vec<Finding>) -> Vec<Vec<String>> {
    // Of images with the same bytes one is enough: the rest is told as copies.
    let mut seen = HashMap::new();
    let mut signatures: Vec<(usize, &ImageSignature)> = Vec::new();
    for (at, placed) in images.iter().enumerate() {
        if let Some(signature) = &placed.observed.signature
            && seen.insert((placed.observed.sha256, placed.part), at).is_none()
        {
            signatures.push((at, signature));
        }
    }
    let mut by_hash: BTreeMap<u64, Vec<(usize, &ImageSignature)>> = BTreeMap::new();
    for &(at, signature) in &signatures {
        by_hash.entry(signature.hash).or_default().push((at, signature));
    }
    for members in by_hash.values_mut() {
        members.sort_by(|(a, _), (b, _)| order(&images[*a]).cmp(&order(&images[*b])));
    }
    let hashes: Vec<u64> = by_hash.keys().copied().collect();
    let groups: Vec<&Vec<(usize, &ImageSignature)>> = by_hash.values().collect();
    let index = NearIndex::new(&hashes);

    let mut pairs = 0;
    let mut best: BTreeMap<usize, Likeness> = BTreeMap::new();
    let mut joined = DisjointSets::new(images.len());
    'hashes: for (group, &hash) in (0_u32..).zip(&hashes) {
        for (query, mirrored) in [(hash, false), (ImageSignature::mirrored(hash), true)] {
            for (other_group, distance) in index.near(query, rule.distance) {
                if other_group < group {
                    continue; // seen from the other side
                }
                for ((a, a_signature), (b, b_signature)) in
                    meetings(images, groups[group as usize], groups[other_group as usize], group == other_group)
                {
                    pairs += 1;
                    if pairs > MAX_PAIRS {
                        break 'hashes;
                    }
                    let same_bytes = images[a].observed.sha256 == images[b].observed.sha256;
                    let correlation = if same_bytes { 0.0 } else { a_signature.correlation(b_signature, mirrored) };
                    if correlation >= rule.correlation {
                        joined.join(a, b);
                        // The later one is told.
                        let (told, other) = if order(&images[a]) > order(&images[b]) { (a, b) } else { (b, a) };
                        let likeness = Likeness { other, mirrored, distance, correlation, changed: false };
                        keep_worse(images, &mut best, told, likeness);
                    }
                }
            }
        }
    }
    if rule.changed {
        pairs += after_changes(images, &signatures, rule, (&mut joined, &mut best));
    }
    for (told, likeness) in best {
        findings.push(Finding::of(&images[told].image.path, issue(images, told, &likeness)));
    }
    if pairs > MAX_PAIRS {
        findings.push(Finding::of("", Issue::TooManyNearCopies { limit: MAX_PAIRS }));
    }
    let mut groups: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (at, placed) in images.iter().enumerate() {
        groups.entry(joined.root(at)).or_default().push(placed.image.path.clone());
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// Finds images that look like others after one of [`CHANGES`], as [`near`] does; returns how many pairs were looked at.
fn after_changes(
    images: &[CheckedImage<'_>],
    signatures: &[Member<'_>],
    rule: NearRule,
    (joined, best): (&mut DisjointSets, &mut BTreeMap<usize, Likeness>),
) -> usize {
    let mut pairs = 0;
    for frame in [Frame::Whole, Frame::Middle] {
        let mut by_hash: BTreeMap<u64, Vec<Member<'_>>> = BTreeMap::new();
        for &(at, signature) in signatures {
            let hash = if frame == Frame::Whole { signature.hash } else { signature.middle };
            by_hash.entry(hash).or_default().push((at, signature));
        }
        let hashes: Vec<u64> = by_hash.keys().copied().collect();
        let groups: Vec<&Vec<Member<'_>>> = by_hash.values().collect();
        let index = NearIndex::new(&hashes);
        let changes = || CHANGES.iter().enumerate().filter(|(_, change)| change.frame == frame);
        // The search is read-only; what it finds is joined in order.
        let found: Vec<Vec<(usize, Likeness)>> = signatures
            .par_iter()
            .map(|&(a, signature)| {
                let mut found = Vec::new();
                for (number, change) in changes() {
                    let query = signature.changed[number];
                    for (query, mirrored) in [(query, false), (ImageSignature::mirrored(query), true)] {
                        for (group, distance) in index.near(query, rule.distance.min(CHANGED_DISTANCE)) {
                            // One of each part is enough: the others are found as its equals.
                            let mut seen = [false; 4];
                            for &(b, other) in groups[group as usize] {
                                let part = &mut seen[images[b].part.map_or(3, |part| part as usize)];
                                if a == b || *part || images[a].observed.sha256 == images[b].observed.sha256 {
                                    continue;
                                }
                                *part = true;
                                let correlation = signature.likeness(change, other, mirrored);
                                found.push((b, Likeness { other: a, mirrored, distance, correlation, changed: true }));
                            }
                        }
                    }
                }
                found
            })
            .collect();
        for (b, mut likeness) in found.into_iter().flatten() {
            pairs += 1;
            if pairs > MAX_PAIRS {
                return pairs;
            }
            if likeness.correlation >= rule.correlation {
                let a = likeness.other;
                joined.join(a, b);
                let (told, other) = if order(&images[a]) > order(&images[b]) { (a, b) } else { (b, a) };
                likeness.other = other;
                keep_worse(images, best, told, likeness);
            }
        }
    }
    pairs
}

/// Train before val before test before unknown; then by path.
fn order<'a>(placed: &CheckedImage<'a>) -> (u8, &'a str) {
    (placed.part.map_or(3, |part| part as u8), &placed.image.path)
}

type Member<'a> = (usize, &'a ImageSignature);

/// Pairs to compare between two groups of images with one hash each: every member with the first of each part of the
/// other group. So a thousand images with one hash give thousands of pairs, not a million.
fn meetings<'a>(
    images: &[CheckedImage<'_>],
    one: &[Member<'a>],
    other: &[Member<'a>],
    same: bool,
) -> Vec<(Member<'a>, Member<'a>)> {
    let firsts = |members: &[Member<'a>]| -> Vec<Member<'a>> {
        let mut parts = BTreeMap::new();
        for member in members {
            parts.entry(images[member.0].part).or_insert(*member);
        }
        parts.into_values().collect()
    };
    let mut pairs = Vec::new();
    for a in one {
        pairs.extend(firsts(other).into_iter().filter(|b| b.0 != a.0).map(|b| (*a, b)));
    }
    if !same {
        for b in other {
            pairs.extend(firsts(one).into_iter().map(|a| (a, *b)));
        }
    }
    pairs
}

/// Across parts is worse than within; then the nearer is worse.
fn keep_worse(images: &[CheckedImage<'_>], best: &mut BTreeMap<usize, Likeness>, told: usize, new: Likeness) {
    let crosses = |likeness: &Likeness| crosses(&images[told], &images[likeness.other]);
    let rank =
        |l: &Likeness| (crosses(l), !l.changed, -(l.distance as f32) + l.correlation, std::cmp::Reverse(l.other));
    match best.get(&told) {
        Some(old) if rank(old) >= rank(&new) => {}
        _ => {
            best.insert(told, new);
        }
    }
}

fn crosses(a: &CheckedImage<'_>, b: &CheckedImage<'_>) -> bool {
    a.part.is_some() && b.part.is_some() && a.part != b.part
}

fn issue(images: &[CheckedImage<'_>], told: usize, likeness: &Likeness) -> Issue {
    let &Likeness { other, mirrored, distance, correlation, changed } = likeness;
    let (this, that) = (&images[told], &images[other]);
    let other = that.image.path.clone();
    match (this.part, that.part) {
        (Some(part), Some(other_part)) if part != other_part => {
            let sure = !changed && distance <= SAME_PHOTO.distance && correlation >= SAME_PHOTO.correlation;
            if sure {
                Issue::SamePhotoAcrossParts { part, other, other_part, mirrored }
            } else {
                Issue::NearCopyAcrossParts { part, other, other_part, mirrored, distance, correlation }
            }
        }
        _ => Issue::NearCopy { other, mirrored, distance, correlation },
    }
}
