//! Which file of which repository: `hf://OWNER/REPO[@REVISION][/FILE]`.

use std::fmt;
use std::str::FromStr;

use super::HubError;

/// What the name of a file on a hub begins with.
pub const SCHEME: &str = "hf://";

/// Files that hold a repository's weights, best first, when none is named: safetensors cannot hold code.
pub const DEFAULT_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// The branch that holds when no revision is named.
const MAIN: &str = "main";

/// The longest name of an owner or a repository that the hub gives.
const LONGEST_NAME: usize = 96;
/// The longest name that file systems take.
const LONGEST_PART: usize = 255;

/// Weights on a hub. Its parts become parts of URLs and of paths, so each is checked to be a plain name.
///
/// ```
/// let file: hub::HubFile = "hf://timm/efficientnet_b2.ra_in1k@main/model.safetensors".parse()?;
/// assert_eq!((file.owner(), file.repo(), file.revision()), ("timm", "efficientnet_b2.ra_in1k", "main"));
/// assert!("hf://timm/../secret".parse::<hub::HubFile>().is_err());
/// # Ok::<(), hub::HubError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubFile {
    owner: String,
    repo: String,
    revision: Option<String>,
    file: Option<String>,
}

impl HubFile {
    /// Who published it.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's name, without its owner.
    #[must_use]
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// Branch, tag or commit; `main` when none was named.
    #[must_use]
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// The file within the repository, when one was named.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Whether the revision is a commit: what it names never changes.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        is_commit(self.revision())
    }
}

/// Whether `text` is a full commit hash as the hub writes it.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for HubFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.owner, self.repo)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        self.file.as_ref().map_or(Ok(()), |file| write!(f, "/{file}"))
    }
}

impl FromStr for HubFile {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |reason| HubError::Name { given: text.chars().take(200).collect(), reason };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| refused("it does not begin with hf://"))?;
        let (owner, rest) = rest.split_once('/').ok_or_else(|| refused("the repository is missing"))?;
        let (repo, file) = match rest.split_once('/') {
            Some((repo, file)) => (repo, Some(file)),
            None => (rest, None),
        };
        let (repo, revision) = match repo.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (repo, None),
        };
        for name in [owner, repo] {
            // Two dashes part owner and repository in the names of the cache's folders.
            if !is_plain(name, LONGEST_NAME) || name.contains("--") || name.contains("..") {
                return Err(refused(
                    "owner and repository are letters, digits, `-`, `_` and `.`, without `--` and `..`",
                ));
            }
        }
        if revision.is_some_and(|revision| !is_plain(revision, LONGEST_PART) || revision.contains("..")) {
            return Err(refused("a revision is a branch, a tag or a commit without slashes"));
        }
        if file.is_some_and(|file| file.len() > 1024 || !file.split('/').all(|part| is_plain(part, LONGEST_PART))) {
            return Err(refused("the parts of a file's path are letters, digits, `-`, `_` and `.`, none of them `..`"));
        }
        let own = str::to_owned;
        Ok(Self { owner: own(owner), repo: own(repo), revision: revision.map(own), file: file.map(own) })
    }
}

/// Whether `name` names a file or folder in its own folder, and means itself in a URL.
fn is_plain(name: &str, longest: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= longest && !name.starts_with(['.', '-']) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, parts) in [
            ("hf://timm/efficientnet_b2.ra_in1k", ("timm", "efficientnet_b2.ra_in1k", "main", None)),
            ("hf://a/b@v1.0", ("a", "b", "v1.0", None)),
            ("hf://a/b/c.bin", ("a", "b", "main", Some("c.bin"))),
            ("hf://a/b@main/onnx/c.onnx", ("a", "b", "main", Some("onnx/c.onnx"))),
        ] {
            let file: HubFile = text.parse().unwrap();
            assert_eq!((file.owner(), file.repo(), file.revision(), file.file()), parts);
            assert_eq!(file.to_string(), text);
            assert!(!file.is_pinned());
        }
        assert!("hf://a/b@0123456789012345678901234567890123abcdef".parse::<HubFile>().unwrap().is_pinned());
    }

    #[test]
    fn what_could_leave_the_cache_is_refused() {
        let long = format!("hf://a/{}", "b".repeat(97));
        for text in [
            "",
            "timm/model",
            "hf://",
            "hf://a",
            "hf://a/",
            "hf:///b",
            "hf://../b",
            "hf://a/..",
            "hf://a/.b",
            "hf://a/b--c",
            "hf://a/b@",
            "hf://a/b@..",
            "hf://a/b@x@y",
            "hf://a/b/",
            "hf://a/b/../c",
            "hf://a/b/c/../../d",
            "hf://a/b//c",
            "hf://a/b/c\\d",
            "hf://a/b/c d",
            "hf://a/b/c?x",
            "hf://a/b/c#x",
            "hf://a/b/c%2fd",
            "hf://a/b/\0",
            "hf://a/bü",
            long.as_str(),
        ] {
            let error = text.parse::<HubFile>().unwrap_err();
            assert!(matches!(&error, HubError::Name { .. }), "{text}: {error}");
        }
    }
}
