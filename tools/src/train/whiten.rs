//! `shelf train classifier --whiten`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use engine::{Device, Precision};
use train::classifier::fit::served_model;
use train::classifier::validate::{Embedded, EmbeddedParts};
use train::classifier::{TrainConfig, Whitening};
use vision::{ModelCard, Sha256};

use super::classifier::{ClassifierArgs, read};
use super::export::metric;
use super::run::weights;

pub(super) fn run(args: &ClassifierArgs, shrinkage: f64) -> anyhow::Result<ExitCode> {
    let source = weights(&args.runs, &args.export.weights)?;
    let Some(folder) = &args.export.output_dir else { bail!("--whiten needs --output-dir, where the weights go") };
    let Some(card) = ModelCard::read_beside(&source)? else {
        bail!("{} has no model card beside it, which says how images are prepared", source.display())
    };
    let config = TrainConfig { side: card.preprocess.width, ..read(&args.config)? };
    let images = config.images()?;
    let imported = classifier::import(&source, Some(card.architecture.parse()?))?;
    let device = Device::parse(&config.device)?;
    let network = served_model::embedder(&imported.weights, &config, &device)?;
    let mut shown = 0;
    let parts = EmbeddedParts::embed(&images, &network, &mut |done, all| {
        if done * 10 / all.max(1) > shown {
            shown = done * 10 / all.max(1);
            eprintln!("embedded {done} of {all}");
        }
    })?;
    let settings = (shrinkage, &config.augment, config.rules.seed);
    let mut shown = 0;
    let learned =
        Whitening::learn(&by_source(&config, &parts.train), (&network, &config.plan()), settings, &mut |done, all| {
            if done * 10 / all.max(1) > shown {
                shown = done * 10 / all.max(1);
                eprintln!("copied {done} of {all}");
            }
        })?;
    let whitening = learned.context("images of one SKU never differ in the configuration's data")?;
    let weights = whitening.fold(&imported.weights).context("the weights have no embedding that can be whitened")?;
    let (before, after) = (parts.metrics(), parts.changed(|part| whitening.embeddings(part)).metrics());
    println!("metric,before,whitened");
    for ((name, before), (_, after)) in before.metrics().into_iter().zip(after.metrics()) {
        println!("{name},{},{}", metric(before), metric(after));
    }
    ensure!(
        after.fitness() >= before.fitness(),
        "whitening made validation worse ({:.4} in place of {:.4}), so nothing was written; try a larger --whiten",
        after.fitness(),
        before.fitness()
    );
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let name = format!("{}-native.safetensors", args.export.model_name.as_deref().unwrap_or(&card.name));
    let path = folder.join(&name);
    weights.save(&path, Precision::F32)?;
    let card = ModelCard {
        name: args.export.model_name.clone().unwrap_or(card.name),
        sha256: Sha256::of_file(&path).with_context(|| format!("{} cannot be read", path.display()))?,
        weights: name,
        background: None,
        metrics: after.metrics().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
        ..card
    };
    card.write_beside(&path)?;
    println!("{}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Images by the folder of the configuration that they lie in.
fn by_source(config: &TrainConfig, all: &Embedded) -> Vec<Embedded> {
    let within = |root: &Path| all.crops.iter().filter(|crop| crop.1.starts_with(root)).cloned().collect();
    config.data.iter().map(|source| Embedded { crops: within(&source.root) }).collect()
}
