//! Validation by retrieval: what the network is for. Crops are embedded as they would be served, some are enrolled, others
//! are looked up, and `eval` counts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use classifier::gallery::prototypes::Prototypes;
use classifier::{DecisionRule, decide};
use eval::{Bootstrap, Interval, OpenSet, QuerySet, Ranked, top_k};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vision::rng::{Rng, derive};
use vision::{Candidate, Embedder, Embedding, ExemplarId, Neighbor, SkuId};

use super::data::{Crop, SkuImages};
use super::fit::FitError;

/// Exemplars of a SKU that are tried.
pub const SHOTS: [usize; 3] = [1, 3, 5];
/// Random choices of exemplars.
const DRAWS: u64 = 5;
/// Nearest exemplars looked at: several SKUs are among them even where one has hundreds.
const NEIGHBORS: usize = 1000;
/// SKUs ranked.
const CANDIDATES: usize = 10;
/// Crops decoded and embedded at once: bounds memory.
const AT_ONCE: usize = 64;

/// Metrics of a validation. `None` where there are no such images.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Validation {
    /// Learned SKUs: enrolled with the images that are learned, looked up with those that validate.
    pub top1: Option<f64>,
    /// The same with [`SHOTS`] exemplars a SKU, mean of five draws.
    pub few: [Option<f64>; 3],
    /// SKUs never trained on, enrolled with [`SHOTS`] exemplars beside as many of every learned SKU; mean of five draws.
    pub unseen: [Option<f64>; 3],
    /// Open set: validation images of learned SKUs, all enrolled, against images of SKUs held out. Where none is held out,
    /// against the same images with their own SKU taken out of the gallery.
    pub auroc: Option<f64>,
}

impl Validation {
    /// Names and metrics.
    #[must_use]
    pub fn metrics(&self) -> [(&'static str, Option<f64>); 8] {
        let [few1, few3, few5] = self.few;
        let [unseen1, unseen3, unseen5] = self.unseen;
        [
            ("top1", self.top1),
            ("top1_1shot", few1),
            ("top1_3shot", few3),
            ("top1_5shot", few5),
            ("unseen_1shot", unseen1),
            ("unseen_3shot", unseen3),
            ("unseen_5shot", unseen5),
            ("auroc", self.auroc),
        ]
    }

    /// The number by which networks of a run are compared: the mean of top-1, of unseen SKUs with three exemplars, and of
    /// AUROC, as far as there are such images.
    #[must_use]
    pub fn fitness(&self) -> f64 {
        let known: Vec<f64> = [self.top1, self.unseen[1], self.auroc].into_iter().flatten().collect();
        if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / known.len() as f64 }
    }
}

/// Crops with their embeddings; crops that cannot be read are left out.
#[derive(Debug, Clone, Default)]
pub struct Embedded {
    /// Number of the SKU, the file, the embedding.
    pub crops: Vec<(usize, PathBuf, Embedding)>,
}

impl Embedded {
    /// Embeds crops as they would be served. `progress` hears how many are done.
    ///
    /// # Errors
    /// When the network fails.
    pub fn of(crops: &[Crop], embedder: &dyn Embedder, progress: &mut dyn FnMut(usize)) -> Result<Self, FitError> {
        let mut embedded = Self::default();
        for chunk in crops.chunks(AT_ONCE) {
            let opened: Vec<_> = chunk.par_iter().map(|crop| dataset::image_file::load(&crop.path)).collect();
            let mut images = Vec::with_capacity(chunk.len());
            let mut readable = Vec::with_capacity(chunk.len());
            for (crop, image) in chunk.iter().zip(opened) {
                match image {
                    Ok(image) => {
                        images.push(image);
                        readable.push(crop);
                    }
                    Err(error) => tracing::warn!(%error, "an image cannot be validated with"),
                }
            }
            let embeddings =
                embedder.embed(&images).map_err(|error| FitError::Setup(format!("validation failed: {error}")))?;
            let crops = readable.into_iter().zip(embeddings);
            embedded.crops.extend(crops.map(|(crop, embedding)| (crop.sku, crop.path.clone(), embedding)));
            progress(chunk.len());
        }
        Ok(embedded)
    }

    /// Mean direction of every SKU below `skus`.
    #[must_use]
    pub fn means(&self, skus: usize) -> Vec<Option<Embedding>> {
        let mut sums: Vec<Vec<f32>> = vec![Vec::new(); skus];
        for (sku, _, embedding) in self.crops.iter().filter(|(sku, ..)| *sku < skus) {
            let sum = &mut sums[*sku];
            sum.resize(embedding.dimension(), 0.0);
            sum.iter_mut().zip(embedding.as_slice()).for_each(|(sum, value)| *sum += value);
        }
        sums.into_iter().map(|sum| Embedding::normalized(sum).ok()).collect()
    }
}

/// The SKUs nearest to each, best first, with their similarity: who is mistaken for whom.
#[must_use]
pub fn nearest(gallery: &Embedded, skus: usize, max: usize) -> Vec<Vec<(usize, f32)>> {
    let means = gallery.means(skus);
    let negatives = |sku: usize| {
        let Some(own) = &means[sku] else { return Vec::new() };
        let others = means.iter().enumerate().filter(|(other, _)| *other != sku);
        let mut negatives: Vec<(usize, f32)> =
            others.filter_map(|(other, mean)| Some((other, own.cosine(mean.as_ref()?)))).collect();
        negatives.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        negatives.truncate(max);
        negatives
    };
    (0..skus).into_par_iter().map(negatives).collect()
}

/// Everything that is embedded for a validation.
#[derive(Debug, Clone, Default)]
pub struct EmbeddedParts {
    /// Images that are learned.
    pub train: Embedded,
    /// Images of the same SKUs that validate.
    pub val: Embedded,
    /// Images of SKUs held out.
    pub held_out: Embedded,
    names: Vec<String>,
}

/// A metric with its name and, where asked for, its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// As in [`Validation::metrics`].
    pub name: &'static str,
    /// Its value, 0 to 1.
    pub value: Option<f64>,
    /// Where 95 % of resamples of the images lie.
    pub interval: Option<Interval>,
    /// Images looked up.
    pub queries: usize,
}

impl EmbeddedParts {
    /// Embeds all images of `data`.
    ///
    /// # Errors
    /// When the network fails.
    pub fn embed(
        data: &SkuImages,
        embedder: &dyn Embedder,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, FitError> {
        let all = data.train.len() + data.val.len() + data.held_out.len();
        let mut done = 0;
        let mut part = |crops: &[Crop]| {
            Embedded::of(crops, embedder, &mut |more| {
                done += more;
                progress(done, all);
            })
        };
        Ok(Self {
            train: part(&data.train)?,
            val: part(&data.val)?,
            held_out: part(&data.held_out)?,
            names: data.skus.clone(),
        })
    }

    /// The same images by what `change` makes of their embeddings.
    #[must_use]
    pub fn changed(&self, change: impl Fn(&Embedded) -> Embedded) -> Self {
        let (train, val, held_out) = (change(&self.train), change(&self.val), change(&self.held_out));
        Self { train, val, held_out, names: self.names.clone() }
    }

    /// All metrics; intervals with `resamples` above zero.
    #[must_use]
    pub fn measure(&self, resamples: u32) -> Vec<Measured> {
        let bootstrap = Bootstrap { resamples, ..Bootstrap::default() };
        let first = |set: QuerySet, name: &'static str| {
            let metric = |weights: Option<&[u32]>| top_k(&set, weights).top1;
            let interval = bootstrap.intervals(set.images().len(), |weights| [metric(Some(weights))])[0];
            Measured { name, value: metric(None), interval, queries: set.images().len() }
        };
        let mut all = vec![first(self.seen(), "top1")];
        let few = ["top1_1shot", "top1_3shot", "top1_5shot"];
        all.extend(SHOTS.into_iter().zip(few).map(|(shots, name)| first(self.few(shots), name)));
        let unseen = ["unseen_1shot", "unseen_3shot", "unseen_5shot"];
        all.extend(SHOTS.into_iter().zip(unseen).map(|(shots, name)| first(self.unseen(shots), name)));
        let set = self.open();
        let open = OpenSet::new(&set);
        let metric = |weights: Option<&[u32]>| open.summarize(weights).auroc;
        let interval = bootstrap.intervals(set.images().len(), |weights| [metric(Some(weights))])[0];
        all.push(Measured { name: "auroc", value: metric(None), interval, queries: set.images().len() });
        all
    }

    /// All metrics, without intervals.
    #[must_use]
    pub fn metrics(&self) -> Validation {
        let by_name: BTreeMap<&str, Option<f64>> = self.measure(0).into_iter().map(|m| (m.name, m.value)).collect();
        let get = |name: &str| by_name.get(name).copied().flatten();
        Validation {
            top1: get("top1"),
            few: [get("top1_1shot"), get("top1_3shot"), get("top1_5shot")],
            unseen: [get("unseen_1shot"), get("unseen_3shot"), get("unseen_5shot")],
            auroc: get("auroc"),
        }
    }

    /// Learned SKUs, all their images enrolled.
    #[must_use]
    pub fn seen(&self) -> QuerySet {
        let mut set = self.set(&self.val);
        let gallery: Vec<(usize, &Embedding)> = self.train.crops.iter().map(|(sku, _, e)| (*sku, e)).collect();
        self.rank(&mut set, &gallery, &mut self.val.crops.iter().map(|(sku, _, e)| (Some(*sku), e)).enumerate());
        set
    }

    /// Learned SKUs with so many exemplars.
    fn few(&self, shots: usize) -> QuerySet {
        let mut set = self.set(&self.val);
        for draw in 0..DRAWS {
            let (gallery, _) = split(&self.train, shots, draw);
            self.rank(&mut set, &gallery, &mut self.val.crops.iter().map(|(sku, _, e)| (Some(*sku), e)).enumerate());
        }
        set
    }

    /// SKUs held out with so many exemplars, beside as many of every learned SKU.
    fn unseen(&self, shots: usize) -> QuerySet {
        let mut set = self.set(&self.held_out);
        for draw in 0..DRAWS {
            let (mut gallery, rest) = split(&self.held_out, shots, draw);
            gallery.extend(split(&self.train, shots, draw).0);
            let queries = rest.into_iter().map(|at| {
                let (sku, _, embedding) = &self.held_out.crops[at];
                (at, (Some(*sku), embedding))
            });
            self.rank(&mut set, &gallery, &mut { queries });
        }
        set
    }

    fn open(&self) -> QuerySet {
        let both: Vec<PathBuf> =
            self.val.crops.iter().chain(&self.held_out.crops).map(|(_, path, _)| path.clone()).collect();
        let names = both.iter().map(|path| path.display().to_string()).collect();
        let mut set = QuerySet::new(self.names.clone(), names);
        let gallery: Vec<(usize, &Embedding)> = self.train.crops.iter().map(|(sku, _, e)| (*sku, e)).collect();
        let known = self.val.crops.iter().map(|(sku, _, e)| (Some(*sku), e)).enumerate();
        self.rank(&mut set, &gallery, &mut { known });
        if self.held_out.crops.is_empty() {
            for (at, (own, _, embedding)) in self.val.crops.iter().enumerate() {
                let others: Vec<(usize, &Embedding)> = gallery.iter().filter(|(sku, _)| sku != own).copied().collect();
                self.rank(&mut set, &others, &mut std::iter::once((at, (None, embedding))));
            }
        } else {
            let first = self.val.crops.len();
            let strangers = self.held_out.crops.iter().enumerate().map(|(at, (_, _, e))| (first + at, (None, e)));
            self.rank(&mut set, &gallery, &mut { strangers });
        }
        set
    }

    fn set(&self, queries: &Embedded) -> QuerySet {
        let images = queries.crops.iter().map(|(_, path, _)| path.display().to_string());
        QuerySet::new(self.names.clone(), images.collect())
    }

    /// Ranks SKUs as serving and evaluation do: the nearest exemplars vote.
    fn rank(
        &self,
        set: &mut QuerySet,
        gallery: &[(usize, &Embedding)],
        queries: &mut dyn Iterator<Item = (usize, (Option<usize>, &Embedding))>,
    ) {
        let queries: Vec<_> = queries.collect();
        let prototypes =
            Prototypes::of(gallery.iter().map(|(sku, exemplar)| (SkuId(*sku as u32 + 1), exemplar.as_slice())));
        let ranked: Vec<Vec<Ranked>> = queries
            .par_iter()
            .map(|(_, (_, query))| {
                let neighbor = |(at, (sku, exemplar)): (u64, &(usize, &Embedding))| Neighbor {
                    exemplar: ExemplarId(at),
                    // SKU 0 stands for what is no container.
                    sku: SkuId(*sku as u32 + 1),
                    similarity: query.cosine(exemplar),
                    prototype: None,
                };
                let mut neighbors: Vec<Neighbor> = (0..).zip(gallery).map(neighbor).collect();
                if neighbors.len() > NEIGHBORS {
                    neighbors.select_nth_unstable_by(NEIGHBORS, |a, b| b.similarity.total_cmp(&a.similarity));
                    neighbors.truncate(NEIGHBORS);
                }
                for neighbor in &mut neighbors {
                    neighbor.prototype = prototypes.similarity(neighbor.sku, query.as_slice());
                }
                let decision = decide(&neighbors, &DecisionRule::default(), CANDIDATES);
                let ranked = |c: &Candidate| Ranked { sku: c.sku.0 - 1, similarity: c.similarity.into() };
                decision.candidates.iter().map(ranked).collect()
            })
            .collect();
        for ((query_number, (truth, _)), candidates) in queries.into_iter().zip(ranked) {
            let truth = truth.map(|sku| sku as u32);
            set.push(truth, query_number as u32, &candidates).expect("candidates are ranked, of known SKUs, each once");
        }
    }
}

/// `shots` random crops of every SKU, and the numbers of all others.
fn split(crops: &Embedded, shots: usize, draw: u64) -> (Vec<(usize, &Embedding)>, Vec<usize>) {
    let mut order: Vec<usize> = (0..crops.crops.len()).collect();
    Rng::new(derive(draw, 0x5407)).shuffle(&mut order);
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut gallery, mut rest) = (Vec::new(), Vec::new());
    for at in order {
        let (sku, _, embedding) = &crops.crops[at];
        let count = taken.entry(*sku).or_default();
        if *count < shots {
            *count += 1;
            gallery.push((*sku, embedding));
        } else {
            rest.push(at);
        }
    }
    rest.sort_unstable();
    (gallery, rest)
}
