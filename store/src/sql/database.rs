//! Connections: SQLite with one writer and several readers, or a pool of PostgreSQL.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::file::DatabaseFile;
use super::migrate::migrate;
use super::row::Row;
use super::transaction::Tx;
use super::value::{Value, bound};
use super::writer::{Flush, WriteOp, Writer};
use crate::error::StoreError;
use crate::tls;

/// Longest wait for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Longest wait for another process that writes to the same file.
const BUSY: Duration = Duration::from_secs(5);
/// Connections that read.
const READERS: u32 = 4;

/// A database that is open and has the schema.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pools: Pools,
    writer: Writer,
}

#[derive(Debug, Clone)]
pub(super) enum Pools {
    Sqlite {
        read: SqlitePool,
        /// One connection.
        write: SqlitePool,
        /// How it commits; a new one in its place begins with [`Flush::Now`].
        flush: Flush,
        file: DatabaseFile,
    },
    Postgres(PgPool),
}

impl Database {
    /// Opens `sqlite:PATH` (made when missing) or `postgres://...`, and brings the schema up to date.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let pools = if let Some(path) = url.strip_prefix("sqlite:") {
            open_sqlite(path.strip_prefix("//").unwrap_or(path)).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url).await?
        } else {
            // What is no address may be a password.
            let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
            return Err(StoreError::Setting {
                setting: "DATABASE_URL",
                value: format!("{scheme}..."),
                reason: "it must begin with sqlite: or postgres://".to_owned(),
            });
        };
        migrate(&pools).await?;
        Ok(Self { writer: Writer::start(pools.clone()), pools })
    }

    /// `SQLite` or `PostgreSQL`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.pools {
            Pools::Sqlite { .. } => "SQLite",
            Pools::Postgres(_) => "PostgreSQL",
        }
    }

    /// Rows of a statement that only reads.
    pub(crate) async fn all(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        match &self.pools {
            Pools::Sqlite { read, file, .. } => {
                file.check()?;
                let rows = bound!(Sqlite, sql, values).fetch_all(read).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Pools::Postgres(pool) => {
                let rows = bound!(Postgres, sql, values).fetch_all(pool).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The only row of a statement that only reads, if there is one.
    pub(crate) async fn optional(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// The row of a statement that always has one.
    pub(crate) async fn one(&self, sql: &str, values: Vec<Value>) -> Result<Row, StoreError> {
        self.optional(sql, values).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// The plan of a statement, in the database's own words.
    pub(crate) async fn explain(&self, sql: &str, values: Vec<Value>) -> Result<Vec<String>, StoreError> {
        let (explain, column) = match self.pools {
            Pools::Sqlite { .. } => ("EXPLAIN QUERY PLAN", "detail"),
            Pools::Postgres(_) => ("EXPLAIN", "QUERY PLAN"),
        };
        let rows = self.all(&format!("{explain} {sql}"), values).await?;
        rows.iter().map(|row| row.text(column)).collect()
    }

    /// Runs `op` in a transaction; what it did is on disk when this returns `Ok`, and nothing of it when it returns `Err`.
    pub(crate) async fn write<T: Send + 'static>(&self, op: impl WriteOp<T>) -> Result<T, StoreError> {
        self.writer.run(Flush::Now, op).await
    }

    /// The same for what is but lent: all see it when this returns, but a power cut may take it back.
    pub(crate) async fn write_lease<T: Send + 'static>(&self, op: impl WriteOp<T>) -> Result<T, StoreError> {
        self.writer.run(Flush::Later, op).await
    }

    /// Ends all connections.
    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

impl Pools {
    pub(super) async fn begin(&mut self, wanted: Flush) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { write, flush, file, .. } => {
                file.check()?;
                if *flush != wanted {
                    let level = match wanted {
                        Flush::Now => "PRAGMA synchronous = FULL",
                        Flush::Later => "PRAGMA synchronous = NORMAL",
                    };
                    // Until FULL was answered the connection counts as one that does not flush.
                    *flush = Flush::Later;
                    sqlx::query(level).execute(&*write).await?;
                    *flush = wanted;
                }
                // Taken at once: a transaction that reads first and writes later could fail half way.
                Ok(Tx::sqlite(write.begin_with("BEGIN IMMEDIATE").await?))
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                if wanted == Flush::Later {
                    sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx).await?;
                }
                Ok(Tx::postgres(tx))
            }
        }
    }

    /// Whether what was committed is where it will be looked for.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { file, .. } => file.check(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Copies what SQLite's log holds into the database, beside the writer and not before its eyes: a label touches a page
    /// of every index, and who labels must not wait until all of them have been copied and flushed once more.
    pub(super) async fn checkpoint(&self) {
        if let Self::Sqlite { read, .. } = self
            && let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(read).await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "the log was not copied; later");
        }
    }
}

async fn open_sqlite(path: &str) -> Result<Pools, StoreError> {
    if path.is_empty() || path.starts_with(':') {
        let reason = "it must name a file: labels must survive".to_owned();
        return Err(StoreError::Setting { setting: "DATABASE_URL", value: format!("sqlite:{path}"), reason });
    }
    if let Some(folder) = std::path::Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(StoreError::database)?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a label that was acknowledged survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // Copying the log into the database is the writer's work only when nobody else came to it, see `Pools::checkpoint`.
        .pragma("wal_autocheckpoint", "16384")
        .pragma("cache_size", "-16384");
    let write =
        SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE).connect_with(options.clone()).await?;
    // Readers come later: an empty file in place of one that was moved away must not be theirs.
    let options = options.create_if_missing(false);
    let read = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(ACQUIRE).connect_lazy_with(options);
    Ok(Pools::Sqlite { read, write, flush: Flush::Now, file: DatabaseFile::opened(path)? })
}

async fn open_postgres(url: &str) -> Result<Pools, StoreError> {
    tls::prepare();
    let options: PgConnectOptions = url.parse().map_err(|_: sqlx::Error| StoreError::Setting {
        setting: "DATABASE_URL",
        value: "postgres:...".to_owned(),
        reason: "it must look like postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned(),
    })?;
    // A statement that hangs must not hold the writer for ever.
    let options = options.options([("statement_timeout", "15000"), ("application_name", "shelf")]);
    let pool = PgPoolOptions::new().max_connections(READERS + 2).acquire_timeout(ACQUIRE).connect_with(options).await?;
    Ok(Pools::Postgres(pool))
}
