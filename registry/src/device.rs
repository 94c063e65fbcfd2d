//! Small networks for devices: a TFLite file and what is known of it (`meta.json`), checked by running it, then kept as a
//! version of kind `mlp`.

use std::collections::BTreeMap;

use engine::tflite::{Graph, Limits, Quantization, TensorId, TfliteError, decode, run_floats};
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::Actor;
use store::data_sets::DataSet;
use store::registry::{DataSetRef, ModelFile, ModelKind, ModelVersion, NewModel};
use store::{NewObject, Store, StoreError};
use thiserror::Error;
use vision::Sha256;

/// What a file may ask for: a microcontroller's, and no longer than a moment to check.
const LIMITS: Limits = Limits { multiply_adds: 1 << 26, ..Limits::MICRO };
/// Largest `meta.json`, bytes.
pub const MAX_META: usize = 1 << 20;
/// Largest model, bytes.
pub const MAX_MODEL: usize = 16 << 20;
/// How far the sum of all probabilities may lie from 1: a step of int8 for every class.
const STEP: f32 = 1.0 / 256.0;

/// Why a model is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The file is no network that can be run.
    #[error("the model cannot be run: {0}")]
    Model(#[from] TfliteError),
    /// `meta.json` is none.
    #[error("meta.json cannot be understood: {0}")]
    Meta(#[from] serde_json::Error),
    /// Model, meta.json and data set do not belong together.
    #[error("{what} is {found}, but it must be {expected}")]
    Misfit {
        /// What does not fit.
        what: &'static str,
        /// What was sent.
        found: String,
        /// What fits.
        expected: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What of `meta.json` is held against the model; what else it says is kept as it is.
#[derive(Debug, Deserialize)]
struct Meta {
    dataset: MetaDataset,
    features: Features,
    labels: Labels,
    model: MetaModel,
    quantization: MetaQuantization,
}

#[derive(Debug, Deserialize)]
struct MetaDataset {
    id: String,
    hash: String,
}

#[derive(Debug, Deserialize)]
struct Features {
    count: usize,
    preprocessing: Preprocessing,
}

#[derive(Debug, Deserialize)]
struct Preprocessing {
    scaler_mean: Vec<f64>,
    scaler_scale: Vec<f64>,
    label_classes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Labels {
    count: usize,
    mapping: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct MetaModel {
    metrics: Metrics,
}

#[derive(Debug, Deserialize)]
struct Metrics {
    test_accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    confusion_matrix: Vec<Vec<u64>>,
}

#[derive(Debug, Deserialize)]
struct MetaQuantization {
    #[serde(rename = "type")]
    kind: String,
    input: Option<End>,
    output: Option<End>,
    test_accuracy: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct End {
    scale: f32,
    zero_point: i32,
}

/// A model that was run and fits what is said of it.
#[derive(Debug)]
pub struct Checked {
    model: Vec<u8>,
    meta: Vec<u8>,
    metrics: BTreeMap<String, f64>,
    version: String,
}

/// Runs the model and holds it against `meta.json` and the data set. Blocks for a moment.
///
/// # Errors
/// When it cannot be run, or something does not belong together.
pub fn check(set: &DataSet, model: Vec<u8>, meta: Vec<u8>) -> Result<Checked, DeviceError> {
    let graph = decode(&model, &LIMITS)?;
    let mut value: Value = serde_json::from_slice(&meta)?;
    let said: Meta = serde_json::from_value(value.clone())?;
    fits("dataset.id", &said.dataset.id, &set.id)?;
    let hash = said.dataset.hash.trim_start_matches("sha256").trim_start_matches(':');
    fits("dataset.hash", hash, &set.sha256.to_string())?;
    let Metrics { test_accuracy, precision, recall, f1, .. } = said.model.metrics;
    let mut metrics: BTreeMap<String, f64> =
        [("test_accuracy", test_accuracy), ("precision", precision), ("recall", recall), ("f1", f1)]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
    metrics.extend(said.quantization.test_accuracy.map(|value| ("int8_test_accuracy".to_owned(), value)));
    for (name, value) in &metrics {
        if !(0.0..=1.0).contains(value) {
            return Err(misfit("a metric", format!("{name} {value}"), "0 to 1"));
        }
    }
    check_shape(&said)?;
    check_ends(&graph, &said)?;
    check_run(&graph, said.features.count)?;
    // Trained again, it is the same model: when a run began is not part of what it is.
    if let Some(fields) = value.as_object_mut() {
        fields.remove("timestamp");
    }
    let digest = Sha256::of_parts(&[&model, value.to_string().as_bytes()]);
    let version = digest.to_string().chars().take(12).collect();
    Ok(Checked { model, meta, metrics, version })
}

fn check_shape(said: &Meta) -> Result<(), DeviceError> {
    let (features, classes) = (said.features.count, said.labels.count);
    let preprocessing = &said.features.preprocessing;
    fits("the length of scaler_mean", preprocessing.scaler_mean.len(), features)?;
    fits("the length of scaler_scale", preprocessing.scaler_scale.len(), features)?;
    fits("the number of label_classes", preprocessing.label_classes.len(), classes)?;
    fits("the length of labels.mapping", said.labels.mapping.len(), classes)?;
    for (at, class) in preprocessing.label_classes.iter().enumerate() {
        let mapped = said.labels.mapping.get(&at.to_string()).map_or("missing", String::as_str);
        fits("an entry of labels.mapping", mapped, class.as_str())?;
    }
    let sound = preprocessing.scaler_scale.iter().all(|scale| scale.is_finite() && *scale > 0.0)
        && preprocessing.scaler_mean.iter().all(|mean| mean.is_finite());
    if !sound {
        return Err(misfit("the scaler", "not finite, or a scale is not positive".to_owned(), "finite and positive"));
    }
    let matrix = &said.model.metrics.confusion_matrix;
    if matrix.len() != classes || matrix.iter().any(|row| row.len() != classes) {
        return Err(misfit("confusion_matrix", format!("of {} rows", matrix.len()), "a row and a column a class"));
    }
    fits("quantization.type", said.quantization.kind.as_str(), "int8")
}

/// One input and one output, int8, of the lengths and scales that are said.
fn check_ends(graph: &Graph, said: &Meta) -> Result<(), DeviceError> {
    let ends = [
        ("the input of the model", graph.inputs(), said.features.count, said.quantization.input),
        ("the output of the model", graph.outputs(), said.labels.count, said.quantization.output),
    ];
    for (what, ids, count, end) in ends {
        let [id] = ids else { return Err(misfit(what, format!("{} tensors", ids.len()), "one tensor")) };
        let tensor = graph.tensor(*id);
        fits(what, format!("{} numbers", tensor.len()).as_str(), format!("{count} numbers").as_str())?;
        let Some((scale, zero_point)) = tensor.quantization.as_ref().and_then(Quantization::whole) else {
            return Err(misfit(what, tensor.element.to_string(), "int8"));
        };
        if let Some(end) = end
            && end != (End { scale, zero_point })
        {
            let shown = |end: End| format!("scale {} and zero point {}", end.scale, end.zero_point);
            return Err(misfit(what, shown(End { scale, zero_point }), &shown(end)));
        }
    }
    Ok(())
}

/// What comes out of rows of 0 and of ±1 standard deviation are probabilities.
fn check_run(graph: &Graph, features: usize) -> Result<(), DeviceError> {
    let outputs: usize = graph.outputs().iter().map(|id: &TensorId| graph.tensor(*id).len()).sum();
    for row in [0.0, 1.0, -1.0] {
        let said = run_floats(graph, &[vec![row; features]])?;
        let sum: f32 = said.iter().flatten().sum();
        let near = STEP * (outputs as f32 / 2.0 + 1.0);
        if !((sum - 1.0).abs() <= near) {
            return Err(misfit(
                "the sum of what the model says of a row",
                sum.to_string(),
                "1: probabilities of classes",
            ));
        }
    }
    Ok(())
}

fn fits<T: PartialEq + ToString + Copy>(what: &'static str, found: T, expected: T) -> Result<(), DeviceError> {
    if found == expected { Ok(()) } else { Err(misfit(what, found.to_string(), &expected.to_string())) }
}

fn misfit(what: &'static str, mut found: String, expected: &str) -> DeviceError {
    if let Some((end, _)) = found.char_indices().nth(120) {
        found.truncate(end);
    }
    DeviceError::Misfit { what, found, expected: expected.to_owned() }
}

impl Checked {
    /// Keeps files and version: staged, of kind `mlp`. The same sent again is the version that is there.
    ///
    /// # Errors
    /// When database or objects are not there.
    pub async fn keep(self, store: &Store, set: &DataSet, actor: &Actor) -> Result<ModelVersion, DeviceError> {
        let Self { model, meta, metrics, version } = self;
        let name = format!("mlp-{}", set.id);
        let there = store.model(&actor.organisation, &format!("{name}@{version}")).await;
        match there {
            Ok(model) => return Ok(model),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let objects = store.model_objects(&actor.organisation);
        let mut files = Vec::with_capacity(2);
        for (path, content) in [("model.tflite", model), ("meta.json", meta)] {
            let bytes = content.len() as u64;
            let sha256 = objects.put(NewObject::of(content.into())).await?;
            files.push(ModelFile { path: path.to_owned(), sha256, bytes });
        }
        let new = NewModel {
            organisation: actor.organisation.clone(),
            kind: ModelKind::Mlp,
            name,
            version,
            training: false,
            algorithm: "mlp int8".to_owned(),
            description: format!("A network for devices, learned from {}", set.name),
            metrics,
            datasets: vec![DataSetRef { name: set.name.clone(), sha256: set.sha256.to_string() }],
            parents: Vec::new(),
            tags: vec!["tflite".to_owned()],
            settings: json!({"format": 1, "dataset": set.id}),
            files,
        };
        Ok(store.register(new, actor).await?)
    }
}
