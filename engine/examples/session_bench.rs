//! Times sessions and writes one csv line for each.
//!
//! ```text
//! cargo run --release -p engine --example session_bench -- [--onnx FILE --input 1x3x640x640] [--pool 2x1] [--pool 1x2] [--wide true]
//!     [--provider openvino:CPU:bf16] [--runs 50] [--csv docs/results/session_bench.csv]
//! ```
//!
//! With `--onnx` that network runs in ONNX Runtime. Without, a stack of convolutions runs in ONNX Runtime and in candle.
//! Every pool is measured with one caller (latency) and with as many callers as it has sessions (throughput).

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine::{CandleSession, Device, InputShape, OrtOptions, OrtSession, Output, PoolPlan, Session};
use ndarray::Array4;

#[path = "../tests/it/stack.rs"]
mod stack;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Options {
    onnx: Option<PathBuf>,
    input: [usize; 4],
    pools: Vec<PoolPlan>,
    ort: OrtOptions,
    runs: usize,
    csv: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = parse(std::env::args().skip(1))?;
    let mut lines = Vec::new();
    for pool in &options.pools {
        let started = Instant::now();
        let ort = OrtOptions { pool: *pool, ..options.ort.clone() };
        let session = match &options.onnx {
            Some(path) => OrtSession::open(path, &ort)?,
            None => OrtSession::from_bytes(&stack::onnx(&stack::BACKBONE, &stack::weights(&stack::BACKBONE)), &ort)?,
        };
        let wide = if options.ort.wide_when_idle { "+wide" } else { "" };
        let plan = format!("{}x{}{wide}", pool.sessions, pool.threads_per_session);
        lines.push(measure(&session, &plan, started.elapsed(), &options));
    }
    if options.onnx.is_none() {
        let started = Instant::now();
        let device = Device::parse("auto")?;
        let network =
            stack::weights(&stack::BACKBONE).build(&device, |vb| stack::Stack::load(&stack::BACKBONE, &vb))?;
        let any = InputShape { batch: None, channels: 3, height: None, width: None };
        let session = CandleSession::new(Box::new(network), any, std::collections::BTreeMap::new(), &device);
        lines.push(measure(&session, "all cores", started.elapsed(), &options));
    }
    write(&lines, &options)
}

/// One line of the csv.
fn measure(session: &dyn Session, plan: &str, opening: Duration, options: &Options) -> String {
    let info = session.info();
    let input = Array4::from_elem(options.input, 0.5);
    let run = || session.run(input.view()).unwrap_or_else(|error| panic!("{error}"));
    (0..5).for_each(|_| drop(run()));

    let mut alone: Vec<_> = (0..options.runs).map(|_| timed(run)).collect();
    alone.sort();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..info.parallelism {
            scope.spawn(|| (0..options.runs).for_each(|_| drop(run())));
        }
    });
    let images = (options.runs * info.parallelism * options.input[0]) as f64;
    let network =
        options.onnx.as_ref().and_then(|path| path.file_stem()).map_or("stack".into(), |stem| stem.to_string_lossy());
    let [n, c, h, w] = options.input;
    format!(
        "{network},{n}x{c}x{h}x{w},{},{},{},{plan},{:.0},{:.2},{:.2},{:.2},{:.0}",
        info.engine,
        info.version,
        info.provider,
        opening.as_secs_f64() * 1e3,
        alone[alone.len() / 2].as_secs_f64() * 1e3,
        alone[alone.len() * 9 / 10].as_secs_f64() * 1e3,
        images / started.elapsed().as_secs_f64(),
        resident_megabytes(),
    )
}

fn timed(run: impl Fn() -> Vec<Output>) -> Duration {
    let started = Instant::now();
    let outputs = run();
    let elapsed = started.elapsed();
    drop(outputs);
    elapsed
}

/// Of the whole process, so later lines include what earlier ones left.
fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()).map_or(f64::NAN, |kb| kb / 1024.0)
}

fn write(lines: &[String], options: &Options) -> Result<()> {
    let head =
        "network,input,engine,version,provider,pool,open_ms,alone_p50_ms,alone_p90_ms,pictures_per_second,rss_mb";
    println!("{head}");
    lines.iter().for_each(|line| println!("{line}"));
    if let Some(path) = &options.csv {
        let new = !path.exists();
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if new {
            writeln!(file, "{head}")?;
        }
        lines.iter().try_for_each(|line| writeln!(file, "{line}"))?;
    }
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options =
        Options { onnx: None, input: [1, 3, 640, 640], pools: vec![], ort: OrtOptions::default(), runs: 50, csv: None };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--onnx" => options.onnx = Some(value.into()),
            "--csv" => options.csv = Some(value.into()),
            "--runs" => options.runs = value.parse::<usize>()?.max(1),
            "--wide" => options.ort.wide_when_idle = value.parse()?,
            "--provider" => options.ort.providers.push(value.parse()?),
            "--input" => options.input = numbers(&value)?,
            "--pool" => {
                let [sessions, threads_per_session] = numbers(&value)?;
                options.pools.push(PoolPlan { sessions, threads_per_session });
            }
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    if options.pools.is_empty() {
        options.pools.push(PoolPlan::AUTOMATIC);
    }
    Ok(options)
}

fn numbers<const N: usize>(text: &str) -> Result<[usize; N]> {
    let numbers = text.split('x').map(str::parse).collect::<std::result::Result<Vec<usize>, _>>()?;
    numbers.try_into().map_err(|_| format!("{text:?} is not {N} numbers with x between").into())
}
