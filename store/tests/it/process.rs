//! Servers that tests start and that end with them, however they end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs a program under a shell that waits for this process: when its standard input closes, because this process is gone,
/// it kills the program and removes the folder.
const GUARD: &str = r#"folder=$1; signal=$2; shift 2
"$@" </dev/null >"$folder/log" 2>&1 &
program=$!
read -r _
kill -"$signal" $program 2>/dev/null
wait $program
rm -rf "$folder""#;

/// A program that lives as long as this process.
#[derive(Debug)]
pub(crate) struct Kept {
    guard: Child,
}

impl Kept {
    pub(crate) fn start(folder: &Path, signal: &str, command: &[&str]) -> Self {
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(folder)
            .arg(signal)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        Self { guard }
    }

    /// Ends the program now.
    pub(crate) fn stop(mut self) {
        if let Some(mut input) = self.guard.stdin.take() {
            let _ = input.write_all(b"\n");
        }
        let _ = self.guard.wait();
    }
}

/// A program in one of `folders` or on the search path.
pub(crate) fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&path));
    all.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Says that a test does not run; where `CI=true` that is a failure.
pub(crate) fn skipped<T>(what: &str) -> Option<T> {
    let message = format!("{what} is not installed (`make setup` installs it)");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
    eprintln!("SKIPPED: {message}");
    None
}

/// A folder of its own, removed by the guard.
pub(crate) fn folder(name: &str) -> PathBuf {
    let number = uuid::Uuid::now_v7();
    let folder = std::env::temp_dir().join(format!("shelf-{name}-{number}"));
    std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
    folder
}
