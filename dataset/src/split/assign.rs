//! Which group goes to which part.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vision::Sha256;

use super::{Part, Ratios};

/// What is divided: images that must stay together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Unique name.
    pub key: String,
    /// Number of images.
    pub images: u32,
    /// How much of each class or SKU they show.
    pub content: BTreeMap<String, u32>,
}

/// The part of a group by its key alone. The same for ever, whatever else is in the data set.
#[must_use]
pub fn by_hash(key: &str, seed: u64, ratios: &Ratios) -> Part {
    ratios.part_at(position(key, seed))
}

/// A number in `0..1` that looks random but follows from key and seed.
fn position(key: &str, seed: u64) -> f64 {
    let digest = Sha256::of_parts(&[b"shelf-split/1", &seed.to_le_bytes(), key.as_bytes()]);
    let (first, _) = digest.0.split_first_chunk::<8>().expect("a digest has 32 bytes");
    // 53 bits: every value is exact in f64, and 1.0 cannot come out.
    (u64::from_be_bytes(*first) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What the parts already hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Holdings {
    images: [f64; 3],
    content: HashMap<String, [f64; 3]>,
}

impl Holdings {
    /// Puts a group into a part.
    pub fn add(&mut self, part: Part, group: &Group) {
        self.images[part as usize] += f64::from(group.images);
        for (stratum, amount) in &group.content {
            self.content.entry(stratum.clone()).or_default()[part as usize] += f64::from(*amount);
        }
    }
}

/// Divides `groups` so that each part gets its fraction of every class and of the images, given what the parts already hold.
/// Answers are in the order of `groups`, and depend on neither that order nor anything but the arguments.
///
/// What is made small is the sum over classes and parts of `(held - wanted)^2 / wanted`, where `wanted` is the part's fraction of
/// the class; the images count as one more class. First greedily, rare classes while there is still a choice (the order of
/// Sechidis, Tsoumakas, Vlahavas 2011): take the class of which least is left to hand out, and its groups, largest first; each
/// goes where the sum grows least. Then by single moves as long as they help: what the first groups could not know is mended.
#[must_use]
pub fn stratified(groups: &[Group], held: &Holdings, seed: u64, ratios: &Ratios) -> Vec<Part> {
    let mut division = Division::new(groups, held, seed, ratios);
    let mut parts: Vec<Option<Part>> = vec![None; groups.len()];
    for &at in &division.order() {
        if parts[at].is_none() {
            let part = division.best(at);
            division.put(at, part, 1.0);
            parts[at] = Some(part);
        }
    }
    let mut parts: Vec<Part> = parts.into_iter().map(|part| part.unwrap_or(Part::Train)).collect();
    // By key, so that the order of the arguments does not matter.
    let mut by_key: Vec<usize> = (0..groups.len()).collect();
    by_key.sort_by(|&a, &b| groups[a].key.cmp(&groups[b].key));
    for _ in 0..MAX_PASSES {
        let mut moved = false;
        for &at in &by_key {
            let old = parts[at];
            division.put(at, old, -1.0);
            let new = division.best(at);
            // Staying is cheaper than a tie: no endless exchange of equals.
            let gain = division.cost(at, old) - division.cost(at, new);
            parts[at] = if gain > MIN_GAIN { new } else { old };
            moved |= parts[at] != old;
            division.put(at, parts[at], 1.0);
        }
        if !moved {
            break;
        }
    }
    parts
}

/// Passes of single moves; two or three are enough, as a rule.
const MAX_PASSES: usize = 20;
/// A move must gain more than rounding does.
const MIN_GAIN: f64 = 1e-9;

/// A class as numbers: what each part holds and is wanted to hold.
#[derive(Clone, Copy, Default)]
struct Stratum {
    held: [f64; 3],
    total: f64,
}

/// The state of a division under way. Stratum 0 is the images.
struct Division<'a> {
    groups: &'a [Group],
    ratios: &'a Ratios,
    strata: Vec<Stratum>,
    /// For each group: stratum and amount, the images first.
    contents: Vec<Vec<(usize, f64)>>,
    /// For each group: where the seed puts it when nothing else decides.
    positions: Vec<f64>,
}

impl<'a> Division<'a> {
    fn new(groups: &'a [Group], held: &Holdings, seed: u64, ratios: &'a Ratios) -> Self {
        let names: BTreeSet<&String> = groups.iter().flat_map(|g| g.content.keys()).collect();
        let numbers: HashMap<&String, usize> = names.into_iter().zip(1..).collect();
        let mut strata = vec![Stratum::default(); numbers.len() + 1];
        strata[0].held = held.images;
        for (name, amounts) in &held.content {
            // A class that no new group shows cannot be balanced any more.
            if let Some(&number) = numbers.get(name) {
                strata[number].held = *amounts;
            }
        }
        let contents: Vec<Vec<(usize, f64)>> = groups
            .iter()
            .map(|group| {
                let classes = group.content.iter().map(|(name, amount)| (numbers[name], f64::from(*amount)));
                std::iter::once((0, f64::from(group.images))).chain(classes).collect()
            })
            .collect();
        for stratum in &mut strata {
            stratum.total = stratum.held.iter().sum();
        }
        for &(number, amount) in contents.iter().flatten() {
            strata[number].total += amount;
        }
        let positions = groups.iter().map(|group| position(&group.key, seed)).collect();
        Self { groups, ratios, strata, contents, positions }
    }

    /// Groups in the order in which they are handed out; a group may come more than once.
    fn order(&self) -> Vec<usize> {
        let mut members: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.strata.len()];
        let mut left = vec![0.0; self.strata.len()];
        for (at, content) in self.contents.iter().enumerate() {
            for &(number, amount) in content {
                members[number].push((at, amount));
                left[number] += amount;
            }
        }
        for list in &mut members {
            list.sort_by(|(a, a_amount), (b, b_amount)| {
                let by_seed = self.positions[*a].total_cmp(&self.positions[*b]);
                b_amount.total_cmp(a_amount).then(by_seed).then_with(|| self.groups[*a].key.cmp(&self.groups[*b].key))
            });
        }
        let mut order = Vec::with_capacity(self.groups.len());
        let mut taken = vec![false; self.groups.len()];
        let mut open: BTreeSet<usize> = (1..self.strata.len()).collect();
        // The rarest class first; equally rare ones by name, as they are numbered.
        while let Some(&rarest) = open.iter().min_by(|a, b| left[**a].total_cmp(&left[**b]).then(a.cmp(b))) {
            for &(at, _) in &members[rarest] {
                if !std::mem::replace(&mut taken[at], true) {
                    order.push(at);
                    for &(number, amount) in &self.contents[at] {
                        left[number] -= amount;
                    }
                }
            }
            open.remove(&rarest);
        }
        // Groups without any content come last.
        order.extend(members[0].iter().map(|(at, _)| *at).filter(|at| !taken[*at]));
        order
    }

    /// Adds a group to a part (`sign` 1) or takes it out (-1).
    fn put(&mut self, at: usize, part: Part, sign: f64) {
        for &(number, amount) in &self.contents[at] {
            self.strata[number].held[part as usize] += sign * amount;
        }
    }

    /// By how much the sum grows when the group is added to the part.
    fn cost(&self, at: usize, part: Part) -> f64 {
        let fraction = self.ratios.of(part);
        let growth = |&(number, amount): &(usize, f64)| {
            let Stratum { held, total } = self.strata[number];
            let wanted = fraction * total;
            amount * (amount + 2.0 * (held[part as usize] - wanted)) / wanted
        };
        self.contents[at].iter().map(growth).sum()
    }

    /// The part where the sum grows least; of equals the one the seed names, else the first.
    fn best(&self, at: usize) -> Part {
        let by_seed = self.ratios.part_at(self.positions[at]);
        let key = |part: Part| (self.cost(at, part), part != by_seed, part);
        Part::ALL
            .into_iter()
            // A part without a fraction gets nothing.
            .filter(|part| self.ratios.of(*part) > 0.0)
            .map(key)
            .min_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))))
            .map_or(Part::Train, |(_, _, part)| part)
    }
}
