//! `shelf gallery list` and `inspect`: what is enrolled, and how sound it is.

use clap::Args;
use classifier::gallery::suspects::{self, Suspect};
use classifier::gallery::{GalleryData, inspect, snapshot};
use pipeline::release::sku_thresholds;
use vision::{ExemplarId, SkuId};

use super::{GalleryArgs, counted};
use crate::environment::Environment;

/// List SKUs and how many exemplars each has
#[derive(Args)]
pub(crate) struct ListArgs {
    /// List the exemplars too
    #[arg(long)]
    exemplars: bool,
    #[command(flatten)]
    place: GalleryArgs,
}

/// Show how similar each SKU's exemplars are, which SKUs look alike, and which exemplars look mislabelled
#[derive(Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    place: GalleryArgs,
}

pub(super) fn list(args: &ListArgs, environment: &Environment) -> anyhow::Result<()> {
    let data = snapshot::read(&args.place.folder(environment)?)?;
    println!("{:>6}  {:>9}  {:<32}  name", "id", "exemplars", "code");
    for sku in data.skus() {
        let own = || data.exemplars().iter().filter(|e| e.sku == sku.id);
        println!("{:>6}  {:>9}  {:<32}  {}", sku.id.0, own().count(), sku.code, sku.name);
        if args.exemplars {
            for exemplar in own() {
                println!("{:>6}  exemplar {:<6}  {}", "", exemplar.id.0, exemplar.origin);
            }
        }
    }
    println!(
        "{}, {} by {}",
        counted(data.skus().len(), "SKU"),
        counted(data.exemplars().len(), "exemplar"),
        data.embedder().description
    );
    Ok(())
}

pub(super) fn inspect(args: &InspectArgs, environment: &Environment) -> anyhow::Result<()> {
    let data = snapshot::read(&args.place.folder(environment)?)?;
    let mut health = inspect::inspect(&data);
    health.sort_by(|a, b| {
        let twin = |h: &inspect::SkuHealth| h.nearest.map_or(f32::NEG_INFINITY, |(_, similarity)| similarity);
        twin(b).total_cmp(&twin(a))
    });
    let code = |id: SkuId| code(&data, id);
    println!("gallery {}, created {}, by {}", data.name(), data.created(), data.embedder().description);
    println!("cohesion: how alike a SKU's exemplars are; twin: the SKU it is most easily confused with\n");
    println!("{:<32}  {:>9}  {:>8}  twin", "code", "exemplars", "cohesion");
    for h in health {
        let cohesion = h.cohesion.map_or_else(|| "-".to_owned(), |c| format!("{c:.3}"));
        let twin = h.nearest.map_or_else(|| "-".to_owned(), |(id, similarity)| format!("{similarity:.3} {}", code(id)));
        println!("{:<32}  {:>9}  {cohesion:>8}  {twin}", code(h.sku), h.exemplars);
    }
    let (rule, by_code) = args.place.rule(environment)?;
    let sku_thresholds = sku_thresholds(&by_code, |code| Some(data.sku_by_code(code)?.id));
    print_suspects(&data, &suspects::suspects(&data, &rule, &sku_thresholds));
    Ok(())
}

fn code(data: &GalleryData, id: SkuId) -> String {
    data.sku(id).map_or_else(|| id.to_string(), |sku| sku.code.clone())
}

fn print_suspects(data: &GalleryData, suspects: &[Suspect]) {
    if suspects.is_empty() {
        println!("\nno exemplar looks mislabelled");
        return;
    }
    let all = counted(data.exemplars().len(), "exemplar");
    let look = if suspects.len() == 1 { "looks" } else { "look" };
    println!("\n{} of {all} {look} mislabelled, the plainest first:", suspects.len());
    let origin = |id: ExemplarId| data.row_of(id).map_or("", |row| &data.exemplars()[row].origin);
    for suspect in suspects {
        let Suspect { exemplar, nearest, similarity, own, .. } = *suspect;
        let (sku, other) = (code(data, suspect.sku), code(data, suspect.looks_like));
        println!("exemplar {} ({}) is enrolled as {sku}, looks like {other}:", exemplar.0, origin(exemplar));
        println!("  {similarity:.3} to exemplar {} ({}), {own:.3} to the nearest of {sku}", nearest.0, origin(nearest));
        if let Some(item) = labelled_item(origin(exemplar)) {
            println!("  answer it anew: shelf queue label {item} --sku CODE");
        }
    }
    if suspects.iter().any(|suspect| labelled_item(origin(suspect.exemplar)).is_none()) {
        println!("take one away: shelf gallery remove --exemplar NUMBER");
    }
}

/// The item of the review queue that an exemplar was labelled as. Its row in the store stays, whatever is removed from
/// the
/// folder. Items are named by UUIDs: a folder of images may be called `review`, too.
fn labelled_item(origin: &str) -> Option<&str> {
    let is_uuid = |name: &str| name.len() == 36 && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    origin.strip_prefix("review/").filter(|name| is_uuid(name))
}
