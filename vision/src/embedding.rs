//! A point on the unit sphere that stands for the look of a crop.

use thiserror::Error;

/// An L2-normalised feature vector. The dot product of two embeddings is their cosine similarity.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

/// Why numbers are not an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EmbeddingError {
    /// A component is NaN or infinite.
    #[error("component {0} of the embedding is not a finite number")]
    NotFinite(usize),
    /// The vector has no direction.
    #[error("the embedding has zero length")]
    ZeroLength,
}

impl Embedding {
    /// Scales `values` to unit length.
    ///
    /// # Errors
    /// When a component is not finite or all are zero.
    pub fn normalized(mut values: Vec<f32>) -> Result<Self, EmbeddingError> {
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(EmbeddingError::NotFinite(at));
        }
        // f64: 1280 squares of f32 lose four digits when summed in f32.
        let norm = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        if norm <= f64::from(f32::MIN_POSITIVE) {
            return Err(EmbeddingError::ZeroLength);
        }
        for v in &mut values {
            *v = (f64::from(*v) / norm) as f32;
        }
        Ok(Self(values))
    }

    /// Cosine similarity in `-1..=1`.
    ///
    /// Vectors of different dimension compare over the shorter one; an index refuses them beforehand.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        // Rounding can put the product of two equal unit vectors an ulp above 1.
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum::<f32>().clamp(-1.0, 1.0)
    }

    /// The components.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Number of components.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.len()
    }
}
