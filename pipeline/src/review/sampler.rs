//! How many facings are queued, and which not again.

use std::collections::{HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use store::Reason;
use vision::random::Random;
use vision::{Embedding, Recognition, SkuId};

use super::config::{Limits, Samplers};
use super::reasons::{Surroundings, reasons};

/// Facings remembered for comparison.
const REMEMBERED: usize = 4_096;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A facing chosen for the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// Its place in the recognition.
    pub facing: usize,
    /// Name of the item it becomes.
    pub item: String,
    /// Why, the foremost first.
    pub reasons: Vec<Reason>,
    /// `0..=1`.
    pub uncertainty: f32,
    /// Facings of this photo that look the same.
    pub facings: u32,
}

/// What one photo gives the queue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Picked {
    /// New items, most uncertain first.
    pub new: Vec<Pick>,
    /// Items that wait already, and how many facings of this photo look like them.
    pub again: Vec<(String, u32)>,
    /// Facings worth a look for which there was no room within the limits.
    pub crowded_out: usize,
}

/// Remembers what was queued, and when.
#[derive(Debug)]
pub struct Sampler {
    samplers: Samplers,
    limits: Limits,
    /// Milliseconds since 1970, oldest first.
    times: VecDeque<i64>,
    queued: VecDeque<(String, Embedding)>,
    random: Random,
}

/// What the sampler must know of the gallery.
pub struct GalleryFacts<'a> {
    /// Least similarity with which a SKU is known.
    pub threshold: &'a dyn Fn(Option<SkuId>) -> f32,
    /// Exemplars of a SKU; `None` when nobody counted.
    pub exemplars: Option<&'a HashMap<SkuId, usize>>,
}

impl Sampler {
    /// A sampler that remembers nothing yet.
    #[must_use]
    pub fn new(samplers: Samplers, limits: Limits) -> Self {
        // Not reproducible on purpose: who knows the numbers could keep a facing out of the sample.
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
        let random = Random::stream(seed, u64::from(std::process::id()));
        Self { samplers, limits, times: VecDeque::new(), queued: VecDeque::new(), random }
    }

    /// The same, with what an earlier process queued: `times` in milliseconds since 1970, and items that wait.
    pub fn remember(&mut self, mut times: Vec<i64>, queued: Vec<(String, Embedding)>) {
        times.sort_unstable();
        self.times = times.into();
        self.queued = queued.into();
        self.queued.truncate(REMEMBERED);
    }

    /// What of this photo a person should see. Its items must carry their embeddings; those that do not are left out.
    pub fn pick(&mut self, recognition: &Recognition, now: i64, facts: &GalleryFacts<'_>) -> Picked {
        let mut found: Vec<(usize, Vec<Reason>, f32)> = Vec::new();
        let mut seen_again: Vec<(String, u32)> = Vec::new();
        for (facing, item) in recognition.items.iter().enumerate() {
            let Some(embedding) = &item.embedding else { continue };
            let best = item.decision.candidates.first().map(|candidate| candidate.sku);
            let nearest = self.nearest_queued(embedding);
            let around = Surroundings {
                drawn: (self.random.next_u64() >> 40) as f32 / (1_u64 << 24) as f32,
                threshold: (facts.threshold)(best),
                nearest_queued: nearest.map(|(_, similarity)| similarity),
                exemplars: best.and_then(|sku| facts.exemplars?.get(&sku).copied()),
            };
            let (why, uncertainty) = reasons(item, &around, &self.samplers);
            if why.is_empty() {
                continue;
            }
            // Random ones are taken even when they were seen before: leaving them out would bias the estimate.
            let blind = why.first() == Some(&Reason::Random);
            let same = nearest.filter(|(_, similarity)| !blind && self.is_twin(*similarity));
            match same {
                Some((at, _)) => tally(&mut seen_again, &self.queued[at].0),
                None => found.push((facing, why, uncertainty)),
            }
        }
        // Random ones first, then the most uncertain.
        let blind = |why: &[Reason]| why.first() == Some(&Reason::Random);
        found.sort_by(|a, b| blind(&b.1).cmp(&blind(&a.1)).then(b.2.total_cmp(&a.2)).then(a.0.cmp(&b.0)));
        let mut picked = Picked { again: seen_again, ..Picked::default() };
        let room = self.room(now).min(self.limits.per_photo);
        let mut here: Vec<(usize, &Embedding)> = Vec::new();
        for (facing, reasons, uncertainty) in found {
            let Some(embedding) = &recognition.items[facing].embedding else { continue };
            let twin = here.iter().find(|(_, other)| self.is_twin(other.cosine(embedding)));
            if let (Some((at, _)), false) = (twin, blind(&reasons)) {
                picked.new[*at].facings += 1;
            } else if picked.new.len() >= room {
                picked.crowded_out += 1;
            } else {
                here.push((picked.new.len(), embedding));
                let item = store::model::new_id();
                picked.new.push(Pick { facing, item, reasons, uncertainty, facings: 1 });
            }
        }
        picked
    }

    /// Tells that what was picked is in the queue now. Not told, it may be picked again.
    pub fn queued(&mut self, recognition: &Recognition, picked: &Picked, now: i64) {
        for pick in &picked.new {
            self.times.push_back(now);
            if let Some(embedding) = &recognition.items[pick.facing].embedding {
                if self.queued.len() >= REMEMBERED {
                    self.queued.pop_front();
                }
                self.queued.push_back((pick.item.clone(), embedding.clone()));
            }
        }
    }

    fn is_twin(&self, similarity: f32) -> bool {
        self.samplers.duplicate_similarity > 0.0 && similarity >= self.samplers.duplicate_similarity
    }

    fn nearest_queued(&self, embedding: &Embedding) -> Option<(usize, f32)> {
        let similarities = self.queued.iter().enumerate().map(|(at, (_, queued))| (at, queued.cosine(embedding)));
        similarities.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Items that may be queued now.
    fn room(&mut self, now: i64) -> usize {
        while self.times.front().is_some_and(|&time| time <= now - DAY) {
            self.times.pop_front();
        }
        let within = |span: i64| self.times.iter().rev().take_while(|&&time| time > now - span).count();
        let Limits { per_minute, per_hour, per_day, .. } = self.limits;
        [(per_minute, MINUTE), (per_hour, HOUR), (per_day, DAY)]
            .into_iter()
            .map(|(limit, span)| limit.saturating_sub(within(span)))
            .min()
            .unwrap_or(0)
    }
}

fn tally(seen: &mut Vec<(String, u32)>, item: &str) {
    match seen.iter_mut().find(|(known, _)| known == item) {
        Some((_, times)) => *times += 1,
        None => seen.push((item.to_owned(), 1)),
    }
}
