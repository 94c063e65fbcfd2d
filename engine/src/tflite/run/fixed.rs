//! Products of integers with real numbers, in integers alone (Jacob et al. 2018, section 2.2; gemmlowp's fixed point).

/// A positive real number as `value / 2^31 * 2^shift`, `value` at least 2^30.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Multiplier {
    value: i32,
    shift: i32,
}

impl Multiplier {
    /// The nearest to `real`; 0 for what is too small to matter.
    pub(super) fn of(real: f64) -> Self {
        let (fraction, mut shift) = split(real);
        let mut value = (fraction * (1_i64 << 31) as f64).round() as i64;
        if value == 1 << 31 {
            value /= 2;
            shift += 1;
        }
        if shift < -31 {
            return Self { value: 0, shift: 0 };
        }
        if shift > 30 {
            return Self { value: i32::MAX, shift: 30 };
        }
        Self { value: value as i32, shift }
    }

    /// `x` times it, rounded twice as the interpreter's kernels do: the product to an integer, halves up; that, shifted right, once
    /// more, halves away from zero.
    pub(super) fn of_int(self, x: i32) -> i32 {
        let (left, right) = (self.shift.max(0), (-self.shift).max(0));
        let product = (i64::from(x) << left).clamp(i32::MIN.into(), i32::MAX.into()) * i64::from(self.value);
        let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        let high = (product + nudge) / (1 << 31);
        let mask = (1_i64 << right) - 1;
        let half = (mask >> 1) + i64::from(high < 0);
        let rounded = (high >> right) + i64::from((high & mask) > half);
        rounded.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    }

    /// The same for a mean: divided by `count` within the fixed point.
    pub(super) fn divided(self, count: usize) -> Self {
        let count = count.max(1) as u64;
        let shift = (63 - count.leading_zeros() as i32).min(32).min(31 + self.shift).max(0);
        let value = (i64::from(self.value) << shift) / count.min(i64::MAX as u64) as i64;
        Self { value: value.min(i64::from(i32::MAX)) as i32, shift: self.shift - shift }
    }
}

/// `real` as a fraction of 0.5 to 1 and a power of two.
fn split(real: f64) -> (f64, i32) {
    if !real.is_normal() {
        return (0.0, 0);
    }
    let bits = real.to_bits();
    let exponent = ((bits >> 52) & 0x7FF) as i32 - 1022;
    (f64::from_bits((bits & !(0x7FF << 52)) | (1022 << 52)), exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_the_nearest_integers() {
        let mut random = vision::Random::new(3);
        for _ in 0..20_000 {
            let real = 2_f64.powf(random.range(-20.0, 3.0));
            let x = random.range(-1e6, 1e6) as i32;
            let found = Multiplier::of(real).of_int(x);
            let exact = f64::from(x) * real;
            assert!((f64::from(found) - exact).abs() <= 0.75 + exact.abs() * 1e-8, "{x} * {real}: {found}");
        }
    }

    #[test]
    fn rounding_is_that_of_the_reference() {
        let halved = |x: i32| Multiplier::of(0.5).of_int(x);
        assert_eq!([5, -5, 6, -6, 1, -1].map(halved), [3, -2, 3, -3, 1, 0]);
        assert_eq!(split(0.75), (0.75, 0));
        assert_eq!(split(3.0), (0.75, 2));
        assert_eq!(Multiplier::of(1.0), Multiplier { value: 1 << 30, shift: 1 });
        assert_eq!(Multiplier::of(0.0), Multiplier { value: 0, shift: 0 });
        assert_eq!(Multiplier::of(1e-12).of_int(i32::MAX), 0);
        assert_eq!(Multiplier::of(1e300), Multiplier { value: i32::MAX, shift: 30 });
        assert_eq!(Multiplier::of(1e300).of_int(i32::MIN), i32::MIN + 1);
    }

    #[test]
    fn means_divide_within_the_fixed_point() {
        for count in [1, 2, 3, 7, 49, 1000] {
            for sum in [0, 1, -1, 1234, -98_765] {
                let found = Multiplier::of(1.0).divided(count).of_int(sum);
                assert!((f64::from(found) - f64::from(sum) / count as f64).abs() <= 0.76, "{sum} / {count}: {found}");
            }
        }
    }
}
