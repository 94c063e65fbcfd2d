//! Loss and gradients of a batch: softmax cross-entropy, back through dense layers, ReLU and dropout.

use vision::Random;

use super::network::{Mlp, add_scaled, dot, softmax};

/// A gradient for each slice of parameters, in their order, and what is needed on the way. Kept from batch to batch.
#[derive(Debug, Default)]
pub(super) struct Descent {
    /// What goes into each layer, and the logits.
    values: Vec<Vec<f32>>,
    /// What is left of each number behind a hidden layer: 0, or 1 over the fraction that stays.
    kept: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    back: Vec<f32>,
    next: Vec<f32>,
}

impl Descent {
    /// Mean loss of the batch, inputs and classes of its rows; gradients are in [`Descent::gradients`] afterwards. Of what hidden layers say, the fraction
    /// `dropout` is left out by chance (Srivastava et al. 2014).
    pub(super) fn batch(
        &mut self,
        network: &Mlp,
        (x, classes): (&[f32], &[u32]),
        dropout: f32,
        random: &mut Random,
    ) -> f64 {
        let layers = network.layers();
        self.values.resize_with(layers.len() + 1, Vec::new);
        self.kept.resize_with(layers.len(), Vec::new);
        self.values[0].clear();
        self.values[0].extend_from_slice(x);
        for (at, layer) in layers.iter().enumerate() {
            let (before, behind) = self.values.split_at_mut(at + 1);
            let y = &mut behind[0];
            layer.forward(&before[at], y);
            if at + 1 < layers.len() {
                let kept = &mut self.kept[at];
                mask(kept, y.len(), dropout, random);
                y.iter_mut().zip(kept.iter()).for_each(|(value, kept)| *value = value.max(0.0) * kept);
            }
        }
        let loss = self.loss(network.classes(), classes, layers.len());
        self.backward(network);
        loss
    }

    /// Mean loss; leaves its gradient by the logits in `back`.
    fn loss(&mut self, count: usize, classes: &[u32], last: usize) -> f64 {
        let rows = classes.len() as f32;
        self.back.clear();
        self.back.extend_from_slice(&self.values[last]);
        let mut loss = 0.0;
        for (row, class) in self.back.chunks_exact_mut(count).zip(classes) {
            softmax(row);
            let of_class = &mut row[*class as usize];
            loss -= f64::from(of_class.max(f32::MIN_POSITIVE)).ln();
            *of_class -= 1.0;
            row.iter_mut().for_each(|value| *value /= rows);
        }
        loss / f64::from(rows)
    }

    fn backward(&mut self, network: &Mlp) {
        let layers = network.layers();
        self.gradients.resize_with(2 * layers.len(), Vec::new);
        for (at, layer) in layers.iter().enumerate().rev() {
            let (weights, bias) = self.gradients.split_at_mut(2 * at + 1);
            let (weights, bias) = (&mut weights[2 * at], &mut bias[0]);
            weights.clear();
            weights.resize(layer.weights.len(), 0.0);
            bias.clear();
            bias.resize(layer.outputs, 0.0);
            let x = &self.values[at];
            for (x, back) in x.chunks_exact(layer.inputs).zip(self.back.chunks_exact(layer.outputs)) {
                add_scaled(bias, 1.0, back);
                for (x, weights) in x.iter().zip(weights.chunks_exact_mut(layer.outputs)) {
                    if *x != 0.0 {
                        add_scaled(weights, *x, back);
                    }
                }
            }
            if at == 0 {
                break;
            }
            self.next.clear();
            for (x, back) in x.chunks_exact(layer.inputs).zip(self.back.chunks_exact(layer.outputs)) {
                // What was cut or left out has no part in the loss; `x` says so: it is 0.
                let input = |(x, weights): (&f32, &[f32])| if *x > 0.0 { dot(weights, back) } else { 0.0 };
                self.next.extend(x.iter().zip(layer.weights.chunks_exact(layer.outputs)).map(input));
            }
            self.next.iter_mut().zip(&self.kept[at - 1]).for_each(|(value, kept)| *value *= kept);
            std::mem::swap(&mut self.back, &mut self.next);
        }
    }

    /// Weights and bias of each layer in order.
    pub(super) fn gradients(&self) -> &[Vec<f32>] {
        &self.gradients
    }
}

/// What is left of each number: chances are taken in sixteen bits, four to a random number.
fn mask(kept: &mut Vec<f32>, count: usize, dropout: f32, random: &mut Random) {
    kept.clear();
    if !(dropout > 0.0) {
        kept.resize(count, 1.0);
        return;
    }
    let bound = (f64::from(dropout) * 65_536.0).round() as u64;
    let left = 1.0 / (1.0 - dropout);
    while kept.len() < count {
        let bits = random.next_u64();
        kept.extend((0..4).map(|part| if (bits >> (16 * part)) & 0xFFFF < bound { 0.0 } else { left }));
    }
    kept.truncate(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loss in double precision, without dropout.
    fn loss(network: &Mlp, x: &[f32], classes: &[u32]) -> f64 {
        let mut total = 0.0;
        for (row, class) in x.chunks(network.features()).zip(classes) {
            let mut values: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
            for (at, layer) in network.layers().iter().enumerate() {
                let output = |to: usize| {
                    let sum: f64 = values
                        .iter()
                        .enumerate()
                        .map(|(from, value)| value * f64::from(layer.weights[from * layer.outputs + to]))
                        .sum();
                    sum + f64::from(layer.bias[to])
                };
                let next: Vec<f64> = (0..layer.outputs).map(output).collect();
                let hidden = at + 1 < network.layers().len();
                values = next.into_iter().map(|value| if hidden { value.max(0.0) } else { value }).collect();
            }
            let sum: f64 = values.iter().map(|value| value.exp()).sum();
            total -= (values[*class as usize].exp() / sum).ln();
        }
        total / classes.len() as f64
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let mut random = Random::new(5);
        let mut network = Mlp::seeded(4, &[6, 5], 3, 11);
        network.parameters_mut().flatten().for_each(|weight| *weight += 0.1 * random.normal() as f32);
        let x: Vec<f32> = (0..7 * 4).map(|_| random.normal() as f32).collect();
        let classes = [0, 1, 2, 2, 1, 0, 1];
        let mut descent = Descent::default();
        let value = descent.batch(&network, (&x, &classes), 0.0, &mut random);
        assert!((value - loss(&network, &x, &classes)).abs() < 1e-6);
        let gradients: Vec<f32> = descent.gradients().iter().flatten().copied().collect();
        assert_eq!(gradients.len(), network.parameters());
        let step = 1e-3_f32;
        for (at, gradient) in gradients.iter().enumerate() {
            let moved = |by: f32| {
                let mut moved = network.clone();
                *moved.parameters_mut().flatten().nth(at).unwrap() += by;
                loss(&moved, &x, &classes)
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            assert!((f64::from(*gradient) - expected).abs() < 2e-4, "parameter {at}: {gradient} {expected}");
        }
    }

    #[test]
    fn what_is_left_out_learns_nothing_and_the_mean_stays() {
        let mut kept = Vec::new();
        mask(&mut kept, 100_001, 0.2, &mut Random::new(1));
        let zeros = kept.iter().filter(|kept| **kept == 0.0).count() as f64 / kept.len() as f64;
        let mean = kept.iter().map(|kept| f64::from(*kept)).sum::<f64>() / kept.len() as f64;
        assert!((zeros - 0.2).abs() < 0.005 && (mean - 1.0).abs() < 0.01, "{zeros} {mean}");
        let network = Mlp::seeded(3, &[8], 2, 1);
        let mut descent = Descent::default();
        descent.batch(&network, (&[1.0, -2.0, 0.5], &[1]), 0.9, &mut Random::new(2));
        for (unit, kept) in descent.kept[0].iter().enumerate() {
            if *kept == 0.0 {
                let column: f32 = (0..3).map(|input| descent.gradients()[0][input * 8 + unit].abs()).sum();
                assert_eq!(column, 0.0, "unit {unit}");
            }
        }
        assert!(descent.kept[0].contains(&0.0));
    }
}
