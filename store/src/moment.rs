//! Moments as rows hold them.

/// Milliseconds since 1970 in UTC.
pub type Timestamp = i64;

/// This moment.
#[must_use]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
