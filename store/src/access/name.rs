//! Names of organisations, keys, models and versions: fit for addresses, files and logs.

use crate::error::StoreError;

/// Longest name, in bytes.
const MAX_NAME: usize = 64;

/// Refuses what is no plain name: `field` is what the name is called by whoever gave it.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<(), StoreError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if begins && name.len() <= MAX_NAME && name.bytes().all(plain) {
        return Ok(());
    }
    let allowed =
        format!("1 to {MAX_NAME} letters, digits, dots, underscores and hyphens, the first a letter or digit");
    Err(StoreError::invalid(field, name, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_paths() {
        let check = |name: &str, sound: bool| assert_eq!(check_name("name", name).is_ok(), sound, "{name:?}");
        check("shelf", true);
        check("1.2.0-rc_1", true);
        check("7", true);
        for wrong in ["", ".", "..", "../x", "a/b", "a\\b", "-x", ".x", "a b", "ä", "a\n", "a\0", &"x".repeat(65)] {
            check(wrong, false);
        }
    }
}
