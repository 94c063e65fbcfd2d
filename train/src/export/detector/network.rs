//! The whole network as an ONNX file.

use std::collections::BTreeMap;

use detector::anchors::anchor_count;
use detector::model::Architecture;
use detector::model::graph::{Size, Writer};
use engine::onnx::Axis;
use engine::{EngineError, Weights};

use super::nms::suppress;
use super::{ExportOptions, OUTPUT};

pub(super) fn write(
    weights: &Weights,
    architecture: Architecture,
    options: &ExportOptions,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, EngineError> {
    let mut writer = Writer::new(&architecture.design().to_string(), weights);
    let batch = options.batch.map_or(Axis::Any("batch"), Axis::Fixed);
    let (height, width) = match options.size {
        Size::Any => (Axis::Any("height"), Axis::Any("width")),
        Size::Fixed { height, width } => (Axis::Fixed(height), Axis::Fixed(width)),
    };
    let images = writer.graph.input("images", &[batch.clone(), Axis::Fixed(3), height, width]);
    let output = architecture.write(&mut writer, &images, options.size)?;
    let anchors = match options.size {
        Size::Any => Axis::Any("anchors"),
        Size::Fixed { height, width } => Axis::Fixed(anchor_count(height, width)),
    };
    match options.nms {
        Some(nms) => {
            let found = suppress(&mut writer.graph, &output, architecture.classes, nms);
            writer.graph.output(&found, OUTPUT, &[batch, Axis::Fixed(nms.max_detections), Axis::Fixed(6)]);
        }
        None => writer.graph.output(&output, OUTPUT, &[batch, Axis::Fixed(4 + architecture.classes), anchors]),
    }
    Ok(writer.graph.encode(metadata))
}
