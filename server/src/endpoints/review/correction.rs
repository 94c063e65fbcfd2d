//! The crop of a box that a person drew: work for a worker, admitted like a photo.

use store::label::CorrectedCrop;
use store::{Store, StoreError};
use vision::{BBox, Sha256};

use crate::app::App;
use crate::inference::Caller;
use crate::problem::Problem;
use crate::upload::UploadError;

/// Has `bbox` cut out of the photo of that digest and embedded. The photo's bytes count as those of one that was sent.
pub(super) async fn corrected_crop(
    app: &App,
    store: &Store,
    caller: Caller,
    photo: &str,
    bbox: BBox,
) -> Result<CorrectedCrop, Problem> {
    app.models.current()?;
    app.inference.admit(caller)?;
    let damaged = |_| StoreError::Damaged { what: "digest", value: photo.to_owned() };
    let digest: Sha256 = photo.parse().map_err(damaged)?;
    let size = store.objects().size(digest).await?.unwrap_or_default();
    let memory = app.budget.open();
    if !memory.grow(usize::try_from(size).unwrap_or(usize::MAX)) {
        return Err(UploadError::Busy.into());
    }
    let file = store.objects().get(digest).await?;
    let cut = app.inference.cut(caller, file, bbox).await?;
    drop(memory);
    Ok(cut.keep(store).await?)
}
