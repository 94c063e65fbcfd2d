//! Random numbers that stay the same for ever: a synthetic photo, and an epoch of training, is its seed. [`crate::random`] is another
//! stream, of weights and intervals; put into one, either all photos or all published intervals would change.

/// PCG-XSH-RR 64/32 (O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms", 2014). Own
/// code, because a seed must draw the same shelf after every dependency update.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
    stream: u64,
}

/// Mixes a seed and a purpose into a seed of its own (SplitMix64's finaliser), so that photo 7 is the same whichever
/// thread draws it and whatever photo 6 needed.
#[must_use]
pub fn derive(seed: u64, purpose: u64) -> u64 {
    let mut z = seed.wrapping_add(purpose.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The generator of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Self { state: 0, stream: derive(seed, 0xa11c) | 1 };
        rng.next_u32();
        rng.state = rng.state.wrapping_add(derive(seed, 0x5eed));
        rng.next_u32();
        rng
    }

    /// 32 fresh bits.
    pub fn next_u32(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(self.stream);
        ((((old >> 18) ^ old) >> 27) as u32).rotate_right((old >> 59) as u32)
    }

    /// Uniform in `0..1`.
    pub fn unit(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Uniform in `low..high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform whole number in `low..=high`.
    pub fn int(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.max(low) - low) + 1;
        low + ((u64::from(self.next_u32()) * span) >> 32) as u32
    }

    /// Uniform index below `len` (0 for an empty range).
    pub fn below(&mut self, len: usize) -> usize {
        ((u64::from(self.next_u32()) * len as u64) >> 32) as usize
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Normal with this deviation, cut at three of them.
    pub fn normal(&mut self, deviation: f32) -> f32 {
        let (u, v) = (self.unit().max(1e-7), self.unit());
        ((-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos()).clamp(-3.0, 3.0) * deviation
    }

    /// One of them.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// In random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_range() {
        let mut rng = Rng::new(1);
        let mut sum = 0.0;
        for _ in 0..10_000 {
            let unit = rng.unit();
            assert!((0.0..1.0).contains(&unit));
            sum += unit;
            assert!((3..=5).contains(&rng.int(3, 5)));
            assert!(rng.below(7) < 7);
            assert!(rng.normal(2.0).abs() <= 6.0);
        }
        assert!((sum / 10_000.0 - 0.5).abs() < 0.02);
    }
}
