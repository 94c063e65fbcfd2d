//! [`SessionEmbedder`]: any network that answers a vector per image, over any engine, as an [`Embedder`].

use engine::{EngineError, Output, Session, in_parallel};
use ndarray::{Array4, ArrayD, Axis, s};
use thiserror::Error;
use vision::crop::CropRule;
use vision::preprocess::Region;
use vision::{Cancel, Embedder, Embedding, ModelError, PreprocessPlan, RgbImage, Sha256};

/// What is known about a network besides its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedderSpec {
    /// Who it is, for [`Embedder::describe`]: `efficientnet_lite0@1f2e3d4c`.
    pub name: String,
    /// Digest of the weights.
    pub weights: Sha256,
    /// From pixels to input.
    pub plan: PreprocessPlan,
    /// How facings are cut out of their photo.
    pub crop: CropRule,
    /// Name of the output that holds the features; found by name or shape when absent.
    pub output: Option<String>,
    /// Components of an embedding; what the network answers when absent.
    pub dimension: Option<usize>,
}

/// A network that cannot serve as an embedder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The network takes images of another kind.
    #[error("the network takes {0} colour planes, an embedder takes 3 (RGB)")]
    Planes(usize),
    /// The plan's size is not the network's.
    #[error(
        "the network takes images of {network}, `preprocess` makes {}x{}; correct `preprocess` in the model card",
        .plan.0, .plan.1
    )]
    Size {
        /// What the network takes, as in `?x3x224x224`.
        network: String,
        /// Width and height of the plan.
        plan: (u32, u32),
    },
    /// There is no such output.
    #[error(
        "the network has no output {name:?} of one vector per image; it has {found}; correct `embedding_output` in the model card"
    )]
    Output {
        /// The output asked for.
        name: String,
        /// Names and shapes of the outputs.
        found: String,
    },
    /// Nothing says which output it is.
    #[error(
        "none of the network's outputs, {found}, is plainly the embedding; name one by `embedding_output` in a model card"
    )]
    NoOutput {
        /// Names and shapes of the outputs.
        found: String,
    },
    /// The card promises another size.
    #[error(
        "the network answers {found} components, the model card says {expected}; correct `embedding_dim` in the card"
    )]
    Dimension {
        /// What the card says.
        expected: usize,
        /// What came out.
        found: usize,
    },
    /// The engine cannot run it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Embeds crops with a network run by any [`Session`].
pub struct SessionEmbedder {
    session: Box<dyn Session>,
    spec: EmbedderSpec,
    output: String,
    dimension: usize,
    fingerprint: Sha256,
}

impl SessionEmbedder {
    /// Puts a session to work. Runs it once on grey, so that a network that does not fit is refused here and not at the
    /// first photo.
    ///
    /// # Errors
    /// When input or output of the network do not fit `spec`.
    pub fn new(session: Box<dyn Session>, spec: EmbedderSpec) -> Result<Self, SpecError> {
        let input = session.info().input;
        if input.channels != 3 {
            return Err(SpecError::Planes(input.channels));
        }
        let (width, height) = (spec.plan.width, spec.plan.height);
        let fits = |fixed: Option<usize>, side: u32| fixed.is_none_or(|fixed| fixed == side as usize);
        if !fits(input.width, width) || !fits(input.height, height) {
            return Err(SpecError::Size { network: input.to_string(), plan: (width, height) });
        }
        let batch = input.batch.unwrap_or(1);
        let grey = Array4::zeros((batch, 3, height as usize, width as usize));
        let outputs = session.run(grey.view())?;
        let (output, dimension) = choose_output(&outputs, batch, spec.output.as_deref())?;
        if let Some(expected) = spec.dimension.filter(|&expected| expected != dimension) {
            return Err(SpecError::Dimension { expected, found: dimension });
        }
        let fingerprint = fingerprint(&spec, &output);
        Ok(Self { session, spec, output, dimension, fingerprint })
    }

    /// How facings are cut out of their photo for this embedder.
    #[must_use]
    pub fn crop_rule(&self) -> CropRule {
        self.spec.crop
    }

    /// From pixels to input.
    #[must_use]
    pub fn plan(&self) -> &PreprocessPlan {
        &self.spec.plan
    }

    /// What runs the network.
    #[must_use]
    pub fn session(&self) -> &dyn Session {
        &*self.session
    }

    /// Name of the output that holds the features.
    #[must_use]
    pub fn output(&self) -> &str {
        &self.output
    }

    fn embed_batch(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        let batch = self.session.info().input.batch.unwrap_or(crops.len());
        let (height, width) = (self.spec.plan.height as usize, self.spec.plan.width as usize);
        // A network of a fixed batch gets zeros where crops are lacking.
        let mut input = Array4::zeros((batch, 3, height, width));
        for (crop, plane) in crops.iter().zip(input.outer_iter_mut()) {
            self.spec.plan.apply(crop, Region::whole(crop), plane);
        }
        let outputs = self.session.run(input.view()).map_err(ModelError::inference)?;
        let found = outputs.iter().find(|output| output.name == self.output);
        let vectors = found.and_then(|output| vectors(&output.array, batch));
        let Some(vectors) = vectors.filter(|vectors| vectors.1 == self.dimension) else {
            let expected = format!("{batch} vectors of {} components in `{}`", self.dimension, self.output);
            return Err(ModelError::UnexpectedOutput { expected, found: list(&outputs) });
        };
        let rows = vectors.0.axis_iter(Axis(0)).take(crops.len());
        rows.map(|row| Embedding::normalized(row.iter().copied().collect()).map_err(ModelError::inference)).collect()
    }
}

impl Embedder for SessionEmbedder {
    fn embed(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        self.embed_until(crops, &Cancel::never())
    }

    fn embed_until(&self, crops: &[RgbImage], cancel: &Cancel) -> Result<Vec<Embedding>, ModelError> {
        let info = self.session.info();
        let batches: Vec<&[RgbImage]> = crops.chunks(info.batch_for(crops.len())).collect();
        let embedded = in_parallel(&batches, info.parallelism, |batch| {
            cancel.check()?;
            self.embed_batch(batch)
        })?;
        Ok(embedded.into_iter().flatten().collect())
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn fingerprint(&self) -> Sha256 {
        self.fingerprint
    }

    fn describe(&self) -> String {
        let info = self.session.info();
        format!("{} ({} {}, {})", self.spec.name, info.engine, info.version, info.provider)
    }
}

/// The engine is left out: it changes digits, not the meaning.
fn fingerprint(spec: &EmbedderSpec, output: &str) -> Sha256 {
    let json = |value: serde_json::Result<Vec<u8>>| value.expect("a plan is plain data");
    Sha256::of_parts(&[
        b"shelfsight embedder 1",
        &spec.weights.0,
        &json(serde_json::to_vec(&spec.plan)),
        &json(serde_json::to_vec(&spec.crop)),
        output.as_bytes(),
    ])
}

/// Names that exporters give to features.
const USUAL_NAMES: [&str; 4] = ["embedding", "embeddings", "features", "feature"];

/// Name and components of the output that holds the features.
fn choose_output(outputs: &[Output], batch: usize, name: Option<&str>) -> Result<(String, usize), SpecError> {
    let candidates: Vec<(&str, usize)> =
        outputs.iter().filter_map(|output| Some((output.name.as_str(), vectors(&output.array, batch)?.1))).collect();
    let chosen = match name {
        Some(name) => candidates.iter().find(|(candidate, _)| *candidate == name),
        None => {
            let usual = |(name, _): &&(&str, usize)| USUAL_NAMES.iter().any(|usual| usual.eq_ignore_ascii_case(name));
            candidates.iter().find(usual).or(match candidates.as_slice() {
                [only] => Some(only),
                _ => None,
            })
        }
    };
    chosen.map(|&(name, dimension)| (name.to_owned(), dimension)).ok_or_else(|| match name {
        Some(name) => SpecError::Output { name: name.to_owned(), found: list(outputs) },
        None => SpecError::NoOutput { found: list(outputs) },
    })
}

/// An output as (batch, components), with the number of components: (N, D), or (N, D, 1, 1) where the exporter kept the
/// pooled axes.
fn vectors(array: &ArrayD<f32>, batch: usize) -> Option<(ndarray::ArrayView2<'_, f32>, usize)> {
    let ([n, dimension] | [n, dimension, 1, 1]) = *array.shape() else { return None };
    if n != batch || dimension == 0 {
        return None;
    }
    let view = array.view().into_shape_with_order((n, dimension)).ok()?;
    Some((view.slice_move(s![.., ..]), dimension))
}

/// `logits [1, 1000], embedding [1, 1280]`
fn list(outputs: &[Output]) -> String {
    let each = outputs.iter().map(|output| format!("{} {:?}", output.name, output.array.shape()));
    each.collect::<Vec<_>>().join(", ")
}
