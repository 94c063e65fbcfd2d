//! `shelf flows history`: what became of runs.

use std::process::ExitCode;

use clap::Args;
use store::access::DEFAULT_ORGANISATION;

use super::FlowsArgs;
use crate::environment::Environment;
use crate::owner::time;
use crate::queue::with_store;

/// List runs, the newest first
#[derive(Args)]
pub(crate) struct HistoryArgs {
    /// As JSON, a line a run
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    args: FlowsArgs,
}

pub(super) fn run(args: &HistoryArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    with_store(&args.args.place, environment, async |store| {
        for run in store.flow_runs(DEFAULT_ORGANISATION).await? {
            let (flow, status) = (run.flow.as_str(), run.status.as_str());
            let completed = run.completed_at.map(time);
            if args.json {
                let line = serde_json::json!({
                    "id": run.id, "flow": flow, "period": run.period, "status": status, "attempts": run.attempts,
                    "created_at": time(run.created_at), "created_by": run.created_by, "completed_at": completed,
                    "retry_at": run.retry_at.map(time), "outcome": run.outcome, "failure": run.failure,
                });
                println!("{line}");
                continue;
            }
            let said = run.failure.or_else(|| run.outcome.map(|outcome| outcome.to_string())).unwrap_or_default();
            let when = completed.unwrap_or_else(|| time(run.created_at));
            println!("{when}  {flow:<8}  {:<10}  {status:<9}  {}  {said}", run.period, run.attempts);
        }
        Ok(ExitCode::SUCCESS)
    })
}
