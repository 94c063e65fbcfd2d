//! Which group goes to which part.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use vision::Sha256;

use super::{Part, Ratios};

/// What is divided: pictures that must stay together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Unique name.
    pub key: String,
    /// Number of pictures.
    pub pictures: u32,
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
    pictures: [f64; 3],
    content: HashMap<String, [f64; 3]>,
}

impl Holdings {
    /// Puts a group into a part.
    pub fn add(&mut self, part: Part, group: &Group) {
        self.pictures[part as usize] += f64::from(group.pictures);
        for (stratum, amount) in &group.content {
            self.content.entry(stratum.clone()).or_default()[part as usize] += f64::from(*amount);
        }
    }
}

/// Divides `groups` so that each part gets its share of every class, given what the parts already hold. Answers are in the
/// order of `groups`, and depend on neither that order nor anything but the arguments.
///
/// Greedy, after the iterative stratification of Sechidis, Tsoumakas and Vlahavas (2011), on groups instead of samples:
/// take the class of which least is left to hand out; hand out its groups, largest first; each goes to the part that lacks
/// most of this class, then (ties) most pictures, then (ties) where the seed says. Rare classes are served while there is
/// still a choice.
#[must_use]
pub fn stratified(groups: &[Group], held: Holdings, seed: u64, ratios: &Ratios) -> Vec<Part> {
    let mut division = Division::new(groups, held, ratios);
    let mut parts: Vec<Option<Part>> = vec![None; groups.len()];

    // Order within a class: much of it first, then what the seed says, then the name.
    let positions: Vec<f64> = groups.iter().map(|g| position(&g.key, seed)).collect();
    let mut by_stratum: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, group) in groups.iter().enumerate() {
        for stratum in group.content.keys() {
            by_stratum.entry(stratum).or_default().push(at);
        }
    }
    for (stratum, members) in &mut by_stratum {
        members.sort_by(|&a, &b| {
            let amount = |at: usize| Reverse(groups[at].content[*stratum]);
            amount(a)
                .cmp(&amount(b))
                .then(positions[a].total_cmp(&positions[b]))
                .then_with(|| groups[a].key.cmp(&groups[b].key))
        });
    }

    let mut left: BTreeMap<&str, f64> = BTreeMap::new();
    for group in groups {
        for (stratum, amount) in &group.content {
            *left.entry(stratum).or_default() += f64::from(*amount);
        }
    }
    // The rarest class first; equally rare ones by name.
    while let Some(rarest) = left.iter().min_by(|a, b| a.1.total_cmp(b.1).then(a.0.cmp(b.0))).map(|(s, _)| *s) {
        for &at in &by_stratum[rarest] {
            if parts[at].is_none() {
                let part = division.choose(rarest, positions[at]);
                division.held.add(part, &groups[at]);
                parts[at] = Some(part);
                for (stratum, amount) in &groups[at].content {
                    if let Some(rest) = left.get_mut(stratum.as_str()) {
                        *rest -= f64::from(*amount);
                    }
                }
            }
        }
        left.remove(rarest);
    }
    // Only groups without any content can be left over; they follow their key.
    parts.into_iter().zip(&positions).map(|(part, &p)| part.unwrap_or_else(|| ratios.part_at(p))).collect()
}

/// The state of a division under way.
struct Division<'a> {
    ratios: &'a Ratios,
    held: Holdings,
    pictures: f64,
    totals: HashMap<String, f64>,
}

impl<'a> Division<'a> {
    fn new(groups: &[Group], held: Holdings, ratios: &'a Ratios) -> Self {
        let mut totals: HashMap<String, f64> =
            held.content.iter().map(|(stratum, amounts)| (stratum.clone(), amounts.iter().sum())).collect();
        let mut pictures: f64 = held.pictures.iter().sum();
        for group in groups {
            pictures += f64::from(group.pictures);
            for (stratum, amount) in &group.content {
                *totals.entry(stratum.clone()).or_default() += f64::from(*amount);
            }
        }
        Self { ratios, held, pictures, totals }
    }

    /// The part that lacks most of `stratum`.
    fn choose(&self, stratum: &str, position: f64) -> Part {
        let held = self.held.content.get(stratum).copied().unwrap_or_default();
        let total = self.totals.get(stratum).copied().unwrap_or_default();
        let by_seed = self.ratios.part_at(position);
        let lack = |part: Part| {
            let share = self.ratios.of(part);
            (share * total - held[part as usize], share * self.pictures - self.held.pictures[part as usize])
        };
        Part::ALL
            .into_iter()
            // A part without a share gets nothing, not even when the others have plenty.
            .filter(|part| self.ratios.of(*part) > 0.0)
            .max_by(|&a, &b| {
                let (a_lack, b_lack) = (lack(a), lack(b));
                a_lack
                    .0
                    .total_cmp(&b_lack.0)
                    .then(a_lack.1.total_cmp(&b_lack.1))
                    .then((a == by_seed).cmp(&(b == by_seed)))
                    .then(b.cmp(&a))
            })
            .unwrap_or(Part::Train)
    }
}
