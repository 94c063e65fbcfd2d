//! What similarity means in one gallery: from where on a facing is of a SKU, and how likely it is.
//!
//! Similarities are not comparable between SKUs: exemplars of one lie close together, those of another far apart. So a facing
//! is measured by how similar the exemplars of its SKU are among themselves,
//!
//! ```text
//! lead = similarity - level(SKU)        level: mean similarity of the SKU's exemplars to the nearest other one,
//!                                       shrunk towards the mean of all SKUs where there are few
//! ```
//!
//! - **Threshold.** The minimum lead of a known SKU is that which at most a wanted fraction of impostors reaches (conformal: the
//!   quantile of what was seen). Impostors are the background that travels with the embedder, or the gallery's own look-alikes:
//!   every exemplar with its own SKU struck.
//! - **Probability.** Each exemplar is looked up among the others; a logistic regression says how often the answer is right at
//!   a lead and a margin. Where exemplars are too few to say, a general one holds.
//!
//! All of it is worked out from gallery and background when a gallery is opened, in bounded time, and follows edits.

mod level;
mod mapping;

use std::collections::HashMap;
use std::sync::Arc;

use vision::{ExemplarId, Neighbor, SkuId};

use super::data::GalleryData;
use super::edit::Edit;
use super::error::GalleryError;
use super::flat::clamp_similarity;
use super::index::Index;
use super::kernel::dots;
use super::matrix::Matrix;
use super::neighbors::neighbors;
use super::prototypes::Prototypes;
use super::vote::{DecisionRule, decide};
use crate::background::Background;
use level::Levels;
pub use mapping::Mapping;
use mapping::{Sample, fit};

/// Who must not be taken for an enrolled SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Impostors {
    /// The background of the embedder: products of any kind.
    #[default]
    Background,
    /// Products as alike as the enrolled ones are among themselves: strict, for galleries that hold a part of a shop.
    LookAlikes,
}

/// What a gallery is calibrated by.
#[derive(Debug, Clone, PartialEq)]
pub struct Standard {
    /// Foreign embeddings; without, thresholds rest on look-alikes if those are asked for, else there are none.
    pub background: Option<Arc<Background>>,
    /// Fraction of impostors that may pass, `0..=1`.
    pub false_accepts: f32,
    /// Who they are.
    pub impostors: Impostors,
    /// How neighbours become a SKU.
    pub rule: DecisionRule,
    /// Probability where the gallery's own exemplars cannot tell.
    pub general: Mapping,
}

/// Products of a background with exemplars: what opening a gallery may cost, about a second on two cores.
const MAX_PRODUCTS: usize = 50_000_000;
/// Minimum number of rows looked at, however large the gallery.
const MIN_ROWS: usize = 500;
/// Exemplars looked up in the rest of the gallery.
const MAX_QUERIES: usize = 2_000;
/// Look-ups below which the general mapping holds.
const MIN_QUERIES: usize = 50;
/// What is above a similarity, however it was rounded.
const ABOVE: f32 = 1e-6;
/// Fraction of unknown facings that a probability takes for granted.
const UNKNOWN: f64 = 0.05;

/// What similarity means in one gallery. Never changes; [`Calibration::follow`] makes that of an edited one.
#[derive(Debug, Clone)]
pub struct Calibration {
    standard: Arc<Standard>,
    levels: Levels,
    /// The exemplar nearest to each row of the background that is looked at.
    nearest: Vec<Nearest>,
    /// Exemplars, as the rest of the gallery sees them with their own SKU struck.
    look_alikes: Vec<Foreign>,
    /// Minimum lead of a known SKU.
    lead: Option<f32>,
    mapping: Mapping,
    /// Log-odds of enrolled against foreign by lead and margin, were both as frequent.
    enrolled: Option<Mapping>,
}

/// A product that is not enrolled: its lead over the SKU that wins the vote, and that SKU's margin over the next.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Foreign {
    lead: f32,
    margin: f32,
}

/// The exemplar nearest to a row of the background.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Nearest {
    row: usize,
    exemplar: ExemplarId,
    sku: SkuId,
    similarity: f32,
}

impl Calibration {
    pub(super) fn of(
        (data, prototypes): (&GalleryData, &Prototypes),
        index: &Index,
        standard: &Arc<Standard>,
    ) -> Result<Self, GalleryError> {
        let levels = Levels::of(data);
        let rows: Vec<usize> = standard.background.iter().flat_map(|b| looked_at(b, data.exemplars().len())).collect();
        let nearest = nearest_to(standard, data, index, &rows)?;
        let (samples, look_alikes) = look_up((data, prototypes), index, standard, &levels)?;
        let background = foreign(standard, (data, prototypes), index, &levels, &nearest)?;
        let enrolled = enrolled_against_foreign(&samples, &look_alikes, &background);
        let mapping = mapping_of(standard, samples, &background);
        let standard = Arc::clone(standard);
        Ok(Self { standard, levels, nearest, look_alikes, lead: None, mapping, enrolled }.led())
    }

    /// That of `after`, which was edited. Quick when little was edited: the mapping of probabilities and the
    /// look-alikes stay as they were until the gallery is opened again.
    pub(super) fn follow(
        &self,
        edit: &Edit,
        (after, prototypes): (&GalleryData, &Prototypes),
        index: &Index,
    ) -> Result<Self, GalleryError> {
        if edit.anew {
            return Self::of((after, prototypes), index, &self.standard);
        }
        let mut next = self.clone();
        next.levels.renew(after, &edit.skus);
        let Some(background) = &self.standard.background else { return Ok(next.led()) };
        let orphans = next.nearest.iter().filter(|n| edit.removed.contains(&n.exemplar)).map(|n| n.row);
        let found = nearest_to(&self.standard, after, index, &orphans.collect::<Vec<_>>())?;
        let found: HashMap<usize, Nearest> = found.into_iter().map(|nearest| (nearest.row, nearest)).collect();
        next.nearest.retain_mut(|nearest| {
            if !edit.removed.contains(&nearest.exemplar) {
                return true;
            }
            found.get(&nearest.row).map(|other| *nearest = *other).is_some()
        });
        for &row in &edit.added {
            let exemplar = &after.exemplars()[row];
            let rows = next.nearest.iter().map(|nearest| background.embeddings().row(nearest.row));
            let similarities = dots(after.embeddings().row(row), rows);
            for (nearest, similarity) in next.nearest.iter_mut().zip(similarities) {
                if similarity > nearest.similarity {
                    (nearest.exemplar, nearest.sku) = (exemplar.id, exemplar.sku);
                    nearest.similarity = clamp_similarity(similarity);
                }
            }
        }
        Ok(next.led())
    }

    /// What it was made by.
    #[must_use]
    pub fn standard(&self) -> &Arc<Standard> {
        &self.standard
    }

    /// Similarity from which a facing is of `sku`, `0..=1`; `None` without impostors to learn it from.
    #[must_use]
    pub fn threshold(&self, sku: SkuId) -> Option<f32> {
        self.lead.map(|lead| (self.levels.of_sku(sku) + lead).clamp(0.0, 1.0))
    }

    /// Chance that a facing is of `sku`, which won the vote with this similarity and margin over the runner-up.
    #[must_use]
    pub fn probability(&self, sku: SkuId, similarity: f32, margin: f32) -> f32 {
        self.mapping.probability(similarity - self.levels.of_sku(sku), margin)
    }

    /// How many times likelier a facing of this similarity to `sku`, which won the vote by this margin, is of an enrolled SKU than of
    /// a foreign product as alike as the enrolled ones are among themselves; `None` where exemplars are too few to say.
    #[must_use]
    pub fn enrolled_odds(&self, sku: SkuId, similarity: f32, margin: f32) -> Option<f32> {
        self.enrolled.map(|enrolled| enrolled.odds(similarity - self.levels.of_sku(sku), margin) as f32)
    }

    /// How similar exemplars of `sku` are to the nearest other one of it, on average.
    #[must_use]
    pub fn level(&self, sku: SkuId) -> f32 {
        self.levels.of_sku(sku)
    }

    /// What turns leads into probabilities.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        self.mapping
    }

    /// Foreign embeddings that thresholds rest on.
    #[must_use]
    pub fn impostors(&self) -> usize {
        self.leads().len()
    }

    fn leads(&self) -> Vec<f32> {
        match self.standard.impostors {
            Impostors::LookAlikes => self.look_alikes.iter().map(|other| other.lead).collect(),
            Impostors::Background => {
                let lead = |nearest: &Nearest| nearest.similarity - self.levels.of_sku(nearest.sku);
                // What is as similar as the SKU's own exemplars is no foreign product but that SKU.
                self.nearest.iter().map(lead).filter(|lead| *lead < 0.0).collect()
            }
        }
    }

    fn led(mut self) -> Self {
        let mut leads = self.leads();
        leads.sort_by(f32::total_cmp);
        // Conformal: of n impostors and the next one, all orders are equally likely.
        let allowed = (f64::from(self.standard.false_accepts) * (leads.len() + 1) as f64).floor() as usize;
        // Above the strongest when not even one may pass.
        self.lead = leads.last().copied().map(|strongest| match allowed {
            0 => strongest + ABOVE,
            allowed => leads[leads.len().saturating_sub(allowed)],
        });
        self
    }
}

/// Rows of a background that are looked at beside so many exemplars: all, or as many as time allows, evenly.
fn looked_at(background: &Background, exemplars: usize) -> impl Iterator<Item = usize> {
    let rows = background.embeddings().rows();
    let count = affordable(rows, exemplars);
    (0..count).map(move |at| at * rows / count)
}

fn affordable(rows: usize, exemplars: usize) -> usize {
    rows.min((MAX_PRODUCTS / exemplars.max(1)).max(MIN_ROWS))
}

fn nearest_to(
    standard: &Standard,
    data: &GalleryData,
    index: &Index,
    rows: &[usize],
) -> Result<Vec<Nearest>, GalleryError> {
    let (Some(background), false) = (&standard.background, rows.is_empty()) else { return Ok(Vec::new()) };
    let found = index.search(data, &picked(background.embeddings(), rows), 1)?;
    let nearest = rows.iter().zip(found).filter_map(|(&row, hits)| {
        let hit = hits.first()?;
        let exemplar = &data.exemplars()[hit.row];
        Some(Nearest { row, exemplar: exemplar.id, sku: exemplar.sku, similarity: hit.similarity })
    });
    Ok(nearest.collect())
}

fn picked(matrix: &Matrix, rows: &[usize]) -> Matrix {
    let mut picked = Matrix::new(matrix.columns());
    rows.iter().for_each(|&row| picked.push(matrix.row(row)));
    picked
}

/// Looks exemplars up in the rest of the gallery: what came of those whose SKU has another, and what would have come of each, were
/// its SKU not enrolled.
fn look_up(
    (data, prototypes): (&GalleryData, &Prototypes),
    index: &Index,
    standard: &Standard,
    levels: &Levels,
) -> Result<(Vec<Sample>, Vec<Foreign>), GalleryError> {
    let exemplars = data.exemplars().len();
    let count = affordable(exemplars.min(MAX_QUERIES), exemplars).min(exemplars);
    let rows: Vec<usize> = (0..count).map(|at| at * exemplars / count).collect();
    if rows.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    // Enough that another SKU is among them where one has hundreds of exemplars.
    let found = index.search(data, &picked(data.embeddings(), &rows), (standard.rule.k + 1).max(64))?;
    let (mut samples, mut look_alikes) = (Vec::new(), Vec::new());
    for (row, hits) in rows.into_iter().zip(found) {
        let own = &data.exemplars()[row];
        if own.sku == SkuId::NOT_A_CONTAINER {
            continue;
        }
        // An image that is enrolled twice would find itself.
        let others = hits.into_iter().filter(|hit| data.exemplars()[hit.row].sha256 != own.sha256);
        let neighbors = neighbors((data, prototypes), data.embeddings().row(row), others, Some(row));
        let others: Vec<Neighbor> =
            neighbors.iter().filter(|n| n.sku != own.sku && n.sku != SkuId::NOT_A_CONTAINER).copied().collect();
        look_alikes.extend(seen(&others, standard, levels));
        if levels.has_pairs(own.sku) {
            let decision = decide(&neighbors, &standard.rule, 1);
            let Some(best) = decision.candidates.first() else { continue };
            let lead = best.similarity - levels.of_sku(best.sku);
            samples.push(Sample::new(lead, decision.margin, best.sku == own.sku));
        }
    }
    Ok((samples, look_alikes))
}

/// What the vote makes of something foreign; `None` where nothing is near.
fn seen(neighbors: &[Neighbor], standard: &Standard, levels: &Levels) -> Option<Foreign> {
    let decision = decide(neighbors, &standard.rule, 1);
    let best = decision.candidates.first()?;
    Some(Foreign { lead: best.similarity - levels.of_sku(best.sku), margin: decision.margin })
}

/// The background, as the gallery sees it, without what is as similar as a SKU's own exemplars: that is no foreign product.
fn foreign(
    standard: &Standard,
    (data, prototypes): (&GalleryData, &Prototypes),
    index: &Index,
    levels: &Levels,
    nearest: &[Nearest],
) -> Result<Vec<Foreign>, GalleryError> {
    let Some(background) = &standard.background else { return Ok(Vec::new()) };
    let rows = nearest.iter().filter(|n| n.similarity < levels.of_sku(n.sku)).map(|n| n.row);
    let rows: Vec<usize> = rows.step_by((nearest.len() / MIN_ROWS).max(1)).collect();
    let products = picked(background.embeddings(), &rows);
    let found = index.search(data, &products, standard.rule.k)?;
    let near = |(row, hits)| neighbors((data, prototypes), products.row(row), hits, None);
    Ok(found.into_iter().enumerate().map(near).filter_map(|near| seen(&near, standard, levels)).collect())
}

/// Exemplars looked up among the others against foreign products: look-alikes, and the background where those are few.
fn enrolled_against_foreign(samples: &[Sample], look_alikes: &[Foreign], background: &[Foreign]) -> Option<Mapping> {
    let more: &[Foreign] = if look_alikes.len() < MIN_QUERIES { background } else { &[] };
    let count = look_alikes.len() + more.len();
    if samples.len() < MIN_QUERIES || count < MIN_QUERIES {
        return None;
    }
    let weight = samples.len() as f64 / count as f64;
    let enrolled = samples.iter().map(|sample| sample.being(true));
    let foreign = look_alikes.iter().chain(more);
    let foreign = foreign.map(|other| Sample::new(other.lead, other.margin, false).weighing(weight));
    let both: Vec<Sample> = enrolled.chain(foreign).collect();
    Some(fit(&both, Mapping { bias: 1.0, lead: 1.0, margin: 0.0 }))
}

fn mapping_of(standard: &Standard, mut samples: Vec<Sample>, background: &[Foreign]) -> Mapping {
    if samples.len() < MIN_QUERIES {
        return standard.general;
    }
    let weight = UNKNOWN / (1.0 - UNKNOWN) * samples.len() as f64 / background.len().max(1) as f64;
    let foreign = background.iter().map(|other| Sample::new(other.lead, other.margin, false).weighing(weight));
    samples.extend(foreign);
    fit(&samples, standard.general)
}
