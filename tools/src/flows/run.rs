//! `shelf flows run`: a flow for a period, now.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use flows::{Flows, Period};
use store::flows::Flow;

use super::{FlowsArgs, flows_config};
use crate::environment::Environment;
use crate::queue::with_store;

/// Do a flow for a period that is over; one that was done stays as it is
#[derive(Args)]
pub(crate) struct RunArgs {
    /// What to do
    flow: WhichFlow,
    /// Day (YYYY-MM-DD), or for the monthly flow the month (YYYY-MM) or a day of it, in UTC [default: the last that is
    /// over]
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    #[command(flatten)]
    args: FlowsArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum WhichFlow {
    /// Photos of a day -> datasets/candidates/YYYY-MM-DD
    Daily,
    /// What was verified in a month -> datasets/verified/YYYY-MM; gold and all verified -> datasets/full/YYYY-MM
    Monthly,
}

pub(super) fn run(args: &RunArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let flow = match args.flow {
        WhichFlow::Daily => Flow::Daily,
        WhichFlow::Monthly => Flow::Monthly,
    };
    let period = args.date.as_deref().map(|date| Period::parse(flow, date)).transpose()?;
    let period = period.unwrap_or_else(|| Period::last(flow));
    let config = flows_config(args.args.flows_config.as_ref())?;
    with_store(&args.args.place, environment, async |store| {
        let done = Flows::new(store, config, crate::owner::TERMINAL).run(period).await?;
        let before = if done.before { "  (it was done before, and stays as it is)" } else { "" };
        let outcome = done.run.outcome.unwrap_or_default();
        println!("{flow} {period}{before}");
        println!("{}", serde_json::to_string_pretty(&outcome)?);
        Ok(ExitCode::SUCCESS)
    })
}
