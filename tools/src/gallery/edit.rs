//! `shelf gallery remove`, `rename` and `merge`: what is enrolled is put right.

use clap::Args;
use classifier::gallery::{GalleryData, snapshot};
use vision::{ExemplarId, Sku, SkuId};

use super::Place;
use crate::environment::Environment;

/// Remove a SKU with all its exemplars, or single exemplars
#[derive(Args)]
pub(super) struct RemoveArgs {
    /// Code or number of the SKU
    #[arg(long, required_unless_present = "exemplar")]
    sku: Option<String>,
    /// Number of an exemplar, as `shelf gallery list --exemplars` shows it
    #[arg(long, value_name = "ID", conflicts_with = "sku")]
    exemplar: Vec<u64>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn remove(args: &RemoveArgs, environment: &Environment) -> anyhow::Result<()> {
    let folder = args.place.folder(environment)?;
    let mut data = snapshot::read(&folder)?;
    if let Some(which) = &args.sku {
        let sku = find_sku(&data, which)?;
        let exemplars = data.remove_sku(sku.id)?;
        println!("removed {} ({}) with {exemplars} exemplars", sku.code, sku.name);
    }
    for &id in &args.exemplar {
        let exemplar = data.remove_exemplar(ExemplarId(id))?;
        println!("removed exemplar {id} ({})", exemplar.origin);
    }
    snapshot::write(&mut data, &folder)?;
    Ok(())
}

fn find_sku(data: &GalleryData, which: &str) -> anyhow::Result<Sku> {
    let by_number = || which.parse().ok().and_then(|number| data.sku(SkuId(number)));
    let sku = data.sku_by_code(which).or_else(by_number);
    let sku =
        sku.with_context(|| format!("the gallery has no SKU {which:?}; `shelf gallery list` shows what it has"))?;
    Ok((**sku).clone())
}
