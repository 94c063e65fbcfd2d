//! `shelf recognize`: photos in, facings and counts out.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pipeline::annotate::{AnnotateOptions, annotate};
use pipeline::{Photo, RecognizeError, RecognizeOptions, Recognized, Recognizer};
use rayon::prelude::*;
use serde::Serialize;
use server::wire::answer::{AnswerContext, RecognizeAnswer, Release};
use vision::{Recognition, Sha256, SkuStatus, Tiling};

use crate::answer_file::AnswerFile;
use crate::environment::Environment;
use crate::{annotated, photos};

/// Recognise photos: boxes, SKUs and counts
#[derive(Args)]
#[command(after_help = "Examples:
  shelf recognize shelf.jpg
  shelf recognize shelf.jpg --output annotated.jpg
  shelf recognize photos/ --output annotated/ --json > answers.jsonl
  shelf recognize photos/ --answers answers.jsonl    # the same command goes on where it was cut off")]
pub(crate) struct RecognizeArgs {
    /// Photos (JPEG, PNG, WebP), or folders of them
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Pipeline configuration [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write annotated images: a file (.jpg, .png, .webp) for one photo, a folder for several
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Print answers as JSON, one object per line, in the format of POST /v2/recognize
    #[arg(long)]
    json: bool,
    /// Append answers as JSON to this file, each on disk before the next photos begin; photos that it has an answer for, of the
    /// same bytes, are passed over
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Minimum confidence, all classes, 0 to 1 [default: from the configuration]
    #[arg(long, value_parser = fraction)]
    conf: Option<f32>,
    /// Overlap (IoU) above which two boxes are one object, 0 to 1
    #[arg(long, value_parser = fraction)]
    iou: Option<f32>,
    /// Tiling: auto, off, or COLUMNSxROWS such as 2x2
    #[arg(long)]
    tiles: Option<Tiling>,
    /// Photos recognised at the same time [default: one per inference session]
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

/// A number from 0 to 1.
pub(crate) fn fraction(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|v| (0.0..=1.0).contains(v)).ok_or_else(|| "it must be a number from 0 to 1".to_owned())
}

/// One photo's bytes and answer.
struct Answered {
    path: PathBuf,
    bytes: Bytes,
    recognized: Recognized,
    total: Duration,
}

pub(crate) fn run(args: &RecognizeArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let photos = photos::collect(&args.images)?;
    let output = args.output.as_deref().map(|path| Output::prepare(path, &photos)).transpose()?;
    let config = environment.pipeline_config(args.config.as_ref())?;
    let jobs = args.jobs.map_or(config.engine.parallelism(), usize::from);
    let mut options = config.options.clone();
    if let Some(conf) = args.conf {
        options.detect.confidence = conf.into();
    }
    options.detect.iou = args.iou.unwrap_or(options.detect.iou);
    options.detect.tiling = args.tiles.unwrap_or(options.detect.tiling);

    let recognizer = pipeline::load(&config)?.recognizer;
    let release = serde_json::to_value(Release::of(&recognizer, None))?;
    let mut answers = args.answers.as_deref().map(|path| AnswerFile::open(path, &release)).transpose()?;
    let answered = |photo: &Path| answers.as_ref().is_some_and(|answers| answers.has(photo));
    let todo: Vec<(usize, PathBuf)> =
        photos.iter().cloned().enumerate().filter(|(_, photo)| !answered(photo)).collect();
    if todo.len() < photos.len() {
        eprintln!("{} of {} photos are answered already", photos.len() - todo.len(), photos.len());
    }
    let workers = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().context("cannot start worker threads")?;
    let progress = progress_bar(todo.len() as u64);
    let mut failed = 0;
    // Windows keep answers in order and memory bounded, however many photos there are.
    for window in todo.chunks(4 * jobs) {
        let done: Vec<anyhow::Result<Answered>> = workers.install(|| {
            window
                .par_iter()
                .map(|(at, path)| {
                    let answer = recognize_file(&recognizer, path, &options)?;
                    if let Some(output) = &output {
                        output.write(*at, &answer, &recognizer)?;
                    }
                    progress.inc(1);
                    Ok(answer)
                })
                .collect()
        });
        let mut lines = Vec::new();
        for ((_, path), answer) in window.iter().zip(done) {
            match answer {
                Ok(answer) => {
                    if answers.is_some() {
                        write_line(&mut lines, &answer, &recognizer)?;
                    }
                    progress.suspend(|| print(&answer, &recognizer, args.json))?;
                }
                Err(error) => {
                    failed += 1;
                    progress.suspend(|| eprintln!("error: {}: {error:#}", path.display()));
                }
            }
        }
        if let Some(answers) = &mut answers {
            answers.append(&lines)?;
        }
    }
    progress.finish_and_clear();
    if failed > 0 {
        eprintln!("{failed} of {} photos could not be recognised", photos.len());
    }
    Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn recognize_file(recognizer: &Recognizer, path: &Path, options: &RecognizeOptions) -> anyhow::Result<Answered> {
    let limit = recognizer.settings().limits.max_bytes as u64;
    let size = fs::metadata(path).context("cannot open it")?.len();
    ensure!(size <= limit, "it has {size} bytes, the limit (limits.max_mib) is {limit}");
    let start = Instant::now();
    let bytes = Bytes::from(fs::read(path).context("cannot read it")?);
    let mut answers = recognizer.recognize(vec![Photo::Encoded(bytes.clone())], options);
    let recognized = answers.pop().expect("one answer per photo").map_err(|error| match error {
        RecognizeError::Model(error) => anyhow::Error::new(error),
        other => other.into(),
    })?;
    Ok(Answered { path: path.to_owned(), bytes, recognized, total: start.elapsed() })
}

/// The server's answer, and which file it is about.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(flatten)]
    answer: RecognizeAnswer,
}

fn write_line(out: &mut impl io::Write, answer: &Answered, recognizer: &Recognizer) -> io::Result<()> {
    let file = answer.path.display().to_string();
    let context = AnswerContext {
        arm: None,
        version: None,
        request_id: &file,
        photo: Sha256::of(&answer.bytes),
        recognizer,
        timing: answer.recognized.timing,
        queued: Duration::ZERO,
        total: answer.total,
        annotated: None,
        embeddings: false,
    };
    let line = Line { file: &file, answer: RecognizeAnswer::new(&answer.recognized.recognition, &context) };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

fn print(answer: &Answered, recognizer: &Recognizer, json: bool) -> io::Result<()> {
    if json {
        return write_line(&mut io::stdout().lock(), answer, recognizer);
    }
    print_counts(&answer.path.display().to_string(), &answer.recognized.recognition, answer.total)
}

/// Display name: one line in all, one for each SKU, and what is to be said besides.
pub(crate) fn print_counts(photo: &str, recognition: &Recognition, total: Duration) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let unsure = recognition.items.iter().filter(|item| item.decision.status == SkuStatus::Ambiguous).count();
    writeln!(
        out,
        "{photo}: {} facings, {} SKUs, {} unknown, {unsure} ambiguous ({:.0} ms)",
        recognition.items.len(),
        recognition.counts.len(),
        recognition.unknown_count,
        total.as_secs_f64() * 1e3
    )?;
    let width = recognition.counts.iter().map(|c| c.sku.name.chars().count()).max().unwrap_or(0);
    for count in &recognition.counts {
        writeln!(out, "  {:>4}  {:width$}  {}", count.count, count.sku.name, count.sku.code)?;
    }
    if recognition.unknown_count > 0 {
        writeln!(out, "  {:>4}  unknown", recognition.unknown_count)?;
    }
    for warning in &recognition.warnings {
        writeln!(out, "  note: {warning}")?;
    }
    Ok(())
}

/// Where the annotated image of each photo goes.
struct Output(Vec<PathBuf>);

impl Output {
    /// Decides between file and folder, and finds out before any work whether it can be written.
    fn prepare(path: &Path, photos: &[PathBuf]) -> anyhow::Result<Self> {
        let is_image = path.extension().is_some() && !path.is_dir();
        if is_image {
            ensure!(
                photos.len() == 1,
                "--output {} names one file, but there are {} photos; name a folder",
                path.display(),
                photos.len()
            );
            ensure!(
                image::ImageFormat::from_path(path).is_ok_and(|format| format.writing_enabled()),
                "--output {}: the ending must be .jpg, .png or .webp",
                path.display()
            );
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            check_writable(folder)?;
            if photos.iter().any(|photo| same_file(photo, path)) {
                bail!("--output {} would overwrite the photo itself", path.display());
            }
            return Ok(Self(vec![path.to_owned()]));
        }
        fs::create_dir_all(path).with_context(|| format!("cannot create the folder {}", path.display()))?;
        check_writable(path)?;
        let images: Vec<PathBuf> = annotated::names(photos).into_iter().map(|name| path.join(name)).collect();
        for image in &images {
            if image.exists() && photos.iter().any(|photo| same_file(photo, image)) {
                bail!("{} is one of the photos and would be overwritten; choose another --output", image.display());
            }
        }
        Ok(Self(images))
    }

    fn write(&self, at: usize, answer: &Answered, recognizer: &Recognizer) -> anyhow::Result<()> {
        let path = &self.0[at];
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        let image =
            annotate(&answer.recognized.image, &answer.recognized.recognition, recognizer, &AnnotateOptions::default());
        let format = image::ImageFormat::from_path(path)?;
        let beside = path.with_added_extension("partial");
        image
            .save_with_format(&beside, format)
            .map_err(anyhow::Error::from)
            .and_then(|()| fs::rename(&beside, path).map_err(anyhow::Error::from))
            .inspect_err(|_| drop(fs::remove_file(&beside)))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn check_writable(folder: &Path) -> anyhow::Result<()> {
    let probe = folder.join(format!(".shelf-{}.partial", std::process::id()));
    fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).with_context(|| {
        format!("cannot write into {}; choose another --output or change its permissions", folder.display())
    })
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn progress_bar(photos: u64) -> ProgressBar {
    if photos < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} photos  {per_sec}  ETA {eta}")
        .expect("the template is well-formed");
    ProgressBar::new(photos).with_style(style)
}
