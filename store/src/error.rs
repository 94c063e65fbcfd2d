//! Why something was not kept or not found.

use thiserror::Error;

use crate::moment::now;

/// What the store says when it cannot do as asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database or the images cannot be reached at the moment; asking again later may help.
    #[error("the {what} cannot be reached")]
    Unavailable {
        /// `database` or `object store`.
        what: &'static str,
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A setting names no database or place for images that is understood.
    #[error("{setting} is {value:?}, but {reason}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// As written, secrets left out.
        value: String,
        /// What it may be.
        reason: String,
    },
    /// The database's schema cannot be brought up to date.
    #[error("the database's schema cannot be brought up to date")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row holds what this version does not understand.
    #[error("the database holds a {what} that is not understood: {value:?}")]
    Damaged {
        /// Which column.
        what: &'static str,
        /// What it holds.
        value: String,
    },
    /// There is no such thing.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// `item`, `SKU`, `label`, `image`.
        what: &'static str,
        /// As asked for.
        id: String,
    },
    /// A value that may not be.
    #[error("{field} is {value:?}, but it must be {allowed}")]
    Invalid {
        /// Name of the field.
        field: &'static str,
        /// As given, shortened.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// Somebody else holds the item.
    #[error("the item {item} is claimed by another reviewer for {}; label another, or wait", left(*.until_ms))]
    Claimed {
        /// Id of the item.
        item: String,
        /// When the claim ends.
        until_ms: i64,
    },
    /// Somebody has changed the boxes of a photo since they were shown.
    #[error(
        "the photo {photo} was shown in version {shown}, and is in version {now} now; look at it again, and save on top of that"
    )]
    Changed {
        /// Digest of the photo.
        photo: String,
        /// As whoever saves saw it.
        shown: i64,
        /// As it is.
        now: i64,
    },
    /// The same reviewer said the same before.
    #[error("the item {item} already has this label from you; undo it first if you want to say something else")]
    AlreadyLabelled {
        /// Id of the item.
        item: String,
    },
    /// Two reviewers disagree, and one of them tries to decide it.
    #[error("the item {item} waits for a second look by someone who has not labelled it yet")]
    SecondLook {
        /// Id of the item.
        item: String,
    },
    /// One person has labelled one item over and over.
    #[error("you have labelled the item {item} {times} times already; leave it to someone else")]
    TooOften {
        /// Id of the item.
        item: String,
        /// How often one may.
        times: i64,
    },
    /// Nothing of this reviewer's can be taken back.
    #[error("{reason}")]
    NothingToUndo {
        /// Why not.
        reason: String,
    },
    /// A SKU of that code is there already, under another name.
    #[error("the SKU code {code:?} is taken by {name:?}; choose another code, or label with the existing SKU")]
    CodeTaken {
        /// The code.
        code: String,
        /// Whose it is.
        name: String,
    },
    /// The name is taken within its organisation.
    #[error("there is a {what} {name:?} already; choose another name")]
    NameTaken {
        /// `organisation`, `key` or `A/B test`.
        what: &'static str,
        /// As asked for.
        name: String,
    },
    /// A version of that name is there already, and it is another.
    #[error("{name} has a version {version:?} already, made of other files or settings; choose another version")]
    VersionTaken {
        /// Of the model.
        name: String,
        /// The version.
        version: String,
    },
    /// A version stands where it cannot be moved from in this way.
    #[error("{model} is {status}; {remedy}")]
    Status {
        /// Name and version.
        model: String,
        /// Where it stands.
        status: crate::registry::ModelStatus,
        /// What can be done.
        remedy: &'static str,
    },
    /// A job stands where this cannot be done with it.
    #[error("the job {id} is {status}; {remedy}")]
    JobStatus {
        /// Its id.
        id: String,
        /// Where it stands.
        status: crate::jobs::JobStatus,
        /// What holds instead.
        remedy: &'static str,
    },
    /// An A/B test stands where this cannot be done with it.
    #[error("the A/B test {test:?} {stands}; {remedy}")]
    AbTest {
        /// Its name.
        test: String,
        /// What holds of it.
        stands: &'static str,
        /// What can be done.
        remedy: &'static str,
    },
    /// A version has not passed the gates of production.
    #[error("{model} cannot go into production: {}", reasons.join("; "))]
    NotPassed {
        /// Name and version.
        model: String,
        /// What is missing, at least one.
        reasons: Vec<String>,
    },
    /// Nothing was in production before.
    #[error("there is nothing to go back to: no other version of {name:?} was in production before")]
    NothingBefore {
        /// Of the model.
        name: String,
    },
    /// The organisation has as much of something as it may.
    #[error(
        "the organisation would have more than {limit} {what}, the most it may have; remove some first, or wait until some are done"
    )]
    Quota {
        /// Of what.
        what: &'static str,
        /// The most.
        limit: u64,
    },
    /// The `Idempotency-Key` was used for another request.
    #[error("the idempotency key {key:?} was used for another request; make a new key for every request")]
    KeyReused {
        /// The key.
        key: String,
    },
}

impl StoreError {
    /// The database refused or was not there.
    pub(crate) fn database(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { what: "database", source: source.into() }
    }

    pub(crate) fn objects(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { what: "object store", source: source.into() }
    }

    pub(crate) fn not_found(what: &'static str, id: impl Into<String>) -> Self {
        Self::NotFound { what, id: shorten(&id.into()) }
    }

    pub(crate) fn invalid(field: &'static str, value: impl std::fmt::Display, allowed: impl Into<String>) -> Self {
        Self::Invalid { field, value: shorten(&value.to_string()), allowed: allowed.into() }
    }
}

/// The time to a moment in words.
fn left(until_ms: i64) -> String {
    match (until_ms - now()).max(0) / 1000 {
        seconds @ ..120 => format!("{} more seconds", seconds + 1),
        seconds => format!("{} more minutes", (seconds + 59) / 60),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::database(error)
    }
}

/// A client's text, short enough to be sent back.
pub(crate) fn shorten(text: &str) -> String {
    const MAX: usize = 80;
    let mut short: String = text.chars().take(MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
