//! What a job made is deployed.

use store::StoreError;
use store::audit::Actor;
use store::jobs::JobStatus;
use store::registry::{Deploy, Promotion};

use crate::error::PlatformError;
use crate::platform::Platform;

impl Platform {
    /// Takes what was trained into the registry under a name, and into production when that is asked for: both or neither.
    ///
    /// # Errors
    /// When the organisation has no such training or it is not completed, the version is taken, or nothing was measured.
    pub async fn deploy(&self, deploy: Deploy, actor: &Actor) -> Result<Promotion, PlatformError> {
        let store = self.store().await?;
        let id = deploy.job.clone();
        let error = match store.deploy(&actor.organisation, deploy, actor).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let none = matches!(error, StoreError::NotFound { what: "training job", .. });
        match store.job(&actor.organisation, &id).await {
            // A job that made no version: say where it stands.
            Ok(job) if none => {
                let remedy = match job.status {
                    JobStatus::Completed => "it makes no model: training and tuning do",
                    JobStatus::Pending | JobStatus::Running => "deploy it when it is completed",
                    JobStatus::Failed | JobStatus::Cancelled => "there is nothing to deploy: train another one",
                };
                Err(StoreError::JobStatus { id: job.id, status: job.status, remedy }.into())
            }
            _ => Err(error.into()),
        }
    }
}
