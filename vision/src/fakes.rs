//! Stand-ins for the three abilities, for tests of what is built on them.

use std::sync::Arc;

use crate::{
    ClassId, DetectOptions, Detection, Detector, Embedder, Embedding, ExemplarId, ModelError, Neighbor, RgbImage,
    Sha256, Sku, SkuId, SkuIndex,
};

/// Finds the same boxes in every photo, however small it is.
#[derive(Debug, Clone)]
pub struct FixedDetector {
    /// Names by class id.
    pub classes: Vec<String>,
    /// What it finds.
    pub detections: Vec<Detection>,
}

impl FixedDetector {
    /// A detector of bottles only.
    #[must_use]
    pub fn bottles(boxes: &[crate::BBox]) -> Self {
        let detections = boxes.iter().map(|&bbox| Detection { bbox, class: ClassId(0), confidence: 0.9 }).collect();
        Self { classes: vec!["bottle".to_owned()], detections }
    }
}

impl Detector for FixedDetector {
    fn detect(&self, images: &[RgbImage], options: &DetectOptions) -> Result<Vec<Vec<Detection>>, ModelError> {
        let min_confidence = options.confidence.by_number(&self.classes);
        let counts = |d: &Detection| min_confidence.get(d.class.index()).is_some_and(|min| d.confidence >= *min);
        let mut found: Vec<_> = self.detections.iter().copied().filter(counts).collect();
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        found.truncate(options.max_detections);
        Ok(vec![found; images.len()])
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn describe(&self) -> String {
        "fixed detector".to_owned()
    }
}

/// Embeds a crop as its mean colour: red, green and blue crops lie far apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct MeanColorEmbedder;

impl Embedder for MeanColorEmbedder {
    fn embed(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        crops
            .iter()
            .map(|crop| {
                let mut sums = [1.0_f32; 3];
                for pixel in crop.pixels() {
                    for (sum, &value) in sums.iter_mut().zip(&pixel.0) {
                        *sum += f32::from(value);
                    }
                }
                Embedding::normalized(sums.to_vec()).map_err(ModelError::inference)
            })
            .collect()
    }

    fn dimension(&self) -> usize {
        3
    }

    fn fingerprint(&self) -> Sha256 {
        Sha256::of(b"mean colour")
    }

    fn describe(&self) -> String {
        "mean colour embedder".to_owned()
    }
}

/// Compares with every exemplar.
#[derive(Debug, Clone, Default)]
pub struct ListIndex {
    /// What is enrolled.
    pub exemplars: Vec<(SkuId, Embedding)>,
    /// The catalogue.
    pub skus: Vec<Arc<Sku>>,
}

impl SkuIndex for ListIndex {
    fn search(&self, queries: &[Embedding], k: usize) -> Result<Vec<Vec<Neighbor>>, ModelError> {
        let nearest = |query: &Embedding| {
            let mut all: Vec<Neighbor> = (0_u64..)
                .zip(&self.exemplars)
                .map(|(id, (sku, exemplar))| Neighbor {
                    exemplar: ExemplarId(id),
                    sku: *sku,
                    similarity: query.cosine(exemplar),
                    prototype: None,
                })
                .collect();
            all.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
            all.truncate(k);
            all
        };
        Ok(queries.iter().map(nearest).collect())
    }

    fn sku(&self, id: SkuId) -> Option<Arc<Sku>> {
        self.skus.iter().find(|sku| sku.id == id).cloned()
    }

    fn skus(&self) -> Vec<Arc<Sku>> {
        self.skus.clone()
    }

    fn len(&self) -> usize {
        self.exemplars.len()
    }

    fn describe(&self) -> String {
        format!("list of {} exemplars", self.len())
    }
}
