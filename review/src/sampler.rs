//! How many facings are queued, and which not again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use store::Reason;
use vision::random::Random;
use vision::{Embedding, Recognition, RecognizedItem, SkuId};

use super::config::{Limits, Samplers};
use super::ledger::{Ledger, Source};
use super::reasons::{Surroundings, reasons};

/// Facings kept for comparison.
const MAX_COMPARED: usize = 4_096;
/// From so much uncertainty times facings on, an item is urgent: one answer settles more than one facing.
const URGENT: f32 = 1.5;
/// Uncertainty of what two releases see differently: one of them is wrong.
const DIFFERENT: f32 = 0.8;

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
    /// Of its image.
    pub image_hash: Option<u64>,
}

/// A facing worth a look.
struct Found {
    facing: usize,
    reasons: Vec<Reason>,
    uncertainty: f32,
    image_hash: Option<u64>,
}

impl Found {
    /// Whether it was sampled for an estimate.
    fn is_blind(&self) -> bool {
        self.reasons.first() == Some(&Reason::Random)
    }
}

/// What one photo gives the queue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Picked {
    /// When, milliseconds since 1970.
    at: i64,
    /// New items, most urgent first.
    pub new: Vec<Pick>,
    /// Items that wait already, and how many facings of this photo look like them.
    pub again: Vec<(String, u32)>,
    /// Facings worth a look for which there was no room within the limits.
    pub crowded_out: usize,
    /// Those among them that the limits of a photo would have let in: the queue takes no more of this source, or of anyone.
    pub no_room: usize,
}

/// Remembers what was queued, and when.
#[derive(Debug)]
pub struct Sampler {
    samplers: Samplers,
    limits: Limits,
    ledger: Ledger,
    /// What waits, or is on its way to the queue.
    queued: VecDeque<Queued>,
    /// What was answered, and the version of the gallery that first knows: photos that are recognised by one before it still
    /// find these unsure. In order of versions.
    settled: VecDeque<(u64, Queued)>,
    random: Random,
}

/// How an item that waits looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// Its name.
    pub item: String,
    /// What its SKU is recognised by.
    pub embedding: Embedding,
    /// Of its crop; `None` for one that shows nothing.
    pub image_hash: Option<u64>,
}

/// What the sampler must know beside the recognition.
pub struct GalleryFacts<'a> {
    /// Minimum similarity with which a SKU is known.
    pub threshold: &'a dyn Fn(Option<SkuId>) -> f32,
    /// Exemplars of a SKU; `None` when nobody counted.
    pub exemplars: Option<&'a HashMap<SkuId, usize>>,
    /// Hash of the image of the facing at this place; `None` where images are not compared. Asked only for facings that
    /// are worth a look.
    pub image_hash: Option<&'a dyn Fn(usize) -> Option<u64>>,
    /// Version of the gallery that decided.
    pub gallery_version: u64,
}

/// Why a facing, by its place, is asked about, and how urgent that is; no reason leaves it out.
type Why<'a> = &'a dyn Fn(usize, &RecognizedItem, &Surroundings) -> (Vec<Reason>, f32);

impl Sampler {
    /// A sampler with nothing queued yet.
    #[must_use]
    pub fn new(samplers: Samplers, limits: Limits) -> Self {
        // Not reproducible on purpose: who knows the numbers could keep a facing out of the sample.
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
        let random = Random::stream(seed, u64::from(std::process::id()));
        Self { samplers, limits, ledger: Ledger::default(), queued: VecDeque::new(), settled: VecDeque::new(), random }
    }

    /// The same, with what an earlier process queued: `times` in milliseconds since 1970, and items that wait.
    pub fn load(&mut self, times: Vec<i64>, queued: Vec<Queued>) {
        self.ledger.load(times);
        self.queued = queued.into();
        self.queued.truncate(MAX_COMPARED);
    }

    /// What of this photo a person should see. Its items must carry their embeddings; those that do not are left out.
    ///
    /// What is picked counts as waiting from here on, so that a photo of the same shelf beside this one does not pick it, too:
    /// [`Sampler::unpick`] it if it cannot be queued.
    pub fn pick(&mut self, recognition: &Recognition, now: i64, facts: &GalleryFacts<'_>) -> Picked {
        self.pick_from(None, recognition, now, facts)
    }

    /// As [`Sampler::pick`], of a photo that comes from outside: its source has a share of the limits, and what is not urgent
    /// leaves room for what is.
    pub fn pick_from(
        &mut self,
        source: Option<Source>,
        recognition: &Recognition,
        now: i64,
        facts: &GalleryFacts<'_>,
    ) -> Picked {
        let samplers = self.samplers;
        self.pick_by(source, (recognition, &|_, item, around| reasons(item, around, &samplers)), now, facts)
    }

    /// What a release saw otherwise than the one in production: facings that `differs` says, by their place.
    pub fn pick_differing(
        &mut self,
        source: Source,
        (recognition, differs): (&Recognition, &[bool]),
        now: i64,
        facts: &GalleryFacts<'_>,
    ) -> Picked {
        self.pick_by(
            Some(source),
            (recognition, &|facing, _, _| match differs.get(facing) {
                Some(true) => (vec![Reason::Shadow], DIFFERENT),
                _ => (Vec::new(), 0.0),
            }),
            now,
            facts,
        )
    }

    fn pick_by(
        &mut self,
        source: Option<Source>,
        (recognition, why): (&Recognition, Why<'_>),
        now: i64,
        facts: &GalleryFacts<'_>,
    ) -> Picked {
        let mut found: Vec<Found> = Vec::new();
        let mut picked = Picked { at: now, ..Picked::default() };
        for (facing, item) in recognition.items.iter().enumerate() {
            let Some(embedding) = &item.embedding else { continue };
            let best = item.decision.candidates.first().map(|candidate| candidate.sku);
            let around = Surroundings {
                sampled: (self.random.next_u64() >> 40) as f32 / (1_u64 << 24) as f32,
                threshold: (facts.threshold)(best),
                nearest_queued: self.nearest_queued(embedding),
                exemplars: best.and_then(|sku| facts.exemplars?.get(&sku).copied()),
            };
            let (reasons, uncertainty) = why(facing, item, &around);
            if reasons.is_empty() {
                continue;
            }
            let hash = facts.image_hash.filter(|_| self.samplers.duplicate_bits > 0);
            let new = Found { facing, reasons, uncertainty, image_hash: hash.and_then(|hash| hash(facing)) };
            // Random ones are taken even when they were seen before: leaving them out would bias the estimate.
            match self.waiting_twin(embedding, new.image_hash).filter(|_| !new.is_blind()) {
                Some(twin) => tally(&mut picked.again, &twin.item),
                // Somebody answered while this photo was being recognised.
                None if !new.is_blind() && self.is_settled(embedding, new.image_hash, facts.gallery_version) => {}
                None => found.push(new),
            }
        }
        // Random ones first; of those that look alike the most uncertain leads.
        found.sort_by(|a, b| {
            let blind = b.is_blind().cmp(&a.is_blind());
            blind.then(b.uncertainty.total_cmp(&a.uncertainty)).then(a.facing.cmp(&b.facing))
        });
        let mut leaders: Vec<(Found, Queued, u32)> = Vec::new();
        for new in found {
            let Some(embedding) = &recognition.items[new.facing].embedding else { continue };
            let twin = leaders.iter().position(|(_, other, _)| self.are_twins(other, embedding, new.image_hash));
            if let (Some(at), false) = (twin, new.is_blind()) {
                leaders[at].2 += 1;
            } else {
                let (item, embedding, image_hash) = (store::model::new_id(), embedding.clone(), new.image_hash);
                leaders.push((new, Queued { item, embedding, image_hash }, 1));
            }
        }
        // Room goes to what one answer settles most of.
        let urgency = |(new, _, facings): &(Found, Queued, u32)| new.uncertainty * *facings as f32;
        leaders.sort_by(|a, b| b.0.is_blind().cmp(&a.0.is_blind()).then(urgency(b).total_cmp(&urgency(a))));
        for (new, queued, facings) in leaders {
            let ordinary = !new.is_blind() && new.uncertainty * (facings as f32) < URGENT;
            let fits = picked.new.len() < self.limits.per_photo;
            if !fits || !self.ledger.has_room(&self.limits, now, source, ordinary) {
                picked.crowded_out += facings as usize;
                picked.no_room += if fits { facings as usize } else { 0 };
                continue;
            }
            picked.new.push(Pick {
                facing: new.facing,
                item: queued.item.clone(),
                reasons: new.reasons,
                uncertainty: new.uncertainty,
                facings,
                image_hash: new.image_hash,
            });
            self.ledger.take(now, source, ordinary);
            push_bounded(&mut self.queued, queued);
        }
        picked
    }

    /// Takes back what was picked and could not be queued: it may be picked again.
    pub fn unpick(&mut self, picked: &Picked) {
        for pick in &picked.new {
            self.ledger.give_back(picked.at);
            self.queued.retain(|queued| queued.item != pick.item);
        }
    }

    /// Tells that people have answered and that the gallery of this version knows: what looks like these items is measured
    /// against that one again.
    pub fn answered(&mut self, items: &HashSet<&str>, gallery_version: u64) {
        let (gone, stay): (VecDeque<_>, _) =
            std::mem::take(&mut self.queued).into_iter().partition(|queued| items.contains(queued.item.as_str()));
        self.queued = stay;
        for queued in gone {
            push_bounded(&mut self.settled, (gallery_version, queued));
        }
    }

    /// Tells that answers were taken back: these items wait again.
    pub fn reopened(&mut self, items: &HashSet<&str>) {
        let (back, stay): (VecDeque<_>, _) =
            std::mem::take(&mut self.settled).into_iter().partition(|(_, queued)| items.contains(queued.item.as_str()));
        self.settled = stay;
        for (_, queued) in back {
            push_bounded(&mut self.queued, queued);
        }
    }

    /// Whether a gallery later than that version knows what looks like this.
    fn is_settled(&self, embedding: &Embedding, hash: Option<u64>, gallery_version: u64) -> bool {
        let since = self.settled.iter().rev().take_while(|(settled, _)| *settled > gallery_version);
        since.into_iter().any(|(_, queued)| self.are_twins(queued, embedding, hash))
    }

    /// An item that waits and looks the same, the newest first: shelves are photographed again.
    fn waiting_twin(&self, embedding: &Embedding, hash: Option<u64>) -> Option<&Queued> {
        self.queued.iter().rev().find(|queued| self.are_twins(queued, embedding, hash))
    }

    /// Asked only where novelty counts: it looks at everything that waits.
    fn nearest_queued(&self, embedding: &Embedding) -> Option<f32> {
        let asked = self.queued.iter().filter(|_| self.samplers.novelty > 0.0);
        asked.map(|queued| queued.embedding.cosine(embedding)).max_by(f32::total_cmp)
    }

    fn are_twins(&self, queued: &Queued, embedding: &Embedding, hash: Option<u64>) -> bool {
        let Samplers { duplicate_similarity, duplicate_bits, .. } = self.samplers;
        let close = || queued.image_hash.zip(hash).is_some_and(|(a, b)| (a ^ b).count_ones() <= duplicate_bits);
        (duplicate_similarity > 0.0 && queued.embedding.cosine(embedding) >= duplicate_similarity)
            || (duplicate_bits > 0 && close())
    }
}

/// The oldest makes room.
fn push_bounded<T>(kept: &mut VecDeque<T>, new: T) {
    if kept.len() >= MAX_COMPARED {
        kept.pop_front();
    }
    kept.push_back(new);
}

fn tally(seen: &mut Vec<(String, u32)>, item: &str) {
    match seen.iter_mut().find(|(known, _)| known == item) {
        Some((_, times)) => *times += 1,
        None => seen.push((item.to_owned(), 1)),
    }
}
