//! Models of tables as ONNX, held to what ONNX Runtime says.

mod forms;
mod graph;
mod pairs;

use anyhow::{Context as _, bail};
use engine::{OrtOptions, OrtSession, Session as _};
use ndarray::ArrayView4;
use platform::Exporter;
use tabular::{Matrix, Table, Task, TrainedModel};
use vision::Random;

use self::graph::{DOUBLE, Graph, INT64};

/// Rows that are made up for the comparison.
const ROWS: usize = 256;
/// How far scores may be from those of the model, as a fraction of them or of 1: trees add up 32-bit numbers.
const TOLERANCE: f64 = 1e-4;

/// A model as ONNX, compared.
pub(crate) struct Exported {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// How it compares.
    pub(crate) parity: Parity,
    /// Rows that were compared.
    pub(crate) rows: usize,
}

/// The model as ONNX, if ONNX Runtime says of the sample (or of made-up rows) what the model says.
pub(crate) fn export(model: &TrainedModel, sample: Option<&Table>) -> anyhow::Result<Exported> {
    let rows = rounded(&match sample {
        Some(table) => model.preparation.apply(table)?,
        None => made_up(model),
    });
    let parity = compare(model, &rows)?;
    if !(parity.largest <= TOLERANCE) || parity.labels > 0 {
        bail!(
            "of {} rows ONNX Runtime says something else than the model: scores differ by {:.1e} (they may by {TOLERANCE:e}), \
             {} labels; nothing was written",
            rows.rows(),
            parity.largest,
            parity.labels
        );
    }
    Ok(Exported { bytes: onnx(model, false)?, parity, rows: rows.rows() })
}

/// What writes the models of jobs.
pub(crate) fn exporter() -> Exporter {
    Exporter::new(|model, sample| match export(model, Some(sample)) {
        Ok(Exported { bytes, parity, rows }) => {
            let (largest, labels) = (parity.largest, parity.labels);
            tracing::info!(rows, largest, labels, bytes = bytes.len(), "a model was written as ONNX");
            Ok(bytes)
        }
        Err(error) => Err(format!("{error:#}")),
    })
}

/// The file. For the comparison rows come as images of one pixel, since that is what sessions take.
fn onnx(model: &TrainedModel, as_images: bool) -> anyhow::Result<Vec<u8>> {
    let mut graph = Graph::default();
    let names = model.preparation.names();
    let features = names.len();
    let mut x = if as_images {
        let images = graph.input("features", &[None, Some(features), Some(1), Some(1)]);
        let shape = graph.ints(&[-1, features as i64]);
        graph.op("Reshape", &[&images, &shape], Vec::new())
    } else {
        graph.input("features", &[None, Some(features)])
    };
    x = graph.cast(&x, DOUBLE);
    let shift = graph.doubles(&[1, features], model.scaler().shift());
    let scale = graph.doubles(&[1, features], model.scaler().scale());
    x = graph.op("Sub", &[&x, &shift], Vec::new());
    x = graph.op("Div", &[&x, &scale], Vec::new());
    let selected: Vec<i64> = model.selected.iter().map(|feature| *feature as i64).collect();
    x = graph.columns(&x, &selected);
    let form = model.model().form();
    let scores = forms::scores(&mut graph, &form, &x);
    if model.task == Task::Classification {
        let label = forms::classes(&mut graph, &form, &x, &scores);
        graph.output(&label, "label", INT64, &[None]);
        graph.output(&scores, "probabilities", DOUBLE, &[None, Some(form.outputs())]);
    } else {
        graph.output(&scores, "prediction", DOUBLE, &[None, Some(1)]);
    }
    let metadata = [
        ("features", serde_json::to_string(&names)?),
        ("classes", serde_json::to_string(&model.classes)?),
        ("target", model.target.clone()),
        ("algorithm", model.algorithm.name().to_owned()),
        ("data", model.data.to_string()),
    ];
    Ok(graph.encode(&metadata))
}

/// What differs between the model and its graph.
pub(crate) struct Parity {
    /// Largest difference of scores, as a fraction of them or of 1.
    pub(crate) largest: f64,
    /// Labels that differ.
    pub(crate) labels: usize,
}

fn compare(model: &TrainedModel, rows: &Matrix) -> anyhow::Result<Parity> {
    let session = OrtSession::from_bytes(&onnx(model, true)?, &OrtOptions::default())?;
    let (scores, classes) = model.scores(rows.clone());
    let values: Vec<f32> = rows.values().iter().map(|value| *value as f32).collect();
    let images = ArrayView4::from_shape((rows.rows(), rows.columns(), 1, 1), &values)?;
    let outputs = session.run(images)?;
    let found = |name: &str| {
        let output = outputs.iter().find(|output| output.name == name);
        output
            .map(|output| output.array.iter().copied().collect::<Vec<f32>>())
            .with_context(|| format!("there is no {name}"))
    };
    let told = found(if model.task == Task::Classification { "probabilities" } else { "prediction" })?;
    if told.len() != scores.values().len() {
        bail!("ONNX Runtime gives {} scores, the model {}", told.len(), scores.values().len());
    }
    let mut largest = 0.0_f64;
    for (told, score) in told.iter().zip(scores.values()) {
        let off = (f64::from(*told) - score).abs() / score.abs().max(1.0);
        // NaN is not near anything.
        largest = if off.is_nan() { f64::INFINITY } else { largest.max(off) };
    }
    let mut labels = 0;
    if model.task == Task::Classification {
        let label = found("label")?;
        for (row, class) in classes.iter().enumerate() {
            // Of two classes that are as likely as each other, either is right.
            let (told, own) = (label[row] as usize, scores.at(row, *class));
            let near = told < scores.columns() && (scores.at(row, told) - own).abs() <= TOLERANCE;
            labels += usize::from(told != *class && !near);
        }
    }
    Ok(Parity { largest, labels })
}

/// Rows around those that were learned from.
fn made_up(model: &TrainedModel) -> Matrix {
    let (shift, scale) = (model.scaler().shift(), model.scaler().scale());
    let mut random = Random::named(1, "export");
    let mut rows = Matrix::zeros(ROWS, shift.len());
    for row in 0..ROWS {
        for (at, value) in rows.row_mut(row).iter_mut().enumerate() {
            let typical = model.preparation.features[at].missing;
            // Without a scale, around what stands in for what is missing.
            let (middle, wide) =
                if scale[at] == 1.0 { (typical, typical.abs().max(1.0)) } else { (shift[at], scale[at]) };
            *value = middle + wide * 1.5 * random.normal();
        }
    }
    rows
}

/// The same as 32-bit numbers: what the graph takes.
fn rounded(rows: &Matrix) -> Matrix {
    let values = rows.values().iter().map(|value| f64::from(*value as f32)).collect();
    Matrix::new(values, rows.rows(), rows.columns())
}
