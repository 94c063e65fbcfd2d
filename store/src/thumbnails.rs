//! Small images of enrolled images, for people who compare a facing with what is enrolled.

use std::collections::BTreeSet;

use bytes::Bytes;
use vision::Sha256;

use crate::error::StoreError;
use crate::model::digest;
use crate::objects::NewObject;
use crate::sql::values;
use crate::store::Store;

impl Store {
    /// Enrolled images of which nothing can be shown: neither they nor a thumbnail of theirs lie among the objects.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn unseen_images(&self) -> Result<BTreeSet<Sha256>, StoreError> {
        let sql = "SELECT DISTINCT e.picture FROM exemplars e WHERE e.active = 1 AND e.source = 'enrolled' \
                   AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.digest = e.picture) \
                   AND NOT EXISTS (SELECT 1 FROM thumbnails t WHERE t.picture = e.picture)";
        let rows = self.database.all(sql, Vec::new()).await?;
        rows.iter().map(|row| digest(&row.text("picture")?)).collect()
    }

    /// Takes over the thumbnails of images, JPEG: first the images, then the rows that name them.
    ///
    /// # Errors
    /// When database or objects are not there.
    pub async fn take_thumbnails(&self, thumbnails: Vec<(Sha256, Bytes)>) -> Result<(), StoreError> {
        let mut named = Vec::with_capacity(thumbnails.len());
        for (image, jpeg) in thumbnails {
            let bytes = jpeg.len();
            named.push((image, self.objects.put(NewObject::of(jpeg)).await?, bytes));
        }
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    for (image, thumbnail, bytes) in named {
                        crate::enqueue::insert_object(tx, thumbnail, bytes, "image/jpeg").await?;
                        let sql = "INSERT INTO thumbnails (picture, thumbnail) VALUES ($1, $2) \
                                   ON CONFLICT (picture) DO NOTHING";
                        tx.later(sql, values![image.to_string(), thumbnail.to_string()]).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}
