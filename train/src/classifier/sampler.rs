//! Which crops go into which batch of an epoch: settled before it starts, by its number, the seed, and which SKUs were
//! mistaken for each other before.

use serde::{Deserialize, Serialize};
use vision::rng::{Rng, derive};

/// How batches are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// So many SKUs, so many crops of each: frequent and rare ones come equally often.
    #[default]
    Pk,
    /// Every crop of a SKU drawn with equal chances.
    Balanced,
    /// Every crop once, in random order.
    Random,
}

/// How batches are put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerRules {
    /// How they are filled.
    pub sampling: Sampling,
    /// SKUs of a batch.
    pub skus: usize,
    /// Crops of each.
    pub images: usize,
    /// What is drawn follows from it.
    pub seed: u64,
    /// Share of a batch's SKUs that are the nearest wrong ones of the others (with [`Sampling::Pk`]).
    pub hard: f32,
    /// How much SKUs of many crops come before others (with [`Sampling::Pk`]): each as often as its crops to this power,
    /// 0..=1. 0: all equally often; 1: in proportion to their crops.
    pub frequency: f32,
}

impl SamplerRules {
    /// Crops of a batch.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.skus * self.images
    }
}

/// A crop's place in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Which crop.
    pub crop: usize,
    /// Seed of what is done to it.
    pub seed: u64,
}

/// Batches of an epoch over so many crops.
#[must_use]
pub fn batches(crops: usize, rules: &SamplerRules) -> usize {
    crops.div_ceil(rules.batch().max(1)).max(1)
}

/// The batches of an epoch, each full. `by_sku` lists the crops of every SKU, at least one of each; `near` the SKUs nearest to
/// each, best first, or nothing where that is not known yet.
#[must_use]
pub fn epoch(by_sku: &[Vec<usize>], near: &[Vec<usize>], rules: &SamplerRules, number: u32) -> Vec<Vec<Slot>> {
    let seed = derive(derive(rules.seed, 0xe90c), number.into());
    let mut rng = Rng::new(seed);
    let all: usize = by_sku.iter().map(Vec::len).sum();
    let (count, size) = (batches(all, rules), rules.batch().max(1));
    let order: Vec<usize> = match rules.sampling {
        Sampling::Random => {
            let mut order: Vec<usize> = by_sku.iter().flatten().copied().collect();
            rng.shuffle(&mut order);
            order.iter().copied().cycle().take(count * size).collect()
        }
        Sampling::Balanced => (0..count * size)
            .map(|_| {
                let sku = rng.below(by_sku.len());
                *rng.pick(&by_sku[sku])
            })
            .collect(),
        Sampling::Pk => pk(by_sku, near, rules, count, &mut rng),
    };
    let slot = |(place, &crop): (usize, &usize)| Slot { crop, seed: derive(seed, 1 + place as u64) };
    let slots: Vec<Slot> = order.iter().enumerate().map(slot).collect();
    slots.chunks(size).map(<[Slot]>::to_vec).collect()
}

/// Goes round and round a list, in a new order each time.
struct Round {
    items: Vec<usize>,
    next: usize,
}

impl Round {
    fn new(items: Vec<usize>) -> Self {
        Self { next: items.len(), items }
    }

    fn next(&mut self, rng: &mut Rng) -> usize {
        if self.next >= self.items.len() {
            rng.shuffle(&mut self.items);
            self.next = 0;
        }
        self.next += 1;
        self.items[self.next - 1]
    }
}

fn pk(by_sku: &[Vec<usize>], near: &[Vec<usize>], rules: &SamplerRules, count: usize, rng: &mut Rng) -> Vec<usize> {
    let times =
        |crops: &Vec<usize>| (crops.len() as f32).powf(rules.frequency.clamp(0.0, 1.0)).round().max(1.0) as usize;
    let turns = by_sku.iter().enumerate().flat_map(|(sku, crops)| std::iter::repeat_n(sku, times(crops)));
    let mut skus = Round::new(turns.collect());
    let mut crops: Vec<Round> = by_sku.iter().map(|crops| Round::new(crops.clone())).collect();
    let wanted = rules.skus.min(by_sku.len());
    let hard = if near.is_empty() { 0 } else { (wanted as f32 * rules.hard.clamp(0.0, 1.0)) as usize };
    let mut order = Vec::with_capacity(count * rules.batch());
    for _ in 0..count {
        let mut chosen: Vec<usize> = Vec::with_capacity(rules.skus);
        let mut draw = |chosen: &mut Vec<usize>, rng: &mut Rng| loop {
            let sku = skus.next(rng);
            if !chosen.contains(&sku) {
                chosen.push(sku);
                break;
            }
        };
        while chosen.len() < wanted.saturating_sub(hard).max(1).min(wanted) {
            draw(&mut chosen, rng);
        }
        // Of every SKU in turn its nearest wrong one that is not in yet.
        let anchors = chosen.clone();
        for rank in 0..near.iter().map(Vec::len).max().unwrap_or(0) {
            for &anchor in &anchors {
                let rival = near.get(anchor).and_then(|rivals| rivals.get(rank)).copied();
                if let Some(rival) = rival.filter(|rival| chosen.len() < wanted && !chosen.contains(rival)) {
                    chosen.push(rival);
                }
            }
        }
        while chosen.len() < wanted {
            draw(&mut chosen, rng);
        }
        // Fewer SKUs than a batch asks for: more crops of each.
        for place in 0..rules.batch() {
            let sku = chosen[place % chosen.len()];
            order.push(crops[sku].next(rng));
        }
    }
    order
}
