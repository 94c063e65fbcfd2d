//! `shelf queue label`: one answer.

use anyhow::{anyhow, bail};
use clap::{ArgGroup, Args};
use store::model::NewSku;
use store::{Answer, LabelRequest, SkuRef};

use super::import::hint;
use super::{QueueArgs, with_store};
use crate::environment::Environment;

/// Label an item, or undo the last label
#[derive(Args)]
#[command(group(ArgGroup::new("answer").required(true).args(["sku", "new_sku", "not_a_container", "cannot_tell", "skip", "undo"])))]
pub(crate) struct LabelArgs {
    /// Id of the item
    item: String,
    /// Code of the SKU it shows, or its number as #12
    #[arg(long)]
    sku: Option<SkuRef>,
    /// Name of a SKU that is not in the catalogue yet
    #[arg(long, value_name = "NAME")]
    new_sku: Option<String>,
    /// There is no bottle, can or glass in the box
    #[arg(long)]
    not_a_container: bool,
    /// The image does not show enough
    #[arg(long)]
    cannot_tell: bool,
    /// Skip the item for now
    #[arg(long)]
    skip: bool,
    /// Undo this reviewer's label of the item
    #[arg(long)]
    undo: bool,
    /// Name of the reviewer
    #[arg(long, default_value = "terminal")]
    reviewer: String,
    /// Comment on the label
    #[arg(long)]
    comment: Option<String>,
    #[command(flatten)]
    place: QueueArgs,
}

pub(super) fn run(args: &LabelArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.place, environment, async |store| {
        let label = if args.undo {
            store.undo(&args.reviewer, Some(&args.item), None).await?
        } else {
            let answer = match (&args.sku, &args.new_sku) {
                (Some(sku), _) => Answer::Sku(sku.clone()),
                (None, Some(name)) => Answer::NewSku(NewSku { name: name.clone(), ..NewSku::default() }),
                _ if args.not_a_container => Answer::NotAContainer,
                _ if args.cannot_tell => Answer::CannotTell,
                _ if args.skip => Answer::Skip,
                _ => bail!("say what it is: --sku, --new-sku, --not-a-container, --cannot-tell, --skip or --undo"),
            };
            let (item, reviewer) = (args.item.clone(), args.reviewer.clone());
            let request = LabelRequest { item, reviewer, answer, comment: args.comment.clone() };
            let said = args.sku.as_ref().map(ToString::to_string).unwrap_or_default();
            let labelled = store.label(vec![request], None).await;
            labelled.map_err(|error| anyhow!("{error}{}", hint(&said, &error)))?.remove(0)
        };
        let sku = match label.sku {
            Some(sku) => format!(" ({})", store.sku(sku).await?.name),
            None => String::new(),
        };
        println!("label {}: {}{sku}; the item was {} and is {}", label.seq, label.kind, label.status.0, label.status.1);
        Ok(())
    })
}
