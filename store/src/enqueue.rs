//! Into the queue: images first, then the rows that name them.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use vision::Sha256;

use crate::error::StoreError;
use crate::item::spell_candidates;
use crate::model::{NewItem, NewRecognition, now, to_bytes};
use crate::objects::NewObject;
use crate::sql::{Tx, values};
use crate::store::Store;

/// What was queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueued {
    /// The photo's recognition.
    pub recognition: String,
    /// In the order given.
    pub items: Vec<String>,
}

impl Store {
    /// Queues facings of one photo, all or none. `seen_again` names items that are in the queue already and of which
    /// `recognition` shows further facings: they become more urgent.
    ///
    /// # Errors
    /// When database or object store are not there. Nothing half-written is left but images that no row names, which
    /// a sweep removes.
    pub async fn enqueue(
        &self,
        recognition: NewRecognition,
        items: Vec<NewItem>,
        seen_again: Vec<(String, u32)>,
    ) -> Result<Enqueued, StoreError> {
        let ids: Vec<String> = items.iter().map(|item| item.id.clone()).collect();
        let id = uuid::Uuid::now_v7().to_string();
        if items.is_empty() {
            self.database.write(move |tx| Box::pin(async move { again(tx, &seen_again).await })).await?;
            return Ok(Enqueued { recognition: id, items: ids });
        }
        let photo = self.objects.put(recognition.photo.0.clone()).await?;
        // A photo queues a handful, so all at once is not rude to S3. Equal crops are one image.
        let different: BTreeMap<Sha256, NewObject> =
            items.iter().map(|item| (item.crop.digest(), item.crop.clone())).collect();
        try_join_all(different.into_values().map(|crop| self.objects.put(crop))).await?;
        let named = id.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    insert_recognition(tx, &named, &recognition, photo).await?;
                    for item in &items {
                        insert_object(tx, item.crop.digest(), item.crop.bytes().len(), "image/jpeg").await?;
                        insert_item(tx, &named, item).await?;
                    }
                    again(tx, &seen_again).await
                })
            })
            .await?;
        Ok(Enqueued { recognition: id, items: ids })
    }
}

/// More facings that one label would settle.
async fn again(tx: &mut Tx, seen: &[(String, u32)]) -> Result<(), StoreError> {
    for (item, times) in seen {
        let sql = "UPDATE items SET facings = facings + $1, priority = uncertainty * (facings + $1) \
                   WHERE id = $2 AND status = 'open'";
        tx.later(sql, values![*times, item]).await?;
    }
    Ok(())
}

pub(crate) async fn insert_object(tx: &mut Tx, digest: Sha256, bytes: usize, media: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO objects (digest, bytes, media_type, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (digest) DO NOTHING";
    tx.later(sql, values![digest.to_string(), bytes as i64, media, now()]).await
}

async fn insert_recognition(tx: &mut Tx, id: &str, new: &NewRecognition, photo: Sha256) -> Result<(), StoreError> {
    let (file, media) = &new.photo;
    insert_object(tx, photo, file.bytes().len(), media).await?;
    let release = Sha256::of_parts(&[new.detector.as_bytes(), new.embedder.as_bytes(), new.gallery.as_bytes()]);
    let sql = "INSERT INTO releases (id, detector, embedder, gallery, first_seen) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (id) DO NOTHING";
    let parts = values![release.to_string(), &new.detector, &new.embedder, &new.gallery, now()];
    tx.later(sql, parts).await?;
    let sql = "INSERT INTO recognitions (id, request_id, created_at, detector, embedder, gallery, photo, width, height, \
               facings, ambiguous, unknown, total_ms, release_name, arm) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let row = values![
        id,
        &new.request_id,
        now(),
        &new.detector,
        &new.embedder,
        &new.gallery,
        photo.to_string(),
        new.width,
        new.height,
        new.facings,
        new.ambiguous,
        new.unknown,
        new.total_ms,
        new.release.clone(),
        new.arm.clone(),
    ];
    tx.later(sql, row).await
}

async fn insert_item(tx: &mut Tx, recognition: &str, new: &NewItem) -> Result<(), StoreError> {
    let reasons: Vec<&str> = new.reasons.iter().map(|reason| reason.as_str()).collect();
    let Some(first) = reasons.first() else {
        return Err(StoreError::invalid("reasons", "nothing", "at least one reason"));
    };
    // NaN has no place in an order.
    let uncertainty = if new.uncertainty.is_finite() { f64::from(new.uncertainty) } else { 1.0 };
    let sql = "INSERT INTO items (id, recognition, facing, created_at, class, confidence, x1, y1, x2, y2, decision, sku, \
               similarity, margin, candidates, crop, reason, reasons, uncertainty, facings, priority, skips, status, \
               claimed_by, claimed_until, label, label_kind, label_sku, label_at, label_by, agreements) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
               0, 'open', NULL, 0, NULL, NULL, NULL, NULL, NULL, 0)";
    let row = values![
        &new.id,
        recognition,
        new.facing,
        now(),
        &new.class,
        new.confidence,
        new.bbox.x1,
        new.bbox.y1,
        new.bbox.x2,
        new.bbox.y2,
        new.decision,
        new.sku.map(|sku| sku.0),
        new.similarity,
        new.margin,
        spell_candidates(&new.candidates),
        new.crop.digest().to_string(),
        *first,
        reasons.join(","),
        uncertainty,
        new.facings,
        uncertainty * f64::from(new.facings),
    ];
    tx.later(sql, row).await?;
    let sql = "INSERT INTO item_embeddings (item, embedder, embedding, picture_hash) VALUES ($1, $2, $3, $4)";
    // The databases have no unsigned numbers.
    let hash = new.image_hash.map(u64::cast_signed);
    tx.later(sql, values![&new.id, new.embedder.to_string(), to_bytes(&new.embedding), hash]).await
}
