//! People signed in at a browser: a session stands for the key it was begun with, and ends with it.

use serde_json::json;
use vision::{Secret, Sha256};

use super::ApiKey;
use super::key::{COLUMNS, key};
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::model::{Timestamp, now};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Random bytes of a token.
const BYTES: usize = 32;
/// Most sessions of one key: the oldest ends when another begins.
const MAX_SESSIONS: u32 = 50;

/// What a browser holds: 256 random bits in hexadecimal digits. What is kept is its [`digest`](Self::digest).
#[derive(Debug, Clone)]
pub struct SessionToken(Secret);

impl SessionToken {
    fn generate() -> Result<Self, StoreError> {
        let mut random = [0; BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| StoreError::Unavailable { what: "source of random numbers", source: error.into() })?;
        Ok(Self(Secret::from(Sha256(random).to_string())))
    }

    /// What a browser sent, when it has the form of a token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let sound = text.len() == 2 * BYTES && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        sound.then(|| Self(Secret::from(text)))
    }

    /// The token itself, for the browser.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is kept of it, and what it is found by.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of_parts(&[b"shelfsight session 1", self.expose().as_bytes()])
    }

    /// What a change must come with, beside the token: a page of another site can make a browser send the one, but does not know
    /// the other.
    #[must_use]
    pub fn csrf(&self) -> Sha256 {
        Sha256::of_parts(&[b"shelfsight csrf 1", self.expose().as_bytes()])
    }
}

/// A session that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What it stands for.
    pub key: ApiKey,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

impl Store {
    /// Begins a session that stands for a key, for at most `life` milliseconds.
    ///
    /// # Errors
    /// When the key is not there any more, or the database is not.
    pub async fn begin_session(&self, of: &ApiKey, life: i64, actor: &Actor) -> Result<SessionToken, StoreError> {
        let token = SessionToken::generate()?;
        let (digest, id, name, actor) = (token.digest().to_string(), of.id.clone(), of.name.clone(), actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    let begun = now();
                    let sql = "SELECT 1 AS one FROM api_keys WHERE id = $1 AND revoked_at IS NULL";
                    if tx.optional(sql, values![&id]).await?.is_none() {
                        return Err(StoreError::not_found("key", &name));
                    }
                    make_room(tx, &id, begun).await?;
                    let sql = "INSERT INTO sessions (digest, api_key, created_at, expires_at) VALUES ($1, $2, $3, $4)";
                    tx.execute(sql, values![&digest, &id, begun, begun.saturating_add(life)]).await?;
                    let details = json!({"key": id});
                    let record = Record { after: digest, details, ..Record::of("session.begin", &name) };
                    ledger.write(tx, &actor, record).await
                })
            })
            .await?;
        Ok(token)
    }

    /// The session of that token's digest; `None` when it has ended, or its key has.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn session(&self, digest: Sha256) -> Result<Option<Session>, StoreError> {
        let at = now();
        let sql = format!(
            "SELECT s.expires_at AS session_end, {COLUMNS} JOIN sessions s ON s.api_key = k.id \
             WHERE s.digest = $1 AND s.expires_at > $2"
        );
        let Some(row) = self.database.optional(&sql, values![digest.to_string(), at]).await? else { return Ok(None) };
        let session = Session { key: key(&row)?, expires_at: row.int("session_end")? };
        Ok(Some(session).filter(|session| session.key.is_live(at)))
    }

    /// Ends a session: its token is refused from now on. One that has ended already is no error.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn end_session(&self, digest: Sha256, actor: &Actor) -> Result<(), StoreError> {
        let (digest, actor) = (digest.to_string(), actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    if tx.execute("DELETE FROM sessions WHERE digest = $1", values![&digest]).await? == 0 {
                        return Ok(());
                    }
                    let name = actor.name.clone();
                    let record = Record { before: digest, ..Record::of("session.end", &name) };
                    ledger.write(tx, &actor, record).await
                })
            })
            .await
    }
}

/// What is over goes, and the oldest of a key that has too many.
async fn make_room(tx: &mut Tx, key: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.later("DELETE FROM sessions WHERE expires_at <= $1", values![at]).await?;
    let sql = format!(
        "DELETE FROM sessions WHERE api_key = $1 AND digest NOT IN (SELECT digest FROM sessions WHERE api_key = $1 \
         ORDER BY created_at DESC, digest LIMIT {})",
        MAX_SESSIONS - 1
    );
    tx.later(&sql, values![key]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_do_not_print() {
        let (a, b) = (SessionToken::generate().expect("random"), SessionToken::generate().expect("random"));
        assert_ne!(a.expose(), b.expose());
        assert!(!format!("{a:?}").contains(a.expose()));
        assert_eq!(SessionToken::parse(a.expose()).expect("sound").digest(), a.digest());
        assert_ne!(a.digest(), a.csrf(), "who reads the database cannot ask for changes");
        for wrong in ["", "0", &a.expose()[1..], &a.expose().to_uppercase().replace(|c: char| c.is_ascii_digit(), "A")]
        {
            assert!(SessionToken::parse(wrong).is_none(), "{wrong}");
        }
    }
}
