//! What a release's settings hold, beside its files.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::registry::{ModelKind, ModelVersion};
use vision::Sha256;

use crate::error::RegistryError;

/// Format of the settings.
pub const FORMAT: u32 = 1;

/// A release, as its settings tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Sections `detector`, `embedder` and `gallery` of `pipeline.yaml`, paths relative to the release.
    pub rules: Value,
    /// Finds containers.
    pub detector: Part,
    /// Embeds crops.
    pub embedder: Part,
    /// Knows the SKUs.
    pub gallery: Part,
    /// Of the detector, in order; absent in releases of earlier versions of this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// What the embedder said of [`crate::golden::probes`], rounded to a thousandth.
    pub golden: Vec<Vec<f32>>,
}

/// A part of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What people call it.
    pub name: String,
    /// Of a detector's weights, of what makes an embedding, of a gallery's content.
    pub digest: Sha256,
}

impl Manifest {
    /// That of a version.
    ///
    /// # Errors
    /// When it is no release, or of a format that is not understood.
    pub fn of(model: &ModelVersion) -> Result<Self, RegistryError> {
        if model.kind != ModelKind::Release {
            return Err(RegistryError::Kind { model: model.label(), kind: model.kind });
        }
        let format = model.settings.get("format").and_then(Value::as_u64).unwrap_or_default();
        let found = u32::try_from(format).unwrap_or(u32::MAX);
        if found != FORMAT {
            return Err(RegistryError::Format { model: model.label(), found, understood: FORMAT });
        }
        serde_json::from_value(model.settings.clone())
            .map_err(|source| RegistryError::Settings { model: model.label(), source })
    }
}
