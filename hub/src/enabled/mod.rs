//! Fetching, in a build that can.

mod cache;
mod client;
mod factory;
mod remote;
mod scrape;
mod transfer;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vision::Sha256;

use self::cache::CachedRepo;
use self::client::Client;
pub use self::factory::FactoryClient;
use self::remote::Remote;
pub use self::scrape::ServerClient;
use super::{DEFAULT_FILES, HubError, HubFile, HubOptions, Limits, Missing, Progress};

/// A hub and the local cache of what was fetched from it.
#[derive(Debug)]
pub struct Hub {
    client: Client,
    cache: PathBuf,
    offline: bool,
    limits: Limits,
}

impl Hub {
    /// A hub; nothing is asked yet.
    ///
    /// # Errors
    /// [`HubError::Endpoint`] when its address cannot be used.
    pub fn new(options: HubOptions) -> Result<Self, HubError> {
        let HubOptions { endpoint, cache, token, offline, limits } = options;
        Ok(Self { client: Client::new(&endpoint, token, limits)?, cache, offline, limits })
    }

    /// Where `file` lies in the cache; it is fetched when it is not there, or when its branch or tag has moved on. Without a
    /// file's name the first of [`DEFAULT_FILES`] that the repository has. What is in the cache is enough when the hub is not
    /// to be asked, when it cannot be, and when the revision is a commit, which never changes.
    ///
    /// # Errors
    /// [`HubError`]: every one names the URL. Nothing incomplete or with another SHA-256 than the hub states gets a name in the
    /// cache; an incomplete transfer is kept aside and goes on the next time.
    pub fn fetch(&self, file: &HubFile, report: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, HubError> {
        let place = CachedRepo::new(&self.cache, file);
        let named = file.file().map(|name| [name]);
        let names: &[&str] = named.as_ref().map_or(&DEFAULT_FILES, |named| named);
        let cached = || names.iter().find_map(|name| place.cached(name));
        if (self.offline || file.is_pinned())
            && let Some(path) = cached()
        {
            return Ok(path);
        }
        if self.offline {
            return Err(HubError::Offline { file: file.to_string(), cache: self.cache.clone() });
        }
        for name in names {
            match self.persevere(report, |report| self.attempt(file, name, &place, report)) {
                Err(HubError::NotFound { missing: Missing::File, .. }) if named.is_none() => {}
                Err(error) if error.is_passing() => {
                    let path = cached();
                    return path.inspect(|_| report(Progress::Stale { error: &error })).ok_or(error);
                }
                answer => return answer,
            }
        }
        Err(HubError::NoWeights { file: file.to_string() })
    }

    /// Tries until it is there, patience is at its end, or trying again would change nothing.
    fn persevere<T>(
        &self,
        report: &mut dyn FnMut(Progress<'_>),
        attempt: impl Fn(&mut dyn FnMut(Progress<'_>)) -> Result<T, HubError>,
    ) -> Result<T, HubError> {
        let mut tries = 0;
        loop {
            let error = match attempt(report) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            tries += 1;
            let Some(pause) = pause(&error, tries, &self.limits) else { return Err(error) };
            report(Progress::Waiting { error: &error, pause });
            (self.limits.sleep)(pause);
        }
    }

    fn attempt(
        &self,
        file: &HubFile,
        name: &str,
        place: &CachedRepo,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf, HubError> {
        let url = self.client.url(file, name);
        let remote = Remote::resolve(&self.client, &url)?;
        if remote.size > self.limits.largest {
            return Err(HubError::TooLarge { url, size: remote.size, largest: self.limits.largest });
        }
        let _lock = place.lock(&remote, &mut || report(Progress::Locked))?;
        if !holds(&place.blob(&remote), &remote) {
            let partial = place.partial(&remote);
            let resumed = transfer::transfer(&self.client, &remote, &partial, report)?;
            let io = |source| HubError::Cache { path: partial.clone(), source };
            let found = Sha256::of_file(&partial).map_err(io)?;
            if found != remote.sha256 {
                fs::remove_file(&partial).map_err(io)?;
                return Err(HubError::Digest { url, expected: remote.sha256, found, resumed });
            }
            place.keep(&remote)?;
        }
        place.point(&remote, name)
    }
}

/// Whether the file at `path` is the whole of `remote`.
fn holds(path: &Path, remote: &Remote) -> bool {
    // The length first: it is the cheaper answer.
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() == remote.size)
        && Sha256::of_file(path).is_ok_and(|found| found == remote.sha256)
}

/// How long to wait after the `tries`-th try failed by `error`; `None` when there is to be no other.
fn pause(error: &HubError, tries: u32, limits: &Limits) -> Option<Duration> {
    // Who has no network should not wait for it five times.
    let unreachable = matches!(error, HubError::Unreachable { .. } | HubError::TimedOut { .. });
    let max = if unreachable { limits.tries.min(2) } else { limits.tries };
    if !error.is_passing() || tries >= max {
        return None;
    }
    match error.pause() {
        Some(asked) => (asked <= limits.longest_pause).then_some(asked),
        None => Some(limits.pause.saturating_mul(1 << (tries - 1).min(16)).min(limits.longest_pause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let limits = Limits { tries: 9, ..Limits::default() };
        let seconds = |error: &HubError, tries| pause(error, tries, &limits).map(|pause| pause.as_secs());
        let url = || "http://hub/a/b".to_owned();
        let server = |pause| HubError::Server { url: url(), status: 503, pause };
        let passing = server(None);
        let grown: Vec<_> = (1..=9).map(|tries| seconds(&passing, tries)).collect();
        assert_eq!(grown, [Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), Some(60), Some(60), None]);
        let asked = |wait| server(Some(Duration::from_secs(wait)));
        assert_eq!([seconds(&asked(0), 1), seconds(&asked(60), 1), seconds(&asked(61), 1)], [Some(0), Some(60), None]);
        let gone = HubError::NotFound { url: url(), missing: Missing::File };
        assert_eq!(seconds(&gone, 1), None);
        let silent = HubError::TimedOut { url: url(), limit: limits.answer };
        assert_eq!([seconds(&silent, 1), seconds(&silent, 2)], [Some(1), None]);
    }
}
