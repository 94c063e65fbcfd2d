//! S3 and what speaks like it.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use vision::secret::redacted;

use crate::error::StoreError;
use crate::objects::S3Access;
use crate::tls;

/// The bucket; `place` names it in errors.
pub(in crate::objects) fn open(
    place: &str,
    bucket: &str,
    access: &S3Access,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    tls::prepare();
    let plain = access.endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
    let client = ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(Duration::from_secs(3))
        .with_timeout(Duration::from_secs(30));
    // Recognition does not wait for a store that is down: it says so and goes on.
    let retry = RetryConfig { max_retries: 1, retry_timeout: Duration::from_secs(5), ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(access.region.as_deref().unwrap_or("us-east-1"))
        .with_client_options(client)
        .with_retry(retry);
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let (Some(key), Some(secret)) = (&access.key, &access.secret) {
        builder = builder.with_access_key_id(key).with_secret_access_key(secret.expose());
    }
    let store = builder.build().map_err(|error| StoreError::Setting {
        setting: "OBJECTS_URL",
        value: crate::error::shorten(&redacted(place)),
        reason: redacted(&format!("it cannot be used: {error}")),
    })?;
    Ok(Arc::new(store))
}
