//! Within-class whitening: directions in which images of one SKU differ anyway (light, blur, the box) count less in a similarity.
//!
//! With `S` the covariance of embeddings around the mean of their SKU, `x' S^-1 y` weighs each direction by how little it varies
//! within a SKU (Hatch, Kajarekar and Stolcke 2006: within-class covariance normalisation). With `S = L L'` that is the product of
//! `L^-1 x` and `L^-1 y`, and `L^-1` goes into the projection that an embedder ends with: the network costs what it did before.
//! `S` is estimated from few images of many SKUs, so it is drawn towards a multiple of the identity (Ledoit and Wolf 2004).

use std::path::PathBuf;

use engine::{EngineError, Weights};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use vision::rng::{Rng, derive};
use vision::{Embedder, Embedding, PreprocessPlan};

use super::augment::Augment;
use super::fit::FitError;
use super::validate::Embedded;

/// Changed copies of a crop.
const COPIES: usize = 2;
/// Crops of a source: a covariance of 512 components asks for some times as many.
const MAX_CROPS: usize = 1500;
/// Crops that are embedded together.
const AT_ONCE: usize = 32;

/// A linear map of embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitening {
    /// Lower triangular, (D, D).
    root: Array2<f64>,
}

/// Deviations of embeddings from the mean of their SKU, summed up over one source of images.
#[derive(Debug, Clone)]
struct Scatter {
    sum: Array2<f64>,
    /// Deviations less one for each SKU.
    freedom: usize,
}

impl Scatter {
    fn new(dimension: usize) -> Self {
        Self { sum: Array2::zeros((dimension, dimension)), freedom: 0 }
    }

    /// Embeddings of one SKU, two or more.
    fn add(&mut self, embeddings: &[&[f32]]) {
        let rows = Array2::from_shape_fn((embeddings.len(), self.sum.nrows()), |(i, j)| f64::from(embeddings[i][j]));
        let Some(mean) = rows.mean_axis(Axis(0)) else { return };
        let deviations = rows - mean;
        self.sum += &deviations.t().dot(&deviations);
        self.freedom += embeddings.len().saturating_sub(1);
    }

    /// The covariance scaled to a trace of one: sources whose images differ more must not outweigh the others.
    fn covariance(&self) -> Option<Array2<f64>> {
        let trace = self.sum.diag().sum();
        (self.freedom > 0 && trace > 0.0).then(|| &self.sum / trace)
    }
}

impl Whitening {
    /// From embeddings of crops as they are served, source by source, and of copies that `augment` changed: what a camera and a
    /// detector do to a facing is noise, also where a SKU has one image. Of each source, [`MAX_CROPS`] crops are taken.
    ///
    /// `shrinkage`, `0..=1`: 1 leaves similarities as they are. `progress` hears how many of how many crops are done. `None` when
    /// nothing varies.
    ///
    /// # Errors
    /// When the network fails.
    pub fn learn(
        sources: &[Embedded],
        (embedder, plan): (&dyn Embedder, &PreprocessPlan),
        (shrinkage, augment, seed): (f64, &Augment, u64),
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Option<Self>, FitError> {
        let chosen: Vec<Vec<&Crop>> = sources.iter().map(|source| sample(&source.crops, seed)).collect();
        let (all, mut done) = (chosen.iter().map(Vec::len).sum(), 0);
        let mut covariances = Vec::new();
        for crops in chosen {
            let Some(dimension) = crops.first().map(|(_, _, embedding)| embedding.dimension()) else { continue };
            let changed = copies(&crops, (embedder, plan), (augment, seed), &mut |more| {
                done += more;
                progress(done, all);
            })?;
            let mut scatter = Scatter::new(dimension);
            let mut numbered: Vec<(usize, &[f32])> = crops.iter().map(|(sku, _, own)| (*sku, own.as_slice())).collect();
            numbered.extend(changed.iter().map(|(sku, copy)| (*sku, copy.as_slice())));
            numbered.sort_by_key(|(sku, _)| *sku);
            for group in numbered.chunk_by(|a, b| a.0 == b.0) {
                scatter.add(&group.iter().map(|(_, embedding)| *embedding).collect::<Vec<_>>());
            }
            covariances.extend(scatter.covariance());
        }
        let count = covariances.len() as f64;
        let Some(sum) = covariances.into_iter().reduce(|a, b| a + b) else { return Ok(None) };
        Ok(Self::of(&(sum / count), shrinkage))
    }

    /// What the whitened network says of images: lengths are divided out.
    #[must_use]
    pub fn embeddings(&self, of: &Embedded) -> Embedded {
        let one = |(sku, path, embedding): &(usize, PathBuf, Embedding)| {
            let values: Array1<f64> = embedding.as_slice().iter().map(|value| f64::from(*value)).collect();
            let whitened = self.apply(&values.view()).iter().map(|value| *value as f32).collect();
            // A regular map of a vector of length one is no null vector.
            Some((*sku, path.clone(), Embedding::normalized(whitened).ok()?))
        };
        Embedded { crops: of.crops.iter().filter_map(one).collect() }
    }

    /// From a covariance (D, D). `None` when it has no inverse.
    fn of(covariance: &Array2<f64>, shrinkage: f64) -> Option<Self> {
        let dimension = covariance.nrows();
        let mean = covariance.diag().sum() / dimension as f64;
        let mut drawn = covariance * (1.0 - shrinkage);
        drawn.diag_mut().mapv_inplace(|value| value + shrinkage * mean);
        // Of one scale with what it replaces: lengths are divided out, but sums of halves must not overflow.
        cholesky(&(drawn / mean)).map(|root| Self { root })
    }

    /// `L^-1 x`.
    fn apply(&self, x: &ArrayView1<'_, f64>) -> Array1<f64> {
        let mut y = Array1::zeros(x.len());
        for i in 0..x.len() {
            let known: f64 = (0..i).map(|j| self.root[(i, j)] * y[j]).sum();
            y[i] = (x[i] - known) / self.root[(i, i)];
        }
        y
    }

    /// Native weights whose embedding is whitened.
    ///
    /// # Errors
    /// When they have no embedding of this many components.
    pub fn fold(&self, weights: &Weights) -> Result<Weights, EngineError> {
        let mut folded = weights.renamed(|name| Some(name.to_owned()))?;
        let dimension = self.root.nrows();
        let features = match weights.shape("embedding.weight") {
            Some(&[rows, features]) if rows == dimension => features,
            _ => 0,
        };
        let weight = folded.take("embedding.weight", &[dimension, features])?.to_vec();
        let mut weight = Array2::from_shape_fn((dimension, features), |(i, j)| f64::from(weight[i * features + j]));
        for mut column in weight.columns_mut() {
            let whitened = self.apply(&column.view());
            column.assign(&whitened);
        }
        folded.insert("embedding.weight", &[dimension, features], weight.iter().map(|v| *v as f32).collect())?;
        if weights.contains("embedding.bias") {
            let bias: Array1<f64> =
                folded.take("embedding.bias", &[dimension])?.iter().map(|v| f64::from(*v)).collect();
            let bias = self.apply(&bias.view());
            folded.insert("embedding.bias", &[dimension], bias.iter().map(|v| *v as f32).collect())?;
        }
        Ok(folded)
    }
}

/// Number of the SKU, the file, the embedding.
type Crop = (usize, PathBuf, Embedding);

/// Some of the crops, the same whenever it is asked.
fn sample(crops: &[Crop], seed: u64) -> Vec<&Crop> {
    let mut all: Vec<&Crop> = crops.iter().collect();
    Rng::new(derive(seed, crops.len() as u64)).shuffle(&mut all);
    all.truncate(MAX_CROPS);
    all
}

/// Embeddings of changed copies of crops, with their SKUs. Files that cannot be read any more have none.
fn copies(
    crops: &[&Crop],
    (embedder, plan): (&dyn Embedder, &PreprocessPlan),
    (augment, seed): (&Augment, u64),
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<(usize, Embedding)>, FitError> {
    let mut all = Vec::with_capacity(crops.len() * COPIES);
    for (chunk, crops) in crops.chunks(AT_ONCE / COPIES).enumerate() {
        let (mut skus, mut views) = (Vec::with_capacity(AT_ONCE), Vec::with_capacity(AT_ONCE));
        for (at, (sku, path, _)) in crops.iter().enumerate() {
            let Ok(image) = dataset::image_file::load(path) else { continue };
            for copy in 0..COPIES {
                let number = ((chunk * AT_ONCE + at) * COPIES + copy) as u64;
                skus.push(*sku);
                views.push(augment.apply(&image, plan, plan.width, &mut Rng::new(derive(seed, number)))?);
            }
        }
        let embedded =
            embedder.embed(&views).map_err(|error| FitError::Setup(format!("copies cannot be embedded: {error}")))?;
        all.extend(skus.into_iter().zip(embedded));
        progress(crops.len());
    }
    Ok(all)
}

/// Lower `L` with `L L' = a`; `None` when `a` is not positive definite.
fn cholesky(a: &Array2<f64>) -> Option<Array2<f64>> {
    let size = a.nrows();
    let mut root = Array2::<f64>::zeros((size, size));
    for i in 0..size {
        for j in 0..=i {
            let known = root.row(i).slice(s![..j]).dot(&root.row(j).slice(s![..j]));
            let rest = a[(i, j)] - known;
            root[(i, j)] = if i == j {
                if !(rest > 0.0 && rest.is_finite()) {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / root[(j, j)]
            };
        }
    }
    Some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut random = vision::Random::new(seed);
        Array2::from_shape_simple_fn((rows, columns), || random.normal())
    }

    #[test]
    fn the_root_times_itself_is_the_matrix() {
        let half = random(40, 12, 3);
        let a = half.t().dot(&half);
        let root = cholesky(&a).expect("positive definite");
        assert!((&root.dot(&root.t()) - &a).iter().all(|difference| difference.abs() < 1e-10));
        assert!(root.indexed_iter().all(|((i, j), value)| j <= i || *value == 0.0));
        assert_eq!(cholesky(&ndarray::arr2(&[[1.0, 2.0], [2.0, 1.0]])), None);
        assert_eq!(cholesky(&ndarray::arr2(&[[f64::NAN]])), None);
    }

    #[test]
    fn what_varies_within_a_sku_counts_less() {
        // The first component is noise of variance 100, the others of 1.
        let mut scatter = Scatter::new(3);
        for sku in 0..400 {
            let noise = random(5, 3, sku);
            let rows: Vec<Vec<f32>> = noise
                .outer_iter()
                .map(|row| vec![(10.0 * row[0] + sku as f64) as f32, (row[1] - sku as f64) as f32, row[2] as f32])
                .collect();
            scatter.add(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        assert_eq!(scatter.freedom, 1600);
        let covariance = scatter.covariance().expect("it varies");
        let whitening = Whitening::of(&covariance, 0.0).expect("it has an inverse");
        let unit = |at: usize| whitening.apply(&Array1::from_shape_fn(3, |i| f64::from(u8::from(i == at))).view());
        let lengths: Vec<f64> = (0..3).map(|at| unit(at).dot(&unit(at)).sqrt()).collect();
        assert!(
            (lengths[1] / lengths[0] - 10.0).abs() < 0.5 && (lengths[1] / lengths[2] - 1.0).abs() < 0.05,
            "{lengths:?}"
        );
        let same = Whitening::of(&covariance, 1.0).expect("it has an inverse");
        let (x, y) = (random(1, 3, 1), random(1, 3, 2));
        let product = same.apply(&x.row(0)).dot(&same.apply(&y.row(0)));
        assert!((product - x.row(0).dot(&y.row(0))).abs() < 1e-12, "all of the shrinkage leaves similarities");
        assert_eq!(Scatter::new(3).covariance(), None);
    }

    #[test]
    fn folded_weights_give_what_the_map_makes_of_the_embedding() {
        let half = random(30, 4, 9);
        let whitening = Whitening::of(&half.t().dot(&half), 0.3).expect("it has an inverse");
        let (weight, bias, input) = (random(4, 6, 1), random(1, 4, 2), random(1, 6, 3));
        let mut weights = Weights::new(std::path::Path::new("test.safetensors"));
        let flat = |a: &Array2<f64>| a.iter().map(|v| *v as f32).collect::<Vec<f32>>();
        weights.insert("embedding.weight", &[4, 6], flat(&weight)).expect("it fits");
        weights.insert("embedding.bias", &[4], flat(&bias)).expect("it fits");
        let folded = whitening.fold(&weights).expect("it has an embedding");
        let expected = whitening.apply(&(weight.dot(&input.row(0)) + bias.row(0)).view());
        let rows = folded.take("embedding.weight", &[4, 6]).expect("there").to_vec();
        let bias = folded.take("embedding.bias", &[4]).expect("there").to_vec();
        for (i, expected) in expected.iter().enumerate() {
            let value: f64 =
                (0..6).map(|j| f64::from(rows[i * 6 + j]) * input[(0, j)]).sum::<f64>() + f64::from(bias[i]);
            assert!((value - expected).abs() < 1e-5, "{value} {expected}");
        }
        assert!(whitening.fold(&Weights::new(std::path::Path::new("test.safetensors"))).is_err());
    }
}
