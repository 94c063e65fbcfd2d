//! `shelf table counts`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use platform::data_sets::CountsRange;
use platform::{Limits, Platform};
use store::StoreHandle;
use store::model::now;
use tabular::table::parse_moment;
use tempfile::NamedTempFile;
use vision::files::write_atomic;

use crate::environment::Environment;
use crate::owner::Owner;
use crate::queue::QueueArgs;

/// Write what photos counted as a table: a row for each SKU at each visit of a shelf
#[derive(Args)]
#[command(
    after_help = "Photos count that named store and shelf (parameters of /v2/recognize). A SKU that an earlier photo
saw on a shelf, and a later one does not, has a row of 0 facings.

  shelf table counts --from 2026-11-01 --output counts.csv"
)]
pub(crate) struct CountsArgs {
    /// Where to write the table
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Answered from then on (2026-11-01, or with a time); from the first one otherwise
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<i64>,
    /// Answered before then; until now otherwise
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<i64>,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    place: QueueArgs,
}

/// Milliseconds since 1970.
fn moment(text: &str) -> Result<i64, String> {
    let micros = parse_moment(text).ok_or("a time such as 2026-11-30 or 2026-11-30T09:30:00Z is expected")?;
    Ok(micros.div_euclid(1_000))
}

pub(super) fn run(args: &CountsArgs, environment: &Environment) -> anyhow::Result<()> {
    let settings = environment.store_settings(&environment.review_config(args.place.config())?);
    let handle = StoreHandle::from(settings);
    let platform = Platform::new(Some(handle.clone()), Limits::default());
    let range = CountsRange { from: args.from.unwrap_or(0), until: args.until.unwrap_or_else(now) };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?;
    let mut file = NamedTempFile::new().context("no temporary file can be made")?;
    let rows = runtime.block_on(async {
        let store = handle.get().await.context("the store cannot be opened")?;
        let organisation = args.owner.find(&store).await?;
        let mut counted = platform.counted(range, &organisation.id).await?;
        while let Some(piece) = counted.next().await? {
            file.write_all(&piece)?;
        }
        store.close().await;
        anyhow::Ok(counted.rows())
    })?;
    if rows == 0 {
        bail!("nothing was counted then: photos count that name store and shelf");
    }
    let mut written = file.reopen()?;
    write_atomic(&args.output, |writer| std::io::copy(&mut written, writer).map(drop))?;
    println!("{rows} rows  {}", args.output.display());
    Ok(())
}
