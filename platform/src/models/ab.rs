//! Two models of tables are asked beside each other.

use std::time::Instant;

use serde_json::{Map, Value};
use store::StoreError;
use store::registry::{AbAnswer, Arm, ModelKind};

use super::Predicted;
use crate::error::PlatformError;
use crate::platform::Platform;

/// What a model says within a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What it says.
    pub predicted: Predicted,
    /// Which side was asked.
    pub arm: Arm,
    /// By which it is told later what turned out.
    pub prediction_id: String,
}

impl Platform {
    /// Asks one of the two models of a test: always the same one for a `user`, either by chance where none is named. The answer is
    /// written down before it is given.
    ///
    /// # Errors
    /// When the organisation has no such test of models of tables or it has ended, or as [`Platform::predict`].
    pub async fn predict_in_test(
        &self,
        organisation: &str,
        name: &str,
        user: Option<&str>,
        rows: Vec<Map<String, Value>>,
    ) -> Result<Compared, PlatformError> {
        let store = self.store().await?;
        let test = store.ab_test(organisation, name).await?;
        if test.kind != ModelKind::Tabular {
            let allowed = format!("a test of models of tables; {name} is of kind {}", test.kind);
            return Err(PlatformError::Parameter { name: "ab_test_name", value: name.to_owned(), allowed });
        }
        if test.ended_at.is_some() {
            let remedy = "ask a model by its model_id";
            return Err(StoreError::AbTest { test: test.name, stands: "has ended", remedy }.into());
        }
        let arm = match user {
            Some(user) => test.arm_of(user),
            None => test.arm_of(&store::model::new_id()),
        };
        let (begin, asked) = (Instant::now(), rows.len());
        let predicted = self.predict(organisation, test.model(arm), rows).await?;
        let answer = AbAnswer {
            arm,
            latency_ms: begin.elapsed().as_secs_f64() * 1e3,
            rows: asked,
            classes: predicted.classes.is_some().then(|| predicted.prediction.clone()),
        };
        let prediction_id = store.log_ab_answer(&test, answer).await?;
        Ok(Compared { predicted, arm, prediction_id })
    }
}
