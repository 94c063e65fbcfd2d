//! `shelf demo`: the example, recognised.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use pipeline::Photo;
use pipeline::annotate::{AnnotateOptions, annotate};

use crate::environment::Environment;
use crate::example;
use crate::recognize::print_counts;

/// Recognise the example that comes with the program: a synthetic shelf whose SKUs are enrolled
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Pipeline configuration [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the annotated photo (.jpg, .png, .webp)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &DemoArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let config = environment.pipeline_config(args.config.as_ref())?;
    let served = pipeline::load::load_without_gallery(&config)?.recognizer;
    let recognizer = example::recognizer(&served)?;
    let answer = recognizer.recognize(vec![Photo::Encoded(example::photo())], &config.options).pop();
    let recognized = answer.context("a photo has an answer")??;
    print_counts("the example", &recognized.recognition, recognized.timing.total())?;
    if let Some(path) = &args.output {
        let image = annotate(&recognized.image, &recognized.recognition, &recognizer, &AnnotateOptions::default());
        image.save(path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    writeln!(
        io::stdout().lock(),
        "
This shelf is synthetic, and its SKUs are known to this command alone. Your own, from three images each:

  shelf gallery build skus/        # one folder of images per SKU: skus/sku_001_absolut_vodka/front.jpg ...
  shelf recognize shelf.jpg        # or the page: shelf serve"
    )?;
    Ok(ExitCode::SUCCESS)
}
