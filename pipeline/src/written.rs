//! A configuration, written out again: what travels with a release.

use classifier::gallery::Impostors;
use serde_json::{Value, json};

use crate::config::{IndexKind, PipelineConfig};

impl PipelineConfig {
    /// What decides how photos are recognised, key by key as in `pipeline.yaml`, defaults included: what a later program would
    /// take for granted must not change what was released. The engine and the limits of photos are the machine's.
    #[must_use]
    pub fn rules(&self) -> Value {
        let detect = &self.options.detect;
        let threshold = if self.calibrated { json!("auto") } else { json!(self.rule.threshold) };
        json!({
            "detector": {
                "model": self.detector_model.display().to_string(),
                "confidence": detect.confidence.default,
                "class_confidence": detect.confidence.by_class,
                "iou": detect.iou,
                "max_detections": detect.max_detections,
                "class_agnostic": detect.class_agnostic,
                "tiles": detect.tiling.to_string(),
                "max_tiles": detect.max_tiles,
            },
            "embedder": {"model": self.embedder_model.display().to_string()},
            "gallery": {
                "path": self.gallery_path.display().to_string(),
                "index": match self.index {
                    IndexKind::Auto => "auto",
                    IndexKind::Flat => "flat",
                    IndexKind::Faiss => "faiss",
                },
                "ivf_above": self.ivf_above,
                "neighbors": self.rule.k,
                "threshold": threshold,
                "false_accepts": self.false_accepts,
                "impostors": match self.impostors {
                    Impostors::Background => "background",
                    Impostors::LookAlikes => "look_alikes",
                },
                "photo_prior": self.photo_prior,
                "row_context": self.row_context.weight,
                "sku_thresholds": self.sku_thresholds,
                "margin": self.rule.margin,
                "temperature": self.rule.temperature,
                "prototype": self.rule.prototype,
                "top_k": self.options.top_k,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Overrides;

    #[test]
    fn what_is_written_reads_the_same() {
        let check = |text: &str| {
            let read = |text: &str| {
                PipelineConfig::parse(text, Path::new("pipeline.yaml"), &Overrides::default()).expect("it is sound")
            };
            let config = read(text);
            assert_eq!(read(&config.rules().to_string()), config, "{text}");
        };
        check("detector: {model: d.onnx}\nembedder: {model: e.onnx}\ngallery: {path: g}");
        check(
            "detector: {model: d.onnx, confidence: 0.3, class_confidence: {can: 0.7}, iou: 0.45, max_detections: 7, \
             class_agnostic: false, tiles: 3x2, max_tiles: 9}\nembedder: {model: e.onnx}\n\
             gallery: {path: g, index: flat, ivf_above: 5, neighbors: 3, threshold: 0.61, false_accepts: 0.1, \
             impostors: look_alikes, photo_prior: false, row_context: 0.2, sku_thresholds: {cola: 0.65}, margin: 0.07, \
             temperature: 0.05, prototype: 0.5, top_k: 9}",
        );
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/pipeline.yaml");
        check(&std::fs::read_to_string(path).expect("it is committed"));
    }
}
