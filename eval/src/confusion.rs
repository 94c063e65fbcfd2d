//! Which class is taken for which, with a row and a column for the background.

use vision::Confidences;

use crate::DetectionSet;

/// Counts of `(true class, predicted class)`; the last row is "nothing there", the last column "not found".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// Number of classes without the background.
    pub classes: usize,
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// An empty matrix.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; (classes + 1) * (classes + 1)] }
    }

    /// Index of the background row and column.
    #[must_use]
    pub fn background(&self) -> usize {
        self.classes
    }

    /// How often `truth` was taken for `predicted`.
    #[must_use]
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * (self.classes + 1) + predicted]
    }

    fn add(&mut self, truth: usize, predicted: usize) {
        self.counts[truth * (self.classes + 1) + predicted] += 1;
    }

    /// Pairs of different classes (or a class and the background) that occur, most frequent first.
    #[must_use]
    pub fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let side = self.classes + 1;
        let cells = (0..side).flat_map(|t| (0..side).map(move |p| (t, p)));
        let mut mistakes: Vec<_> =
            cells.filter(|(t, p)| t != p).map(|(t, p)| (t, p, self.count(t, p))).filter(|m| m.2 > 0).collect();
        mistakes.sort_by_key(|&(t, p, count)| (std::cmp::Reverse(count), t, p));
        mistakes
    }
}

/// Pairs boxes **whatever their class**: of all pairs that overlap by at least `iou`, the largest overlap first (then the
/// more confident prediction, then file order), each box once. Predictions below the confidence of their class do not take
/// part; those left over of whose area at least `iou` lies on a crowd are dropped; the rest is background.
#[must_use]
pub fn confusion_matrix(set: &DetectionSet, iou: f64, confidence: &Confidences<f64>) -> ConfusionMatrix {
    let min_confidence = confidence.by_number(set.classes());
    let counts = |p: &u32| {
        let prediction = &set.predictions()[*p as usize];
        prediction.score >= min_confidence[prediction.class as usize]
    };
    let mut matrix = ConfusionMatrix::new(set.classes().len());
    let background = matrix.background();
    let mut truths: Vec<u32> = (0..set.truths().len() as u32).collect();
    truths.sort_by_key(|&t| set.truths()[t as usize].image);
    let mut predictions: Vec<u32> = (0..set.predictions().len() as u32).filter(counts).collect();
    predictions.sort_by_key(|&p| set.predictions()[p as usize].image);

    let mut pairs: Vec<(f64, u32, u32)> = Vec::new();
    let mut truth_done = vec![false; set.truths().len()];
    let mut paired = vec![false; set.predictions().len()];
    let mut on_crowd = vec![false; set.predictions().len()];
    let mut from = 0;
    for same_image in predictions.chunk_by(|&a, &b| image_of(set, a) == image_of(set, b)) {
        let image = image_of(set, same_image[0]);
        from += truths[from..].partition_point(|&t| set.truths()[t as usize].image < image);
        let until = from + truths[from..].partition_point(|&t| set.truths()[t as usize].image == image);
        pairs.clear();
        for &p in same_image {
            let rect = set.predictions()[p as usize].rect;
            for &t in &truths[from..until] {
                let truth = &set.truths()[t as usize];
                let overlap = rect.overlap(&truth.rect, truth.crowd);
                if truth.crowd {
                    on_crowd[p as usize] |= overlap >= iou;
                } else if overlap >= iou {
                    pairs.push((overlap, p, t));
                }
            }
        }
        let score = |p: u32| set.predictions()[p as usize].score;
        pairs.sort_by(|a, b| {
            b.0.total_cmp(&a.0).then(score(b.1).total_cmp(&score(a.1))).then((a.1, a.2).cmp(&(b.1, b.2)))
        });
        for &(_, p, t) in &pairs {
            if !truth_done[t as usize] && !paired[p as usize] {
                truth_done[t as usize] = true;
                paired[p as usize] = true;
                matrix.add(set.truths()[t as usize].class as usize, set.predictions()[p as usize].class as usize);
            }
        }
        for &p in same_image.iter().filter(|&&p| !paired[p as usize] && !on_crowd[p as usize]) {
            matrix.add(background, set.predictions()[p as usize].class as usize);
        }
    }
    for (truth, done) in set.truths().iter().zip(&truth_done) {
        if !done && !truth.crowd {
            matrix.add(truth.class as usize, background);
        }
    }
    matrix
}

fn image_of(set: &DetectionSet, prediction: u32) -> u32 {
    set.predictions()[prediction as usize].image
}
