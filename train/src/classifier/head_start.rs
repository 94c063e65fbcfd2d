//! First values of what the weights to start from lack: the embedding and the centres of the SKUs.
//!
//! Sampled at random, both would pull at the backbone until they have found their place, and what it knows of things in general
//! would be lost on the way (Kumar et al. 2022). So they begin where they say what the backbone's own features say:
//!
//! - an embedding that is there stays; one that is not projects on the directions in which the features of the training crops
//!   extend, which keeps the angles between them; its norm begins with their statistics and changes nothing;
//! - the centres are the mean directions of their SKUs (Qi et al. 2018).

use engine::{Device, Session as _, Weights};
use ndarray::{Array1, Array2, Array4, ArrayView1, Axis};
use rayon::prelude::*;
use vision::preprocess::Region;
use vision::{Random, RgbImage};

use super::config::TrainConfig;
use super::data::{Crop, SkuImages};
use super::fit::{FitError, served_model};
use super::network::{EMBEDDING, EMBEDDING_NORM, HEAD};

/// Crops that are embedded together.
const AT_ONCE: usize = 32;
/// Rounds of subspace iteration; the smallest of hundreds of directions need not be exact.
const ROUNDS: usize = 4;
/// Shorter than this part of what it was, a vector is made of the others.
const DEPENDENT: f32 = 1e-4;

/// `start`, weights of a network in training, with an embedding and centres. An embedding that is there stays as it is.
///
/// # Errors
/// When the network fails, or has fewer features than the embedding components.
pub fn head_start(
    start: &Weights,
    config: &TrainConfig,
    images: &SkuImages,
    device: &Device,
) -> Result<Weights, FitError> {
    let mut weights = start.renamed(|name| Some(name.to_owned()))?;
    let backbone = start.renamed(|name| (!name.starts_with(EMBEDDING)).then(|| name.to_owned()))?;
    let (features, skus) = features(&backbone, config, &images.train, device)?;
    let (count, wide) = features.dim();
    if count == 0 {
        return Ok(weights);
    }
    let dimension = config.dimension;
    if wide < dimension {
        return Err(FitError::Setup(format!(
            "embedding_dim {dimension} is more than the {wide} features of {}",
            config.backbone
        )));
    }
    let (weight, bias) = (format!("{EMBEDDING}.weight"), format!("{EMBEDDING_NORM}.bias"));
    let (basis, shift) = if weights.contains(&weight) {
        let known = weights.take(&weight, &[dimension, wide, 1, 1])?.to_vec();
        let known = Array2::from_shape_vec((dimension, wide), known).expect("as many as the shape says");
        let shift =
            if weights.contains(&bias) { weights.take(&bias, &[dimension])?.to_vec() } else { vec![0.0; dimension] };
        (known.reversed_axes(), Array1::from(shift))
    } else {
        (principal(&features, dimension, config.rules.seed), Array1::zeros(dimension))
    };
    let projected = features.dot(&basis);
    let mean = projected.mean_axis(Axis(0)).unwrap_or_default();
    let variance = projected.var_axis(Axis(0), 0.0);
    let epsilon = config.backbone.norm_epsilon() as f32;
    weights.insert(weight, &[dimension, wide, 1, 1], basis.t().iter().copied().collect())?;
    // The norm gives back what it takes: embeddings begin as they were.
    let scale = variance.mapv(|variance| (variance + epsilon).sqrt());
    let moved = &mean + &shift;
    for (name, values) in [("weight", &scale), ("bias", &moved), ("running_mean", &mean), ("running_var", &variance)] {
        weights.insert(format!("{EMBEDDING_NORM}.{name}"), &[dimension], values.to_vec())?;
    }
    let each = config.head.sub_centers;
    let centers = centers(&(projected + &shift), &skus, images.learned, each);
    let values = centers.into_iter().flatten().collect();
    weights.insert(format!("{HEAD}.weight"), &[images.learned * each, dimension], values)?;
    Ok(weights)
}

/// Pooled features of the crops that can be read, a row each, and their SKUs.
fn features(
    start: &Weights,
    config: &TrainConfig,
    crops: &[Crop],
    device: &Device,
) -> Result<(Array2<f32>, Vec<usize>), FitError> {
    let session = served_model::session(start, config, device)?;
    let plan = config.plan();
    let mut rows: Vec<f32> = Vec::new();
    let mut skus = Vec::with_capacity(crops.len());
    for chunk in crops.chunks(AT_ONCE) {
        let opened: Vec<Option<RgbImage>> =
            chunk.par_iter().map(|crop| dataset::image_file::load(&crop.path).ok()).collect();
        let read: Vec<(usize, RgbImage)> =
            chunk.iter().zip(opened).filter_map(|(crop, image)| Some((crop.sku, image?))).collect();
        let mut input = Array4::zeros((read.len(), 3, plan.height as usize, plan.width as usize));
        for ((_, image), plane) in read.iter().zip(input.outer_iter_mut()) {
            plan.apply(image, Region::whole(image), plane);
        }
        if let Some(output) = session.run(input.view())?.pop() {
            rows.extend(output.array.iter());
            skus.extend(read.iter().map(|(sku, _)| *sku));
        }
    }
    let wide = rows.len() / skus.len().max(1);
    let features = Array2::from_shape_vec((skus.len(), wide), rows);
    Ok((features.map_err(|error| FitError::Setup(format!("features of different lengths: {error}")))?, skus))
}

/// An orthonormal basis, a column each, of the space in which the directions of the rows extend most: subspace iteration from
/// random directions (Halko et al. 2011). Where rows span less, the rest is any directions.
fn principal(rows: &Array2<f32>, dimension: usize, seed: u64) -> Array2<f32> {
    let mut directions = rows.clone();
    directions.outer_iter_mut().for_each(|mut row| {
        let length = row.dot(&row).sqrt().max(f32::MIN_POSITIVE);
        row /= length;
    });
    let mut random = Random::named(seed, "head_start");
    let mut basis = Array2::from_shape_simple_fn((rows.ncols(), dimension), || random.normal() as f32);
    orthonormalize(&mut basis, &mut random);
    for _ in 0..ROUNDS {
        basis = directions.t().dot(&directions.dot(&basis));
        orthonormalize(&mut basis, &mut random);
    }
    basis
}

/// Gram and Schmidt's method on the columns, each cleaned twice of those before it; one that depends on them gives way to a
/// random one.
fn orthonormalize(columns: &mut Array2<f32>, random: &mut Random) {
    for at in 0..columns.ncols() {
        let (before, mut rest) = columns.view_mut().split_at(Axis(1), at);
        let mut own = rest.column_mut(0);
        loop {
            let length = norm(&own.view());
            for _ in 0..2 {
                let projections = before.t().dot(&own);
                own -= &before.dot(&projections);
            }
            let left = norm(&own.view());
            if left > DEPENDENT * length && left > f32::MIN_POSITIVE {
                own /= left;
                break;
            }
            own.mapv_inplace(|_| random.normal() as f32);
        }
    }
}

fn norm(vector: &ArrayView1<'_, f32>) -> f32 {
    vector.dot(vector).sqrt()
}

/// Mean directions of the embeddings of every SKU, so many a SKU, each of a part of its images.
fn centers(embedded: &Array2<f32>, skus: &[usize], learned: usize, each: usize) -> Vec<Vec<f32>> {
    let mut sums = vec![Array1::<f32>::zeros(embedded.ncols()); learned * each];
    let mut seen = vec![0; learned];
    for (row, &sku) in embedded.outer_iter().zip(skus).filter(|(_, sku)| **sku < learned) {
        let center = sku * each + seen[sku] % each;
        sums[center].scaled_add(1.0 / norm(&row).max(f32::MIN_POSITIVE), &row);
        seen[sku] += 1;
    }
    // With fewer images than centres the first stands for the others.
    for (sku, count) in seen.into_iter().enumerate() {
        for center in count.min(each)..each {
            sums[sku * each + center] = sums[sku * each].clone();
        }
    }
    let unit = |sum: &Array1<f32>| {
        let length = norm(&sum.view()).max(f32::MIN_POSITIVE);
        sum.iter().map(|value| value / length).collect()
    };
    sums.iter().map(unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows in a space of three of twenty dimensions.
    fn rows() -> Array2<f32> {
        let mut random = Random::new(5);
        let inside = Array2::from_shape_simple_fn((40, 3), || random.normal() as f32);
        inside.dot(&Array2::from_shape_simple_fn((3, 20), || random.normal() as f32))
    }

    #[test]
    fn the_projection_keeps_angles() {
        let rows = rows();
        for dimension in [3, 8] {
            let basis = principal(&rows, dimension, 1);
            let gram = basis.t().dot(&basis);
            for ((i, j), value) in gram.indexed_iter() {
                assert!((value - f32::from(u8::from(i == j))).abs() < 1e-4, "{i} {j}: {value}");
            }
            let (before, after) = (rows.dot(&rows.t()), rows.dot(&basis).dot(&basis.t().dot(&rows.t())));
            let largest = before.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-3 * largest), "dimension {dimension}");
        }
    }

    #[test]
    fn centers_are_mean_directions_and_none_is_empty() {
        let embedded = ndarray::arr2(&[[2.0, 0.0], [0.0, 3.0], [0.0, 1.0]]);
        let centers = centers(&embedded, &[0, 1, 1], 2, 2);
        assert_eq!(centers, [vec![1.0, 0.0], vec![1.0, 0.0], vec![0.0, 1.0], vec![0.0, 1.0]]);
    }
}
