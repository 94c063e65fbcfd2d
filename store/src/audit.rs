//! Who changed what, when: only added to, each row's hash over the row and the hash before it. What is altered, left out or
//! put in between is found; what was cut off at the end is, too, unless the counter beside it was turned back as well.
//! Whoever may write the whole database can write a whole new chain: note its [`head`](AuditVerdict::head) elsewhere.

use std::fmt;

use serde_json::Value as Json;
use vision::Sha256;

use crate::access::Role;
use crate::error::StoreError;
use crate::model::{Timestamp, now};
use crate::sql::{Row, Tx, values};
use crate::store::Store;

/// What comes before the first row.
const BEGINNING: Sha256 = Sha256([0; 32]);
/// Rows read at a time.
const PAGE: u32 = 1_000;
/// Most faults named.
const MAX_FAULTS: usize = 20;

/// Who asks for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Id of the organisation.
    pub organisation: String,
    /// Name of the key, or of whoever sits at the machine.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Id of the request; empty where there is none.
    pub request: String,
}

/// What was changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    /// Digest of what was there.
    pub(crate) before: String,
    /// Digest of what is there now.
    pub(crate) after: String,
    pub(crate) details: Json,
}

impl Record {
    pub(crate) fn of(action: &'static str, subject: &str) -> Self {
        let (before, after) = (String::new(), String::new());
        Self { action, subject: subject.to_owned(), before, after, details: Json::Object(serde_json::Map::new()) }
    }
}

/// The log, held by one transaction: what is audited happens one after the other.
pub(crate) struct Ledger {
    last: i64,
}

impl Ledger {
    /// Taken first of all that a change holds, so that no two wait for each other.
    pub(crate) async fn open(tx: &mut Tx) -> Result<Self, StoreError> {
        let sql = format!("SELECT value FROM counters WHERE name = 'audit'{}", tx.locked());
        Ok(Self { last: tx.one(&sql, Vec::new()).await?.int("value")? })
    }

    pub(crate) async fn write(self, tx: &mut Tx, actor: &Actor, record: Record) -> Result<(), StoreError> {
        let (mut at, mut hash) = (now(), BEGINNING);
        if self.last > 0 {
            let before = tx.optional("SELECT at, hash FROM audit_log WHERE seq = $1", values![self.last]).await?;
            let gone = || StoreError::Damaged { what: "audit log: its last row is gone", value: self.last.to_string() };
            let before = before.ok_or_else(gone)?;
            // A clock that goes back does not take the log with it.
            at = at.max(before.int("at")?);
            hash = crate::model::digest(&before.text("hash")?)?;
        }
        let entry = AuditEntry {
            seq: self.last + 1,
            at,
            organisation: actor.organisation.clone(),
            actor: actor.name.clone(),
            role: actor.role.as_str().to_owned(),
            action: record.action.to_owned(),
            subject: record.subject,
            before: record.before,
            after: record.after,
            details: record.details.to_string(),
            request: actor.request.clone(),
            hash: String::new(),
        };
        let hash = entry.chained(hash).to_string();
        tx.execute("UPDATE counters SET value = value + 1 WHERE name = 'audit'", Vec::new()).await?;
        let sql = "INSERT INTO audit_log (seq, at, organisation, actor, role, action, subject, before_digest, \
                   after_digest, details, request, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let AuditEntry { seq, at, organisation, actor, role, action, subject, before, after, details, request, .. } =
            entry;
        let row = values![seq, at, organisation, actor, role, action, subject, before, after, details, request, hash];
        tx.execute(sql, row).await.map(drop)
    }
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// 1, 2, 3, ...
    pub seq: i64,
    /// When; never before the row before.
    pub at: Timestamp,
    /// Id of the organisation.
    pub organisation: String,
    /// Who.
    pub actor: String,
    /// As what.
    pub role: String,
    /// Such as `model.promote`.
    pub action: String,
    /// Of what.
    pub subject: String,
    /// Digest of what was there; may be empty.
    pub before: String,
    /// Digest of what is there now; may be empty.
    pub after: String,
    /// JSON.
    pub details: String,
    /// Id of the request; may be empty.
    pub request: String,
    /// Over the hash before and everything above.
    pub hash: String,
}

impl AuditEntry {
    /// The hash that follows `before`. Every part comes with its length: no two rows are spelled alike.
    fn chained(&self, before: Sha256) -> Sha256 {
        Sha256::of_parts(&[
            &before.0,
            &self.seq.to_le_bytes(),
            &self.at.to_le_bytes(),
            self.organisation.as_bytes(),
            self.actor.as_bytes(),
            self.role.as_bytes(),
            self.action.as_bytes(),
            self.subject.as_bytes(),
            self.before.as_bytes(),
            self.after.as_bytes(),
            self.details.as_bytes(),
            self.request.as_bytes(),
        ])
    }
}

/// What is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditFault {
    /// Rows are missing: the one of this number does not follow the one before.
    Gap {
        /// Number of the row that is there.
        seq: i64,
    },
    /// The row is not what it was, or the one before it is not.
    Altered {
        /// Its number.
        seq: i64,
    },
    /// Rows at the end are missing.
    CutOff {
        /// The last that is there.
        last: i64,
        /// The last that was written.
        written: i64,
    },
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { seq } => write!(f, "rows before {seq} are missing"),
            Self::Altered { seq } => write!(f, "row {seq} is not what was written"),
            Self::CutOff { last, written } => write!(f, "{written} rows were written, and the last is {last}"),
        }
    }
}

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Rows.
    pub rows: i64,
    /// Hash of the last row: whoever keeps it elsewhere can tell later whether the chain is still the same one.
    pub head: Sha256,
    /// Empty when the log is whole; the first of them.
    pub faults: Vec<AuditFault>,
}

impl Store {
    /// Rows that follow `after`, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn audit(&self, after: i64) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = format!("SELECT * FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT {PAGE}");
        self.database.all(&sql, values![after]).await?.iter().map(entry).collect()
    }

    /// Rows of one organisation before a number, the newest first; at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn audit_of(
        &self,
        organisation: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = format!(
            "SELECT * FROM audit_log WHERE organisation = $1 AND seq < $2 ORDER BY seq DESC LIMIT {}",
            limit.clamp(1, PAGE)
        );
        self.database.all(&sql, values![organisation, before.unwrap_or(i64::MAX)]).await?.iter().map(entry).collect()
    }

    /// Goes along the chain from its beginning.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        // Asked first: rows that come meanwhile are more, not less.
        let sql = "SELECT value FROM counters WHERE name = 'audit'";
        let written = self.database.one(sql, Vec::new()).await?.int("value")?;
        let mut verdict = AuditVerdict { rows: 0, head: BEGINNING, faults: Vec::new() };
        let mut last = 0;
        loop {
            let page = self.audit(last).await?;
            for entry in &page {
                if entry.seq != last + 1 {
                    verdict.faults.push(AuditFault::Gap { seq: entry.seq });
                }
                let expected = entry.chained(verdict.head);
                if expected.to_string() != entry.hash {
                    verdict.faults.push(AuditFault::Altered { seq: entry.seq });
                }
                // Goes on from what stands there: one altered row is one fault, not all that follow.
                verdict.head = entry.hash.parse().unwrap_or(expected);
                verdict.rows += 1;
                last = entry.seq;
            }
            if page.is_empty() || verdict.faults.len() >= MAX_FAULTS {
                break;
            }
        }
        if last < written && verdict.faults.len() < MAX_FAULTS {
            verdict.faults.push(AuditFault::CutOff { last, written });
        }
        Ok(verdict)
    }
}

fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        seq: row.int("seq")?,
        at: row.int("at")?,
        organisation: row.text("organisation")?,
        actor: row.text("actor")?,
        role: row.text("role")?,
        action: row.text("action")?,
        subject: row.text("subject")?,
        before: row.text("before_digest")?,
        after: row.text("after_digest")?,
        details: row.text("details")?,
        request: row.text("request")?,
        hash: row.text("hash")?,
    })
}
