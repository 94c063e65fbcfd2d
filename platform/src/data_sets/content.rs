//! The CSV of a table, and the table again.

use std::io::{Cursor, Read};

use bytes::Bytes;
use store::Store;
use store::data_sets::DataSet;
use tabular::{Limits, ReadOptions, Table, read_csv};
use tempfile::NamedTempFile;

use crate::data_sets::Schema;
use crate::error::PlatformError;

/// CSV up to this size is held in memory; larger ones lie on disk.
const SMALL: u64 = 8 << 20;

/// The CSV of a table, held to its digest. A file behind it is gone when this is dropped.
#[derive(Debug)]
pub struct Content {
    bytes: u64,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Bytes),
    File(NamedTempFile),
}

impl Content {
    /// Fetched from the objects.
    ///
    /// # Errors
    /// When it is not there, damaged, or the objects cannot be reached.
    pub async fn of(store: &Store, set: &DataSet) -> Result<Self, PlatformError> {
        let objects = store.data_objects(&set.organisation);
        let place = if set.bytes <= SMALL {
            Place::Memory(objects.get(set.sha256).await?)
        } else {
            let file = tokio::task::spawn_blocking(NamedTempFile::new).await.map_err(|_| PlatformError::Inside)??;
            objects.get_file(set.sha256, set.bytes, file.path()).await?;
            Place::File(file)
        };
        Ok(Self { bytes: set.bytes, place })
    }

    /// Size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads it from its beginning; a file is read where threads may wait.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn reader(&self) -> Result<Box<dyn Read + Send>, PlatformError> {
        Ok(match &self.place {
            Place::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
            // Opened anew: another file was put in the place of the one that was made.
            Place::File(file) => Box::new(std::fs::File::open(file.path())?),
        })
    }
}

/// All that makes a table of a stored one again.
#[derive(Debug)]
pub(crate) struct Source {
    content: Content,
    schema: Schema,
}

impl Source {
    pub(crate) async fn of(store: &Store, set: &DataSet) -> Result<Self, PlatformError> {
        let schema = Schema::of(store, set).await?;
        Ok(Self { content: Content::of(store, set).await?, schema })
    }

    /// The table, with the types that it had. On a thread that may be kept busy.
    pub(crate) fn table(&self) -> Result<Table, PlatformError> {
        let limits = Limits {
            // What was kept was within limits when it came.
            max_bytes: self.content.bytes,
            max_rows: usize::MAX,
            max_columns: usize::MAX,
            max_cells: usize::MAX,
            max_row_bytes: self.content.bytes,
        };
        let kinds = self.schema.columns.iter().map(|column| (column.name.clone(), column.kind));
        let options = ReadOptions { limits, kinds: kinds.collect(), delimiter: Some(b',') };
        Ok(read_csv(self.content.reader()?, &options)?.table)
    }
}
