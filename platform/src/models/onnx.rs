//! A model of tables as an ONNX file.

use bytes::Bytes;
use store::StoreError;
use store::registry::ModelVersion;

use crate::error::PlatformError;
use crate::jobs::ONNX_FILE;
use crate::platform::Platform;

impl Platform {
    /// The ONNX file of a version; `None` where it was never written as one.
    ///
    /// # Errors
    /// When the organisation has no such model, or the store is not there.
    pub async fn onnx(&self, organisation: &str, model: &str) -> Result<(ModelVersion, Option<Bytes>), PlatformError> {
        let store = self.store().await?;
        let version = store.model(organisation, model).await?;
        let files = store.model_files(&version.id).await?;
        let Some(file) = files.into_iter().find(|file| file.path == ONNX_FILE) else { return Ok((version, None)) };
        let bytes: Result<Bytes, StoreError> = store.model_objects(organisation).get(file.sha256).await;
        Ok((version, Some(bytes?)))
    }
}
