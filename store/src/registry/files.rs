//! Files of versions among the objects.

use vision::Sha256;

use super::ModelFile;
use crate::error::StoreError;
use crate::objects::Objects;
use crate::sql::{Row, values};
use crate::store::Store;

impl Store {
    /// Where an organisation's files of models lie: apart from images, which are swept, and from other organisations', so
    /// that nobody can tell what another one has.
    #[must_use]
    pub fn model_objects(&self, organisation: &str) -> Objects {
        self.objects.below(&["models", organisation])
    }

    /// Files of a version, by path.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn model_files(&self, model: &str) -> Result<Vec<ModelFile>, StoreError> {
        let sql = "SELECT path, sha256, bytes FROM model_files WHERE model = $1 ORDER BY path";
        self.database.all(sql, values![model]).await?.iter().map(file).collect()
    }
}

fn file(row: &Row) -> Result<ModelFile, StoreError> {
    let sha256: Sha256 = crate::model::digest(&row.text("sha256")?)?;
    Ok(ModelFile { path: row.text("path")?, sha256, bytes: row.int("bytes")?.unsigned_abs() })
}
