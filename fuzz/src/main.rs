//! `cargo run -p fuzz -- run --seconds 60`: broken files for every reader. See the library.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use fuzz::judge::judge;
use fuzz::memory::Counting;
use fuzz::run::Until;
use fuzz::{TARGETS, Target, target};
use vision::decode::heic;

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
    /// For each target so many mutations instead, whatever time they take; the outcome as CSV
    #[arg(long, value_name = "N")]
    mutations: Option<u64>,
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
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == heic::HELPER_ARGUMENT) {
        heic::run_helper(arguments);
    }
    heic::use_helper(std::env::current_exe()?);
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
    let until = args.mutations.map_or(Until::Time(time), Until::Mutations);
    let mut failed = false;
    if let Some(mutations) = args.mutations {
        println!(
            "# cargo run -p fuzz -- run --mutations {mutations} --seed {} (a build with checks) on {}",
            args.seed,
            processor()
        );
        println!(
            "# panics and broken promises end a target's run: it stands here only when it had none; a reader answers within 4 s"
        );
        println!("reader,mutations,read,kinds_of_answers,panics,peak_mib,allowed_mib");
    }
    for target in targets {
        match fuzz::run::run(target, args.seed, until, &args.failures)? {
            Ok(summary) if args.mutations.is_some() => {
                let (mutations, peak) = (args.mutations.unwrap_or_default(), summary.peak as f64 / f64::from(1 << 20));
                println!(
                    "{},{mutations},{},{},0,{peak:.2},{}",
                    target.name, summary.read, summary.kinds, target.max_mib
                );
            }
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

/// What it ran on, for the head of a table.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Panics are caught and reported once, with their input; their traces would bury it.
fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}
