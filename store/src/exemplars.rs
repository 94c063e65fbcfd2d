//! What the gallery is made of: enrolled images and what labels teach, in the order of their numbers.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt};
use vision::{ExemplarId, Sha256, Sku, SkuId};

use crate::error::StoreError;
use crate::model::{CatalogueSku, SkuState, StoredExemplar, digest, from_bytes, now, to_bytes};
use crate::sql::{Row, Tx, Value, values};
use crate::store::Store;

/// Images asked for at the same time.
const AT_ONCE: usize = 16;

/// An exemplar of the gallery's folder.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrolledExemplar {
    /// Its number in the folder.
    pub id: ExemplarId,
    /// Its SKU's number in the folder.
    pub sku: SkuId,
    /// Where it came from.
    pub origin: String,
    /// Digest of its image.
    pub image: Sha256,
    /// L2-normalised.
    pub embedding: Vec<f32>,
}

/// The gallery's folder: what was enrolled without a review.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrolled {
    /// What made the embeddings.
    pub embedder: Sha256,
    /// All SKUs.
    pub skus: Vec<Sku>,
    /// All exemplars.
    pub exemplars: Vec<EnrolledExemplar>,
}

/// What changed in the gallery.
#[derive(Debug, Clone, PartialEq)]
pub struct GalleryChanges {
    /// The last change that is part of this; ask for what follows it.
    pub change: i64,
    /// SKUs by number.
    pub skus: Vec<CatalogueSku>,
    /// Exemplars by number; those that are not active have left the gallery.
    pub exemplars: Vec<StoredExemplar>,
}

fn read(row: &Row) -> Result<StoredExemplar, StoreError> {
    let embedding: Vec<u8> = row.get("embedding")?;
    Ok(StoredExemplar {
        id: ExemplarId(u64::try_from(row.int("id")?).unwrap_or_default()),
        sku: SkuId(row.number("sku")?),
        origin: row.text("origin")?,
        image: digest(&row.text("picture")?)?,
        embedder: digest(&row.text("embedder")?)?,
        embedding: from_bytes(&embedding)?,
        active: row.int("active")? == 1,
    })
}

const SELECT: &str = "SELECT id, sku, origin, picture, embedder, embedding, active FROM exemplars";

impl Store {
    /// Takes over the gallery's folder: what is new in it is added, what has left it leaves, and so do SKUs that nothing stands
    /// for any more. Numbers stay where they are free. Labels are not touched.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn adopt(&self, enrolled: Enrolled) -> Result<(), StoreError> {
        let images = self.images_of(&enrolled).await?;
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    for (digest, bytes) in images {
                        crate::enqueue::insert_object(tx, digest, bytes as usize, "image/jpeg").await?;
                    }
                    adopt(tx, &enrolled).await
                })
            })
            .await
    }

    /// Enrolled images that lie among the objects without a row yet: enrolling puts them there, for people to look at.
    async fn images_of(&self, enrolled: &Enrolled) -> Result<Vec<(Sha256, u64)>, StoreError> {
        let known = self.database.all("SELECT digest FROM objects", Vec::new()).await?;
        let known = known.iter().map(|row| row.text("digest")).collect::<Result<BTreeSet<_>, _>>()?;
        let new = enrolled.exemplars.iter().map(|e| e.image).filter(|digest| !known.contains(&digest.to_string()));
        let objects = &self.objects;
        let sizes = futures_util::stream::iter(new.collect::<BTreeSet<_>>())
            .map(|digest| async move { Ok::<_, StoreError>(objects.size(digest).await?.map(|bytes| (digest, bytes))) })
            .buffer_unordered(AT_ONCE);
        let found: Vec<Option<(Sha256, u64)>> = sizes.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Number of the last change of the gallery.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn last_change(&self) -> Result<i64, StoreError> {
        self.database.one("SELECT value FROM counters WHERE name = 'change'", Vec::new()).await?.int("value")
    }

    /// Everything of the gallery that changed after `change`, of one embedder; from 0, the whole gallery.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn changes_since(&self, change: i64, embedder: Sha256) -> Result<GalleryChanges, StoreError> {
        // Read first: what comes in between is found again next time, never missed.
        let last = self.last_change().await?;
        if last <= change {
            return Ok(GalleryChanges { change, skus: Vec::new(), exemplars: Vec::new() });
        }
        let sql = format!("{SELECT} WHERE changed > $1 AND embedder = $2 ORDER BY id");
        let rows = self.database.all(&sql, values![change, embedder.to_string()]).await?;
        let exemplars = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let skus = self.skus_since(change).await?;
        Ok(GalleryChanges { change: last, skus, exemplars })
    }

    /// Images of the newest exemplars of some SKUs, at most `each` a SKU: the image itself where it is among the objects, else
    /// its thumbnail.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn exemplar_images(&self, skus: &[SkuId], each: u32) -> Result<Vec<(SkuId, Sha256)>, StoreError> {
        let mut found = Vec::new();
        for sku in skus {
            let sql = format!(
                "SELECT COALESCE(MAX(o.digest), MAX(t.thumbnail)) AS image FROM exemplars e \
                 LEFT JOIN objects o ON o.digest = e.picture LEFT JOIN thumbnails t ON t.picture = e.picture \
                 WHERE e.sku = $1 AND e.active = 1 AND (o.digest IS NOT NULL OR t.thumbnail IS NOT NULL) \
                 GROUP BY e.picture ORDER BY MAX(e.id) DESC LIMIT {each}"
            );
            for row in self.database.all(&sql, values![sku.0]).await? {
                found.push((*sku, digest(&row.text("image")?)?));
            }
        }
        Ok(found)
    }

    /// Numbers of exemplars of one embedder per SKU: enrolled, and by labels.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn exemplar_counts(&self, embedder: Sha256) -> Result<Vec<(SkuId, u32, u32)>, StoreError> {
        let sql = "SELECT sku, CAST(SUM(CASE WHEN source = 'enrolled' THEN 1 ELSE 0 END) AS BIGINT) AS enrolled, \
                   CAST(SUM(CASE WHEN source = 'label' THEN 1 ELSE 0 END) AS BIGINT) AS labelled \
                   FROM exemplars WHERE active = 1 AND embedder = $1 GROUP BY sku ORDER BY sku";
        let rows = self.database.all(sql, values![embedder.to_string()]).await?;
        rows.iter()
            .map(|row| Ok((SkuId(row.number("sku")?), row.number("enrolled")?, row.number("labelled")?)))
            .collect()
    }

    /// Remembers that a gallery of this content stood at `change`.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn record_gallery(
        &self,
        digest: Sha256,
        embedder: Sha256,
        change: i64,
        counts: (usize, usize),
    ) -> Result<(), StoreError> {
        let row = values![digest.to_string(), embedder.to_string(), change, counts.0 as i64, counts.1 as i64, now(),];
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO galleries (digest, embedder, change, skus, exemplars, created_at) \
                               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (digest) DO NOTHING";
                    tx.execute(sql, row).await.map(drop)
                })
            })
            .await
    }
}

impl GalleryChanges {
    /// SKUs that belong into the gallery.
    pub fn active_skus(&self) -> impl Iterator<Item = &CatalogueSku> {
        self.skus.iter().filter(|sku| sku.status == SkuState::Active)
    }
}

async fn adopt(tx: &mut Tx, enrolled: &Enrolled) -> Result<(), StoreError> {
    let embedder = enrolled.embedder.to_string();
    let mut known = Known::of(tx, &embedder).await?;
    let seq = tx.next("change").await?;
    let mut numbers = BTreeMap::new();
    for sku in &enrolled.skus {
        numbers.insert(sku.id, crate::catalogue::adopt(tx, sku, seq).await?);
    }
    let decided = decided(tx, &embedder).await?;
    for exemplar in &enrolled.exemplars {
        let sku = *numbers.get(&exemplar.sku).ok_or_else(|| StoreError::not_found("SKU", exemplar.sku.to_string()))?;
        let number = i64::try_from(exemplar.id.0).unwrap_or(i64::MAX);
        let image = exemplar.image.to_string();
        if decided.contains(&(exemplar.origin.clone(), image.clone(), sku.0)) || known.keeps(number, &image, sku) {
            continue;
        }
        let taken = tx.optional("SELECT 1 AS one FROM exemplars WHERE id = $1", values![number]).await?.is_some();
        let id = if taken { tx.next("exemplar").await? } else { number };
        tx.execute("UPDATE counters SET value = $1 WHERE name = 'exemplar' AND value < $1", values![id]).await?;
        let sql = "INSERT INTO exemplars (id, sku, source, enrolled_id, item, label, origin, picture, embedder, embedding, \
                   active, removed_by, created_at, changed) \
                   VALUES ($1, $2, 'enrolled', $3, NULL, NULL, $4, $5, $6, $7, 1, NULL, $8, $9)";
        let row =
            values![id, sku.0, number, &exemplar.origin, image, &embedder, to_bytes(&exemplar.embedding), now(), seq,];
        tx.execute(sql, row).await?;
    }
    for id in &known.left {
        let sql = "UPDATE exemplars SET active = 0, changed = $1 WHERE id = $2";
        tx.later(sql, vec![Value::from(seq), Value::from(*id)]).await?;
    }
    crate::catalogue::retire(tx, &numbers.into_values().collect(), seq).await
}

/// What was enrolled from the folder before.
struct Known {
    /// Numbers by what tells an exemplar from others: its number here or in the folder (a folder that was rebuilt from this
    /// store has those of here), its image and its SKU.
    numbers: BTreeMap<(i64, String, u32), i64>,
    /// Those that were not met yet.
    left: BTreeSet<i64>,
}

impl Known {
    async fn of(tx: &mut Tx, embedder: &str) -> Result<Self, StoreError> {
        let sql = "SELECT id, enrolled_id, picture, sku FROM exemplars \
                   WHERE source = 'enrolled' AND active = 1 AND embedder = $1";
        let (mut numbers, mut left) = (BTreeMap::new(), BTreeSet::new());
        for row in tx.all(sql, values![embedder]).await? {
            let (id, image, sku) = (row.int("id")?, row.text("picture")?, row.number("sku")?);
            numbers.insert((row.int("enrolled_id")?, image.clone(), sku), id);
            numbers.entry((id, image, sku)).or_insert(id);
            left.insert(id);
        }
        Ok(Self { numbers, left })
    }

    /// Whether the folder's exemplar is one of these.
    fn keeps(&mut self, number: i64, image: &str, sku: SkuId) -> bool {
        let id = self.numbers.get(&(number, image.to_owned(), sku.0));
        id.is_some_and(|id| self.left.remove(id))
    }
}

/// Origin, image and SKU of what labels decide, whatever the folder has: a folder that was rebuilt from this store has
/// copies. What a label taught under another embedder may come back embedded again, unless it was taken back.
async fn decided(tx: &mut Tx, embedder: &str) -> Result<BTreeSet<(String, String, u32)>, StoreError> {
    let sql = "SELECT origin, picture, sku FROM exemplars WHERE source = 'label' GROUP BY origin, picture, sku \
               HAVING MAX(active) = 0 OR MAX(CASE WHEN embedder = $1 THEN 1 ELSE 0 END) = 1";
    let rows = tx.all(sql, values![embedder]).await?;
    rows.iter().map(|row| Ok((row.text("origin")?, row.text("picture")?, row.number("sku")?))).collect()
}
