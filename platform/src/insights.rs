//! What the last forecast says of each shelf.

use serde::Deserialize;
use store::StoreError;
use store::jobs::Job;
use tabular::forecast::Forecast;

use crate::error::PlatformError;
use crate::jobs::FORECAST;
use crate::platform::Platform;

/// A forecast, and the job that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Insights {
    /// The job.
    pub job: Job,
    /// What it says.
    pub forecast: Forecast,
}

/// What became of a job that foretells.
#[derive(Deserialize)]
struct Outcome {
    forecast: Forecast,
}

impl Platform {
    /// The newest forecast of an organisation, or the newest of one data set; none where nothing was foretold yet.
    ///
    /// # Errors
    /// When the database is not there, or what it keeps is damaged.
    pub async fn insights(
        &self,
        organisation: &str,
        data_set: Option<&str>,
    ) -> Result<Option<Insights>, PlatformError> {
        let store = self.store().await?;
        let Some(job) = store.newest_completed(organisation, FORECAST, data_set).await? else { return Ok(None) };
        let damaged = || StoreError::Damaged { what: "outcome of a job", value: job.id.clone() };
        let outcome = store.job_outcome(organisation, &job.id).await?.ok_or_else(damaged)?;
        let reading = tokio::task::spawn_blocking(move || serde_json::from_str::<Outcome>(&outcome));
        let Outcome { forecast } = reading.await.map_err(|_| PlatformError::Inside)?.map_err(|_| damaged())?;
        Ok(Some(Insights { job, forecast }))
    }
}
