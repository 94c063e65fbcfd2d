//! Which images go into which batch of an epoch: settled before the epoch starts, by its number and the seed alone.

use vision::rng::{Rng, derive};

use super::dataset::{Origin, Sample};

/// How batches are put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchRules {
    /// Images of a batch.
    pub batch: usize,
    /// What is sampled follows from it.
    pub seed: u64,
    /// Images are sampled with chances that make rare classes less rare, instead of each once.
    pub balanced: bool,
    /// Fraction of synthetic shelves among the images of a batch.
    pub synthetic_ratio: f32,
}

/// An image's place in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Which sample.
    pub sample: usize,
    /// Seed of what is done to it: follows from seed, epoch and place.
    pub seed: u64,
}

/// The batches of an epoch, each full: the last one is filled up from the beginning.
///
/// An epoch has every real image `repeat` times (balanced: as many, sampled), and as many synthetic shelves beside
/// them as their ratio asks for, spread evenly. Real images come in random order; so do synthetic shelves, of which an epoch
/// may take only some.
#[must_use]
pub fn epoch(samples: &[Sample], rules: &BatchRules, epoch: u32) -> Vec<Vec<Slot>> {
    let seed = derive(derive(rules.seed, 0xe90c), epoch.into());
    let mut rng = Rng::new(seed);
    let is_synthetic = |sample: &Sample| matches!(sample.origin, Origin::Synthetic(_));
    let repeated = |synthetic: bool| {
        let of_kind = samples.iter().enumerate().filter(move |(_, sample)| is_synthetic(sample) == synthetic);
        of_kind.flat_map(|(at, sample)| std::iter::repeat_n(at, sample.repeat as usize)).collect::<Vec<_>>()
    };
    let (mut real, mut synthetic) = (repeated(false), repeated(true));
    rng.shuffle(&mut real);
    rng.shuffle(&mut synthetic);
    if rules.balanced {
        real = balanced(samples, &real, &mut rng);
    }
    let ratio = if synthetic.is_empty() { 0.0 } else { f64::from(rules.synthetic_ratio).clamp(0.0, 1.0) };
    let total = if real.is_empty() || ratio >= 1.0 {
        synthetic.len()
    } else {
        (real.len() as f64 / (1.0 - ratio)).round() as usize
    };
    let batch = rules.batch.max(1);
    let filled = total.next_multiple_of(batch);
    let (mut next_real, mut next_synthetic) = (0, 0);
    let order: Vec<usize> = (0..filled)
        .map(|place| {
            // As many synthetic ones up to here as the fraction of places up to here.
            let due = |place: usize| (place as f64 * ratio).floor() as usize;
            let pick_synthetic = real.is_empty() || (due(place + 1) > due(place) && !synthetic.is_empty());
            let (list, next) = if pick_synthetic { (&synthetic, &mut next_synthetic) } else { (&real, &mut next_real) };
            let sample = list.get(*next % list.len().max(1)).copied().unwrap_or_default();
            *next += 1;
            sample
        })
        .collect();
    order
        .chunks(batch)
        .enumerate()
        .map(|(number, chunk)| {
            let slot = |(place, &sample): (usize, &usize)| Slot {
                sample,
                seed: derive(seed, 1 + (number * batch + place) as u64),
            };
            chunk.iter().enumerate().map(slot).collect()
        })
        .collect()
}

/// As many images as there are, each sampled with the chance of its rarest class: one by the root of the fraction of images
/// that show the class. A background image has the smallest chance there is.
fn balanced(samples: &[Sample], order: &[usize], rng: &mut Rng) -> Vec<usize> {
    let classes = order.iter().flat_map(|&at| samples[at].objects.iter().map(|o| o.class + 1)).max().unwrap_or(0);
    let mut showing = vec![0_usize; classes];
    let shown = |at: usize| {
        let mut classes: Vec<usize> = samples[at].objects.iter().map(|object| object.class).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    };
    order.iter().for_each(|&at| shown(at).into_iter().for_each(|class| showing[class] += 1));
    let weight = |at: usize| {
        let rarest = shown(at).into_iter().map(|class| showing[class]).min().unwrap_or(order.len());
        (order.len() as f64 / rarest.max(1) as f64).sqrt()
    };
    let mut sums = Vec::with_capacity(order.len());
    let mut sum = 0.0;
    for &at in order {
        sum += weight(at);
        sums.push(sum);
    }
    let mut pick = || {
        let at = f64::from(rng.unit()) * sum;
        let place = sums.partition_point(|&upto| upto <= at).min(order.len().saturating_sub(1));
        order[place]
    };
    (0..order.len()).map(|_| pick()).collect()
}
