//! The schema, compiled in. `_sqlx_migrations` remembers what was applied and its digest.

use std::borrow::Cow;

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::database::Pools;
use crate::error::StoreError;

/// Number, name, text. Never changed once released: a change is another one.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "review", include_str!("../../migrations/0001_review.sql")),
    (2, "fewer indexes", include_str!("../../migrations/0002_fewer_indexes.sql")),
    (3, "claims pass over", include_str!("../../migrations/0003_claims_pass_over.sql")),
    (4, "thumbnails", include_str!("../../migrations/0004_thumbnails.sql")),
    (5, "reviewers", include_str!("../../migrations/0005_reviewers.sql")),
    (6, "registry", include_str!("../../migrations/0006_registry.sql")),
    (7, "predictions", include_str!("../../migrations/0007_predictions.sql")),
    (8, "data sets", include_str!("../../migrations/0008_data_sets.sql")),
    (9, "jobs", include_str!("../../migrations/0009_jobs.sql")),
    (10, "A/B tests", include_str!("../../migrations/0010_ab_tests.sql")),
    (11, "sessions", include_str!("../../migrations/0011_sessions.sql")),
    (12, "photos", include_str!("../../migrations/0012_photos.sql")),
];

pub(super) async fn migrate(pools: &Pools) -> Result<(), StoreError> {
    let migrations = MIGRATIONS.iter().map(|&(version, name, text)| {
        let sql = match pools {
            Pools::Sqlite { .. } => text.to_owned(),
            Pools::Postgres(_) => text.replace(" BLOB ", " BYTEA "),
        };
        let sql = AssertSqlSafe(sql).into_sql_str();
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    let done = match pools {
        Pools::Sqlite { write, .. } => migrator.run(write).await,
        Pools::Postgres(pool) => migrator.run(pool).await,
    };
    done.map_err(|error| StoreError::Migration(error.into()))
}
