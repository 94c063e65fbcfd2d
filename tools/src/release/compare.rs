//! `shelf release compare`: two versions side by side.

use std::collections::BTreeSet;

use clap::Args;
use store::registry::Evidence;

use super::Where;
use crate::environment::Environment;
use crate::queue::with_store;

/// Compare two versions: gates, metrics, files, and how they did while they answered
#[derive(Args)]
pub(crate) struct CompareArgs {
    /// Id or NAME@VERSION
    one: String,
    /// Id or NAME@VERSION
    other: String,
    #[command(flatten)]
    at: Where,
}

pub(super) fn run(args: &CompareArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let one = store.model(&organisation.id, &args.one).await?;
        let other = store.model(&organisation.id, &args.other).await?;
        println!("{:<28}  {:>14}  {:>14}  {:>10}", "", one.label(), other.label(), "change");
        let (gates, other_gates) = (store.evidence(&one.id).await?, store.evidence(&other.id).await?);
        let metrics: BTreeSet<&str> = gates.iter().chain(&other_gates).map(|entry| entry.metric.as_str()).collect();
        for metric in metrics {
            let (a, b) = (found(&gates, metric), found(&other_gates, metric));
            row(metric, a.and_then(|entry| entry.value), b.and_then(|entry| entry.value));
            // Two numbers of different data say nothing of each other.
            if let (Some(a), Some(b)) = (a, b)
                && a.data_set.sha256 != b.data_set.sha256
            {
                println!("  measured on other data: {} and {}", a.data_set.name, b.data_set.name);
            }
        }
        let names: BTreeSet<&String> = one.metrics.keys().chain(other.metrics.keys()).collect();
        for name in names {
            row(name, one.metrics.get(name).copied(), other.metrics.get(name).copied());
        }
        super::answered::compare(&store, &one, &other).await?;
        let both = |test: &store::registry::AbTest| {
            let sides = [test.model_a.as_str(), test.model_b.as_str()];
            sides.contains(&one.id.as_str()) && sides.contains(&other.id.as_str())
        };
        for test in store.ab_tests(&organisation.id).await?.iter().filter(|test| both(test)) {
            super::ab::print(&store, test).await?;
        }
        let (files, other_files) = (store.model_files(&one.id).await?, store.model_files(&other.id).await?);
        let paths: BTreeSet<&str> = files.iter().chain(&other_files).map(|file| file.path.as_str()).collect();
        for path in paths {
            let of = |files: &[store::registry::ModelFile]| {
                let file = files.iter().find(|file| file.path == path);
                file.map_or_else(|| "-".to_owned(), |file| file.sha256.short())
            };
            let (a, b) = (of(&files), of(&other_files));
            let change = if a == b { "same" } else { "other" };
            println!("{path:<28}  {a:>14}  {b:>14}  {change:>10}");
        }
        Ok(())
    })
}

fn found<'a>(evidence: &'a [Evidence], metric: &str) -> Option<&'a Evidence> {
    evidence.iter().find(|entry| entry.metric == metric)
}

pub(super) fn row(name: &str, one: Option<f64>, other: Option<f64>) {
    let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let change = one.zip(other).map_or_else(|| "-".to_owned(), |(a, b)| format!("{:+.4}", b - a));
    println!("{name:<28}  {:>14}  {:>14}  {change:>10}", text(one), text(other));
}
