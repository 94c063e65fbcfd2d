//! `shelf doctor`: what would run, with which libraries and models, and what is wrong.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use pipeline::PipelineConfig;
use pipeline::config::EngineName;
use pipeline::load::{load_detector, load_embedder, load_gallery, ort_options};
use vision::decode::heic;
use vision::{Detector as _, Embedder as _, ModelCard, SkuIndex as _};

use crate::environment::Environment;

/// Whether networks can be run without ONNX Runtime.
const WITH_CANDLE: bool = cfg!(feature = "candle");

/// Show which engine, libraries, models and gallery would be used, and what is wrong
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Pipeline configuration [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Lines go out as they are found; problems are repeated at the end, where people look.
#[derive(Default)]
struct Report {
    problems: Vec<String>,
}

impl Report {
    fn line(&self, subject: &str, text: impl std::fmt::Display) {
        println!("{subject:<14}{text}");
    }

    fn problem(&mut self, subject: &str, error: &dyn std::error::Error) {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // Errors that are shown through say the same words again.
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text += ": ";
                text += &cause_text;
            }
            source = cause.source();
        }
        self.line(subject, "PROBLEM, see below");
        self.problems.push(format!("{subject}: {text}"));
    }
}

pub(crate) fn run(args: &DoctorArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    report.line(
        "shelf",
        format_args!("{} for {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
    );
    report.line("cores", std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    if !environment.enabled {
        report.line("recognition", "switched off by AI_V2_ENABLED: the server answers 503");
    }
    let path = environment.config_path(args.config.as_ref());
    report.line("configuration", path.display());
    match environment.pipeline_config(args.config.as_ref()) {
        Ok(config) => check(&config, &mut report),
        Err(error) => report.problem("configuration", &*error),
    }
    if report.problems.is_empty() {
        println!("\nNothing is wrong.");
        return Ok(ExitCode::SUCCESS);
    }
    println!();
    for problem in &report.problems {
        println!("PROBLEM  {problem}");
    }
    Ok(ExitCode::FAILURE)
}

fn check(config: &PipelineConfig, report: &mut Report) {
    engines(config, report);
    let heic = if heic::available() { "read, by libheif" } else { "not read: apt install libheif1" };
    report.line("HEIC", heic);
    let detector = weights(&config.detector_model, "detector", report)
        .and_then(|()| load_detector(config).map_err(|error| report.problem("detector", &error)).ok());
    if let Some(detector) = detector {
        report.line("detector", detector.describe());
        report.line("  classes", detector.classes().join(", "));
    }
    let embedder = weights(&config.embedder_model, "embedder", report)
        .and_then(|()| load_embedder(config).map_err(|error| report.problem("embedder", &error)).ok());
    let Some(embedder) = embedder else {
        report.line("gallery", format_args!("{} (checked once the embedder loads)", config.gallery_path.display()));
        return;
    };
    report.line("embedder", format_args!("{}, {} components", embedder.describe(), embedder.dimension()));
    match load_gallery(config, &embedder) {
        Ok(gallery) if gallery.is_empty() => report.line(
            "gallery",
            format_args!(
                "none at {}: every facing is unknown until `shelf gallery build`",
                config.gallery_path.display()
            ),
        ),
        Ok(gallery) => report.line("gallery", gallery.describe()),
        Err(error) => report.problem("gallery", &error),
    }
}

fn engines(config: &PipelineConfig, report: &mut Report) {
    let library = config.engine.library.as_deref();
    match engine::ort::available(library) {
        Ok(info) => report.line(
            "ONNX Runtime",
            format_args!("{} ({}), built with {}", info.version, info.path.display(), info.providers.join(", ")),
        ),
        // Without the library candle serves, where it is built in; that is a problem only for who asked for ONNX Runtime.
        Err(error) if config.engine.name == EngineName::Onnxruntime || !WITH_CANDLE => {
            report.problem("ONNX Runtime", &error);
        }
        Err(error) => report.line("ONNX Runtime", format_args!("{error}. candle serves instead, many times slower")),
    }
    match engine::Device::parse(&config.engine.device) {
        Ok(_) if !WITH_CANDLE => report.line("candle", "not in this build, which serves by ONNX Runtime alone"),
        Ok(_) => report.line("candle", format_args!("device {}", config.engine.device)),
        Err(error) => report.problem("candle", &error),
    }
    match ort_options(&config.engine) {
        Ok(_) => report.line("providers", config.engine.providers.join(", ")),
        Err(error) => report.problem("providers", &error),
    }
}

/// Says what lies at the path; `None` when nothing does.
fn weights(path: &Path, subject: &str, report: &mut Report) -> Option<()> {
    let Ok(metadata) = path.metadata() else {
        report.line(subject, "PROBLEM, see below");
        let variable = if subject == "detector" { "AI_V2_DETECTOR_MODEL" } else { "AI_V2_CLASSIFIER_MODEL" };
        report.problems.push(format!(
            "{subject}: there is no file {}; put the weights there, name others as {subject}.model in the configuration, or set {variable}",
            path.display()
        ));
        return None;
    };
    let card = ModelCard::path_for(path);
    let card = if card.exists() { card.display().to_string() } else { "no model card".to_owned() };
    report.line(
        &format!("{subject} file"),
        format_args!("{} ({:.1} MB, {card})", path.display(), metadata.len() as f64 / 1e6),
    );
    Some(())
}
