//! Keys that are live, and sessions that stand for them, followed from the store: a request is let in without asking it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use store::access::{ApiKey, SessionToken};
use store::audit::Actor;
use store::model::{Timestamp, now};
use store::{StoreError, StoreHandle};
use subtle::ConstantTimeEq;
use tokio::sync::mpsc;
use vision::Sha256;

use super::Identity;
use super::flying::{Flying, Place};
use super::limit::{Bucket, KeyLimits, RateLimit};

/// How often the store is asked which keys there are: a revoked one is refused after this at the latest.
const LOOK: Duration = Duration::from_secs(2);
/// How exact the time of the last use is, milliseconds.
const USED: Timestamp = 60_000;
/// Keys that nobody knows may be looked up so often: whoever guesses keys keeps no database busy.
const LOOKUPS: RateLimit = RateLimit { rate: 20.0, burst: 20.0 };
/// How long a session lasts, milliseconds: a working day.
pub(super) const SESSION_LIFE: i64 = 12 * 3_600_000;
/// Most sessions that are remembered; the others are looked up again.
const MAX_SESSIONS: usize = 10_000;

/// A key that was live when the store was asked last.
#[derive(Debug)]
pub(super) struct Known {
    id: String,
    digest: Sha256,
    pub(super) identity: Identity,
    expires_at: Option<Timestamp>,
    bucket: Bucket,
    flying: Flying,
    /// When it was used last, and the same as the store knows it.
    used: AtomicI64,
    written: AtomicI64,
}

impl Known {
    fn new(key: &ApiKey, limits: KeyLimits) -> Self {
        Self {
            id: key.id.clone(),
            digest: key.digest,
            identity: Identity::of(key),
            expires_at: key.expires_at,
            bucket: Bucket::full(limits.rate, Instant::now()),
            flying: Flying::of(limits.at_once),
            used: AtomicI64::new(0),
            written: AtomicI64::new(key.used_at.unwrap_or_default()),
        }
    }

    /// Counts a use, or says after how many seconds there may be one; gives the place that it has until its answer has gone, if one
    /// is free.
    pub(super) fn take(&self) -> Result<Option<Place>, u64> {
        self.bucket.take(Instant::now())?;
        self.used.store(now(), Ordering::Relaxed);
        Ok(self.flying.take())
    }

    /// The last use, when the store should hear of it.
    fn to_write(&self) -> Option<(String, Timestamp)> {
        let used = self.used.load(Ordering::Relaxed);
        (used - self.written.load(Ordering::Relaxed) >= USED).then(|| {
            self.written.store(used, Ordering::Relaxed);
            (self.id.clone(), used)
        })
    }
}

/// All of them, by digest.
#[derive(Debug)]
pub(crate) struct KeyRing {
    store: StoreHandle,
    limits: KeyLimits,
    known: RwLock<HashMap<Sha256, Arc<Known>>>,
    sessions: RwLock<HashMap<Sha256, Seen>>,
    lookups: Bucket,
}

/// A session as the store knew it last.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Of its key.
    key: Sha256,
    expires_at: Timestamp,
    looked: Instant,
}

impl KeyRing {
    pub(super) fn new(store: StoreHandle, limits: KeyLimits) -> Self {
        let lookups = Bucket::full(LOOKUPS, Instant::now());
        Self { store, limits, known: RwLock::default(), sessions: RwLock::default(), lookups }
    }

    /// The key that a session stands for, as long as both hold. The store is asked again every two seconds: a session that ended on
    /// another server ends here after this at the latest.
    pub(super) async fn session(&self, token: &SessionToken) -> Result<Option<Arc<Known>>, StoreError> {
        let digest = token.digest();
        let seen = self.sessions.read().unwrap_or_else(PoisonError::into_inner).get(&digest).copied();
        let seen = match seen {
            Some(seen) if seen.looked.elapsed() < LOOK => Some(seen),
            // Nobody keeps the database busy by guessing; what is known is no guess.
            None if self.lookups.take(Instant::now()).is_err() => None,
            _ => self.look_up_session(digest).await?,
        };
        match seen.filter(|seen| now() < seen.expires_at) {
            Some(seen) => self.find(seen.key).await,
            None => Ok(None),
        }
    }

    async fn look_up_session(&self, digest: Sha256) -> Result<Option<Seen>, StoreError> {
        let found = self.store.get().await?.session(digest).await?;
        let seen = found.map(|session| Seen {
            key: session.key.digest,
            expires_at: session.expires_at,
            looked: Instant::now(),
        });
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MAX_SESSIONS {
            sessions.clear();
        }
        match seen {
            Some(seen) => drop(sessions.insert(digest, seen)),
            None => drop(sessions.remove(&digest)),
        }
        Ok(seen)
    }

    /// Begins a session for whoever has this key.
    pub(super) async fn begin_session(&self, key: Sha256, actor: &Actor) -> Result<Option<SessionToken>, StoreError> {
        let store = self.store.get().await?;
        let Some(key) = store.key_by_digest(key).await?.filter(|key| key.is_live(now())) else { return Ok(None) };
        store.begin_session(&key, SESSION_LIFE, actor).await.map(Some)
    }

    /// Ends a session: here at once, on other servers after two seconds at the latest.
    pub(super) async fn end_session(&self, token: &SessionToken, actor: &Actor) -> Result<(), StoreError> {
        self.store.get().await?.end_session(token.digest(), actor).await?;
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).remove(&token.digest());
        Ok(())
    }

    /// The live key of that digest. One that was made a moment ago is looked up.
    pub(super) async fn find(&self, digest: Sha256) -> Result<Option<Arc<Known>>, StoreError> {
        let held = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        let held = match held {
            Some(known) => Some(known),
            None if self.lookups.take(Instant::now()).is_ok() => self.look_up(digest).await?,
            None => None,
        };
        // The map has compared the digests of random keys, which tells nothing of a key; this comparison does not depend on that.
        let same = |known: &Arc<Known>| bool::from(known.digest.0[..].ct_eq(&digest.0[..]));
        Ok(held.filter(|known| same(known) && known.expires_at.is_none_or(|end| now() < end)))
    }

    async fn look_up(&self, digest: Sha256) -> Result<Option<Arc<Known>>, StoreError> {
        let Some(key) = self.store.get().await?.key_by_digest(digest).await?.filter(|key| key.is_live(now())) else {
            return Ok(None);
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let entry = known.entry(digest).or_insert_with(|| Arc::new(Known::new(&key, self.limits)));
        Ok(Some(Arc::clone(entry)))
    }

    /// Takes over what the store knows; says how many keys there are.
    pub(super) async fn look(&self) -> Result<usize, StoreError> {
        let store = self.store.get().await?;
        let live = store.live_keys().await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *known);
        for key in &live {
            // Whoever has used up its tokens does not get new ones.
            let entry = before.remove(&key.digest).unwrap_or_else(|| Arc::new(Known::new(key, self.limits)));
            known.insert(key.digest, entry);
        }
        Ok(live.len())
    }

    async fn write_uses(&self) -> Result<(), StoreError> {
        let used: Vec<_> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.values().filter_map(|known| known.to_write()).collect()
        };
        if used.is_empty() { Ok(()) } else { self.store.get().await?.keys_used(used).await }
    }

    /// Follows the store until `stopped` is closed. While it is away, keys hold as they were known last.
    pub(crate) async fn follow(self: Arc<Self>, mut stopped: mpsc::Receiver<()>) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = stopped.recv() => return,
            }
            // Where nobody has shown a key, nobody needs the store.
            if self.store.opened().is_none() {
                continue;
            }
            let followed = async {
                self.look().await?;
                self.write_uses().await
            };
            match followed.await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(error = &error as &dyn std::error::Error, "keys cannot be followed; trying again");
                }
                Err(_) => {}
            }
        }
    }
}
