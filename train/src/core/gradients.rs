//! Gradients by name.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{DType, Result, Tensor, Var};

/// One gradient per parameter. A parameter that nothing depends on has none.
#[derive(Debug, Clone, Default)]
pub struct Gradients(BTreeMap<String, Tensor>);

impl Gradients {
    /// The gradients of `parameters` in what `backward` returned.
    #[must_use]
    pub fn of(parameters: &BTreeMap<String, Var>, mut store: GradStore) -> Self {
        let gradient = |(name, var): (&String, &Var)| Some((name.clone(), store.remove(var.as_tensor())?.detach()));
        Self(parameters.iter().filter_map(gradient).collect())
    }

    /// Adds those of another batch.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn add(&mut self, other: Self) -> Result<()> {
        for (name, gradient) in other.0 {
            let sum = match self.0.remove(&name) {
                Some(sum) => (sum + gradient)?,
                None => gradient,
            };
            self.0.insert(name, sum);
        }
        Ok(())
    }

    /// Length of the vector of all gradients, summed in double precision. NaN or infinite when one of them is.
    ///
    /// # Errors
    /// When the device fails.
    pub fn norm(&self) -> Result<f64> {
        let squared =
            |gradient: &Tensor| gradient.flatten_all()?.to_dtype(DType::F32)?.sqr()?.to_dtype(DType::F64)?.sum_all();
        let squares = self.0.values().map(squared).collect::<Result<Vec<_>>>()?;
        if squares.is_empty() {
            return Ok(0.0);
        }
        // One transfer, not one for each: on a GPU every one waits for all that was begun.
        Ok(Tensor::stack(&squares, 0)?.to_vec1::<f64>()?.iter().sum::<f64>().sqrt())
    }

    /// Shortens the vector of all gradients to `longest` when it is longer (Pascanu et al. 2013). Returns its length before.
    ///
    /// # Errors
    /// When the device fails.
    pub fn clip(&mut self, longest: f64) -> Result<f64> {
        let norm = self.norm()?;
        if norm > longest {
            self.scale(longest / norm)?;
        }
        Ok(norm)
    }

    /// Multiplies all of them.
    ///
    /// # Errors
    /// When the device fails.
    pub fn scale(&mut self, factor: f64) -> Result<()> {
        for gradient in self.0.values_mut() {
            *gradient = (&*gradient * factor)?;
        }
        Ok(())
    }

    /// The gradient of one parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// The first parameter, by name, whose gradient is not finite.
    ///
    /// # Errors
    /// When the device fails.
    pub fn first_not_finite(&self) -> Result<Option<&str>> {
        for (name, gradient) in &self.0 {
            if !gradient.sqr()?.sum_all()?.to_dtype(DType::F32)?.to_scalar::<f32>()?.is_finite() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}
