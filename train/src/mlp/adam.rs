//! Adam (Kingma and Ba 2015) on plain slices: the rule of [`crate::core::Optimizer`] without weight decay, by which a test
//! measures it.

/// Decay of the first moment.
const BETA1: f32 = 0.9;
/// Decay of the second moment.
const BETA2: f32 = 0.999;
/// Keeps the division finite.
const EPSILON: f32 = 1e-8;

/// What the rule remembers of every parameter.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Adam {
    /// First and second moment of each slice.
    pub(super) moments: Vec<[Vec<f32>; 2]>,
    pub(super) steps: u64,
}

impl Adam {
    /// One step down the gradients.
    pub(super) fn step<'a>(
        &mut self,
        parameters: impl Iterator<Item = &'a mut Vec<f32>>,
        gradients: &[Vec<f32>],
        rate: f32,
    ) {
        self.steps += 1;
        self.moments.resize_with(gradients.len(), Default::default);
        let corrected = |beta: f32| (1.0 - f64::from(beta).powf(self.steps as f64)) as f32;
        let (first_scale, second_scale) = (1.0 / corrected(BETA1), 1.0 / corrected(BETA2));
        for ((parameters, gradients), [first, second]) in parameters.zip(gradients).zip(&mut self.moments) {
            first.resize(gradients.len(), 0.0);
            second.resize(gradients.len(), 0.0);
            let moments = first.iter_mut().zip(second.iter_mut());
            for ((parameter, gradient), (first, second)) in parameters.iter_mut().zip(gradients).zip(moments) {
                *first = BETA1 * *first + (1.0 - BETA1) * gradient;
                *second = BETA2 * *second + (1.0 - BETA2) * gradient * gradient;
                *parameter -= rate * (*first * first_scale) / ((*second * second_scale).sqrt() + EPSILON);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use candle_core::{Device, Tensor, Var};
    use vision::Random;

    use super::*;
    use crate::core::{Gradients, Optimizer, OptimizerKind, Rates};

    #[test]
    fn it_moves_as_the_optimiser_of_all_others_does() {
        let mut random = Random::new(3);
        let start: Vec<f32> = (0..20).map(|_| random.normal() as f32).collect();
        let mut ours = [start.clone()];
        let mut adam = Adam::default();
        let var = Var::from_vec(start, 20, &Device::Cpu).unwrap();
        let parameters = BTreeMap::from([("weight".to_owned(), var.clone())]);
        let kind = OptimizerKind::AdamW { beta2: f64::from(BETA2), epsilon: f64::from(EPSILON) };
        let mut reference = Optimizer::new(kind, parameters.clone());
        let rates =
            Rates { learning_rate: 0.01, bias_learning_rate: 0.01, momentum: f64::from(BETA1), weight_decay: 0.0 };
        for _ in 0..30 {
            let gradient: Vec<f32> = (0..20).map(|_| random.normal() as f32).collect();
            adam.step(ours.iter_mut(), std::slice::from_ref(&gradient), 0.01);
            // A loss whose gradient is just that.
            let factor = Tensor::from_vec(gradient, 20, &Device::Cpu).unwrap();
            let loss = (var.as_tensor() * factor).unwrap().sum_all().unwrap();
            reference.step(&Gradients::of(&parameters, loss.backward().unwrap()), &rates).unwrap();
        }
        let expected: Vec<f32> = var.as_tensor().to_vec1().unwrap();
        for (found, expected) in ours[0].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}
