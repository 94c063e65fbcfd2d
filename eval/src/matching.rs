//! Which found box is which true box, by COCO's rules.
//!
//! Within one class of one image, predictions are taken by falling score (equal scores in file order). Each takes the
//! free true box it overlaps most, if by at least the threshold; between equal overlaps the later true box wins, as in
//! pycocotools. True boxes to ignore (crowds, and boxes outside the size range) are offered only when no other fits;
//! a prediction that takes one is ignored too, and so is an unmatched prediction outside the size range.
//!
//! Source: Lin et al. 2014, "Microsoft COCO", and the evaluation published with it. Two of its accidents are known and
//! kept apart: a true box whose id is 0 can never be matched there (here it can), and the `ignore` key of annotations
//! is overwritten by `iscrowd` there (so it is not read here).

use rayon::prelude::*;
use vision::Confidences;

use crate::cells::{Cell, Cells};
use crate::{DetectionSet, Rect};

/// Number of overlap thresholds.
pub const THRESHOLDS: usize = 10;

/// Predictions per class and image that are looked at. COCO's 100 is too few for shelves (SKU-110K averages 147 boxes).
pub const DEFAULT_MAX_DETECTIONS: usize = 300;

/// COCO's thresholds .50, .55, ..., .95, to the last bit as `numpy.linspace` gives them.
#[must_use]
pub fn iou_thresholds() -> [f64; THRESHOLDS] {
    let (start, stop) = (0.5, 0.95);
    let step = (stop - start) / (THRESHOLDS - 1) as f64;
    let mut thresholds = std::array::from_fn(|i| i as f64 * step + start);
    thresholds[THRESHOLDS - 1] = stop;
    thresholds
}

/// COCO's ranges of a true box's area in square pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SizeRange {
    /// Everything.
    All,
    /// Up to 32 x 32.
    Small,
    /// 32 x 32 to 96 x 96.
    Medium,
    /// From 96 x 96.
    Large,
}

impl SizeRange {
    /// All ranges; the position is the index into per-size arrays.
    pub const EACH: [Self; 4] = [Self::All, Self::Small, Self::Medium, Self::Large];

    /// Smallest and largest area, both included.
    #[must_use]
    pub const fn bounds(self) -> (f64, f64) {
        const HUGE: f64 = 1e5 * 1e5;
        match self {
            Self::All => (0.0, HUGE),
            Self::Small => (0.0, 32.0 * 32.0),
            Self::Medium => (32.0 * 32.0, 96.0 * 96.0),
            Self::Large => (96.0 * 96.0, HUGE),
        }
    }

    /// Lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    fn excludes(self, area: f64) -> bool {
        let (low, high) = self.bounds();
        area < low || area > high
    }
}

/// What became of one prediction at every threshold and size range.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Confidence.
    pub score: f64,
    /// Index of its image.
    pub image: u32,
    /// Place among the predictions of its class and image, 0 for the most confident.
    pub rank: u32,
    /// Index into the set's predictions.
    pub prediction: u32,
    /// Per size range, bit `t`: it found a true box at threshold `t`.
    pub matched: [u16; 4],
    /// Per size range, bit `t`: it counts neither for nor against at threshold `t`.
    pub ignored: [u16; 4],
}

impl Outcome {
    /// Right at threshold `t` in a size range (index into [`SizeRange::EACH`]).
    #[must_use]
    pub fn is_right(&self, size: usize, t: usize) -> bool {
        (self.matched[size] & !self.ignored[size]) >> t & 1 == 1
    }

    /// Wrong at threshold `t` in a size range.
    #[must_use]
    pub fn is_wrong(&self, size: usize, t: usize) -> bool {
        (self.matched[size] | self.ignored[size]) >> t & 1 == 0
    }
}

/// Everything known about one class.
#[derive(Debug, Clone, Default)]
pub struct ClassMatches {
    /// Its predictions by falling score; equal scores by image, then file order.
    pub outcomes: Vec<Outcome>,
    /// Per size range, `(image, true boxes that count)`, by image; images without any are left out.
    pub positives: [Vec<(u32, u32)>; 4],
}

/// The matching of a whole set: computed once, then summed under any weights of images.
#[derive(Debug, Clone)]
pub struct Matches {
    /// Per class of the set.
    pub classes: Vec<ClassMatches>,
    /// Number of images.
    pub images: usize,
    /// Predictions per class and image that were looked at.
    pub max_detections: usize,
}

/// What became of every box at one threshold and one confidence: for drawing, counting and tables of mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// Per true box, the prediction that found it.
    pub found_by: Vec<Option<u32>>,
    /// Per prediction.
    pub results: Vec<MatchResult>,
}

/// What became of one prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchResult {
    /// Below the confidence, or beyond the allowed number.
    Dropped,
    /// Fell on something to ignore.
    Ignored,
    /// Found this true box.
    Right(u32),
    /// Found nothing.
    Wrong,
}

/// Matches every class of every image at all thresholds and size ranges, on all threads of the current rayon pool.
#[must_use]
pub fn match_all(set: &DetectionSet, max_detections: usize) -> Matches {
    let thresholds = iou_thresholds();
    let groups = Cells::group(set);
    let per_class = groups.cells().chunk_by(|a, b| a.class == b.class).collect::<Vec<_>>();
    let found: Vec<(usize, ClassMatches)> = per_class
        .into_par_iter()
        .map(|cells| (cells[0].class as usize, match_class(set, &groups, cells, (&thresholds, max_detections))))
        .collect();
    let mut classes = vec![ClassMatches::default(); set.classes().len()];
    for (class, matches) in found {
        classes[class] = matches;
    }
    Matches { classes, images: set.images().len(), max_detections }
}

fn match_class(
    set: &DetectionSet,
    groups: &Cells,
    cells: &[Cell],
    (thresholds, max_detections): (&[f64], usize),
) -> ClassMatches {
    // A piece of cells per task: its results are pushed into one vector, so a cell allocates nothing.
    const PIECE: usize = 64;
    let parts: Vec<ClassMatches> = cells
        .par_chunks(PIECE)
        .map_init(Scratch::default, |scratch, piece| {
            let mut part = ClassMatches::default();
            for cell in piece {
                scratch.load(set, groups, cell, (max_detections, f64::NEG_INFINITY));
                scratch.overlaps(set, thresholds[0]);
                match_cell(scratch, set, cell, thresholds, &mut part);
            }
            part
        })
        .collect();
    let mut whole = ClassMatches::default();
    whole.outcomes.reserve_exact(parts.iter().map(|p| p.outcomes.len()).sum());
    for part in parts {
        whole.outcomes.extend(part.outcomes);
        for (all, some) in whole.positives.iter_mut().zip(part.positives) {
            all.extend(some);
        }
    }
    // Stable: images are in order before the sort, so equal scores stay in image order.
    whole.outcomes.par_sort_by(|a, b| b.score.total_cmp(&a.score));
    whole
}

fn match_cell(scratch: &mut Scratch, set: &DetectionSet, cell: &Cell, thresholds: &[f64], out: &mut ClassMatches) {
    let first = out.outcomes.len();
    for (rank, &prediction) in scratch.predictions.iter().enumerate() {
        let score = set.predictions()[prediction as usize].score;
        // -0.0 and 0.0 are equal scores, but `total_cmp` tells them apart.
        let score = if score == 0.0 { 0.0 } else { score };
        let rank = rank as u32;
        out.outcomes.push(Outcome { score, image: cell.image, rank, prediction, matched: [0; 4], ignored: [0; 4] });
    }
    let outcomes = &mut out.outcomes[first..];
    for (size, range) in SizeRange::EACH.into_iter().enumerate() {
        scratch.ignore(|truth| truth.crowd || range.excludes(truth.area), set);
        let count = scratch.ignored.iter().filter(|ignored| !**ignored).count();
        if count > 0 {
            out.positives[size].push((cell.image, count as u32));
        }
        scratch.assign(thresholds, |rank, t, _, ignored| {
            outcomes[rank].matched[size] |= 1 << t;
            outcomes[rank].ignored[size] |= u16::from(ignored) << t;
        });
        for outcome in outcomes.iter_mut() {
            if range.excludes(set.predictions()[outcome.prediction as usize].rect.area()) {
                outcome.ignored[size] |= !outcome.matched[size] & ((1 << THRESHOLDS) - 1);
            }
        }
    }
}

/// Matches the predictions with at least the confidence of their class at one overlap threshold, class by class.
#[must_use]
pub fn pair(set: &DetectionSet, iou: f64, confidence: &Confidences<f64>, max_detections: usize) -> Pairing {
    let min_confidence = confidence.by_number(set.classes());
    let groups = Cells::group(set);
    let mut pairing = Pairing {
        found_by: vec![None; set.truths().len()],
        results: vec![MatchResult::Dropped; set.predictions().len()],
    };
    let mut scratch = Scratch::default();
    for cell in groups.cells() {
        scratch.load(set, &groups, cell, (max_detections, min_confidence[cell.class as usize]));
        scratch.overlaps(set, iou);
        scratch.ignore(|truth| truth.crowd, set);
        for &prediction in &scratch.predictions {
            pairing.results[prediction as usize] = MatchResult::Wrong;
        }
        let mut pairs = std::mem::take(&mut scratch.pairs);
        scratch.assign(&[iou], |rank, _, truth, ignored| pairs.push((rank, truth, ignored)));
        for (rank, truth, ignored) in pairs.drain(..) {
            let (prediction, truth) = (scratch.predictions[rank], scratch.truths[truth]);
            pairing.results[prediction as usize] = if ignored {
                MatchResult::Ignored
            } else {
                pairing.found_by[truth as usize] = Some(prediction);
                MatchResult::Right(truth)
            };
        }
        scratch.pairs = pairs;
    }
    pairing
}

/// Buffers that live as long as their thread's share of the work.
#[derive(Debug, Default)]
struct Scratch {
    /// True boxes of the cell, in file order.
    truths: Vec<u32>,
    boxes: Vec<(Rect, bool)>,
    /// Predictions of the cell, most confident first, cut to the allowed number.
    predictions: Vec<u32>,
    /// Pairs that overlap enough at the lowest threshold, by prediction and then true box.
    candidates: Vec<(u32, f64)>,
    candidate_ends: Vec<u32>,
    /// Per true box: does not count in the current size range.
    ignored: Vec<bool>,
    /// Per true box, bit `t`: taken at threshold `t`.
    taken: Vec<u16>,
    pairs: Vec<(usize, usize, bool)>,
}

impl Scratch {
    fn load(&mut self, set: &DetectionSet, groups: &Cells, cell: &Cell, (max_detections, confidence): (usize, f64)) {
        self.truths.clear();
        self.truths.extend_from_slice(groups.truths(cell));
        self.boxes.clear();
        self.boxes.extend(self.truths.iter().map(|&t| (set.truths()[t as usize].rect, set.truths()[t as usize].crowd)));
        let score = |p: u32| set.predictions()[p as usize].score;
        self.predictions.clear();
        self.predictions.extend(groups.predictions(cell).iter().copied().filter(|&p| score(p) >= confidence));
        // Indices ascend in file order, so they break ties as a stable sort would, without its buffer.
        self.predictions.sort_unstable_by(|&a, &b| {
            score(b).partial_cmp(&score(a)).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(&b))
        });
        self.predictions.truncate(max_detections);
    }

    fn overlaps(&mut self, set: &DetectionSet, lowest: f64) {
        self.candidates.clear();
        self.candidate_ends.clear();
        let lowest = lowest.min(ALMOST_ONE);
        for &prediction in &self.predictions {
            let rect = set.predictions()[prediction as usize].rect;
            for (truth, (other, crowd)) in self.boxes.iter().enumerate() {
                let overlap = rect.overlap(other, *crowd);
                if overlap >= lowest {
                    self.candidates.push((truth as u32, overlap));
                }
            }
            self.candidate_ends.push(self.candidates.len() as u32);
        }
    }

    fn ignore(&mut self, ignore: impl Fn(&crate::Truth) -> bool, set: &DetectionSet) {
        self.ignored.clear();
        self.ignored.extend(self.truths.iter().map(|&t| ignore(&set.truths()[t as usize])));
    }

    /// Calls `matched(rank of prediction, threshold, position of truth, truth is ignored)` for every match.
    fn assign(&mut self, thresholds: &[f64], mut matched: impl FnMut(usize, usize, usize, bool)) {
        self.taken.clear();
        self.taken.resize(self.boxes.len(), 0);
        let mut start = 0;
        for (rank, &end) in self.candidate_ends.iter().enumerate() {
            let candidates = &self.candidates[start..end as usize];
            start = end as usize;
            if candidates.is_empty() {
                continue;
            }
            for (t, threshold) in thresholds.iter().enumerate() {
                // What counts is offered first; what is ignored only when nothing that counts fits.
                let best = [false, true].into_iter().find_map(|ignored| {
                    let mut best_overlap = threshold.min(ALMOST_ONE);
                    let mut best = None;
                    for &(truth, overlap) in candidates {
                        let truth = truth as usize;
                        let free = self.taken[truth] >> t & 1 == 0 || self.boxes[truth].1;
                        if self.ignored[truth] == ignored && free && overlap >= best_overlap {
                            best_overlap = overlap;
                            best = Some(truth);
                        }
                    }
                    best.map(|truth| (truth, ignored))
                });
                if let Some((truth, ignored)) = best {
                    self.taken[truth] |= 1 << t;
                    matched(rank, t, truth, ignored);
                }
            }
        }
    }
}

/// An overlap of exactly 1 may come out a rounding error below 1.
const ALMOST_ONE: f64 = 1.0 - 1e-10;
