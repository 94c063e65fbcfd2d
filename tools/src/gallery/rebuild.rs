//! `shelf gallery rebuild`: the gallery as people's labels make it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use classifier::EmbedderIdentity;
use classifier::gallery::{GalleryError, snapshot};
use review::LiveGallery;

use super::GalleryArgs;
use crate::environment::Environment;

/// Rebuild the gallery from the labels of the review queue
///
/// The review queue's store takes over what the folder has enrolled, and holds every exemplar then, enrolled or
/// labelled. What is
/// written is, bit for bit, what a server that follows the store has in memory.
#[derive(Args)]
pub(crate) struct RebuildArgs {
    /// Take everything from the review queue's store (DATABASE_URL, else review.database of the configuration)
    #[arg(long, required = true)]
    from_store: bool,
    /// Folder to write, in place of the gallery's own
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    place: GalleryArgs,
}

pub(super) fn rebuild(args: &RebuildArgs, environment: &Environment) -> anyhow::Result<()> {
    let config = environment.pipeline_config(args.place.config.as_ref())?;
    let folder = args.place.folder(environment)?;
    let settings = environment.store_settings(&environment.review_config(args.place.config.as_ref())?);
    // Which embedder is in use stands in the gallery; without one, the embedder itself says.
    let (name, embedder, enrolled) = match snapshot::read(&folder) {
        Ok(data) => (data.name().to_owned(), data.embedder().clone(), Some(LiveGallery::enrolled(&data))),
        Err(GalleryError::Missing { .. }) => {
            let embedder = pipeline::load::load_embedder(&config)?;
            ("empty".to_owned(), EmbedderIdentity::of(&embedder), None)
        }
        Err(error) => return Err(error.into()),
    };
    let mut live = LiveGallery::new(&name, embedder, pipeline::load::index_options(&config));
    let runtime = tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        let store = store::Store::open(&settings).await.context("the review queue cannot be opened")?;
        // As a server does at its start: what was enrolled since must not be lost.
        if let Some(enrolled) = enrolled {
            store.adopt(enrolled).await?;
        }
        let changes = store.changes_since(0, live.embedder()).await?;
        if changes.exemplars.is_empty() {
            bail!("neither the gallery's folder nor the store has an exemplar: enrol with `shelf gallery build DIR`");
        }
        live.apply(&changes)?;
        let mut data = live.data().clone();
        let target = args.to.as_ref().unwrap_or(&folder);
        snapshot::write(&mut data, target)?;
        if let Some(digest) = data.digest() {
            let counts = (data.skus().len(), data.exemplars().len());
            store.record_gallery(digest, live.embedder(), changes.change, counts).await?;
            println!("{}: {} SKUs, {} exemplars, digest {digest}", target.display(), counts.0, counts.1);
        }
        store.close().await;
        Ok(())
    })
}
