//! One leader among many does what is due.

use std::error::Error;
use std::time::Duration;

use store::StoreHandle;
use store::flows::{Flow, Leader};
use store::model::now;
use tokio::sync::watch;

use crate::config::FlowsConfig;
use crate::error::FlowError;
use crate::flows::Flows;
use crate::period::Period;
use crate::schedule::{due, newest};

/// Name of the lease that the leader has.
const LEASE: &str = "flows";

/// Looks what is due, as long as it leads.
#[derive(Debug)]
pub struct Scheduler {
    store: StoreHandle,
    config: FlowsConfig,
    by: String,
    leader: Leader,
    /// The last look failed.
    failing: bool,
}

impl Scheduler {
    /// Over a store that is opened when it first looks; `by` names it in the audit log.
    #[must_use]
    pub fn new(store: StoreHandle, config: FlowsConfig, by: &str) -> Self {
        Self { store, config, by: by.to_owned(), leader: Leader::of(LEASE), failing: false }
    }

    /// Does what is due until told to stop; what it is at then is broken off, and goes on with the next leader.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let pause = tokio::select! {
                biased;
                // Told, or whoever would tell is gone.
                _ = stop.wait_for(|stop| *stop) => break,
                pause = self.look() => pause,
            };
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Some(store) = self.store.opened() {
            let stepped = tokio::time::timeout(Duration::from_secs(2), store.step_down(&self.leader));
            drop(stepped.await);
        }
    }

    /// Time until the next look.
    async fn look(&mut self) -> Duration {
        match self.try_to_look().await {
            Ok(()) => self.failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(
                        error = &error as &dyn Error,
                        "it cannot be looked which flows are due; trying again"
                    );
                }
            }
        }
        self.config.look
    }

    async fn try_to_look(&self) -> Result<(), FlowError> {
        let store = self.store.get().await?;
        let lease = self.config.limits.lease;
        if !store.lead(&self.leader, lease).await? {
            return Ok(());
        }
        let flows = Flows::new(store.clone(), self.config.clone(), &self.by);
        for period in self.due(&flows).await? {
            let renew = async {
                loop {
                    tokio::time::sleep(lease / 3).await;
                    if !matches!(store.lead(&self.leader, lease).await, Ok(true)) {
                        tracing::warn!("another leads now; what is at hand is ended by whoever holds it");
                    }
                }
            };
            let done = tokio::select! {
                done = flows.run(period) => done,
                () = renew => return Ok(()),
            };
            let (flow, period) = (period.flow().as_str(), period.to_string());
            match done {
                Ok(done) => tracing::info!(flow, period, outcome = ?done.run.outcome, "a flow was done"),
                // Seen by whoever looks at its row; tried again later.
                Err(error) => tracing::error!(flow, period, error = &error as &dyn Error, "a flow was not done"),
            }
        }
        Ok(())
    }

    async fn due(&self, flows: &Flows) -> Result<Vec<Period>, FlowError> {
        let organisation = flows.actor.organisation.as_str();
        let mut all = Vec::new();
        for run in flows.store.runs_to_retry(organisation).await? {
            all.push(Period::parse(run.flow, &run.period)?);
        }
        for flow in [Flow::Daily, Flow::Monthly] {
            let Some(newest) = newest(&self.config, flow, now()) else { continue };
            let mut since = newest;
            for _ in 1..self.config.catch_up {
                since = since.before();
            }
            let (begun, first) = flows.store.begun_periods(organisation, flow, &since.to_string()).await?;
            let parse = |text: &String| Period::parse(flow, text);
            let begun = begun.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
            let first = first.as_ref().map(parse).transpose()?;
            all.extend(due(newest, &begun, first, self.config.catch_up));
        }
        // Days before the months that are made of them.
        all.sort_by_key(|period| (period.flow() == Flow::Monthly, *period));
        all.dedup();
        Ok(all)
    }
}
