//! Which pictures go into which batch of an epoch: settled before the epoch starts, by its number and the seed alone.

use vision::rng::{Rng, derive};

use super::dataset::{Origin, Sample};

/// How batches are put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchRules {
    /// Pictures of a batch.
    pub batch: usize,
    /// What is drawn follows from it.
    pub seed: u64,
    /// Pictures are drawn with chances that make rare classes less rare, instead of each once.
    pub balanced: bool,
    /// Share of drawn shelves among the pictures of a batch.
    pub drawn_share: f32,
}

/// A picture's place in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Which sample.
    pub sample: usize,
    /// Seed of what is done to it: follows from seed, epoch and place.
    pub seed: u64,
}

/// The batches of an epoch, each full: the last one is filled up from the beginning.
///
/// An epoch has every real picture `repeat` times (balanced: as many, drawn by chance), and as many drawn shelves beside
/// them as their share asks for, spread evenly. Real pictures come in random order; so do drawn shelves, of which an epoch
/// may take only some.
#[must_use]
pub fn epoch(samples: &[Sample], rules: &BatchRules, epoch: u32) -> Vec<Vec<Slot>> {
    let seed = derive(derive(rules.seed, 0xe90c), epoch.into());
    let mut rng = Rng::new(seed);
    let is_drawn = |sample: &Sample| matches!(sample.origin, Origin::Drawn(_));
    let repeated = |drawn: bool| {
        let of_kind = samples.iter().enumerate().filter(move |(_, sample)| is_drawn(sample) == drawn);
        of_kind.flat_map(|(at, sample)| std::iter::repeat_n(at, sample.repeat as usize)).collect::<Vec<_>>()
    };
    let (mut real, mut drawn) = (repeated(false), repeated(true));
    rng.shuffle(&mut real);
    rng.shuffle(&mut drawn);
    if rules.balanced {
        real = balanced(samples, &real, &mut rng);
    }
    let share = if drawn.is_empty() { 0.0 } else { f64::from(rules.drawn_share).clamp(0.0, 1.0) };
    let total = if real.is_empty() || share >= 1.0 {
        drawn.len()
    } else {
        (real.len() as f64 / (1.0 - share)).round() as usize
    };
    let batch = rules.batch.max(1);
    let filled = total.next_multiple_of(batch);
    let (mut next_real, mut next_drawn) = (0, 0);
    let order: Vec<usize> = (0..filled)
        .map(|place| {
            // As many drawn ones up to here as the share of places up to here.
            let due = |place: usize| (place as f64 * share).floor() as usize;
            let pick_drawn = real.is_empty() || (due(place + 1) > due(place) && !drawn.is_empty());
            let (list, next) = if pick_drawn { (&drawn, &mut next_drawn) } else { (&real, &mut next_real) };
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

/// As many pictures as there are, each drawn with the chance of its rarest class: one by the root of the share of pictures
/// that show the class. A background picture has the least chance there is.
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
