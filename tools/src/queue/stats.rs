//! `shelf queue stats`: how the review goes.

use clap::Args;

use super::{QueueArgs, with_store};
use crate::environment::Environment;

/// Show depth, age, throughput and agreement of the queue
#[derive(Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    place: QueueArgs,
}

pub(super) fn run(args: &StatsArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.place, environment, async |store| {
        let stats = store.stats().await?;
        println!("{}", store.describe());
        println!("open {}, conflict {}, labelled {}", stats.open, stats.conflict, stats.labelled);
        println!("claimed at the moment: {}", stats.claimed);
        if let Some(oldest) = stats.oldest_open {
            let hours = (store::model::now() - oldest) as f64 / 3_600_000.0;
            println!("the oldest open item has waited {hours:.1} h");
        }
        println!("labels in the last hour: {}", stats.labels_last_hour);
        let decided = stats.agreed + stats.disagreed;
        if decided > 0 {
            let fraction = 100.0 * stats.agreed as f64 / decided as f64;
            println!(
                "people agreed on {} of {decided} items that two or more answered ({fraction:.0} %)",
                stats.agreed
            );
        }
        let sum = |of: fn(&store::stats::DayStats) -> u64| stats.days.iter().map(of).sum::<u64>();
        let (judged, right) = (sum(|day| day.random_judged), sum(|day| day.random_right));
        if judged > 0 {
            let fraction = 100.0 * right as f64 / judged as f64;
            println!("top-1 of the last 30 days, by {judged} items taken at random: {fraction:.1} %");
        }
        for (reason, count) in &stats.reasons {
            println!("  {reason:<16} {count:>8}");
        }
        for (reviewer, count) in &stats.reviewers {
            println!("  by {reviewer:<20} {count:>8}");
        }
        Ok(())
    })
}
