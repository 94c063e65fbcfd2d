//! `cargo run -p fuzz -- run --seconds 60`: broken files for every reader. See the library.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use fuzz::judge::judge;
use fuzz::memory::Counting;
use fuzz::{TARGETS, Target, target};

#[global_allocator]
static MEMORY: Counting = Counting;

/// Feed broken files to the readers of this workspace
#[derive(Parser)]
struct Args {
    /// What to do
    what: What,
    /// Inputs of `replay`: files
    files: Vec<PathBuf>,
    /// One target alone [default: all, one after the other]
    #[arg(long)]
    target: Option<String>,
    /// For all targets together
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Another seed, other inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where inputs go that fail
    #[arg(long, default_value = "fuzz/failures")]
    failures: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Try inputs until the time is over
    Run,
    /// Try files, and say what comes of each
    Replay,
    /// Name the targets
    List,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let targets: Vec<&Target> = match &args.target {
        Some(name) => vec![target(name).with_context(|| format!("there is no target {name}; `list` names them"))?],
        None => TARGETS.iter().collect(),
    };
    match args.what {
        What::List => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        What::Replay => return replay(&targets, &args.files),
        What::Run => return run(&targets, &args),
    }
    Ok(ExitCode::SUCCESS)
}

fn run(targets: &[&Target], args: &Args) -> anyhow::Result<ExitCode> {
    quiet();
    let time = Duration::from_secs(args.seconds) / targets.len() as u32;
    let mut failed = false;
    for target in targets {
        match fuzz::run::run(target, args.seed, time, &args.failures)? {
            Ok(summary) => {
                println!(
                    "{:<14}{:>9} inputs, {:>7} read, {:>4} kinds of answers",
                    target.name, summary.tried, summary.read, summary.kinds
                );
            }
            Err(found) => {
                failed = true;
                println!("{:<14}FAILED: {}", target.name, found.failure);
                println!("  again: cargo run -p fuzz -- replay --target {} {}", target.name, found.path.display());
                println!("  mended, the input goes into fuzz/corpus/{}", target.name);
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn replay(targets: &[&Target], files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let [target] = targets else { bail!("name the --target whose files these are") };
    let mut failed = false;
    for file in files {
        let data = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let verdict = judge(target, &data);
        failed |= verdict.is_err();
        match verdict {
            Ok(answer) => println!("{}: {answer:?}", shown(file)),
            Err(failure) => println!("{}: FAILED: {failure}", shown(file)),
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn shown(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Panics are caught and reported once, with their input; their traces would bury it.
fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}
