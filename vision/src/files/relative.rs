//! Paths inside a data set: relative, with `/` between names, and never leading out.

use std::path::PathBuf;

use thiserror::Error;

/// A file name from outside that could reach beyond its folder, or that no file can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnsafePath {
    /// No name at all.
    #[error("the file name is empty")]
    Empty,
    /// Too long to be honest.
    #[error("the file name has {0} bytes; at most {MAX_PATH_BYTES} are accepted")]
    TooLong(usize),
    /// Starts at the root or at a drive.
    #[error("{0:?} is an absolute path; names in a data set are relative to its folder")]
    Absolute(String),
    /// Climbs.
    #[error("{0:?} climbs out of its folder (`..`)")]
    Climbs(String),
    /// Holds a control character.
    #[error("{0:?} holds a control character")]
    Control(String),
}

/// Longest relative path taken from a file.
pub const MAX_PATH_BYTES: usize = 4096;

/// `text` with `\` turned into `/`, `.` and doubled slashes dropped.
///
/// # Errors
/// When it is absolute, climbs (`..`), is empty, too long, or holds control characters.
pub fn safe_relative(text: &str) -> Result<String, UnsafePath> {
    if text.len() > MAX_PATH_BYTES {
        return Err(UnsafePath::TooLong(text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(UnsafePath::Control(text.to_owned()));
    }
    let drive = matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if drive || text.starts_with(['/', '\\']) {
        return Err(UnsafePath::Absolute(text.to_owned()));
    }
    let mut parts = Vec::new();
    for part in text.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => return Err(UnsafePath::Climbs(text.to_owned())),
            name => parts.push(name),
        }
    }
    if parts.is_empty() { Err(UnsafePath::Empty) } else { Ok(parts.join("/")) }
}

/// A single folder or file name made from any text: separators and what file systems dislike become `_`. Never empty,
/// never hidden, at most 100 characters.
#[must_use]
pub fn safe_component(text: &str) -> String {
    let mapped: String = text
        .trim()
        .chars()
        .take(100)
        .map(|c| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c })
        .collect();
    let trimmed = mapped.trim_end_matches(['.', ' ']);
    match trimmed.strip_prefix('.') {
        _ if trimmed.is_empty() => "_".to_owned(),
        Some(rest) => format!("_{rest}"),
        None => trimmed.to_owned(),
    }
}

/// The last name of a `/` path.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The last name without its extension: `images/a.b.jpg` -> `a.b`.
#[must_use]
pub fn file_stem(path: &str) -> &str {
    let name = file_name(path);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// The folder part of a `/` path; empty at the top.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A `/` path as the operating system wants it.
pub fn to_native(path: &str) -> PathBuf {
    path.split('/').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside() {
        let check = |text: &str, expected: Result<&str, UnsafePath>| {
            assert_eq!(safe_relative(text), expected.map(str::to_owned), "{text:?}");
        };
        check("a.jpg", Ok("a.jpg"));
        check("images\\a b.jpg", Ok("images/a b.jpg"));
        check("./images//a.jpg", Ok("images/a.jpg"));
        check("a..b/...c", Ok("a..b/...c"));
        check("", Err(UnsafePath::Empty));
        check("./", Err(UnsafePath::Empty));
        check("../a", Err(UnsafePath::Climbs("../a".into())));
        check("a/../../b", Err(UnsafePath::Climbs("a/../../b".into())));
        check("a\\..\\b", Err(UnsafePath::Climbs("a\\..\\b".into())));
        check("/etc/passwd", Err(UnsafePath::Absolute("/etc/passwd".into())));
        check("\\\\host\\share", Err(UnsafePath::Absolute("\\\\host\\share".into())));
        check("C:\\a", Err(UnsafePath::Absolute("C:\\a".into())));
        check("a\0b", Err(UnsafePath::Control("a\0b".into())));
        check(&"a".repeat(5000), Err(UnsafePath::TooLong(5000)));
    }

    #[test]
    fn folder_names_from_any_text() {
        let check = |text: &str, expected: &str| assert_eq!(safe_component(text), expected, "{text:?}");
        check("Coke Zero", "Coke Zero");
        check("../../etc", "_./.._etc".replace('/', "_").as_str());
        check("a/b\\c:d", "a_b_c_d");
        check("..", "_");
        check("", "_");
        check(".hidden", "_hidden");
        check("dots...", "dots");
    }
}
