//! What values a tensor takes, and which of them eight bits are to tell apart.

/// How the range of a tensor is chosen from the values seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Calibration {
    /// From the smallest to the largest: nothing is cut off, and one outlier makes all steps coarse.
    MinMax,
    /// With the least mean squared error: rare large values may be cut off where that makes the steps finer.
    #[default]
    Mse,
}

/// Bins on either side of zero.
const HALF: usize = 2048;
/// Ends tried between zero and the largest value.
const TRIES: u32 = 40;

/// Counts of values in bins of equal width. The width doubles when a value lies outside, so one pass over the data is
/// enough and memory is bounded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    bins: Vec<u64>,
    width: f32,
    low: f32,
    high: f32,
    finite: bool,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![0; 2 * HALF], width: f32::MIN_POSITIVE, low: 0.0, high: 0.0, finite: true }
    }
}

impl Histogram {
    /// Whether every value was a number.
    pub(super) fn is_finite(&self) -> bool {
        self.finite
    }

    pub(super) fn add(&mut self, values: impl Iterator<Item = f32> + Clone) {
        let (low, high) = values.clone().fold((self.low, self.high), |(low, high), v| (low.min(v), high.max(v)));
        // `min` and `max` pass over NaN.
        self.finite &= low.is_finite() && high.is_finite() && values.clone().all(|value| !value.is_nan());
        if !self.finite {
            return;
        }
        (self.low, self.high) = (low, high);
        while self.width * (HALF as f32) <= low.abs().max(high) {
            self.widen();
        }
        let scale = 1.0 / self.width;
        for value in values {
            let bin = (value * scale).floor() as i64 + HALF as i64;
            self.bins[bin.clamp(0, 2 * HALF as i64 - 1) as usize] += 1;
        }
    }

    fn widen(&mut self) {
        // Empty bins can be skipped over in one go.
        if self.bins.iter().all(|&count| count == 0) {
            let reach = self.low.abs().max(self.high) / HALF as f32;
            self.width = self.width.max(2.0_f32.powf(reach.log2().floor())) * 2.0;
            return;
        }
        let mut bins = vec![0; 2 * HALF];
        for (at, count) in self.bins.iter().enumerate() {
            bins[((at as i64 - HALF as i64).div_euclid(2) + HALF as i64) as usize] += count;
        }
        (self.bins, self.width) = (bins, self.width * 2.0);
    }

    /// Scale and zero point of unsigned bytes: `value = scale * (byte - zero)`. Zero is always told exactly: padding is zero.
    pub(super) fn parameters(&self, calibration: Calibration) -> (f32, u8) {
        let (low, high) = match calibration {
            Calibration::MinMax => (self.low, self.high),
            Calibration::Mse => self.min_error(),
        };
        let scale = (high - low) / 255.0;
        if scale < f32::MIN_POSITIVE {
            return (1.0, 0);
        }
        (scale, (-low / scale).round().clamp(0.0, 255.0) as u8)
    }

    fn min_error(&self) -> (f32, f32) {
        let sums = Sums::of(self);
        let ends = |end: f32| (0..TRIES).map(move |cut| end * (1.0 - cut as f32 / TRIES as f32));
        let lows: Vec<f32> = if self.low < 0.0 { ends(self.low).collect() } else { vec![0.0] };
        let highs: Vec<f32> = if self.high > 0.0 { ends(self.high).collect() } else { vec![0.0] };
        let ranges = lows.iter().flat_map(|&low| highs.iter().map(move |&high| (low, high)));
        let error = |&(low, high): &(f32, f32)| sums.error(self, low, high);
        ranges.min_by(|a, b| error(a).total_cmp(&error(b))).unwrap_or((self.low, self.high))
    }

    /// The bin that holds a value.
    fn bin(&self, value: f32) -> usize {
        ((value / self.width).floor() as i64 + HALF as i64).clamp(0, 2 * HALF as i64 - 1) as usize
    }
}

/// Count, sum and sum of squares of all bins before each.
struct Sums(Vec<[f64; 3]>);

impl Sums {
    fn of(histogram: &Histogram) -> Self {
        let mut all = Vec::with_capacity(2 * HALF + 1);
        let mut sum = [0.0; 3];
        all.push(sum);
        for (at, &count) in histogram.bins.iter().enumerate() {
            let center = (at as f64 - HALF as f64 + 0.5) * f64::from(histogram.width);
            let count = count as f64;
            sum = [sum[0] + count, sum[1] + count * center, sum[2] + count * center * center];
            all.push(sum);
        }
        Self(all)
    }

    /// Summed squared error when values are cut to `low..=high` and rounded to 256 steps.
    fn error(&self, histogram: &Histogram, low: f32, high: f32) -> f64 {
        let (from, to) = (histogram.bin(low), histogram.bin(high) + 1);
        let step = f64::from(high - low) / 255.0;
        // Rounding errs by a twelfth of the step squared on average.
        let inside = (self.0[to][0] - self.0[from][0]) * step * step / 12.0;
        // Sum of (value - end)^2 of what is cut off.
        let cut = |from: usize, to: usize, end: f64| {
            let part = |i: usize| self.0[to][i] - self.0[from][i];
            part(2) - 2.0 * end * part(1) + end * end * part(0)
        };
        inside + cut(0, from, low.into()) + cut(to, 2 * HALF, high.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(values: &[f32]) -> Histogram {
        let mut histogram = Histogram::default();
        // In parts of growing reach, so that the bins widen on the way.
        values.chunks(7).for_each(|part| histogram.add(part.iter().copied()));
        histogram
    }

    #[test]
    fn every_value_is_counted_once_in_its_bin() {
        let values: Vec<f32> = (0..500).map(|i| (i as f32 - 200.0) * 0.013 * (1.0 + i as f32 / 50.0)).collect();
        let histogram = seen(&values);
        assert_eq!(histogram.bins.iter().sum::<u64>(), 500);
        for (bin, count) in histogram.bins.iter().enumerate() {
            let from = (bin as f32 - HALF as f32) * histogram.width;
            let inside = values.iter().filter(|v| **v >= from && **v < from + histogram.width).count();
            assert_eq!(*count, inside as u64, "bin {bin}");
        }
        assert!(histogram.width * (HALF as f32) < 4.0 * histogram.high, "the bins are not wider than they must be");
    }

    #[test]
    fn zero_is_told_exactly_and_nothing_is_cut_off() {
        let check = |values: &[f32], expected: (f32, u8)| {
            let (scale, zero) = seen(values).parameters(Calibration::MinMax);
            assert!((scale - expected.0).abs() < 1e-6 && zero == expected.1, "{values:?}: {scale} {zero}");
        };
        check(&[0.0, 1.0, 0.5], (1.0 / 255.0, 0));
        check(&[2.0, 3.0], (3.0 / 255.0, 0));
        check(&[-1.0, 0.0, 3.0], (4.0 / 255.0, 64));
        check(&[-5.0, -4.0], (5.0 / 255.0, 255));
        check(&[0.0, 0.0], (1.0, 0));
        check(&[], (1.0, 0));
    }

    #[test]
    fn one_outlier_among_many_is_cut_off() {
        let mut values: Vec<f32> = (0..20_000).map(|i| (i % 100) as f32 / 100.0).collect();
        values.push(8.0);
        let histogram = seen(&values);
        let (wide, _) = histogram.parameters(Calibration::MinMax);
        let (fine, _) = histogram.parameters(Calibration::Mse);
        assert!((wide - 8.0 / 255.0).abs() < 1e-6);
        let error = |scale: f32| -> f64 {
            let round = |v: f32| (v / scale).round().clamp(0.0, 255.0) * scale;
            values.iter().map(|&v| f64::from((v - round(v)).powi(2))).sum()
        };
        assert!(error(fine) < error(wide), "{} {}", error(fine), error(wide));
    }

    #[test]
    fn what_is_no_number_is_remembered() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut histogram = seen(&[1.0, 2.0]);
            histogram.add([0.5, bad].into_iter());
            histogram.add([0.5].into_iter());
            assert!(!histogram.is_finite());
        }
    }
}
