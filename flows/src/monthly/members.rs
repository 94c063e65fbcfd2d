//! Which photos there are, and the part of each. What was divided before stays as it is; what is new follows its group, if that has
//! a part, else seed and group decide: so no photo ever moves.

use std::collections::{BTreeMap, HashMap};

use dataset::split::assign::by_hash;
use dataset::split::{Part, Ratios};
use store::Files;
use store::sets::{SetLine, SetName};
use vision::Sha256;

use super::inputs::{Inputs, Sorted};
use crate::config::FullConfig;
use crate::error::FlowError;
use crate::held::Held;

/// Where a photo was found first: the order in which near-duplicates stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Before,
    Gold,
    Verified,
}

/// A photo, as far as dividing needs to know it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) photo: Sha256,
    pub(super) origin: Origin,
    pub(super) hash: Option<u64>,
    pub(super) part: Part,
    /// Its image, in the bucket of data sets.
    pub(super) image: String,
    pub(super) bytes: u64,
}

/// All photos by origin and digest.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) all: Vec<Member>,
    groups: HashMap<String, Part>,
}

/// Seed and ratios that hold: those of the split that is carried on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    pub(super) seed: u64,
    pub(super) ratios: Ratios,
}

impl Split {
    pub(super) fn of(config: &FullConfig, before: Option<&Sorted>) -> Result<Self, FlowError> {
        let Some(before) = before else { return Ok(Self { seed: config.seed, ratios: config.ratios }) };
        let made = &before.manifest.made;
        let (seed, ratios) = (made["seed"].as_u64(), serde_json::from_value::<Ratios>(made["ratios"].clone()).ok());
        let (Some(seed), Some(ratios)) = (seed, ratios) else {
            let reason = "its manifest does not say how it was divided".to_owned();
            return Err(FlowError::Input { set: before.set.to_string(), reason });
        };
        if (seed, ratios) != (config.seed, config.ratios) {
            tracing::warn!(seed, %ratios, "the split is carried on with its own seed and ratios, not with the configured ones");
        }
        Ok(Self { seed, ratios })
    }
}

impl Members {
    pub(super) async fn read(
        files: &Files,
        held: &Held,
        inputs: &mut Inputs,
        split: &Split,
    ) -> Result<Self, FlowError> {
        let mut members = Self::default();
        let mut known = BTreeMap::<Sha256, ()>::new();
        if let Some(before) = &mut inputs.before {
            for prefix in prefixes(before.digits()) {
                held.check()?;
                for line in before.lines(files, &prefix).await? {
                    known.insert(line.photo, ());
                    members.add(Origin::Before, &before.set, &line, split);
                }
            }
        }
        for line in inputs.gold.values() {
            if known.insert(line.photo, ()).is_none() {
                members.add(Origin::Gold, &SetName::gold(), line, split);
            }
        }
        for prefix in prefixes(inputs.verified.digits()) {
            held.check()?;
            for line in inputs.verified.lines(files, &prefix).await? {
                if known.insert(line.photo, ()).is_none() {
                    members.add(Origin::Verified, &inputs.verified.set, &line, split);
                }
            }
        }
        Ok(members)
    }

    fn add(&mut self, origin: Origin, set: &SetName, line: &SetLine, split: &Split) {
        let group = group(line);
        let said = line.part.as_deref().and_then(part);
        let part = match self.groups.get(&group) {
            Some(part) => *part,
            None => {
                let part = said.unwrap_or_else(|| by_hash(&group, split.seed, &split.ratios));
                self.groups.insert(group, part);
                part
            }
        };
        let (photo, hash, image) = (line.photo, line.image_hash(), set.file(&line.image));
        self.all.push(Member { photo, origin, hash, part, image, bytes: line.bytes });
    }
}

/// Photos of one shelf of one store stay together; another is a group by itself.
pub(super) fn group(line: &SetLine) -> String {
    match (&line.group, &line.store, &line.shelf) {
        (Some(group), ..) => group.clone(),
        (None, Some(store), Some(shelf)) => format!("{store}/{shelf}"),
        (None, ..) => line.photo.to_string(),
    }
}

/// A part by its name.
fn part(name: &str) -> Option<Part> {
    Part::ALL.into_iter().find(|part| part.as_str() == name)
}

/// All beginnings of digests of so many digits, in order.
pub(super) fn prefixes(digits: usize) -> impl Iterator<Item = String> {
    (0..1_u32 << (4 * digits)).map(move |number| format!("{number:0digits$x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(photo: u8, group: Option<&str>, part: Option<&str>) -> SetLine {
        let photo = Sha256([photo; 32]);
        SetLine {
            photo,
            image: SetName::image(photo, "jpg"),
            bytes: 1,
            width: 1,
            height: 1,
            hash: None,
            at: None,
            release: None,
            store: None,
            shelf: None,
            taken_at: None,
            verified: None,
            part: part.map(str::to_owned),
            group: group.map(str::to_owned),
            boxes: Vec::new(),
        }
    }

    #[test]
    fn groups_stay_together_and_what_has_a_part_keeps_it() {
        let split = Split { seed: 42, ratios: Ratios::default() };
        let mut members = Members::default();
        members.add(Origin::Before, &SetName::gold(), &line(1, Some("a"), Some("test")), &split);
        // Whatever seed and ratios say of the group by itself.
        members.add(Origin::Verified, &SetName::gold(), &line(2, Some("a"), None), &split);
        members.add(Origin::Verified, &SetName::gold(), &line(3, Some("a"), Some("train")), &split);
        assert!(members.all.iter().all(|member| member.part == Part::Test));
        let mut train = 0;
        for photo in 10..=255 {
            members.add(Origin::Gold, &SetName::gold(), &line(photo, None, None), &split);
            train += usize::from(members.all.last().is_some_and(|member| member.part == Part::Train));
        }
        assert!((140..205).contains(&train), "{train} of 246 at .70");
    }

    #[test]
    fn beginnings_are_in_order() {
        let all: Vec<String> = prefixes(2).collect();
        assert_eq!((all.len(), all[0].as_str(), all[1].as_str(), all[255].as_str()), (256, "00", "01", "ff"));
        assert!(prefixes(3).zip(prefixes(3).skip(1)).all(|(one, other)| one < other));
    }
}
