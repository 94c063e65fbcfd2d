//! A run is begun, held, and ends.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::model::{COLUMNS, flow_run};
use super::{Flow, FlowRun, FlowStatus};
use crate::audit::{Actor, Ledger, Record};
use crate::error::{StoreError, shorten};
use crate::jobs::Lost;
use crate::model::{new_id, now};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Most runs of an answer.
const MAX_LISTED: u32 = 1_000;

/// How runs are held and tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// How long a run is held without a sign of life.
    pub lease: Duration,
    /// Attempts after which it is tried by hand only.
    pub attempts: i64,
    /// Time before the second attempt; twice as long before each that follows.
    pub backoff: Duration,
    /// Longest time before an attempt.
    pub max_backoff: Duration,
}

impl Default for RunLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lease: seconds(60), attempts: 6, backoff: seconds(60), max_backoff: seconds(3_600) }
    }
}

/// A run that is held.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldRun {
    /// The run.
    pub run: FlowRun,
    /// What the first attempt decided: JSON.
    pub plan: Option<String>,
    holder: String,
    limits: RunLimits,
}

/// What became of the wish to run a flow.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It is whoever asked's to do.
    Held(Box<HeldRun>),
    /// It was done before.
    Done(FlowRun),
    /// Somebody else is at it.
    Elsewhere(FlowRun),
}

impl Store {
    /// Begins a run of a flow for a period, or goes on with one that was broken off or failed. Audited.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn begin_run(
        &self,
        flow: Flow,
        period: &str,
        limits: RunLimits,
        actor: &Actor,
    ) -> Result<Begun, StoreError> {
        let (period, actor) = (period.to_owned(), actor.clone());
        self.database.write(move |tx| Box::pin(async move { begin(tx, flow, &period, limits, &actor).await })).await
    }

    /// A sign of life.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn beat_run(&self, held: &HeldRun) -> Result<Result<(), Lost>, StoreError> {
        let (id, holder, until) = (held.run.id.clone(), held.holder.clone(), until(held.limits.lease));
        let sql = "UPDATE flow_runs SET lease = $1 WHERE id = $2 AND holder = $3 AND status = 'running'";
        let beaten = self
            .database
            .write_lease(move |tx| Box::pin(async move { tx.execute(sql, values![until, &id, &holder]).await }));
        Ok(if beaten.await? == 1 { Ok(()) } else { Err(Lost) })
    }

    /// Keeps what a run decided for all attempts: the first plan holds. Gives the one that does.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn plan_run(&self, held: &HeldRun, plan: String) -> Result<String, StoreError> {
        let id = held.run.id.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE flow_runs SET plan = COALESCE(plan, $1) WHERE id = $2 RETURNING plan";
                    tx.one(sql, values![&plan, &id]).await?.text("plan")
                })
            })
            .await
    }

    /// How a run ended: `Ok` with what became of it, or `Err` with why it failed. By its holder alone; audited.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn end_run(
        &self,
        held: &HeldRun,
        outcome: Result<Json, String>,
        actor: &Actor,
    ) -> Result<Result<FlowRun, Lost>, StoreError> {
        let (held, actor) = (held.clone(), actor.clone());
        self.database.write(move |tx| Box::pin(async move { end(tx, &held, outcome, &actor).await })).await
    }

    /// Runs, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn flow_runs(&self, organisation: &str) -> Result<Vec<FlowRun>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM flow_runs WHERE organisation = $1 ORDER BY created_at DESC, id DESC LIMIT {MAX_LISTED}"
        );
        self.database.all(&sql, values![organisation]).await?.iter().map(flow_run).collect()
    }

    /// The run of a flow for a period, if it was ever begun.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn flow_run(&self, organisation: &str, flow: Flow, period: &str) -> Result<Option<FlowRun>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM flow_runs WHERE organisation = $1 AND flow = $2 AND period = $3");
        let row = self.database.optional(&sql, values![organisation, flow.as_str(), period]).await?;
        row.as_ref().map(flow_run).transpose()
    }

    /// Periods for which a flow was begun, from `since` on, in order; and the first of all there are.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn begun_periods(
        &self,
        organisation: &str,
        flow: Flow,
        since: &str,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let sql = "SELECT period FROM flow_runs WHERE organisation = $1 AND flow = $2 AND period >= $3 ORDER BY period";
        let rows = self.database.all(sql, values![organisation, flow.as_str(), since]).await?;
        let begun = rows.iter().map(|row| row.text("period")).collect::<Result<_, _>>()?;
        let sql = "SELECT period FROM flow_runs WHERE organisation = $1 AND flow = $2 ORDER BY period LIMIT 1";
        let first = self.database.optional(sql, values![organisation, flow.as_str()]).await?;
        Ok((begun, first.map(|row| row.text("period")).transpose()?))
    }

    /// Runs that may be tried again by themselves now: they failed some time ago, or whoever had them died. The oldest first.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn runs_to_retry(&self, organisation: &str) -> Result<Vec<FlowRun>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM flow_runs WHERE organisation = $1 AND ((status = 'failed' AND retry_at <= $2) \
             OR (status = 'running' AND lease < $2)) ORDER BY flow, period LIMIT {MAX_LISTED}"
        );
        self.database.all(&sql, values![organisation, now()]).await?.iter().map(flow_run).collect()
    }

    /// The last period before another for which a flow was done.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn completed_before(
        &self,
        organisation: &str,
        flow: Flow,
        period: &str,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT period FROM flow_runs WHERE organisation = $1 AND flow = $2 AND period < $3 AND status = 'completed' \
                   ORDER BY period DESC LIMIT 1";
        let row = self.database.optional(sql, values![organisation, flow.as_str(), period]).await?;
        row.map(|row| row.text("period")).transpose()
    }
}

fn until(lease: Duration) -> i64 {
    now().saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
}

fn subject(flow: Flow, period: &str) -> String {
    format!("{flow} {period}")
}

async fn begin(tx: &mut Tx, flow: Flow, period: &str, limits: RunLimits, actor: &Actor) -> Result<Begun, StoreError> {
    let ledger = Ledger::open(tx).await?;
    let sql = "INSERT INTO flow_runs (id, organisation, flow, period, status, attempts, holder, lease, created_at, created_by) \
               VALUES ($1, $2, $3, $4, 'running', 0, NULL, 0, $5, $6) ON CONFLICT (organisation, flow, period) DO NOTHING";
    let row = values![new_id(), &actor.organisation, flow.as_str(), period, now(), &actor.name];
    tx.execute(sql, row).await?;
    let sql = format!(
        "SELECT {COLUMNS}, plan FROM flow_runs WHERE organisation = $1 AND flow = $2 AND period = $3{}",
        tx.locked()
    );
    let row = tx.one(&sql, values![&actor.organisation, flow.as_str(), period]).await?;
    let (found, plan) = (flow_run(&row)?, row.get("plan")?);
    if found.status == FlowStatus::Completed {
        return Ok(Begun::Done(found));
    }
    if found.status == FlowStatus::Running && found.lease >= now() {
        return Ok(Begun::Elsewhere(found));
    }
    let holder = new_id();
    let sql = format!(
        "UPDATE flow_runs SET status = 'running', attempts = attempts + 1, holder = $1, lease = $2, retry_at = NULL, failure = NULL \
         WHERE id = $3 RETURNING {COLUMNS}"
    );
    let row = tx.one(&sql, values![&holder, until(limits.lease), &found.id]).await?;
    let run = flow_run(&row)?;
    let details = json!({"attempt": run.attempts});
    ledger.write(tx, actor, Record { details, ..Record::of("flow.begin", &subject(flow, period)) }).await?;
    Ok(Begun::Held(Box::new(HeldRun { run, plan, holder, limits })))
}

async fn end(
    tx: &mut Tx,
    held: &HeldRun,
    outcome: Result<Json, String>,
    actor: &Actor,
) -> Result<Result<FlowRun, Lost>, StoreError> {
    let ledger = Ledger::open(tx).await?;
    let HeldRun { run, holder, limits, .. } = held;
    let (status, action, said, failure) = match outcome {
        Ok(outcome) => (FlowStatus::Completed, "flow.complete", Some(outcome), None),
        Err(failure) => (FlowStatus::Failed, "flow.fail", None, Some(failure)),
    };
    let retry_at = (failure.is_some() && run.attempts < limits.attempts).then(|| until(pause(limits, run.attempts)));
    let completed_at = failure.is_none().then(now);
    let sql = format!(
        "UPDATE flow_runs SET status = $1, outcome = $2, failure = $3, retry_at = $4, completed_at = $5, holder = NULL, lease = 0 \
         WHERE id = $6 AND holder = $7 AND status = 'running' RETURNING {COLUMNS}"
    );
    let text = said.as_ref().map(Json::to_string);
    let row = values![status.as_str(), text, failure.clone(), retry_at, completed_at, &run.id, holder];
    let Some(row) = tx.optional(&sql, row).await? else { return Ok(Err(Lost)) };
    let details = match (said, failure) {
        (Some(outcome), _) => outcome,
        (None, failure) => json!({"attempt": run.attempts, "failure": shorten(&failure.unwrap_or_default())}),
    };
    ledger.write(tx, actor, Record { details, ..Record::of(action, &subject(run.flow, &run.period)) }).await?;
    Ok(Ok(flow_run(&row)?))
}

/// Time before the attempt that follows so many.
fn pause(limits: &RunLimits, attempts: i64) -> Duration {
    let doubled = u32::try_from(attempts - 1).unwrap_or_default().min(30);
    limits.backoff.saturating_mul(1 << doubled).min(limits.max_backoff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let limits = RunLimits::default();
        let seconds: Vec<u64> = [1, 2, 3, 7, 1_000].iter().map(|at| pause(&limits, *at).as_secs()).collect();
        assert_eq!(seconds, [60, 120, 240, 3_600, 3_600]);
    }
}
