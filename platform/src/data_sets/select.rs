//! The columns of a table that tell most of its target.

use std::collections::BTreeSet;

use serde_json::json;
use store::Key;
use store::audit::Actor;
use store::data_sets::DataSet;
use tabular::train::{RankedFeature, rank_features};
use tabular::{SelectionOptions, Table, Task};

use super::Source;
use super::draft::{Draft, Origin};
use crate::error::PlatformError;
use crate::platform::Platform;

/// Another seed, another forest.
const SEED: u64 = 42;

/// How features are chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureChoice {
    /// The column that is to be told.
    pub target_column: String,
    /// Classes or numbers.
    pub task: Task,
    /// By what, and how many.
    pub selection: SelectionOptions,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// The columns that the features are made of, and the target.
    pub set: DataSet,
    /// The features, best first.
    pub features: Vec<RankedFeature>,
}

impl Platform {
    /// Ranks the features of a table and makes another table of the columns that the best are made of.
    ///
    /// # Errors
    /// When the organisation has no such table or as much as it may, or nothing can be learned of the table.
    pub async fn select_features(
        &self,
        id: &str,
        choice: FeatureChoice,
        key: Option<Key>,
        actor: &Actor,
    ) -> Result<Selected, PlatformError> {
        let (store, set) = self.find(&actor.organisation, id).await?;
        let source = Source::of(&store, &set).await?;
        let FeatureChoice { target_column: target, task, selection } = choice;
        let lineage =
            json!({"operation": "select-features", "target_column": target, "task_type": task, "options": selection});
        let work = move |cancel: &vision::Cancel| {
            let table = source.table()?;
            let ranked = rank_features(&table, &target, task, selection, (SEED, cancel))?;
            let draft = Draft::of(&columns(&table, &ranked, &target)?, Some(&target))?;
            Ok((draft, ranked))
        };
        let (draft, features) = self.bench().run(&actor.organisation, work).await?;
        let origin = Origin { name: format!("{} selected", set.name), parent: Some(set.id), lineage };
        let kept = self.keep(&store, vec![(draft, origin)], key, actor).await?.pop().ok_or(PlatformError::Inside)?;
        Ok(Selected { set: kept, features })
    }
}

/// The columns that the features are made of, in the order of the table, and the target.
fn columns(table: &Table, ranked: &[RankedFeature], target: &str) -> Result<Table, PlatformError> {
    let made_of: BTreeSet<&str> = ranked.iter().map(|feature| feature.column.as_str()).collect();
    let kept = table.names().into_iter().filter(|name| name == target || made_of.contains(name.as_str()));
    Ok(table.only(&kept.collect::<Vec<_>>())?)
}
