//! `shelf release show`: everything about a version.

use clap::Args;
use store::registry::Evidence;

use super::Where;
use crate::environment::Environment;
use crate::owner::time;
use crate::queue::with_store;

/// Show a version: files, gates, metrics, and when it was in production
#[derive(Args)]
pub(crate) struct ShowArgs {
    /// Id or NAME@VERSION
    model: String,
    #[command(flatten)]
    at: Where,
}

pub(super) fn run(args: &ShowArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let model = store.model(&organisation.id, &args.model).await?;
        let line = |what: &str, text: &str| println!("{what:<12}  {text}");
        line("id", &model.id);
        line("release", &model.label());
        line("status", model.status.as_str());
        line("kind", model.kind.as_str());
        line("algorithm", &model.algorithm);
        line("digest", &model.digest.to_string());
        line("registered", &format!("{} by {}", time(model.created_at), model.created_by));
        if !model.description.is_empty() {
            line("description", &model.description);
        }
        if !model.tags.is_empty() {
            line("tags", &model.tags.join(", "));
        }
        for parent in &model.parents {
            line("parent", parent);
        }
        for set in &model.datasets {
            line("learned from", &format!("{}  {}", set.name, set.sha256));
        }
        for (name, value) in &model.metrics {
            line("metric", &format!("{name:<24} {value:.4}"));
        }
        for entry in store.evidence(&model.id).await? {
            line("gate", &gate(&entry));
        }
        for file in store.model_files(&model.id).await? {
            line("file", &format!("{}  {:>12}  {}", file.sha256, file.bytes, file.path));
        }
        let history = store.deployments(&organisation.id, &model.name).await?;
        for deployment in history.iter().filter(|deployment| deployment.model.as_ref() == Some(&model.id)) {
            line("deployed", &format!("{} {} by {}", time(deployment.at), deployment.action, deployment.by));
        }
        Ok(())
    })
}

/// A gate as a line.
pub(super) fn gate(entry: &Evidence) -> String {
    let value = entry.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let verdict = if entry.passed { "passed" } else { "FAILED" };
    let synthetic = if entry.synthetic { ", synthetic" } else { "" };
    format!("{:<10} {value:>8}  {:<8} {verdict}, on {}{synthetic}", entry.metric, entry.bound, entry.data_set.name)
}
