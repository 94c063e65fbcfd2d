//! A table in parts: to learn from, to choose by, to judge by.

use serde_json::json;
use store::Key;
use store::audit::Actor;
use store::data_sets::DataSet;
use store::model::new_id;
use tabular::{SplitMethod, SplitOptions, split};

use super::Source;
use super::draft::{Draft, Origin};
use crate::error::PlatformError;
use crate::platform::Platform;

/// How a table is split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitRequest {
    /// The column that is to be told; that of the upload otherwise.
    pub target_column: Option<String>,
    /// Fraction of rows for testing.
    pub test_size: f64,
    /// Fraction of rows for validation.
    pub validation_size: f64,
    /// How rows are divided.
    pub by: SplitBy,
    /// Another seed, another split.
    pub seed: u64,
}

/// How rows are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SplitBy {
    /// By chance.
    Chance,
    /// By chance, with every class of the target in the same ratio in all parts.
    Target,
    /// Rows with one value of a column stay together.
    Group(String),
    /// The latest rows by a column are for testing.
    Time(String),
}

/// The parts of a table; a part that was not asked for is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// Names the split: it stands in the lineage of each part.
    pub split_id: String,
    /// To learn from.
    pub train: DataSet,
    /// To choose by.
    pub validation: Option<DataSet>,
    /// To judge by, once.
    pub test: Option<DataSet>,
}

impl Platform {
    /// Makes a table of each part of another one: of all, or of none.
    ///
    /// # Errors
    /// When the organisation has no such table or as much as it may, or a part that was asked for would be empty.
    pub async fn split(
        &self,
        id: &str,
        request: SplitRequest,
        key: Option<Key>,
        actor: &Actor,
    ) -> Result<Parts, PlatformError> {
        let (store, set) = self.find(&actor.organisation, id).await?;
        let source = Source::of(&store, &set).await?;
        let SplitRequest { target_column, test_size, validation_size, by, seed } = request;
        let target = target_column.or_else(|| set.target.clone());
        let method = match by {
            SplitBy::Chance => SplitMethod::Random,
            SplitBy::Target => SplitMethod::Stratified { by: target.clone().ok_or_else(no_target)? },
            SplitBy::Group(by) => SplitMethod::Grouped { by },
            SplitBy::Time(by) => SplitMethod::Time { by },
        };
        let options = SplitOptions { test_size, validation_size, method, seed };
        let how = options.clone();
        let work = move |_: &vision::Cancel| {
            let table = source.table()?;
            if let Some(target) = &target {
                table.column(target)?;
            }
            let parts = split(&table, &how)?;
            let mut drafts = Vec::new();
            for (part, rows) in [("train", parts.train), ("validation", parts.validation), ("test", parts.test)] {
                if !rows.is_empty() {
                    drafts.push((part, Draft::of(&table.take(&rows), target.as_deref())?));
                }
            }
            Ok(drafts)
        };
        let drafts = self.bench().run(&actor.organisation, work).await?;
        let split_id = new_id();
        let named = drafts.into_iter().map(|(part, draft)| {
            let lineage = json!({"operation": "split", "part": part, "split_id": split_id, "options": options});
            (draft, Origin { name: format!("{} {part}", set.name), parent: Some(set.id.clone()), lineage })
        });
        let kept = self.keep(&store, named.collect(), key, actor).await?;
        // Sent twice, it has the name that it got the first time.
        let known = kept.first().and_then(|set| set.lineage["split_id"].as_str()).unwrap_or_default().to_owned();
        let part = |name: &str| kept.iter().find(|set| set.lineage["part"] == name).cloned();
        let train = part("train").ok_or(PlatformError::Inside)?;
        Ok(Parts { split_id: known, train, validation: part("validation"), test: part("test") })
    }
}

fn no_target() -> PlatformError {
    let allowed = "the column by which to stratify; with stratify: false, rows are divided by chance";
    PlatformError::Parameter { name: "target_column", value: "left out".to_owned(), allowed: allowed.to_owned() }
}
