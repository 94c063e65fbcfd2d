//! Who a name stands for: one spelling a person, and no two that look alike.
//!
//! Without accounts a reviewer is a name. A third person decides where two disagree, so nobody may pass as another person by a
//! letter that only looks the same: names are compared by their skeletons (UTS #39, confusable detection).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use unicode_normalization::UnicodeNormalization;
use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

use crate::error::StoreError;
use crate::model::now;
use crate::sql::{Tx, values};
use crate::store::Store;

/// Longest name of a reviewer, in characters.
const MAX_LENGTH: usize = 64;
/// Maximum number of reviewers of one database.
const MAX_REVIEWERS: i64 = 10_000;
/// Spellings kept.
const MAX_CACHED: usize = 4_096;

/// Characters that are not seen, or that turn the order of others: format characters and default ignorables of Unicode.
const UNSEEN: &[(u32, u32)] = &[
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x061c, 0x061c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xe000, 0xf8ff),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffd),
    (0x1_bca0, 0x1_bca3),
    (0x1_d173, 0x1_d17a),
    (0xe_0000, 0x10_ffff),
];

/// Spellings that were looked up before, and the names they stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reviewers(Arc<Mutex<HashMap<String, String>>>);

impl Reviewers {
    fn find(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn insert(&self, name: &str, known: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_CACHED {
            names.clear();
        }
        names.insert(name.to_owned(), known.to_owned());
    }
}

impl Store {
    /// The name under which this reviewer is known. Spellings that differ in case, or in how letters are composed, are one
    /// name; whoever uses it first decides how it is spelled.
    ///
    /// # Errors
    /// When the name cannot be shown, mixes scripts, or looks like that of somebody else; or the database is not there.
    pub(crate) async fn reviewer(&self, name: &str) -> Result<String, StoreError> {
        if let Some(known) = self.reviewers.find(name) {
            return Ok(known);
        }
        let normal = normal(name)?;
        let known = self.database.write(move |tx| Box::pin(async move { register(tx, normal).await })).await?;
        self.reviewers.insert(name, &known);
        Ok(known)
    }
}

async fn register(tx: &mut Tx, name: String) -> Result<String, StoreError> {
    let identity = identity(&name);
    let known = tx.optional("SELECT name FROM reviewers WHERE identity = $1", values![&identity]).await?;
    if let Some(known) = known {
        let known = known.text("name")?;
        if known.to_lowercase() == name.to_lowercase() {
            return Ok(known);
        }
        return Err(StoreError::invalid("reviewer", name, format!("told apart from {known:?}, which looks the same")));
    }
    let row = tx.one("SELECT COUNT(*) AS reviewers FROM reviewers", Vec::new()).await?;
    if row.int("reviewers")? >= MAX_REVIEWERS {
        let allowed = format!("one of those known: there are {MAX_REVIEWERS} reviewers, and no more are taken");
        return Err(StoreError::invalid("reviewer", name, allowed));
    }
    let sql = "INSERT INTO reviewers (identity, name, since) VALUES ($1, $2, $3) ON CONFLICT (identity) DO NOTHING";
    tx.execute(sql, values![&identity, &name, now()]).await?;
    // Another process may have been faster.
    tx.one("SELECT name FROM reviewers WHERE identity = $1", values![&identity]).await?.text("name")
}

/// A name as it is kept: composed, of one script, without what cannot be seen.
fn normal(name: &str) -> Result<String, StoreError> {
    let length = name.chars().take(MAX_LENGTH + 1).count();
    let unseen = |c: char| {
        c.is_control()
            || (c.is_whitespace() && c != ' ')
            || UNSEEN.iter().any(|(from, to)| (*from..=*to).contains(&u32::from(c)))
    };
    if !(1..=MAX_LENGTH).contains(&length) || name.trim() != name || name.chars().any(unseen) {
        let allowed = format!("1 to {MAX_LENGTH} visible characters, without line breaks or blanks at the ends");
        return Err(StoreError::invalid("reviewer", name, allowed));
    }
    let normal: String = name.nfkc().collect();
    if normal.chars().any(unseen) || normal.trim() != normal || normal.is_empty() {
        return Err(StoreError::invalid("reviewer", name, "spelled with letters that can be seen"));
    }
    if !normal.as_str().is_single_script() {
        return Err(StoreError::invalid("reviewer", name, "spelled in one script"));
    }
    Ok(normal)
}

/// What two names have in common that look alike, whatever their case.
fn identity(name: &str) -> String {
    let shape: String = skeleton(name).collect();
    let lower = shape.to_lowercase();
    skeleton(&lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one() {
        let same = |a: &str, b: &str| assert_eq!(identity(a), identity(b), "{a} {b}");
        same("ann", "Ann");
        same("асе", "ace"); // Cyrillic
        same("Ioe", "loe");
        let different = |a: &str, b: &str| assert_ne!(identity(a), identity(b), "{a} {b}");
        different("ann", "anna");
        different("r1", "r2");
        different("Müller", "Muller");
    }

    #[test]
    fn names_are_seen_whole_and_of_one_script() {
        let taken = |name: &str, kept: &str| assert_eq!(normal(name).expect(name), kept);
        taken("ann", "ann");
        taken("Ann Müller-Lüdenscheidt", "Ann Müller-Lüdenscheidt");
        taken("ann@example.com", "ann@example.com");
        taken("Mu\u{308}ller", "Müller");
        taken("ａｎｎ", "ann");
        taken("Анна", "Анна");
        taken("田中さん", "田中さん");
        let refused = |name: &str| assert!(normal(name).is_err(), "{name:?}");
        refused("");
        refused(" ann");
        refused("a\nb");
        refused("ann\u{200b}");
        refused("an\u{2060}n");
        refused("\u{202e}nna");
        refused("ann\u{fe0f}");
        refused("аnn"); // the first letter is Cyrillic
        refused("\u{3000}ann");
        refused(&"a".repeat(MAX_LENGTH + 1));
    }
}
