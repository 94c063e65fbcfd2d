//! Does jobs, one after the other, and says that it lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use store::Store;
use store::jobs::{Ending, Job, Lost, NewEvent, TakeLimits, Taken};
use tokio::sync::watch;
use vision::Cancel;

use crate::error::PlatformError;
use crate::jobs::{Journal, Made, make};
use crate::platform::Platform;

/// Time between two looks for a job.
const IDLE: Duration = Duration::from_millis(500);
/// Time before the store is asked again that did not answer.
const AWAY: Duration = Duration::from_secs(2);
/// How often the end of a job is told to a store that does not answer.
const MAX_TELLS: u32 = 5;

/// Does jobs.
#[derive(Debug)]
pub struct Worker {
    platform: Platform,
    name: String,
}

/// Why a job ends before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Somebody wants it to end.
    Cancelled,
    /// The worker stops.
    Stopping,
    /// It is somebody else's now.
    Lost,
}

impl Worker {
    /// A worker of this name, for people.
    #[must_use]
    pub fn new(platform: Platform, name: String) -> Self {
        Self { platform, name }
    }

    /// Does jobs until `stop` turns true, or its sender is gone. What it has at hand then is given back.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        while !stopped(&stop) {
            match self.once(&mut stop).await {
                Ok(Some(_)) => {}
                Ok(None) => {
                    tokio::select! {
                        () = self.platform.wanted().notified() => {}
                        () = tokio::time::sleep(IDLE) => {}
                        _ = stop.changed() => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no job could be taken");
                    tokio::select! {
                        () = tokio::time::sleep(AWAY) => {}
                        _ = stop.changed() => {}
                    }
                }
            }
        }
    }

    /// Does one job, if there is one: as it stands afterwards.
    ///
    /// # Errors
    /// When the store is not there.
    pub async fn once(&self, stop: &mut watch::Receiver<bool>) -> Result<Option<Job>, PlatformError> {
        let store = self.platform.store().await?;
        let limits = &self.platform.limits().jobs;
        let take = TakeLimits { worker: self.name.clone(), lease: limits.lease, running: limits.running };
        let Some(taken) = store.take_job(take).await? else { return Ok(None) };
        let id = taken.job.id.as_str();
        tracing::info!(job = id, kind = taken.job.kind, attempt = taken.job.attempts, "taken");
        let job = self.work(&store, &taken, stop).await;
        match &job {
            Some(job) => tracing::info!(job = id, status = %job.status, "left"),
            None => tracing::warn!(job = id, "lost: the lease ran out, or the store was away"),
        }
        Ok(Some(job.unwrap_or(taken.job)))
    }

    async fn work(&self, store: &Store, taken: &Taken, stop: &mut watch::Receiver<bool>) -> Option<Job> {
        let limits = &self.platform.limits().jobs;
        let beat = (limits.lease / 4).min(Duration::from_secs(1));
        let gone = Gone(Arc::default());
        let cancel = Cancel::new(Arc::clone(&gone.0), Instant::now() + limits.time);
        let journal = Arc::new(Journal::default());
        let mut making =
            std::pin::pin!(make(store, taken, self.platform.exporter().cloned(), Arc::clone(&journal), cancel));
        let (mut cut, mut heard) = (None, Instant::now());
        let made = loop {
            tokio::select! {
                made = &mut making => break made,
                changed = stop.changed(), if cut.is_none() && !stopped(stop) => {
                    if changed.is_err() || stopped(stop) {
                        cut = Some(Cut::Stopping);
                    }
                }
                () = tokio::time::sleep(beat) => {
                    let (events, checkpoint) = journal.take();
                    match store.job_beat(taken, limits.lease, events.clone(), checkpoint.clone()).await {
                        Ok(Ok(wanted_to_end)) => {
                            heard = Instant::now();
                            if wanted_to_end {
                                cut = Some(Cut::Cancelled);
                            }
                        }
                        Ok(Err(Lost)) => cut = Some(Cut::Lost),
                        Err(error) => {
                            tracing::warn!(error = &error as &dyn std::error::Error, "no sign of life could be given");
                            journal.put_back(events, checkpoint);
                            if heard.elapsed() > limits.lease {
                                cut = Some(Cut::Lost);
                            }
                        }
                    }
                }
            }
            if cut.is_some() {
                gone.0.store(true, Ordering::Release);
            }
        };
        let ending = match (made, cut) {
            (_, Some(Cut::Lost)) => return None,
            (Ok(Made { outcome, model }), _) => Ending::Completed { outcome, model },
            (Err(_), Some(Cut::Cancelled)) => Ending::Cancelled,
            (Err(_), Some(Cut::Stopping)) => Ending::GivenBack,
            (Err(error), None) => failed(&error, limits.time),
        };
        tell(store, taken, ending, journal.take().0).await
    }
}

/// Tells how a job ended; nothing when it was somebody else's, or the store stays away.
async fn tell(store: &Store, taken: &Taken, ending: Ending, events: Vec<NewEvent>) -> Option<Job> {
    for tries in 1..=MAX_TELLS {
        match store.end_job(taken, ending.clone(), events.clone()).await {
            Ok(told) => return told.ok(),
            Err(error @ store::StoreError::Unavailable { .. }) => {
                tracing::warn!(error = &error as &dyn std::error::Error, tries, "the end of a job could not be told");
                tokio::time::sleep(AWAY / 4).await;
            }
            // Its model cannot be registered: that is how it ended.
            Err(error) => {
                let failure = error.to_string();
                let told = store.end_job(taken, Ending::Failed { failure }, events.clone()).await;
                return told.ok().and_then(Result::ok);
            }
        }
    }
    None
}

fn failed(error: &PlatformError, time: Duration) -> Ending {
    use tabular::forecast::ForecastError;
    use tabular::learn::LearnError;
    use tabular::search::SearchError;
    use tabular::train::TrainError;
    let failure = match error {
        PlatformError::Train(TrainError::Learn(LearnError::Cancelled))
        | PlatformError::Search(SearchError::Train(TrainError::Learn(LearnError::Cancelled)))
        | PlatformError::Forecast(ForecastError::Learn(LearnError::Cancelled)) => {
            format!("it took longer than {} s, the most that a job may", time.as_secs())
        }
        // What went on inside is for the log.
        PlatformError::Inside | PlatformError::Temporary(_) | PlatformError::Store(_) => {
            tracing::error!(error = error as &dyn std::error::Error, "a job failed inside");
            "it failed inside; the log of the worker has the cause".to_owned()
        }
        error => error.to_string(),
    };
    Ending::Failed { failure }
}

/// Whether it was told to stop, or nobody is left who could.
fn stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Ends the learning when the worker is dropped.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
