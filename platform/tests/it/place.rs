//! A platform over a test's own store.

use platform::data_sets::{About, Uploaded};
use platform::{Limits, Platform, PlatformError};
use store::StoreHandle;
use store::access::{DEFAULT_ORGANISATION, Role};
use store::audit::Actor;

use crate::test_store::TestStore;

pub(crate) const HOME: &str = DEFAULT_ORGANISATION;

pub(crate) fn ann(organisation: &str) -> Actor {
    Actor { organisation: organisation.into(), name: "ann".into(), role: Role::Engineer, request: "r1".into() }
}

pub(crate) fn platform(place: &TestStore, limits: Limits) -> Platform {
    Platform::new(Some(StoreHandle::from(place.settings.clone())), limits)
}

/// Uploads a file in one piece.
pub(crate) async fn upload(platform: &Platform, csv: &[u8], about: About) -> Result<Uploaded, PlatformError> {
    upload_as(platform, csv, about, None, HOME).await
}

pub(crate) async fn upload_as(
    platform: &Platform,
    csv: &[u8],
    about: About,
    key: Option<&str>,
    organisation: &str,
) -> Result<Uploaded, PlatformError> {
    let mut incoming = platform.receive().await?;
    incoming.write(csv).await?;
    platform.upload(incoming, &about, key, &ann(organisation)).await
}

/// Flowers of two kinds that a line tells apart, in two columns of numbers and one that says nothing.
pub(crate) fn flowers(rows: usize) -> String {
    let mut csv = "length,width,noise,species\n".to_owned();
    for row in 0..rows {
        let (kind, shift) = if row % 2 == 0 { ("setosa", 0.0) } else { ("virginica", 3.0) };
        let wobble = (row * 7 % 11) as f64 / 10.0;
        csv += &format!("{:.2},{:.2},{},{kind}\n", 1.0 + shift + wobble, 0.2 + shift - wobble / 4.0, row * 5 % 13);
    }
    csv
}

pub(crate) fn about(target: &str) -> About {
    About { target_column: Some(target.to_owned()), file_name: Some("flowers.csv".to_owned()), ..About::default() }
}
