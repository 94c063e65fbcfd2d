//! Everything of one organisation: written out, or removed and shown to be gone. The audit log outlives it.
//!
//! The gallery, the review queue and its images belong to the organisation that every database has, which cannot be removed.

use serde_json::{Map, Value as Json, json};

use crate::access::{DEFAULT_ORGANISATION, Organisation};
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::objects::Objects;
use crate::sql::{Tx, values};
use crate::store::Store;

/// Rows read at a time.
const PAGE: u32 = 1_000;
/// Where those of a kept log begin.
const OF_MODELS: &str = "SELECT id FROM model_versions WHERE organisation = $1";
const OF_JOBS: &str = "SELECT id FROM jobs WHERE organisation = $1";
const OF_KEYS: &str = "SELECT id FROM api_keys WHERE organisation = $1";
const OF_TESTS: &str = "SELECT id FROM ab_tests WHERE organisation = $1";

/// A table with rows of organisations.
struct Owned {
    name: &'static str,
    /// Which rows are the organisation's, whose id is `$1`.
    whose: Whose,
    /// What is written out, without digests of keys and sessions, which nobody needs who has them.
    columns: &'static [&'static str],
    /// One of a kind together: pages are read in their order.
    key: &'static [&'static str],
}

enum Whose {
    /// A column `organisation`.
    Own,
    /// A column that is among these.
    Of(&'static str, &'static str),
}

/// In an order in which rows can be removed: what refers to others comes before them.
const TABLES: &[Owned] = &[
    Owned {
        name: "sessions",
        whose: Whose::Of("api_key", OF_KEYS),
        columns: &["api_key", "created_at", "expires_at"],
        key: &["digest"],
    },
    Owned {
        name: "shadow_days",
        whose: Whose::Of("test", OF_TESTS),
        columns: &["test", "day", "photos", "agreed", "compared"],
        key: &["test", "day"],
    },
    Owned {
        name: "ab_answers",
        whose: Whose::Of("test", OF_TESTS),
        columns: &["id", "test", "arm", "at", "latency_ms", "row_count", "prediction", "right_rows", "told_at"],
        key: &["id"],
    },
    Owned {
        name: "ab_tests",
        whose: Whose::Own,
        columns: &[
            "id",
            "name",
            "kind",
            "mode",
            "subject",
            "model_a",
            "model_b",
            "split_ratio",
            "created_at",
            "created_by",
            "ended_at",
            "ended_by",
        ],
        key: &["id"],
    },
    Owned {
        name: "deployments",
        whose: Whose::Own,
        columns: &["seq", "name", "model", "beneath", "action", "at", "by_whom"],
        key: &["seq"],
    },
    Owned {
        name: "model_gates",
        whose: Whose::Of("model", OF_MODELS),
        columns: &[
            "model",
            "metric",
            "value",
            "bound",
            "passed",
            "data_set",
            "data_sha256",
            "synthetic",
            "report",
            "at",
        ],
        key: &["model", "metric"],
    },
    Owned {
        name: "model_files",
        whose: Whose::Of("model", OF_MODELS),
        columns: &["model", "path", "sha256", "bytes"],
        key: &["model", "path"],
    },
    Owned {
        name: "model_versions",
        whose: Whose::Own,
        columns: &[
            "id",
            "kind",
            "name",
            "version",
            "status",
            "algorithm",
            "description",
            "metrics",
            "datasets",
            "parents",
            "tags",
            "settings",
            "digest",
            "created_at",
            "created_by",
        ],
        key: &["id"],
    },
    Owned {
        name: "job_events",
        whose: Whose::Of("job", OF_JOBS),
        columns: &["job", "seq", "at", "kind", "body"],
        key: &["job", "seq"],
    },
    Owned {
        name: "jobs",
        whose: Whose::Own,
        columns: &[
            "id",
            "kind",
            "data_set",
            "request",
            "status",
            "priority",
            "attempts",
            "outcome",
            "failure",
            "created_at",
            "created_by",
            "started_at",
            "completed_at",
        ],
        key: &["id"],
    },
    Owned {
        name: "data_sets",
        whose: Whose::Own,
        columns: &[
            "id",
            "name",
            "version",
            "sha256",
            "bytes",
            "parent",
            "lineage",
            "row_count",
            "column_count",
            "target",
            "classes",
            "description",
            "created_at",
            "created_by",
        ],
        key: &["id"],
    },
    Owned {
        name: "predictions",
        whose: Whose::Own,
        columns: &[
            "at",
            "id",
            "request_id",
            "release_name",
            "arm",
            "store_name",
            "shelf",
            "taken_at",
            "latency_ms",
            "facings",
            "unknown",
            "counts",
        ],
        key: &["at", "id"],
    },
    Owned {
        name: "prediction_signals",
        whose: Whose::Own,
        columns: &["day", "release_name", "signal", "sku", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9"],
        key: &["day", "release_name", "signal", "sku"],
    },
    Owned {
        name: "photo_annotations",
        whose: Whose::Own,
        columns: &["photo", "version", "at", "reviewer", "boxes", "digest", "verified_month"],
        key: &["photo", "version"],
    },
    Owned {
        name: "photos",
        whose: Whose::Own,
        columns: &[
            "photo",
            "at",
            "day",
            "request_id",
            "release_name",
            "store_name",
            "shelf",
            "taken_at",
            "object",
            "extension",
            "bytes",
            "width",
            "height",
            "answer",
            "status",
            "version",
        ],
        key: &["photo"],
    },
    Owned {
        name: "photo_erasures",
        whose: Whose::Own,
        columns: &["id", "photo", "object", "extension", "day", "at", "done_at"],
        key: &["id"],
    },
    Owned {
        name: "flow_runs",
        whose: Whose::Own,
        columns: &[
            "id",
            "flow",
            "period",
            "status",
            "attempts",
            "plan",
            "outcome",
            "failure",
            "created_at",
            "created_by",
            "completed_at",
        ],
        key: &["id"],
    },
    Owned {
        name: "api_keys",
        whose: Whose::Own,
        columns: &["id", "name", "role", "created_at", "expires_at", "revoked_at", "used_at"],
        key: &["id"],
    },
];

impl Owned {
    fn condition(&self) -> String {
        match self.whose {
            Whose::Own => "organisation = $1".to_owned(),
            Whose::Of(column, those) => format!("{column} IN ({those})"),
        }
    }
}

/// What is left of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remains {
    /// Tables that have rows of it, and how many.
    pub rows: Vec<(&'static str, u64)>,
    /// Objects that lie in its places.
    pub objects: u64,
}

impl Remains {
    /// Whether nothing is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.rows.is_empty() && self.objects == 0
    }
}

impl Store {
    /// Names of the tables that have rows of organisations.
    pub fn tenant_tables() -> impl Iterator<Item = &'static str> {
        TABLES.iter().map(|table| table.name)
    }

    /// A page of the rows that an organisation has in one of those tables, `skip` rows left out: each as an object of texts and nulls.
    ///
    /// # Errors
    /// When there is no such table, or the database is not there.
    pub async fn tenant_rows(&self, organisation: &str, table: &str, skip: u64) -> Result<Vec<Json>, StoreError> {
        let table = TABLES.iter().find(|owned| owned.name == table);
        let table = table.ok_or_else(|| StoreError::not_found("table", ""))?;
        let columns: Vec<String> = table.columns.iter().map(|c| format!("CAST({c} AS TEXT) AS {c}")).collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {PAGE} OFFSET {skip}",
            columns.join(", "),
            table.name,
            table.condition(),
            table.key.iter().map(|column| format!("{}.{column}", table.name)).collect::<Vec<_>>().join(", "),
        );
        let rows = self.database.all(&sql, values![organisation]).await?;
        let object = |row: &crate::sql::Row| {
            let cells = table.columns.iter().map(|column| {
                let text: Option<String> = row.get(column)?;
                Ok(((*column).to_owned(), text.map_or(Json::Null, Json::from)))
            });
            cells.collect::<Result<Map<_, _>, StoreError>>().map(Json::Object)
        };
        rows.iter().map(object).collect()
    }

    /// Places where objects of an organisation lie.
    #[must_use]
    pub fn tenant_objects(&self, organisation: &str) -> [(&'static str, Objects); 2] {
        [("models", self.model_objects(organisation)), ("data_sets", self.data_objects(organisation))]
    }

    /// What there is of an organisation.
    ///
    /// # Errors
    /// When database or objects are not there.
    pub async fn tenant_remains(&self, organisation: &str) -> Result<Remains, StoreError> {
        let mut remains = Remains::default();
        for table in TABLES {
            let sql = format!("SELECT COUNT(*) AS count FROM {} WHERE {}", table.name, table.condition());
            let count = self.database.one(&sql, values![organisation]).await?.int("count")?.max(0).unsigned_abs();
            if count > 0 {
                remains.rows.push((table.name, count));
            }
        }
        for (_, objects) in self.tenant_objects(organisation) {
            remains.objects += objects.list().await?.len() as u64;
        }
        Ok(remains)
    }

    /// Removes an organisation: its rows, all or none, then its objects. The audit log stays, with a row that says so. Killed in
    /// between, it is done again: what was removed is no error.
    ///
    /// # Errors
    /// When it is the one that every database has, or database or objects are not there.
    pub async fn delete_tenant(&self, organisation: &Organisation, actor: &Actor) -> Result<Remains, StoreError> {
        if organisation.id == DEFAULT_ORGANISATION {
            let allowed = "another one: gallery, queue and images of the server belong to it";
            return Err(StoreError::invalid("organisation", &organisation.name, allowed));
        }
        let (gone, actor) = (organisation.clone(), actor.clone());
        self.database.write(move |tx| Box::pin(async move { remove(tx, &gone, &actor).await })).await?;
        for (_, objects) in self.tenant_objects(&organisation.id) {
            for object in objects.list().await? {
                objects.delete(object.digest).await?;
            }
        }
        self.tenant_remains(&organisation.id).await
    }
}

async fn remove(tx: &mut Tx, gone: &Organisation, actor: &Actor) -> Result<(), StoreError> {
    let ledger = Ledger::open(tx).await?;
    // Parents are among the rows themselves: what refers within its own table is let go first.
    tx.execute("UPDATE deployments SET beneath = NULL WHERE organisation = $1", values![&gone.id]).await?;
    tx.execute("UPDATE data_sets SET parent = NULL WHERE organisation = $1", values![&gone.id]).await?;
    let mut counts = Map::new();
    for table in TABLES {
        let sql = format!("DELETE FROM {} WHERE {}", table.name, table.condition());
        let rows = tx.execute(&sql, values![&gone.id]).await?;
        if rows > 0 {
            counts.insert(table.name.to_owned(), rows.into());
        }
    }
    // Names of requests that were its own.
    tx.execute("DELETE FROM idempotency WHERE key LIKE $1 || '/%'", values![&gone.id]).await?;
    tx.execute("DELETE FROM organisations WHERE id = $1", values![&gone.id]).await?;
    let details = json!({"id": gone.id, "rows": counts});
    ledger.write(tx, actor, Record { details, ..Record::of("tenant.delete", &gone.name) }).await
}
