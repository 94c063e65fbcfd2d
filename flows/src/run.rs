//! A flow for a period: begun, held, done, ended.

use serde_json::Value as Json;
use store::flows::{Begun, FlowRun, HeldRun};
use store::model::now;

use crate::error::FlowError;
use crate::flows::Flows;
use crate::held::Held;
use crate::period::Period;
use crate::{daily, monthly};

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The run.
    pub run: FlowRun,
    /// Whether it was done before, and nothing was done now.
    pub before: bool,
}

impl Flows {
    /// Does a flow for a period, from the beginning or from where it was broken off; one that was done stays as it is.
    ///
    /// # Errors
    /// When the period is not over, somebody else is at it, or it cannot be done: then its row says so, too.
    pub async fn run(&self, period: Period) -> Result<Done, FlowError> {
        self.is_over(period)?;
        let flow = period.flow();
        match self.store.begin_run(flow, &period.to_string(), self.config.limits, &self.actor).await? {
            Begun::Done(run) => Ok(Done { run, before: true }),
            Begun::Elsewhere(run) => Err(FlowError::Elsewhere {
                flow: flow.as_str(),
                period: run.period,
                seconds: (run.lease - now()).max(0) / 1_000 + 1,
            }),
            Begun::Held(held) => self.work(*held, period).await.map(|run| Done { run, before: false }),
        }
    }

    async fn work(&self, run: HeldRun, period: Period) -> Result<FlowRun, FlowError> {
        let held = Held::start(self.store.clone(), run, self.config.limits.lease);
        let done = match self.prepare(&held, period).await {
            Ok(()) => match period {
                Period::Day(day) => daily::run(self, &held, day).await,
                Period::Month(month) => monthly::run(self, &held, month).await,
            },
            Err(error) => Err(error),
        };
        let (said, failed): (Result<Json, String>, Option<FlowError>) = match done {
            Ok(outcome) => (Ok(outcome), None),
            // Whoever has it now says how it ends.
            Err(FlowError::Lost) => return Err(FlowError::Lost),
            Err(error) => (Err(in_words(&error)), Some(error)),
        };
        let ended = self.store.end_run(held.run(), said, &self.actor).await?;
        match (failed, ended) {
            (Some(error), _) => Err(error),
            (None, Ok(run)) => Ok(run),
            (None, Err(_)) => Err(FlowError::Lost),
        }
    }

    /// What an earlier attempt left beside its files goes, and copies of photos that were deleted.
    async fn prepare(&self, held: &Held, period: Period) -> Result<(), FlowError> {
        while self.store.erase().await? > 0 {
            held.check()?;
        }
        if held.run().run.attempts > 1 {
            let files = self.store.artifacts()?.clone();
            let folders = match period {
                Period::Day(_) => ["candidates"].as_slice(),
                Period::Month(_) => &["verified", "full"],
            };
            for folder in folders {
                for below in [format!("datasets/{folder}/{period}"), format!("metadata/{folder}/{period}")] {
                    let files = files.clone();
                    tokio::task::spawn_blocking(move || files.tidy(&below)).await.map_err(|_| FlowError::Inside)??;
                }
            }
        }
        Ok(())
    }

    fn is_over(&self, period: Period) -> Result<(), FlowError> {
        let settle = i64::try_from(self.config.settle.as_millis()).unwrap_or(i64::MAX);
        let complete = now().saturating_sub(settle);
        let seconds = self.config.settle.as_secs();
        match period {
            Period::Day(day) if day.end() > complete => Err(FlowError::DayNotOver { day, seconds }),
            Period::Month(month) if month.end() > complete => Err(FlowError::MonthNotOver { month, seconds }),
            _ => Ok(()),
        }
    }
}

/// An error with its causes, for the row of the run.
fn in_words(error: &FlowError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    vision::secret::redacted(&text)
}
