//! Weights from a hub, against a stand-in on this machine.

#![cfg(feature = "client")]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, too; clippy's allowance covers only the test functions"
)]

mod answers;
mod bytes;
mod cache;
mod stand_in;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hub::{Hub, HubError, HubOptions, Limits, Progress, Token};
use tempfile::TempDir;
use vision::Sha256;

use self::stand_in::{Reply, Request, StandIn};

/// The commit that `main` stands for, unless a test says otherwise.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Bytes that do not repeat with any power of two.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ (at / 251 % 256) as u8).collect()
}

/// A hub, a place that holds its bytes, and a cache.
struct Bench {
    hub: StandIn,
    cdn: StandIn,
    folder: TempDir,
    limits: Limits,
}

impl Bench {
    /// A hub that answers HEAD by `hub`, given the address of the bytes, and a place for bytes that answers by `cdn`.
    fn new(
        hub: impl Fn(&Request, &str) -> Reply + Send + Sync + 'static,
        cdn: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let cdn = StandIn::start(cdn);
        let bytes = format!("{}/bytes?Signature=secret", cdn.address);
        let hub = StandIn::start(move |request| hub(request, &bytes));
        let limits = Limits { answer: Duration::from_secs(20), sleep: |_| (), ..Limits::default() };
        Self { hub, cdn, folder: tempfile::tempdir().unwrap(), limits }
    }

    /// A hub whose every file holds `bytes`, and that does all as it should.
    fn sound(bytes: Vec<u8>) -> Self {
        let told = bytes.clone();
        Self::new(move |_, at| Reply::linked(&told, at), move |request| Reply::part(&bytes, request))
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    fn options(&self) -> HubOptions {
        HubOptions {
            endpoint: self.hub.address.clone(),
            limits: self.limits,
            token: Token::new("hf_secret"),
            ..HubOptions::new(self.cache())
        }
    }

    /// Fetches `name`; and what was told on the way.
    fn fetch(&self, name: &str) -> (Result<PathBuf, HubError>, Vec<String>) {
        fetch_with(self.options(), name)
    }

    /// The error of fetching `hf://o/r`, which must name `part` and the URL, show no secret and leave nothing that looks
    /// whole.
    fn fails(&self, part: &str) -> HubError {
        let error = self.fetch("hf://o/r").0.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(part), "{text}");
        assert!(text.contains(&self.hub.address) || text.contains(&self.cdn.address), "{text}");
        assert!(!text.contains("secret") && !format!("{error:?}").contains("secret"), "{error:?}");
        assert_eq!(self.visible(), [""; 0], "{text}");
        error
    }

    /// Files of the cache that others would take for whole, by their path in the repository's folder.
    fn visible(&self) -> Vec<String> {
        let mut found = Vec::new();
        let root = self.cache().join("models--o--r");
        let mut open = vec![root.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                } else {
                    found.push(entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        found.retain(|path| !path.ends_with(".incomplete"));
        found.sort();
        found
    }

    /// Where the bytes are gathered.
    fn partial(&self, bytes: &[u8]) -> PathBuf {
        self.cache().join(format!("models--o--r/blobs/{}.incomplete", Sha256::of(bytes)))
    }
}

fn fetch_with(options: HubOptions, name: &str) -> (Result<PathBuf, HubError>, Vec<String>) {
    let mut told = Vec::new();
    let hub = Hub::new(options).unwrap();
    let path = hub.fetch(&name.parse().unwrap(), &mut |progress| match progress {
        Progress::Bytes { .. } => {}
        Progress::Waiting { pause, .. } => told.push(format!("wait {pause:?}")),
        Progress::Locked => told.push("locked".to_owned()),
        Progress::Stale { .. } => told.push("stale".to_owned()),
    });
    (path, told)
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
