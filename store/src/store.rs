//! Database and images, opened together.

use std::sync::Arc;

use vision::Secret;

use crate::error::StoreError;
use crate::objects::{Buckets, Files, Objects, OpenBuckets, S3Access};
use crate::reviewer::Reviewers;
use crate::sql::Database;

/// Where things are kept.
#[derive(Debug, Clone, Default)]
pub struct StoreSettings {
    /// `sqlite:PATH` or `postgres://...`.
    pub database: Secret,
    /// A folder or `s3://BUCKET/PREFIX`.
    pub objects: String,
    /// For the latter.
    pub s3: S3Access,
    /// Where photos and data sets lie: buckets, or folders below that of the images.
    pub buckets: Buckets,
}

/// What may never be, and how to find it.
const CONTRADICTIONS: &[(&str, &str)] = &[
    (
        "an item's answer is not its label",
        "SELECT i.id FROM items i LEFT JOIN labels l ON l.seq = i.label \
         WHERE i.status = 'labelled' AND (l.seq IS NULL OR l.item <> i.id OR l.kind <> i.label_kind)",
    ),
    (
        "an item that nobody has answered has an exemplar",
        "SELECT i.id FROM items i JOIN exemplars e ON e.item = i.id WHERE i.status <> 'labelled' AND e.active = 1",
    ),
    (
        "an item is answered by a SKU and has not exactly one exemplar of an embedder",
        "SELECT i.id FROM items i LEFT JOIN exemplars e ON e.item = i.id AND e.active = 1 \
         WHERE i.status = 'labelled' AND i.label_kind IN ('sku', 'new_sku', 'not_a_container') \
         GROUP BY i.id HAVING COUNT(e.id) = 0 OR COUNT(e.id) <> COUNT(DISTINCT e.embedder)",
    ),
    (
        "an item shows another SKU than its exemplar",
        "SELECT i.id FROM items i JOIN exemplars e ON e.item = i.id AND e.active = 1 \
         WHERE i.label_kind IN ('sku', 'new_sku') AND e.sku <> i.label_sku",
    ),
    (
        "an exemplar's label was taken back",
        "SELECT e.item AS id FROM exemplars e JOIN labels u ON u.undoes = e.label WHERE e.active = 1",
    ),
    (
        "a model is in production, and its name's last deployment is another",
        "SELECT m.id FROM model_versions m WHERE m.status = 'production' AND NOT EXISTS (SELECT 1 FROM deployments d \
         WHERE d.model = m.id AND d.seq = (SELECT MAX(l.seq) FROM deployments l \
         WHERE l.organisation = m.organisation AND l.name = m.name))",
    ),
    (
        "a model was deployed last, and is not in production",
        "SELECT m.id FROM model_versions m JOIN deployments d ON d.model = m.id WHERE m.status <> 'production' \
         AND d.seq = (SELECT MAX(l.seq) FROM deployments l WHERE l.organisation = d.organisation AND l.name = d.name)",
    ),
];

/// What must survive. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) database: Arc<Database>,
    pub(crate) objects: Objects,
    pub(crate) reviewers: Reviewers,
    buckets: Arc<OpenBuckets>,
}

impl Store {
    /// Opens both and brings the schema up to date. Needs a tokio runtime, and keeps a task in it.
    ///
    /// # Errors
    /// When a setting is not understood, or either cannot be reached.
    pub async fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let objects = Objects::open(&settings.objects, &settings.s3)?;
        let database = Arc::new(Database::open(settings.database.expose()).await?);
        let buckets = Arc::new(OpenBuckets::of(settings));
        Ok(Self { database, objects, reviewers: Reviewers::default(), buckets })
    }

    /// Photos that are kept.
    ///
    /// # Errors
    /// When the place cannot be used.
    pub fn photo_files(&self) -> Result<&Files, StoreError> {
        self.buckets.photos()
    }

    /// Data sets that are made of them.
    ///
    /// # Errors
    /// When the place cannot be used.
    pub fn artifacts(&self) -> Result<&Files, StoreError> {
        self.buckets.artifacts()
    }

    /// Where images lie.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Both in words: `SQLite, images in data/active_learning_queue`.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{}, images in {}", self.database.kind(), self.objects.place())
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.one("SELECT 1 AS one", Vec::new()).await.map(drop)
    }

    /// What is wrong inside: broken pages, references to nothing, items and exemplars that contradict the labels. Reads the
    /// whole database.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut faults = Vec::new();
        if self.database.kind() == "SQLite" {
            for row in self.database.all("PRAGMA integrity_check", Vec::new()).await? {
                let line = row.text("integrity_check")?;
                if line != "ok" {
                    faults.push(line);
                }
            }
            for row in self.database.all("PRAGMA foreign_key_check", Vec::new()).await? {
                faults.push(format!("a row of {} refers to nothing", row.text("table")?));
            }
        }
        for (what, sql) in CONTRADICTIONS {
            for row in self.database.all(sql, Vec::new()).await? {
                faults.push(format!("{what}: {}", row.text("id")?));
            }
        }
        Ok(faults)
    }

    /// Ends all connections; what was acknowledged is on disk already.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
