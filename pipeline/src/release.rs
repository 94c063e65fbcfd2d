//! What was measured together and answers together: networks, gallery and thresholds, under one name.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use classifier::gallery::vote::DecisionRule;
use tracing::warn;
use vision::crop::CropRule;
use vision::{DecodeLimits, Detector, Embedder, SkuId, SkuIndex};

use crate::context::RowContext;
use crate::request_limits::RequestLimits;
use crate::second_opinion::SecondOpinion;

/// A detector, an embedder, the gallery that the embedder made, and the thresholds that were found for them.
#[derive(Clone)]
pub struct Release {
    /// What people call it.
    pub name: String,
    /// Finds containers.
    pub detector: Arc<dyn Detector>,
    /// Embeds crops.
    pub embedder: Arc<dyn Embedder>,
    /// Knows the SKUs, as it was released; what is served may have learned more.
    pub gallery: Arc<dyn SkuIndex>,
    /// What stays the same from request to request.
    pub settings: RecognizerSettings,
    /// Thresholds of single SKUs, by code, which hold in place of the rule's when that SKU wins the vote.
    pub sku_thresholds: BTreeMap<String, f32>,
    /// Another embedder that is asked about every facing: where it names another SKU, the facing is marked.
    pub second: Option<SecondOpinion>,
}

/// What stays the same from request to request.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RecognizerSettings {
    /// What a photo may cost.
    pub limits: DecodeLimits,
    /// How facings are cut out; comes with the embedder.
    pub crop: CropRule,
    /// How neighbours become a SKU.
    pub rule: DecisionRule,
    /// Whether thresholds that the gallery knows hold in place of the rule's.
    pub calibrated: bool,
    /// Whether the fraction of foreign facings is learned from the photo.
    pub photo_prior: bool,
    /// What facings beside each other say of each other.
    pub row_context: RowContext,
    /// What a request may ask for, where requests come from outside.
    pub requests: RequestLimits,
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Release").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Release {
    /// Puts the parts together: one threshold for all SKUs, nobody else asked.
    #[must_use]
    pub fn new(
        name: &str,
        detector: Arc<dyn Detector>,
        embedder: Arc<dyn Embedder>,
        gallery: Arc<dyn SkuIndex>,
        settings: RecognizerSettings,
    ) -> Self {
        let name = name.to_owned();
        Self { name, detector, embedder, gallery, settings, sku_thresholds: BTreeMap::new(), second: None }
    }

    /// The thresholds of single SKUs by their numbers in a gallery.
    #[must_use]
    pub fn thresholds_in(&self, gallery: &dyn SkuIndex) -> HashMap<SkuId, f32> {
        if self.sku_thresholds.is_empty() {
            return HashMap::new();
        }
        let skus = gallery.skus();
        let ids: HashMap<&str, SkuId> = skus.iter().map(|sku| (sku.code.as_str(), sku.id)).collect();
        sku_thresholds(&self.sku_thresholds, |code| ids.get(code).copied())
    }
}

/// Thresholds by number. A code that is not enrolled is no error: SKUs come and go.
pub fn sku_thresholds(by_code: &BTreeMap<String, f32>, id: impl Fn(&str) -> Option<SkuId>) -> HashMap<SkuId, f32> {
    let numbered = by_code.iter().filter_map(|(code, &threshold)| {
        let id = id(code);
        if id.is_none() {
            warn!(sku = %code, "gallery.sku_thresholds names a SKU that is not enrolled");
        }
        Some((id?, threshold))
    });
    numbered.collect()
}
