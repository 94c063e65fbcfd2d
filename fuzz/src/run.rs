//! Inputs until the time is over, or there were enough.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vision::{Random, Sha256};

use crate::corpus;
use crate::judge::{Failure, weighed};
use crate::mutate::mutate;
use crate::{Answer, Target};

/// Inputs that are mutated on, at most: the newest answers push the oldest out.
const MAX_POOL: usize = 2000;

/// What came of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Inputs tried.
    pub tried: u64,
    /// Of those, how many were read as something good.
    pub read: u64,
    /// Kinds of answers that were seen.
    pub kinds: usize,
    /// Most bytes that were allocated for one of them.
    pub peak: usize,
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After this time.
    Time(Duration),
    /// After so many inputs beyond those that are kept.
    Mutations(u64),
}

/// An input that fails, kept for a person.
#[derive(Debug)]
pub struct Found {
    /// Where it lies.
    pub path: PathBuf,
    /// What it does.
    pub failure: Failure,
}

/// Tries inputs of `target`, first all that are kept, then mutations of them. `failures` is where an input goes that fails; the one
/// under way lies there as `TARGET-current`, should the process be ended by it.
///
/// # Errors
/// When files cannot be read or written.
pub fn run(target: &Target, seed: u64, until: Until, failures: &Path) -> io::Result<Result<Summary, Found>> {
    fs::create_dir_all(failures)?;
    let start = Instant::now();
    let mut random = Random::named(seed, target.name);
    let mut pool: Vec<Vec<u8>> = corpus::inputs(target)?.into_iter().map(|(_, data)| data).collect();
    pool.push(Vec::new());
    let kept = pool.len();
    let current = Current::open(&failures.join(format!("{}-current", target.name)))?;
    let watch = Watch::start(target.name, target.max_time);
    let (mut kinds, mut summary) = (HashSet::new(), Summary { tried: 0, read: 0, kinds: 0, peak: 0 });
    let over = |tried: u64| match until {
        Until::Time(time) => start.elapsed() >= time,
        Until::Mutations(wanted) => tried >= kept as u64 + wanted,
    };
    while summary.tried < kept as u64 || !over(summary.tried) {
        let data = match pool.get(summary.tried as usize) {
            Some(data) if summary.tried < kept as u64 => data.clone(),
            _ => {
                let (input, other) = (&pool[random.below(pool.len())], &pool[random.below(pool.len())]);
                let mut data = mutate(input, other, target.words, &mut random);
                // Half of them with right checksums, half as they are.
                if let Some(mend) = target.mend.filter(|_| random.below(2) == 0) {
                    mend(&mut data);
                }
                data
            }
        };
        current.write(&data)?;
        summary.tried += 1;
        watch.begin();
        let (verdict, bytes) = weighed(target, &data);
        summary.peak = summary.peak.max(bytes);
        match verdict {
            Ok(answer) => {
                summary.read += u64::from(matches!(answer, Answer::Read(_)));
                if kinds.insert(answer.kind()) && summary.tried > kept as u64 {
                    if pool.len() >= MAX_POOL {
                        pool.remove(kept.min(pool.len() - 1));
                    }
                    pool.push(data);
                }
            }
            Err(failure) => {
                let path = failures.join(format!("{}-{}", target.name, Sha256::of(&data).short()));
                fs::write(&path, &data)?;
                return Ok(Err(Found { path, failure }));
            }
        }
        watch.end();
    }
    current.remove()?;
    summary.kinds = kinds.len();
    Ok(Ok(summary))
}

/// The input under way, on disk: whatever ends the process, it is there.
struct Current {
    path: PathBuf,
    file: File,
}

impl Current {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: File::create(path)? })
    }

    fn write(&self, data: &[u8]) -> io::Result<()> {
        self.file.set_len(data.len() as u64)?;
        self.file.write_all_at(data, 0)
    }

    fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

/// Ends the process when a reader does not come back at all.
struct Watch {
    start: Instant,
    /// Milliseconds since `start` at which the input under way began; 0 between inputs.
    began: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Watch {
    fn start(name: &'static str, longest: Duration) -> Self {
        let watch = Self { start: Instant::now(), began: Arc::default(), over: Arc::default() };
        let (start, began, over) = (watch.start, Arc::clone(&watch.began), Arc::clone(&watch.over));
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
                let began = began.load(Ordering::Relaxed);
                let now = start.elapsed().as_millis() as u64;
                if began > 0 && now.saturating_sub(began) > 4 * longest.as_millis() as u64 {
                    eprintln!("{name}: a reader does not come back; its input is {name}-current");
                    std::process::exit(1);
                }
            }
        });
        watch
    }

    fn begin(&self) {
        self.began.store(1 + self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn end(&self) {
        self.began.store(0, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::MAX_TIME;
    use crate::judge::judge;

    const fn target(run: fn(&[u8]) -> Answer) -> Target {
        Target { name: "test", run, words: &[b"secret"], mend: None, max_mib: 1, max_time: MAX_TIME }
    }

    #[test]
    fn a_panic_is_found_and_its_input_kept() {
        let folder = tempfile::tempdir().expect("writable");
        let fragile = target(|data| {
            assert!(!data.windows(6).any(|word| word == b"secret"), "found");
            Answer::Read(String::new())
        });
        let found = run(&fragile, 1, Until::Time(Duration::from_secs(20)), folder.path())
            .expect("files")
            .expect_err("it fails");
        assert_eq!(found.failure, Failure::Panic("found".to_owned()));
        let kept = fs::read(found.path).expect("kept");
        assert!(judge(&fragile, &kept).is_err());
    }

    #[test]
    fn answers_of_a_new_kind_are_mutated_on() {
        let folder = tempfile::tempdir().expect("writable");
        // Each step is reached from the one before.
        let steps = target(|data| {
            let depth = data.iter().take(4).take_while(|byte| **byte >= 0x80).count();
            Answer::Refused("step ".repeat(depth))
        });
        let summary =
            run(&steps, 1, Until::Time(Duration::from_secs(2)), folder.path()).expect("files").expect("nothing fails");
        assert_eq!(summary.kinds, 5, "after {} inputs", summary.tried);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0, "nothing is left behind");
        let counted = run(&steps, 1, Until::Mutations(50), folder.path()).expect("files").expect("nothing fails");
        assert_eq!(counted.tried, 51, "the kept empty input, and fifty");
    }
}
