//! What a version must have shown before it goes into production.

use serde_json::json;

use super::{DataSetRef, ModelKind, ModelVersion};
use crate::access::check_name;
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::model::now;
use crate::sql::{Row, Tx, values};
use crate::store::Store;

/// How many images of what a release was judged on are among those that it learned from.
pub const APART: &str = "shared_images";

/// What a release must have passed.
pub const REQUIRED_GATES: [&str; 5] = ["recall", "map50", "top1", "count_mae", APART];

/// How a version did at one gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Name of the metric.
    pub metric: String,
    /// What it was; `None` when it could not be measured.
    pub value: Option<f64>,
    /// What it had to reach, such as `>= 0.98`.
    pub bound: String,
    /// Whether it did.
    pub passed: bool,
    /// What it was measured on.
    pub data_set: DataSetRef,
    /// Made by a program: it says nothing of real shelves.
    pub synthetic: bool,
    /// Digest of the report.
    pub report: String,
}

impl Store {
    /// Writes down how a version did: the last evaluation of each metric counts.
    ///
    /// # Errors
    /// When there is no such version, a metric has no sound name, or the database is not there.
    pub async fn add_evidence(
        &self,
        model: &ModelVersion,
        evidence: Vec<Evidence>,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        for entry in &evidence {
            check_name("metric", &entry.metric)?;
            if entry.value.is_some_and(|value| !value.is_finite()) {
                return Err(StoreError::invalid("metric", &entry.metric, "a finite number"));
            }
        }
        let (id, label, actor) = (model.id.clone(), model.label(), actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    for entry in &evidence {
                        write(tx, &id, entry).await?;
                    }
                    let reports: std::collections::BTreeSet<&str> =
                        evidence.iter().map(|e| e.report.as_str()).collect();
                    let gates: Vec<_> = evidence
                        .iter()
                        .map(|e| json!({"metric": e.metric, "value": e.value, "passed": e.passed}))
                        .collect();
                    let details = json!({"id": id, "reports": reports, "gates": gates});
                    ledger.write(tx, &actor, Record { details, ..Record::of("model.evaluate", &label) }).await
                })
            })
            .await
    }

    /// How a version did at each gate.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn evidence(&self, model: &str) -> Result<Vec<Evidence>, StoreError> {
        self.database.all(SELECT, values![model]).await?.iter().map(read).collect()
    }

    /// Why a version may not go into production, as it was judged so far; nothing when it may.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn missing_evidence(&self, model: &ModelVersion) -> Result<Vec<String>, StoreError> {
        let evidence = self.evidence(&model.id).await?;
        Ok(judge(model.kind, &model.metrics, &model.datasets, &evidence))
    }
}

const SELECT: &str = "SELECT metric, value, bound, passed, data_set, data_sha256, synthetic, report FROM model_gates \
                      WHERE model = $1 ORDER BY metric";

async fn write(tx: &mut Tx, model: &str, entry: &Evidence) -> Result<(), StoreError> {
    tx.later("DELETE FROM model_gates WHERE model = $1 AND metric = $2", values![model, &entry.metric]).await?;
    let sql = "INSERT INTO model_gates (model, metric, value, bound, passed, data_set, data_sha256, synthetic, report, at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let row = values![
        model,
        &entry.metric,
        entry.value,
        &entry.bound,
        i64::from(entry.passed),
        &entry.data_set.name,
        &entry.data_set.sha256,
        i64::from(entry.synthetic),
        &entry.report,
        now(),
    ];
    tx.later(sql, row).await
}

fn read(row: &Row) -> Result<Evidence, StoreError> {
    Ok(Evidence {
        metric: row.text("metric")?,
        value: row.get("value")?,
        bound: row.text("bound")?,
        passed: row.int("passed")? != 0,
        data_set: DataSetRef { name: row.text("data_set")?, sha256: row.text("data_sha256")? },
        synthetic: row.int("synthetic")? != 0,
        report: row.text("report")?,
    })
}

/// Why a version may not go into production; nothing when it may.
pub(super) async fn missing(tx: &mut Tx, model: &ModelVersion) -> Result<Vec<String>, StoreError> {
    let evidence = tx.all(SELECT, values![&model.id]).await?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(judge(model.kind, &model.metrics, &model.datasets, &evidence))
}

fn judge(
    kind: ModelKind,
    metrics: &std::collections::BTreeMap<String, f64>,
    trained_on: &[DataSetRef],
    evidence: &[Evidence],
) -> Vec<String> {
    if kind != ModelKind::Release {
        let measured = !metrics.is_empty();
        return if measured {
            Vec::new()
        } else {
            vec!["no metric was measured on rows that it did not learn from".to_owned()]
        };
    }
    let mut reasons = Vec::new();
    for metric in REQUIRED_GATES {
        let Some(shown) = evidence.iter().find(|entry| entry.metric == metric) else {
            reasons.push(format!("{metric} was not measured"));
            continue;
        };
        if !shown.passed {
            let value = shown.value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.4}"));
            reasons.push(format!("{metric} is {value}, and must be {}", shown.bound));
        }
        if shown.synthetic {
            reasons.push(format!("{metric} was measured on synthetic images, which says nothing of real shelves"));
        }
        if shown.data_set.sha256.is_empty() {
            reasons.push(format!("{metric} was measured on data that has no digest"));
        } else if trained_on.iter().any(|set| set.sha256 == shown.data_set.sha256) {
            reasons.push(format!("{metric} was measured on {:?}, which it learned from", shown.data_set.name));
        }
    }
    reasons
}
