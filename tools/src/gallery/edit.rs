//! `shelf gallery remove`, `rename` and `merge`: what is enrolled is put right.

use anyhow::Context;
use clap::Args;
use classifier::gallery::{GalleryData, Merged, snapshot};
use store::SkuRef;
use vision::{ExemplarId, Sku};

use super::{GalleryArgs, counted};
use crate::environment::Environment;

/// Remove a SKU with all its exemplars, or single exemplars
#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// Code of the SKU, or its number as #12
    #[arg(long, required_unless_present = "exemplar")]
    sku: Option<SkuRef>,
    /// Number of an exemplar, as `shelf gallery list --exemplars` shows it (may be repeated)
    #[arg(long, value_name = "ID", conflicts_with = "sku")]
    exemplar: Vec<u64>,
    #[command(flatten)]
    place: GalleryArgs,
}

/// Rename a SKU
#[derive(Args)]
#[command(after_help = "  shelf gallery rename sku_001_absolut_vodka \"Absolut Vodka 0.7 l\"

The code does not change: folders and programs use it.")]
pub(crate) struct RenameArgs {
    /// Code of the SKU, or its number as #12
    #[arg(value_name = "SKU")]
    sku: SkuRef,
    /// Display name
    #[arg(value_parser = name)]
    name: String,
    #[command(flatten)]
    place: GalleryArgs,
}

/// Move all exemplars of one SKU to another, then remove the empty SKU
///
/// For a product that was enrolled twice. An image that both have is kept once.
#[derive(Args)]
#[command(after_help = "  shelf gallery merge coca_cola_old sku_004_coca_cola

Labels in the review queue stay with the SKU they named.")]
pub(crate) struct MergeArgs {
    /// Code (or #number) of the SKU to remove
    #[arg(value_name = "FROM")]
    from: SkuRef,
    /// Code (or #number) of the SKU that receives its exemplars
    #[arg(value_name = "INTO")]
    into: SkuRef,
    #[command(flatten)]
    place: GalleryArgs,
}

/// Longest name, in characters.
const MAX_NAME: usize = 200;

fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let sound = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if sound { Ok(name.to_owned()) } else { Err(format!("it must be 1 to {MAX_NAME} characters on one line")) }
}

pub(super) fn remove(args: &RemoveArgs, environment: &Environment) -> anyhow::Result<()> {
    let folder = args.place.folder(environment)?;
    let mut data = snapshot::read(&folder)?;
    let mut removed = Vec::new();
    if let Some(which) = &args.sku {
        let sku = find_sku(&data, which)?;
        let exemplars = data.remove_sku(sku.id)?;
        removed.push(format!("{} ({}) with {}", sku.code, sku.name, counted(exemplars, "exemplar")));
    }
    for &id in &args.exemplar {
        let exemplar = data.remove_exemplar(ExemplarId(id))?;
        removed.push(format!("exemplar {id} ({})", exemplar.origin));
    }
    snapshot::write(&mut data, &folder)?;
    // Only what is written is removed: one number that is not there leaves all of them in place.
    for what in removed {
        println!("removed {what}");
    }
    Ok(())
}

pub(super) fn rename(args: &RenameArgs, environment: &Environment) -> anyhow::Result<()> {
    let folder = args.place.folder(environment)?;
    let mut data = snapshot::read(&folder)?;
    let sku = find_sku(&data, &args.sku)?;
    data.rename_sku(sku.id, &args.name)?;
    snapshot::write(&mut data, &folder)?;
    println!("{} is called {} now, it was {}", sku.code, args.name, sku.name);
    Ok(())
}

pub(super) fn merge(args: &MergeArgs, environment: &Environment) -> anyhow::Result<()> {
    let folder = args.place.folder(environment)?;
    let mut data = snapshot::read(&folder)?;
    let (from, into) = (find_sku(&data, &args.from)?, find_sku(&data, &args.into)?);
    let Merged { moved, repeated } = data.merge(from.id, into.id)?;
    snapshot::write(&mut data, &folder)?;
    let repeated = if repeated == 0 { String::new() } else { format!(", {repeated} it had already") };
    let now = data.exemplars().iter().filter(|exemplar| exemplar.sku == into.id).count();
    let moved = counted(moved, "exemplar");
    println!("{} is part of {} now: {moved} moved{repeated}, {now} in all", from.code, into.code);
    Ok(())
}

fn find_sku(data: &GalleryData, which: &SkuRef) -> anyhow::Result<Sku> {
    let sku = match which {
        SkuRef::Code(code) => data.sku_by_code(code),
        SkuRef::Id(id) => data.sku(*id),
    };
    let sku = sku.with_context(|| {
        let which = which.to_string();
        format!("the gallery has no SKU {which:?}; `shelf gallery list` shows codes, and numbers to be written as #12")
    })?;
    Ok((**sku).clone())
}
