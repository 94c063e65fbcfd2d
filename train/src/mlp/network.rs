//! The layers.

use vision::Random;

/// A dense layer. Weights lie input by input (inputs, outputs), so that sums run along the outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Numbers that come in.
    pub inputs: usize,
    /// Numbers that go out.
    pub outputs: usize,
    /// (inputs, outputs).
    pub weights: Vec<f32>,
    /// One for each output.
    pub bias: Vec<f32>,
}

impl Dense {
    /// Weights of Glorot and Bengio (2010), uniform, from a stream of the layer's own; biases 0.
    fn seeded(inputs: usize, outputs: usize, seed: u64, name: &str) -> Self {
        let mut random = Random::named(seed, name);
        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
        let weights = (0..inputs * outputs).map(|_| random.range(-bound, bound) as f32).collect();
        Self { inputs, outputs, weights, bias: vec![0.0; outputs] }
    }

    /// `y = x W + b` for rows of `x`.
    pub(super) fn forward(&self, x: &[f32], y: &mut Vec<f32>) {
        y.clear();
        for x in x.chunks_exact(self.inputs) {
            let start = y.len();
            y.extend_from_slice(&self.bias);
            let y = &mut y[start..];
            for (x, weights) in x.iter().zip(self.weights.chunks_exact(self.outputs)) {
                // Behind a ReLU half of the numbers are 0.
                if *x != 0.0 {
                    add_scaled(y, *x, weights);
                }
            }
        }
    }
}

/// `y += a x`.
pub(super) fn add_scaled(y: &mut [f32], a: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// Sum of products, in eight sums that are added at the end: always in the same order.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    a_rest.iter().zip(b_rest).fold(sums.iter().sum(), |sum, (a, b)| sum + a * b)
}

/// Dense layers with ReLU between them; the last one gives a number for each class, which a softmax makes probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    layers: Vec<Dense>,
}

impl Mlp {
    /// A network that has learned nothing. `hidden` are the outputs of the layers before the last.
    ///
    /// # Panics
    /// When there are no features or classes.
    #[must_use]
    pub fn seeded(features: usize, hidden: &[usize], classes: usize, seed: u64) -> Self {
        assert!(features > 0 && classes > 0 && !hidden.contains(&0), "every layer has numbers to work on");
        let sizes: Vec<usize> = std::iter::once(features).chain(hidden.iter().copied()).chain([classes]).collect();
        let layers = sizes.windows(2).enumerate();
        let layer =
            |(at, pair): (usize, &[usize])| Dense::seeded(pair[0], pair[1], seed, &format!("layers.{at}.weight"));
        Self { layers: layers.map(layer).collect() }
    }

    /// A network of these layers; `None` when they do not fit each other or are not finite.
    #[must_use]
    pub fn of_layers(layers: Vec<Dense>) -> Option<Self> {
        let fits = |layer: &Dense| {
            let sized = layer.weights.len() == layer.inputs.checked_mul(layer.outputs)? && layer.inputs > 0;
            let finite = layer.weights.iter().chain(&layer.bias).all(|weight| weight.is_finite());
            Some(sized && layer.bias.len() == layer.outputs && layer.outputs > 0 && finite)
        };
        let chained = layers.windows(2).all(|pair| pair[0].outputs == pair[1].inputs);
        (!layers.is_empty() && chained && layers.iter().all(|layer| fits(layer) == Some(true)))
            .then_some(Self { layers })
    }

    /// Its layers, in order.
    #[must_use]
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// Weights and biases in order, a slice each.
    pub(super) fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Vec<f32>> {
        self.layers.iter_mut().flat_map(|layer| [&mut layer.weights, &mut layer.bias])
    }

    /// Numbers of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    /// Classes it tells apart.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// Weights and biases in all.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.weights.len() + layer.bias.len()).sum()
    }

    /// Probabilities of the classes for each row, row after row.
    #[must_use]
    pub fn probabilities(&self, x: &[f32]) -> Vec<f32> {
        const ROWS: usize = 256;
        let mut out = Vec::with_capacity(x.len() / self.features().max(1) * self.classes());
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for rows in x.chunks(ROWS * self.features().max(1)) {
            from.clear();
            from.extend_from_slice(rows);
            for (at, layer) in self.layers.iter().enumerate() {
                layer.forward(&from, &mut to);
                if at + 1 < self.layers.len() {
                    to.iter_mut().for_each(|value| *value = value.max(0.0));
                }
                std::mem::swap(&mut from, &mut to);
            }
            from.chunks_exact_mut(self.classes()).for_each(softmax);
            out.extend_from_slice(&from);
        }
        out
    }
}

/// `exp(x)` over its sum, in place.
pub(super) fn softmax(row: &mut [f32]) {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = (*value - max).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}

/// The class of the largest number, the first of equals.
#[must_use]
pub fn argmax(row: &[f32]) -> usize {
    row.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (at, v)| if *v > best.1 { (at, *v) } else { best }).0
}
