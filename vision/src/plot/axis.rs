//! Where ticks stand.

/// A linear axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// Value at the origin.
    pub min: f64,
    /// Value at the far end, above `min`.
    pub max: f64,
    /// `(value, text)`
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to 1 in steps of .2.
    #[must_use]
    pub fn fraction(label: &str) -> Self {
        let ticks = (0..=5).map(|i| f64::from(i) / 5.0).map(|v| (v, format!("{v:.1}"))).collect();
        Self { label: label.to_owned(), min: 0.0, max: 1.0, ticks }
    }

    /// Around the values given, with round ticks.
    #[must_use]
    pub fn around(label: &str, low: f64, high: f64) -> Self {
        let span = if high > low { high - low } else { 1.0 };
        let rough = span / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(power);
        let (min, max) = ((low / step).floor() * step, ((low + span) / step).ceil() * step);
        let count = ((max - min) / step).round() as i32;
        let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize + usize::from(step / power == 2.5);
        let tick = |i| {
            let value = min + f64::from(i) * step;
            (value, format!("{value:.digits$}"))
        };
        Self { label: label.to_owned(), min, max, ticks: (0..=count).map(tick).collect() }
    }

    /// Fractions from `10^-lowest` to 1 by powers of ten, for values given as their decimal logarithms; what is less stands at the
    /// origin.
    #[must_use]
    pub fn powers(label: &str, lowest: u8) -> Self {
        let lowest = lowest.max(1);
        let text = |power: u8| match power {
            0 => "1".to_owned(),
            1..=3 => format!("{:.*}", usize::from(power), 10_f64.powi(-i32::from(power))),
            more => format!("1e-{more}"),
        };
        let mark = |power: u8| if power == lowest { format!("≤ {}", text(power)) } else { text(power) };
        let ticks = (0..=lowest).rev().map(|power| (-f64::from(power), mark(power))).collect();
        Self { label: label.to_owned(), min: -f64::from(lowest), max: 0.0, ticks }
    }

    /// From 0 to at least `high` in whole numbers.
    #[must_use]
    pub fn counts(label: &str, high: u64) -> Self {
        let high = high.max(1);
        let round = [1, 2, 5].into_iter();
        let step = (0..19).flat_map(|p| round.clone().map(move |m| m * 10_u64.pow(p))).find(|s| high.div_ceil(*s) <= 6);
        let step = step.unwrap_or(high);
        let count = high.div_ceil(step);
        let ticks = (0..=count).map(|i| ((i * step) as f64, (i * step).to_string())).collect();
        Self { label: label.to_owned(), min: 0.0, max: (count * step) as f64, ticks }
    }

    /// Position of a value between 0 and 1.
    #[must_use]
    pub fn position(&self, value: f64) -> f64 {
        ((value - self.min) / (self.max - self.min)).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let check = |low, high, expected: &[&str]| {
            let axis = Axis::around("x", low, high);
            let texts: Vec<&str> = axis.ticks.iter().map(|t| t.1.as_str()).collect();
            assert_eq!(texts, expected, "{low}..{high}");
            assert!(axis.min <= low && axis.max >= high);
        };
        check(0.0, 1.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(0.0, 47.0, &["0", "10", "20", "30", "40", "50"]);
        check(-0.12, 0.03, &["-0.15", "-0.10", "-0.05", "0.00", "0.05"]);
        check(3.0, 3.0, &["3.0", "3.2", "3.4", "3.6", "3.8", "4.0"]);
        check(0.0, 12.0, &["0.0", "2.5", "5.0", "7.5", "10.0", "12.5"]);
        let counts = |high| Axis::counts("n", high).ticks.into_iter().map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(counts(11), ["0", "2", "4", "6", "8", "10", "12"]);
        assert_eq!(counts(0), ["0", "1"]);
        assert_eq!(counts(131), ["0", "50", "100", "150"]);
        let powers = Axis::powers("rate", 4);
        assert_eq!(
            powers.ticks.iter().map(|t| t.1.as_str()).collect::<Vec<_>>(),
            ["≤ 1e-4", "0.001", "0.01", "0.1", "1"]
        );
        assert_eq!((powers.position(-2.0), powers.position(f64::NEG_INFINITY)), (0.5, 0.0));
    }
}
