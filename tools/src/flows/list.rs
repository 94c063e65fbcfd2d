//! `shelf flows list`: what is done when.

use std::process::ExitCode;

use clap::Args;
use flows::next;
use store::access::DEFAULT_ORGANISATION;
use store::flows::Flow;
use store::model::now;

use super::{FlowsArgs, flows_config};
use crate::environment::Environment;
use crate::owner::time;
use crate::queue::with_store;

/// List flows: when each is done (UTC), and for which period it was done last
#[derive(Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    args: FlowsArgs,
}

pub(super) fn run(args: &ListArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let config = flows_config(args.args.flows_config.as_ref())?;
    with_store(&args.args.place, environment, async |store| {
        println!("{:<8}  {:<12}  {:<20}  last done", "flow", "cron", "next");
        for flow in Flow::ALL {
            let cron = config.cron(*flow);
            let next = next(cron, now()).filter(|_| config.schedule).map_or_else(|| "by hand".to_owned(), time);
            let last =
                store.completed_before(DEFAULT_ORGANISATION, *flow, "~").await?.unwrap_or_else(|| "never".to_owned());
            println!("{flow:<8}  {:<12}  {next:<20}  {last}", cron.as_str());
        }
        Ok(ExitCode::SUCCESS)
    })
}
