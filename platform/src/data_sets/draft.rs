//! A table on its way into the store: written, described, then kept.

use std::io::{BufWriter, Write as _};

use serde_json::Value;
use store::audit::Actor;
use store::data_sets::{DataSet, NewDataSet};
use store::{Key, Store};
use tabular::prepare::class_target;
use tabular::{Description, Table, describe, write_csv};
use tempfile::NamedTempFile;

use crate::error::PlatformError;
use crate::platform::Platform;

/// Longest name, in characters.
const MAX_NAME: usize = 200;

/// A table that was written to a file of its own.
#[derive(Debug)]
pub(super) struct Draft {
    file: NamedTempFile,
    pub(super) description: Description,
    target: Option<String>,
    classes: Option<Vec<String>>,
}

/// What a draft is to be called, and where it comes from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) name: String,
    pub(super) parent: Option<String>,
    pub(super) lineage: Value,
}

impl Draft {
    /// Writes and describes a table. A target that is not among its columns is none. On a thread that may be kept busy.
    pub(super) fn of(table: &Table, target: Option<&str>) -> Result<Self, PlatformError> {
        let mut file = NamedTempFile::new()?;
        let mut writer = BufWriter::new(&mut file);
        write_csv(table, &mut writer)?;
        writer.flush()?;
        drop(writer);
        let target = target.filter(|name| table.column(name).is_ok());
        // A column of numbers that are no classes is a target, too.
        let classes = target.and_then(|name| class_target(table, name).ok()).map(|(classes, ..)| classes.0);
        Ok(Self { file, description: describe(table), target: target.map(str::to_owned), classes })
    }
}

impl Platform {
    /// Keeps tables that belong together: all or none.
    pub(super) async fn keep(
        &self,
        store: &Store,
        drafts: Vec<(Draft, Origin)>,
        key: Option<Key>,
        actor: &Actor,
    ) -> Result<Vec<DataSet>, PlatformError> {
        let objects = store.data_objects(&actor.organisation);
        let mut new = Vec::with_capacity(drafts.len());
        for (draft, Origin { name, parent, lineage }) in drafts {
            let Draft { file, description, target, classes } = draft;
            let (sha256, bytes) = objects.put_file(file.path()).await?;
            new.push(NewDataSet {
                name: name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect(),
                version: description.sha256,
                sha256,
                bytes,
                parent,
                lineage,
                rows: description.rows as u64,
                columns: description.columns as u64,
                target,
                classes,
                description: serde_json::to_string(&description).map_err(|_| PlatformError::Inside)?,
            });
        }
        Ok(store.keep_data_sets(new, self.limits().data_sets, key, actor).await?)
    }
}
