//! `shelf tenant`: organisations.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use store::Store;
use store::access::DEFAULT_ORGANISATION_NAME;

use crate::environment::Environment;
use crate::owner::{actor, time};
use crate::queue::{QueueArgs, with_store};

/// Organisations: make and list them, write out or remove what is theirs
#[derive(Subcommand)]
pub(crate) enum TenantCommand {
    Create(CreateArgs),
    List(ListArgs),
    Export(ExportArgs),
    Delete(DeleteArgs),
}

/// Write everything of an organisation into a folder: a line of JSON a row, files by their digest
#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Its name
    name: String,
    /// An empty folder, or one to be made
    folder: PathBuf,
    #[command(flatten)]
    place: QueueArgs,
}

/// Remove an organisation with everything that is its own; the audit log stays. Exit code 1 when something is left
#[derive(Args)]
pub(crate) struct DeleteArgs {
    /// Its name
    name: String,
    /// The name once more: what is removed does not come back
    #[arg(long, value_name = "NAME")]
    confirm: String,
    #[command(flatten)]
    place: QueueArgs,
}

/// Make an organisation
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// Letters, digits, dots, underscores and hyphens
    name: String,
    #[command(flatten)]
    place: QueueArgs,
}

/// List organisations
#[derive(Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: QueueArgs,
}

pub(crate) fn run(command: TenantCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        TenantCommand::Create(args) => with_store(&args.place, environment, async |store| {
            let home = store.organisation(DEFAULT_ORGANISATION_NAME).await?;
            let made = store.create_organisation(&args.name, &actor(&home)).await?;
            println!("{}  {}", made.id, made.name);
            Ok(())
        })?,
        TenantCommand::List(args) => with_store(&args.place, environment, async |store| {
            for organisation in store.organisations().await? {
                println!("{}  {:<20}  {}", organisation.id, time(organisation.created_at), organisation.name);
            }
            Ok(())
        })?,
        TenantCommand::Export(args) => with_store(&args.place, environment, async |store| export(&store, &args).await)?,
        TenantCommand::Delete(args) => return delete(&args, environment),
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(store: &Store, args: &ExportArgs) -> anyhow::Result<()> {
    let organisation = store.organisation(&args.name).await?;
    std::fs::create_dir_all(&args.folder).with_context(|| format!("cannot make {}", args.folder.display()))?;
    ensure!(std::fs::read_dir(&args.folder)?.next().is_none(), "{} is not empty", args.folder.display());
    for table in Store::tenant_tables() {
        let mut rows = 0_u64;
        let mut out = BufWriter::new(File::create(args.folder.join(format!("{table}.jsonl")))?);
        loop {
            let page = store.tenant_rows(&organisation.id, table, rows).await?;
            if page.is_empty() {
                break;
            }
            rows += page.len() as u64;
            for row in page {
                writeln!(out, "{row}")?;
            }
        }
        out.flush()?;
        println!("{table:<20}  {rows:>9} rows");
    }
    let mut out = BufWriter::new(File::create(args.folder.join("audit_log.jsonl"))?);
    let mut last = 0;
    loop {
        let page = store.audit(last).await?;
        let Some(end) = page.last() else { break };
        last = end.seq;
        for entry in page.iter().filter(|entry| entry.organisation == organisation.id) {
            writeln!(out, "{}", crate::audit::line(entry))?;
        }
    }
    out.flush()?;
    for (place, objects) in store.tenant_objects(&organisation.id) {
        let all = objects.list().await?;
        for object in &all {
            let target = args.folder.join("objects").join(place).join(object.digest.to_string());
            objects.get_file(object.digest, object.bytes, &target).await?;
        }
        println!("{place:<20}  {:>9} files", all.len());
    }
    Ok(())
}

fn delete(args: &DeleteArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    ensure!(args.confirm == args.name, "--confirm is {:?}, and {:?} would be removed", args.confirm, args.name);
    with_store(&args.place, environment, async |store| {
        let home = store.organisation(DEFAULT_ORGANISATION_NAME).await?;
        let organisation = store.organisation(&args.name).await?;
        let remains = store.delete_tenant(&organisation, &actor(&home)).await?;
        if remains.is_nothing() {
            println!("{} is gone: no row and no file of it is left", args.name);
            return Ok(ExitCode::SUCCESS);
        }
        for (table, rows) in &remains.rows {
            println!("LEFT  {rows} rows in {table}");
        }
        println!("LEFT  {} files", remains.objects);
        Ok(ExitCode::FAILURE)
    })
}
