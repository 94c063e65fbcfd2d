//! Where the shared library is.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder that `make setup` fills.
const RUNTIME_FOLDER: &str = ".runtime";

/// Where to look.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// From the configuration.
    pub(super) explicit: Option<PathBuf>,
    /// `ORT_DYLIB_PATH`.
    pub(super) variable: Option<PathBuf>,
    /// Folders that may hold `.runtime/`, or are below one that does.
    pub(super) below: Vec<PathBuf>,
}

impl Places {
    /// The places of this process.
    pub(super) fn of_process(explicit: Option<&Path>) -> Self {
        let variable = std::env::var_os("ORT_DYLIB_PATH").filter(|value| !value.is_empty()).map(PathBuf::from);
        let program = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        let below = std::env::current_dir().ok().into_iter().chain(program).collect();
        Self { explicit: explicit.map(Path::to_owned), variable, below }
    }

    /// The library, or what was tried. What a person named is taken or refused: nothing else is tried in its stead.
    pub(super) fn find(&self) -> Result<PathBuf, String> {
        let named = [(&self.explicit, "the configured library"), (&self.variable, "ORT_DYLIB_PATH")];
        for (path, origin) in named {
            if let Some(path) = path {
                return fs::canonicalize(path).map_err(|error| format!("{origin} {}: {error}", path.display()));
            }
        }
        let found = self.below.iter().flat_map(|folder| folder.ancestors()).find_map(newest_in);
        found.ok_or_else(|| {
            let below: Vec<_> = self.below.iter().map(|folder| folder.display().to_string()).collect();
            format!(
                "no {RUNTIME_FOLDER}/{DLL_PREFIX}onnxruntime{DLL_SUFFIX}* in {} or a folder above",
                below.join(", ")
            )
        })
    }
}

/// The newest library in `folder/.runtime` or, as programs are shipped, in `folder` itself.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    [folder.join(RUNTIME_FOLDER), folder.to_owned()].iter().find_map(|folder| {
        let files = fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let libraries = files.filter_map(|file| Some((version_of(&file.file_name())?, file.path())));
        let newest = libraries.filter(|(_, path)| path.is_file()).max()?;
        fs::canonicalize(newest.1).ok()
    })
}

/// `libonnxruntime.so.1.31.1` -> 1.31.1, `libonnxruntime.so` -> nothing in particular, anything else -> `None`.
fn version_of(name: &OsStr) -> Option<Vec<u32>> {
    let rest = name.to_str()?.strip_prefix(DLL_PREFIX)?.strip_prefix("onnxruntime")?;
    // Linux puts the version behind the suffix, macOS in front of it.
    let version = if let Some(rest) = rest.strip_prefix(DLL_SUFFIX) { rest } else { rest.strip_suffix(DLL_SUFFIX)? };
    version.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"x").unwrap();
    }

    #[test]
    fn named_libraries_win_and_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("a/.runtime/libonnxruntime.so.1.31.1");
        touch(&library);
        let library = fs::canonicalize(library).unwrap();
        let missing = folder.path().join("missing.so");
        let below = vec![folder.path().join("a/b/c")];

        let places = Places { below, ..Places::default() };
        assert_eq!(places.find(), Ok(library.clone()));
        let places = Places { variable: Some(missing.clone()), ..places };
        assert!(places.find().unwrap_err().contains("ORT_DYLIB_PATH"));
        let places = Places { explicit: Some(library.clone()), ..places };
        assert_eq!(places.find(), Ok(library));
        let places = Places { explicit: Some(missing), ..places };
        assert!(places.find().unwrap_err().contains("the configured library"));
    }

    #[test]
    fn the_newest_is_taken_and_others_are_left() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { below: vec![folder.path().to_owned()], ..Places::default() };
        let runtime = folder.path().join(".runtime");
        for name in ["libonnxruntime_providers_shared.so", "libonnxruntime.so.part", "libonnx.so", "onnxruntime.so"] {
            touch(&runtime.join(name));
        }
        assert!(!places.find().is_ok_and(|path| path.starts_with(folder.path())));
        for name in
            ["libonnxruntime.so", "libonnxruntime.so.1.9.0", "libonnxruntime.so.1.31.1", "libonnxruntime.so.1.4"]
        {
            touch(&runtime.join(name));
        }
        assert_eq!(places.find().unwrap().file_name().unwrap(), "libonnxruntime.so.1.31.1");
    }
}
