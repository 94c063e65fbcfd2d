//! How well facings are found by their height on the network's input, and which heights a network is good at.

/// Lowest edge of the bins, in network pixels.
const LOWEST: f64 = 8.0;

/// Bins an octave: a facing twice as tall is two bins further.
const PER_OCTAVE: usize = 2;

/// Bins, up to 1448 pixels.
pub const BINS: usize = 15;

/// True boxes a bin needs to say anything.
const MIN_BOXES: u64 = 30;

/// A bin belongs to the band when its F1 is at least this fraction of the best.
const GOOD: f64 = 0.9;

/// What was found of facings of one range of heights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeightBin {
    /// True boxes of such a height.
    pub truths: u64,
    /// Those found.
    pub found: u64,
    /// Found boxes of such a height.
    pub boxes: u64,
    /// Those right.
    pub right: u64,
}

impl HeightBin {
    /// Found true boxes of all; `None` where there are none.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        (self.truths > 0).then(|| self.found as f64 / self.truths as f64)
    }

    /// Right boxes of all found; `None` where there are none.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        (self.boxes > 0).then(|| self.right as f64 / self.boxes as f64)
    }

    /// `2 P R / (P + R)`; 0 where nothing is right, `None` where there are too few true boxes to tell.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let recall = self.recall().filter(|_| self.truths >= MIN_BOXES)?;
        let precision = self.precision().unwrap_or(0.0);
        Some(if recall + precision > 0.0 { 2.0 * recall * precision / (recall + precision) } else { 0.0 })
    }
}

/// One set's metrics by height, bins in rising order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeightCurve {
    bins: [HeightBin; BINS],
}

/// Heights a network is good at, in network pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeightBand {
    /// From here.
    pub min: f64,
    /// Best.
    pub best: f64,
    /// Up to here.
    pub max: f64,
}

/// Lower edge of a bin, in network pixels; that of [`BINS`] is the upper edge of the last.
#[must_use]
pub fn edge(bin: usize) -> f64 {
    LOWEST * 2_f64.powf(bin as f64 / PER_OCTAVE as f64)
}

fn bin_of(height: f64) -> Option<usize> {
    let bin = ((height / LOWEST).log2() * PER_OCTAVE as f64).floor();
    (bin >= 0.0 && bin < BINS as f64).then_some(bin as usize)
}

impl HeightCurve {
    /// Counts a true box. What is smaller or larger than all bins is left out.
    pub fn add_truth(&mut self, height: f64, found: bool) {
        if let Some(bin) = bin_of(height) {
            self.bins[bin].truths += 1;
            self.bins[bin].found += u64::from(found);
        }
    }

    /// Counts a found box.
    pub fn add_box(&mut self, height: f64, right: bool) {
        if let Some(bin) = bin_of(height) {
            self.bins[bin].boxes += 1;
            self.bins[bin].right += u64::from(right);
        }
    }

    /// By rising height.
    #[must_use]
    pub fn bins(&self) -> &[HeightBin; BINS] {
        &self.bins
    }
}

impl std::ops::Add<&Self> for HeightCurve {
    type Output = Self;

    fn add(mut self, other: &Self) -> Self {
        for (own, other) in self.bins.iter_mut().zip(&other.bins) {
            own.truths += other.truths;
            own.found += other.found;
            own.boxes += other.boxes;
            own.right += other.right;
        }
        self
    }
}

/// The band that serves all sets: of the mean of their F1, each relative to the set's own best, so that a large set weighs no
/// more than a small one, and a hard one no less than an easy one. Smoothed over neighbouring bins. `None` when no set has
/// enough boxes.
#[must_use]
pub fn band(curves: &[HeightCurve]) -> Option<HeightBand> {
    let score = |bin: usize| {
        let relative = curves.iter().filter_map(|curve| {
            let best = curve.bins.iter().filter_map(HeightBin::f1).fold(0.0, f64::max);
            let own = curve.bins[bin].f1()?;
            (best > 0.0).then(|| own / best)
        });
        mean(relative)
    };
    let scores: Vec<Option<f64>> = (0..BINS).map(score).collect();
    let smooth = |bin: usize| {
        let own = scores[bin]?;
        let side =
            |at: Option<usize>| at.and_then(|at| scores.get(at).copied().flatten()).map_or((0.0, 0.0), |s| (s, 1.0));
        let (before, after) = (side(bin.checked_sub(1)), side(Some(bin + 1)));
        Some((2.0 * own + before.0 + after.0) / (2.0 + before.1 + after.1))
    };
    let smooth: Vec<Option<f64>> = (0..BINS).map(smooth).collect();
    let scored = smooth.iter().enumerate().filter_map(|(bin, score)| Some((bin, (*score)?)));
    let (best, top) = scored.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let good = |bin: usize| smooth[bin].is_some_and(|score| score >= GOOD * top);
    let first = (0..=best).rev().take_while(|&bin| good(bin)).last()?;
    let last = (best..BINS).take_while(|&bin| good(bin)).last()?;
    Some(HeightBand { min: edge(first), best: (edge(best) * edge(best + 1)).sqrt(), max: edge(last + 1) })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set whose recall by bin is as given, with perfect boxes.
    fn curve(recall: &[f64], boxes: u64) -> HeightCurve {
        let mut curve = HeightCurve::default();
        for (bin, recall) in recall.iter().enumerate() {
            let height = edge(bin) * 1.1;
            for i in 0..boxes {
                let found = (i as f64) < recall * boxes as f64;
                curve.add_truth(height, found);
                if found {
                    curve.add_box(height, true);
                }
            }
        }
        curve
    }

    #[test]
    fn the_band_is_where_all_sets_are_near_their_best() {
        let flat = [0.0, 0.1, 0.3, 0.6, 0.9, 0.9, 0.9, 0.9, 0.6, 0.3, 0.0];
        let band = band(&[curve(&flat, 100)]).unwrap();
        assert!((edge(3)..=edge(4)).contains(&band.min), "{band:?}");
        assert!((edge(8)..=edge(9)).contains(&band.max), "{band:?}");
        assert!((edge(5)..=edge(7)).contains(&band.best), "{band:?}");
        // Ten times the boxes of a set that is good elsewhere weigh as much.
        let low = [0.0, 0.0, 0.9, 0.9, 0.9, 0.3, 0.0];
        let both = super::band(&[curve(&flat, 100), curve(&low, 1000)]).unwrap();
        let again = super::band(&[curve(&flat, 100), curve(&low, 100)]).unwrap();
        assert_eq!(both, again);
        assert!(both.best < band.best, "{both:?}");
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        assert_eq!(band(&[]), None);
        assert_eq!(band(&[HeightCurve::default()]), None);
        assert_eq!(band(&[curve(&[0.5; 8], MIN_BOXES - 1)]), None, "too few boxes");
        assert_eq!(band(&[curve(&[0.0; 8], 100)]), None, "never right");
        let mut odd = HeightCurve::default();
        for height in [f64::NAN, f64::INFINITY, -1.0, 0.0, 7.9, 1e9] {
            odd.add_truth(height, true);
            odd.add_box(height, true);
        }
        assert_eq!(odd, HeightCurve::default());
    }
}
