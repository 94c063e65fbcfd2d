//! The answer of a build without the `s3` feature.

use std::sync::Arc;

use object_store::ObjectStore;

use crate::error::StoreError;
use crate::objects::S3Access;

/// Always an error.
pub(in crate::objects) fn open(
    place: &str,
    _bucket: &str,
    _access: &S3Access,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    Err(StoreError::Setting {
        setting: "OBJECTS_URL",
        value: crate::error::shorten(&vision::secret::redacted(place)),
        reason: "this program was built without S3 (feature `s3`, which `make dist` includes); name a folder"
            .to_owned(),
    })
}
