//! What a gradient does to a parameter.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use super::Gradients;

/// Which rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptimizerKind {
    /// Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013); weight decay is part of the gradient.
    Sgd,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019). The momentum of [`Rates`] is beta 1.
    AdamW {
        /// Decay of the second moment.
        beta2: f64,
        /// Keeps the division finite.
        epsilon: f64,
    },
}

/// What holds for one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Learning rate of weights and of everything that is no bias.
    pub learning_rate: f64,
    /// Learning rate of biases: warm-up starts high for them.
    pub bias_learning_rate: f64,
    /// Momentum, or Adam's beta 1.
    pub momentum: f64,
    /// Weight decay, applied to weights of two and more dimensions only: not to biases and norms.
    pub weight_decay: f64,
}

/// The rule and what it remembers of every parameter.
#[derive(Debug)]
pub struct Optimizer {
    kind: OptimizerKind,
    parameters: BTreeMap<String, Var>,
    /// `<parameter>/momentum`, and `<parameter>/variance` for AdamW.
    state: BTreeMap<String, Tensor>,
    /// Steps taken: AdamW corrects its moments by it.
    steps: u64,
    /// What learning rates are multiplied by, where that is not 1.
    scales: BTreeMap<String, f64>,
}

impl Optimizer {
    /// Changes `parameters` by the rule `kind`.
    #[must_use]
    pub fn new(kind: OptimizerKind, parameters: BTreeMap<String, Var>) -> Self {
        Self { kind, parameters, state: BTreeMap::new(), steps: 0, scales: BTreeMap::new() }
    }

    /// Multiplies the learning rate of every parameter by what `scale` says of its name: a backbone that comes trained
    /// learns slower.
    pub fn scale_rates(&mut self, scale: impl Fn(&str) -> f64) {
        let scaled = |name: &String| (name.clone(), scale(name));
        self.scales = self.parameters.keys().map(scaled).filter(|(_, scale)| *scale != 1.0).collect();
    }

    /// The parameters it changes.
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<String, Var> {
        &self.parameters
    }

    /// One step. Parameters without a gradient stay as they are.
    ///
    /// # Errors
    /// When a gradient has another shape than its parameter.
    pub fn step(&mut self, gradients: &Gradients, rates: &Rates) -> Result<()> {
        self.steps += 1;
        for (name, var) in &self.parameters {
            let Some(gradient) = gradients.get(name) else { continue };
            let value = var.as_detached_tensor();
            let rate = if name.ends_with("bias") { rates.bias_learning_rate } else { rates.learning_rate };
            let rate = rate * self.scales.get(name).copied().unwrap_or(1.0);
            let decay = if var.rank() > 1 { rates.weight_decay } else { 0.0 };
            let next = match self.kind {
                OptimizerKind::Sgd => {
                    let gradient = if decay > 0.0 { (gradient + (&value * decay)?)? } else { gradient.clone() };
                    let momentum =
                        averaged(&mut self.state, &format!("{name}/momentum"), &gradient, rates.momentum, 1.0)?;
                    (value - ((gradient + (momentum * rates.momentum)?)? * rate)?)?
                }
                OptimizerKind::AdamW { beta2, epsilon } => {
                    let beta1 = rates.momentum;
                    let first = averaged(&mut self.state, &format!("{name}/momentum"), gradient, beta1, 1.0 - beta1)?;
                    let squared = gradient.sqr()?;
                    let second = averaged(&mut self.state, &format!("{name}/variance"), &squared, beta2, 1.0 - beta2)?;
                    let corrected = |beta: f64| 1.0 - beta.powf(self.steps as f64);
                    let spread = ((second / corrected(beta2))?.sqrt()? + epsilon)?;
                    let step = ((first / corrected(beta1))? / spread)?;
                    ((value * (1.0 - rate * decay))? - (step * rate)?)?
                }
            };
            var.set(&next.detach())?;
        }
        Ok(())
    }

    /// What it remembers, by name, and the steps it took.
    #[must_use]
    pub fn state(&self) -> (&BTreeMap<String, Tensor>, u64) {
        (&self.state, self.steps)
    }

    /// Remembers what [`Optimizer::state`] said.
    pub fn restore(&mut self, state: BTreeMap<String, Tensor>, steps: u64) {
        self.state = state;
        self.steps = steps;
    }
}

/// `state = keep * state + take * value`, starting from nothing.
fn averaged(state: &mut BTreeMap<String, Tensor>, name: &str, value: &Tensor, keep: f64, take: f64) -> Result<Tensor> {
    let taken = if take < 1.0 { (value * take)? } else { value.clone() };
    let next = match state.remove(name) {
        Some(old) => ((old * keep)? + taken)?,
        None => taken,
    }
    .detach();
    state.insert(name.to_owned(), next.clone());
    Ok(next)
}
