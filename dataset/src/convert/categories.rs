//! Categories beside labels whose format has no place for them.

use std::path::Path;

use super::error::{ConvertError, Fault, Location};
use super::model::Category;
use crate::files::read_text_bounded;

/// Name of the file that keeps categories where the format itself cannot.
pub(super) const CATEGORIES: &str = "categories.json";

/// Reads `categories.json` in `folder`, when there is one.
pub(super) fn categories_beside(folder: &Path) -> Result<Option<Vec<Category>>, ConvertError> {
    let path = folder.join(CATEGORIES);
    if !path.is_file() {
        return Ok(None);
    }
    let text = read_text_bounded(&path, 64 << 20)?;
    let categories = serde_json::from_str(&text).map_err(|source| {
        let fault = Fault::Json { expected: "a list of categories", source };
        ConvertError::at(&path, Location::Whole, fault)
    })?;
    Ok(Some(categories))
}
