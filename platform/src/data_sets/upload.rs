//! A file becomes a table.

use std::collections::BTreeMap;

use serde_json::json;
use store::Key;
use store::audit::Actor;
use store::data_sets::DataSet;
use tabular::read::BadRows;
use tabular::{Description, ReadOptions, read_csv, read_xlsx};

use super::draft::{Draft, Origin};
use crate::error::PlatformError;
use crate::format::Format;
use crate::incoming::Incoming;
use crate::platform::Platform;

/// What is said of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// What the table is to be called; the file's name without its ending otherwise.
    pub name: Option<String>,
    /// The column that is to be told.
    pub target_column: Option<String>,
    /// As the client calls the file.
    pub file_name: Option<String>,
}

/// Where a table comes from that is read in.
pub(super) struct Origins {
    pub(super) name: String,
    pub(super) target: Option<String>,
    /// An object.
    pub(super) lineage: serde_json::Value,
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Uploaded {
    /// What is kept.
    pub set: DataSet,
    /// What it holds.
    pub description: Description,
    /// Rows of the file that were left out.
    pub bad_rows: BadRows,
    /// Infinite numbers of each column that has some; they are missing now.
    pub infinite: BTreeMap<String, u64>,
}

impl Platform {
    /// Reads a file as a table and keeps it; sent again under the same key, it is kept once.
    ///
    /// # Errors
    /// When the file is no table or more than may be read, the target is no column, or the organisation has as much as it may.
    pub async fn upload(
        &self,
        incoming: Incoming,
        about: &About,
        key: Option<&str>,
        actor: &Actor,
    ) -> Result<Uploaded, PlatformError> {
        let lineage = json!({"operation": "upload", "file_name": about.file_name});
        self.read_in(incoming, Origins { name: name(about), target: about.target_column.clone(), lineage }, key, actor)
            .await
    }

    /// Reads what has arrived as a table and keeps it.
    pub(super) async fn read_in(
        &self,
        incoming: Incoming,
        origins: Origins,
        key: Option<&str>,
        actor: &Actor,
    ) -> Result<Uploaded, PlatformError> {
        let Origins { name, target, mut lineage } = origins;
        let store = self.store().await?;
        let (file, format) = incoming.finish().await?;
        let options = ReadOptions { limits: self.limits().table, ..ReadOptions::default() };
        let wanted = target.clone();
        let work = move |_: &vision::Cancel| {
            let reading = match format {
                Format::Csv => read_csv(file, &options)?,
                Format::Xlsx => read_xlsx(file, &options)?,
            };
            if let Some(target) = &wanted {
                reading.table.column(target)?;
            }
            let draft = Draft::of(&reading.table, wanted.as_deref())?;
            Ok((draft, reading.bad_rows, reading.infinite))
        };
        let (draft, bad_rows, infinite) = self.bench().run(&actor.organisation, work).await?;
        let description = draft.description.clone();
        lineage["rows_left_out"] = json!(bad_rows.count);
        lineage["infinite"] = json!(infinite);
        let origin = Origin { name, parent: None, lineage };
        let request = || format!("upload {:?} {target:?} {}", origin.name, description.sha256);
        let key = key.map(|key| Key::new(&format!("{}/{key}", actor.organisation), request())).transpose()?;
        let set = self.keep(&store, vec![(draft, origin)], key, actor).await?.pop().ok_or(PlatformError::Inside)?;
        Ok(Uploaded { set, description, bad_rows, infinite })
    }
}

fn name(about: &About) -> String {
    let given = about.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let file = about.file_name.as_deref().map(vision::files::file_stem).filter(|name| !name.trim().is_empty());
    given.or(file).unwrap_or("table").to_owned()
}
