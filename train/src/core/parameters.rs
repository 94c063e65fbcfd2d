//! Named parameters of a network in training.
//!
//! A network is built as for inference, from a `VarBuilder`; here every tensor it asks for becomes a variable. Its first
//! value comes from the weights to start from, where a tensor of that name and shape is there, else from the
//! initialisation that the layer asks for, sampled from a stream of its own: a new layer changes no other layer's start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use vision::Random;

use engine::Weights;

/// The parameters of one network. Clones share them.
#[derive(Debug, Clone)]
pub struct Parameters {
    store: Arc<Mutex<Store>>,
    device: Device,
}

#[derive(Debug)]
struct Store {
    seed: u64,
    start: Option<Weights>,
    vars: BTreeMap<String, Var>,
    transfer: Transfer,
}

/// What became of the weights a network was started from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Parameters that took their values from the file.
    pub taken: BTreeSet<String>,
    /// Parameters that the file has in another shape: wanted, found.
    pub other_shape: BTreeMap<String, (Vec<usize>, Vec<usize>)>,
    /// Parameters that the file does not have.
    pub fresh: BTreeSet<String>,
}

impl Parameters {
    /// No parameters yet: the network that is built from [`Parameters::builder`] asks for them. `start` gives first values.
    #[must_use]
    pub fn new(seed: u64, start: Option<Weights>, device: &Device) -> Self {
        let store = Store { seed, start, vars: BTreeMap::new(), transfer: Transfer::default() };
        Self { store: Arc::new(Mutex::new(store)), device: device.clone() }
    }

    /// Where they lie.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Where a network's `load` takes its tensors from.
    #[must_use]
    pub fn builder(&self) -> VarBuilder<'static> {
        let backend: Box<dyn SimpleBackend> = Box::new(self.clone());
        VarBuilder::new_with_args(backend, DType::F32, &self.device)
    }

    /// All of them by name, running statistics too.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Var> {
        self.lock().vars.clone()
    }

    /// Those that gradients change, by name.
    #[must_use]
    pub fn trainable(&self) -> BTreeMap<String, Var> {
        self.lock().vars.iter().filter(|(name, _)| !is_statistic(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    /// Numbers that gradients change.
    #[must_use]
    pub fn count(&self) -> usize {
        self.trainable().values().map(|var| var.elem_count()).sum()
    }

    /// What became of the weights to start from, so far.
    #[must_use]
    pub fn transfer(&self) -> Transfer {
        self.lock().transfer.clone()
    }

    /// Gives every parameter the value that `values` has for its name.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn restore(&self, values: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, var) in self.all() {
            let Some(value) = values.get(&name) else { bail!("there is no tensor {name}") };
            var.set(&value.to_device(&self.device)?)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn variable(&self, shape: &[usize], name: &str, init: Init, device: &Device) -> Result<Tensor> {
        let mut store = self.lock();
        if let Some(var) = store.vars.get(name) {
            if var.dims() != shape {
                bail!("{name} is asked for as {shape:?} and as {:?}", var.dims());
            }
            return Ok(var.as_tensor().clone());
        }
        let values = store.first_values(name, shape, init)?;
        let var = Var::from_tensor(&Tensor::from_vec(values, shape, device)?)?;
        store.vars.insert(name.to_owned(), var.clone());
        Ok(var.as_tensor().clone())
    }
}

impl Store {
    fn first_values(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Vec<f32>> {
        match self.start.as_ref().and_then(|start| Some((start, start.shape(name)?))) {
            Some((start, found)) if found == shape => {
                self.transfer.taken.insert(name.to_owned());
                let values = start.take(name, shape).map_err(candle_core::Error::wrap)?;
                return Ok(values.to_vec());
            }
            Some((_, found)) => {
                self.transfer.other_shape.insert(name.to_owned(), (shape.to_vec(), found.to_vec()));
            }
            None => {
                self.transfer.fresh.insert(name.to_owned());
            }
        }
        Ok(sample(&mut Random::named(self.seed, name), shape, init))
    }
}

/// Whether `name` is a running statistic, which batches change and gradients do not.
fn is_statistic(name: &str) -> bool {
    name.ends_with("running_mean") || name.ends_with("running_var")
}

impl SimpleBackend for Parameters {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        self.variable(shape.dims(), name, init, device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, _: &Device) -> Result<Tensor> {
        match self.lock().vars.get(name) {
            Some(var) => var.as_tensor().to_dtype(dtype),
            None => bail!("a network in training must say the shape of {name}"),
        }
    }

    /// Only what was asked for before: layers that look for a folded form find none and build the one that trains.
    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().vars.contains_key(name)
    }
}

/// First values as candle's initialisations describe them (Glorot and Bengio 2010, He et al. 2015).
fn sample(random: &mut Random, shape: &[usize], init: Init) -> Vec<f32> {
    let count = shape.iter().product();
    let mut values = |next: &mut dyn FnMut(&mut Random) -> f64| (0..count).map(|_| next(random) as f32).collect();
    match init {
        Init::Const(value) => vec![value as f32; count],
        Init::Randn { mean, stdev } => values(&mut |random| mean + stdev * random.normal()),
        Init::Uniform { lo, up } => values(&mut |random| random.range(lo, up)),
        Init::Kaiming { dist, fan, non_linearity } => {
            let stdev = gain(non_linearity) / (fan_of(shape, fan).max(1) as f64).sqrt();
            match dist {
                NormalOrUniform::Normal => values(&mut |random| stdev * random.normal()),
                NormalOrUniform::Uniform => {
                    let bound = 3_f64.sqrt() * stdev;
                    values(&mut |random| random.range(-bound, bound))
                }
            }
        }
    }
}

fn gain(non_linearity: NonLinearity) -> f64 {
    match non_linearity {
        NonLinearity::ReLU => 2_f64.sqrt(),
        NonLinearity::Tanh => 5.0 / 3.0,
        NonLinearity::Linear | NonLinearity::Sigmoid => 1.0,
        NonLinearity::SELU => 0.75,
        NonLinearity::ExplicitGain(gain) => gain,
    }
}

fn fan_of(shape: &[usize], fan: FanInOut) -> usize {
    let field: usize = shape.iter().skip(2).product();
    match fan {
        FanInOut::FanIn => shape.get(1).unwrap_or(&1) * field,
        FanInOut::FanOut => shape.first().unwrap_or(&1) * field,
    }
}
