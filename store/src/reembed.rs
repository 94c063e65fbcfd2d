//! Labels made under another embedder, for the one that is served: a label counts under every embedder.
//!
//! A label's exemplar has the embedding that its item was queued with. When another embedder is served, the image is
//! embedded again, and a second exemplar stands for the same label beside the first: both leave when it is taken back.

use vision::{ExemplarId, Sha256};

use crate::error::StoreError;
use crate::model::{digest, now, to_bytes};
use crate::sql::values;
use crate::store::Store;

/// An exemplar of a label that only other embedders know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherEmbedderLabel {
    /// Its number.
    pub id: ExemplarId,
    /// What to embed.
    pub image: Sha256,
}

/// No exemplar of the embedder `$1` stands for the same answer as `e`; the gallery's folder may have brought one, too.
const NOBODY: &str = "NOT EXISTS (SELECT 1 FROM exemplars o WHERE o.picture = e.picture AND o.sku = e.sku \
                      AND o.origin = e.origin AND o.embedder = $1 AND o.active = 1)";

impl Store {
    /// Exemplars of labels that `embedder` does not know, numbered after `after` and changed after `change`, by number.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn labels_of_other_embedders(
        &self,
        embedder: Sha256,
        change: i64,
        after: ExemplarId,
        limit: u32,
    ) -> Result<Vec<OtherEmbedderLabel>, StoreError> {
        let sql = format!(
            "SELECT e.id, e.picture FROM exemplars e WHERE e.source = 'label' AND e.active = 1 AND e.embedder <> $1 \
             AND e.changed > $2 AND e.id > $3 AND {NOBODY} ORDER BY e.id LIMIT {limit}"
        );
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let rows = self.database.all(&sql, values![embedder.to_string(), change, after]).await?;
        let read = |row: &crate::sql::Row| {
            let id = ExemplarId(u64::try_from(row.int("id")?).unwrap_or_default());
            Ok(OtherEmbedderLabel { id, image: digest(&row.text("picture")?)? })
        };
        rows.iter().map(read).collect()
    }

    /// Adds what `embedder` made of their images, L2-normalised, under their labels. What was taken back meanwhile, or
    /// added by another process, is left out.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn add_reembedded(
        &self,
        embedder: Sha256,
        embeddings: Vec<(ExemplarId, Vec<f32>)>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO exemplars (id, sku, source, enrolled_id, item, label, origin, picture, embedder, embedding, active, \
             removed_by, created_at, changed) \
             SELECT c.value, e.sku, 'label', NULL, e.item, e.label, e.origin, e.picture, $1, $2, 1, NULL, $3, $4 \
             FROM exemplars e, counters c WHERE c.name = 'exemplar' AND e.id = $5 AND e.active = 1 AND {NOBODY}"
        );
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let seq = tx.next("change").await?;
                    for (id, embedding) in embeddings {
                        let id = i64::try_from(id.0).unwrap_or(i64::MAX);
                        tx.advance("exemplar").await?;
                        tx.later(&sql, values![embedder.to_string(), to_bytes(&embedding), now(), seq, id]).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}
