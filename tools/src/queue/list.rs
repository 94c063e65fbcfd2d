//! `shelf queue list`: items, a line each.

use clap::Args;
use store::{ItemFilter, ItemSort};
use vision::SkuId;

use super::{QueueArgs, with_store};
use crate::environment::Environment;

/// List items of the queue
#[derive(Args)]
pub(crate) struct ListArgs {
    /// open, labelled or conflict
    #[arg(long, default_value = "open")]
    status: String,
    /// Main reason: random, unknown, small_margin, near_threshold, low_similarity, low_confidence, novelty, rare_sku,
    /// disagreement, shadow
    #[arg(long)]
    reason: Option<String>,
    /// Number of the SKU that items were taken for
    #[arg(long, value_name = "ID")]
    sku: Option<u32>,
    /// priority, newest, oldest or similarity
    #[arg(long, default_value = "priority")]
    sort: String,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    place: QueueArgs,
}

pub(super) fn run(args: &ListArgs, environment: &Environment) -> anyhow::Result<()> {
    let filter = ItemFilter {
        status: Some(args.status.parse()?),
        reason: args.reason.as_deref().map(str::parse).transpose()?,
        sku: args.sku.map(SkuId),
        ..ItemFilter::default()
    };
    let sort: ItemSort = args.sort.parse()?;
    with_store(&args.place, environment, async |store| {
        println!("{:<36}  {:>8}  {:<9}  {:<24}  {:>6}  guess", "item", "priority", "status", "reasons", "simil.");
        let (mut left, mut cursor) = (args.limit, None);
        loop {
            let page = store.list(&filter, sort, cursor.as_deref(), left).await?;
            let named: Vec<SkuId> = page.items.iter().filter_map(|item| item.sku).collect();
            let skus = store.skus(&named).await?;
            for item in &page.items {
                let guess = item.sku.and_then(|id| skus.iter().find(|sku| sku.id == id));
                let reasons: Vec<&str> = item.reasons.iter().map(|reason| reason.as_str()).collect();
                println!(
                    "{:<36}  {:>8.3}  {:<9}  {:<24}  {:>6.3}  {}",
                    item.id,
                    item.priority,
                    item.status,
                    reasons.join(","),
                    item.similarity,
                    guess.map_or("-", |sku| sku.name.as_str())
                );
            }
            left = left.saturating_sub(page.items.len() as u32);
            match page.next {
                Some(next) if left > 0 => cursor = Some(next),
                _ => return Ok(()),
            }
        }
    })
}
