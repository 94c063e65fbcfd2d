//! Where a shared library is.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that `make setup` fills, laid out as the wheels are.
const RUNTIME_FOLDER: &str = ".runtime";

/// A library that is loaded at run time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Names the file; wins over all other places.
    pub(super) variable: &'static str,
    /// Of the file, inside its wheel.
    pub(super) path: &'static str,
    /// Where people get it.
    pub(super) wheel: &'static str,
}

impl Wanted {
    /// The file, or what was tried and what helps. What a person named is taken or refused: nothing else is tried in its stead.
    pub(super) fn find(&self) -> Result<PathBuf, String> {
        let named = std::env::var_os(self.variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let program = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        let below: Vec<PathBuf> = std::env::current_dir().ok().into_iter().chain(program).collect();
        self.find_in(named.as_deref(), &below)
    }

    fn find_in(&self, named: Option<&Path>, below: &[PathBuf]) -> Result<PathBuf, String> {
        let Self { variable, path, wheel } = self;
        let cure = format!("run `make setup` to fetch it, or set {variable} to {path} of the Python wheel {wheel}");
        if let Some(named) = named {
            let found = fs::canonicalize(named);
            return found.map_err(|error| format!("{variable} is {}, and {error}: {cure}", named.display()));
        }
        let file = Path::new(path).file_name().unwrap_or_default();
        let places = |folder: &Path| [folder.join(RUNTIME_FOLDER).join(path), folder.join(file)];
        let mut folders = below.iter().flat_map(|folder| folder.ancestors());
        let found = folders.find_map(|folder| places(folder).into_iter().find(|path| path.is_file()));
        found.and_then(|path| fs::canonicalize(path).ok()).ok_or_else(|| {
            let below: Vec<_> = below.iter().map(|folder| folder.display().to_string()).collect();
            format!("there is no {RUNTIME_FOLDER}/{path} in {} or a folder above: {cure}", below.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_library_wins_and_what_is_missing_says_what_helps() {
        let wanted = Wanted { variable: "X_DYLIB_PATH", path: "x/lib/libx.so", wheel: "x" };
        let folder = tempfile::tempdir().expect("a folder");
        let below = vec![folder.path().join("a/b")];
        let refused = wanted.find_in(None, &below).expect_err("it is not there");
        assert!(refused.contains("make setup") && refused.contains("X_DYLIB_PATH"), "{refused}");
        let library = folder.path().join(".runtime/x/lib/libx.so");
        fs::create_dir_all(library.parent().expect("a folder")).expect("made");
        fs::write(&library, b"x").expect("written");
        let library = fs::canonicalize(library).expect("there");
        assert_eq!(wanted.find_in(None, &below), Ok(library.clone()));
        let missing = folder.path().join("missing.so");
        let refused = wanted.find_in(Some(&missing), &below).expect_err("what is named is taken or refused");
        assert!(refused.contains("missing.so"), "{refused}");
        assert_eq!(wanted.find_in(Some(&library), &[]), Ok(library));
    }
}
