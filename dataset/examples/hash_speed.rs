//! Speed and memory of hashing a folder, against `sha256sum` on as many processes as there are cores, in one run.
//!
//! `cargo run --profile release --package dataset --example hash_speed [-- CSV]` writes `docs/results/hash_speed.csv`.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use dataset::hash::Manifest;

/// Name, number of files, bytes in each.
const SETS: &[(&str, usize, usize)] =
    &[("photos", 1_000, 2_000_000), ("crops", 20_000, 30_000), ("labels", 100_000, 400)];
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let output = std::env::args().nth(1).unwrap_or_else(|| "docs/results/hash_speed.csv".to_owned());
    let cores = std::thread::available_parallelism()?.get();
    // SHA-256 is a dependency, and those are optimised in every profile; the metrics say which one it was all the same.
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let mut csv = format!(
        "# cargo run --profile {profile} --package dataset --example hash_speed; files in the page cache; best of {ROUNDS} \
         alternating rounds\n# sha256sum of Debian coreutils 9.1 is not linked with libcrypto, so it does without the SHA instructions that \
         shelf uses\nset,files,megabytes,cores,shelf_s,sha256sum_s,ratio,shelf_mb_per_s,peak_rss_mib\n",
    );
    for &(name, files, bytes) in SETS {
        let folder = tempfile::tempdir()?;
        fill(folder.path(), files, bytes)?;
        let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            ours = ours.min(time(|| shelf(folder.path()))?);
            theirs = theirs.min(time(|| sha256sum(folder.path(), cores))?);
        }
        let megabytes = (files * bytes) as f64 / 1e6;
        let line = format!(
            "{name},{files},{megabytes:.0},{cores},{ours:.3},{theirs:.3},{:.2},{:.0},{}\n",
            ours / theirs,
            megabytes / ours,
            peak_rss_mib()?
        );
        print!("{line}");
        csv += &line;
    }
    dataset::files::write_atomic(Path::new(&output), |writer| writer.write_all(csv.as_bytes()))?;
    println!("written to {output}");
    Ok(())
}

/// Files of unlike content, 1,000 to a folder.
fn fill(root: &Path, files: usize, bytes: usize) -> std::io::Result<()> {
    let mut content = vec![0_u8; bytes];
    let mut state = 1_u64;
    for number in 0..files {
        if number % 1000 == 0 {
            fs::create_dir(root.join(format!("{:03}", number / 1000)))?;
        }
        // Only the beginning differs: SHA-256 does not care, and making the files must not take longer than hashing them.
        for byte in content.iter_mut().take(64) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
        fs::write(root.join(format!("{:03}/{number:06}.bin", number / 1000)), &content)?;
    }
    Ok(())
}

fn time(work: impl FnOnce() -> Result<(), Box<dyn std::error::Error>>) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

fn shelf(root: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let manifest = Manifest::of_folder(root, &[], &())?;
    // The root is wanted: without a use of it the work could be left out.
    if manifest.files().is_empty() { Err("nothing was hashed".into()) } else { Ok(()) }
}

/// `find | xargs sha256sum`, as many processes as cores, each with many files at a time.
fn sha256sum(root: &Path, cores: usize) -> Result<(), Box<dyn std::error::Error>> {
    let command = format!("find . -type f -print0 | xargs -0 -P {cores} -n 256 sha256sum > /dev/null");
    let status = Command::new("sh").args(["-c", &command]).current_dir(root).stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err("sha256sum failed".into()) }
}

/// Highest memory of this process so far, in MiB (Linux).
fn peak_rss_mib() -> Result<u64, Box<dyn std::error::Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? / 1024)
}
