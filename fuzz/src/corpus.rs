//! Inputs that are kept: `corpus/TARGET/*`, each of which must pass for ever. Files of other tests are inputs, too.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Target;
use crate::mutate::MAX_INPUT;

/// Files of other crates' tests: folder below the workspace, ending, target.
const BORROWED: &[(&str, &str, &str)] = &[
    ("engine/tests/fixtures", "onnx", "onnx"),
    ("engine/tests/fixtures", "pth", "torch"),
    ("engine/tests/fixtures", "pt", "torch"),
    ("models/detector", "json", "card"),
    ("configs", "yaml", "pipeline"),
    ("fuzz/corpus/heic", "heic", "heic-decoder"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Every kept input of a target with its path, by name; longer ones than are tried are left out.
///
/// # Errors
/// When one cannot be read.
pub fn inputs(target: &Target) -> std::io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let own = (folder().join(target.name), None);
    let borrowed = BORROWED.iter().filter(|(_, _, name)| *name == target.name);
    let places = std::iter::once(own).chain(borrowed.map(|(place, ending, _)| (root.join(place), Some(*ending))));
    let mut found = Vec::new();
    for (place, ending) in places {
        let mut paths: Vec<PathBuf> = match fs::read_dir(&place) {
            Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        paths.retain(|path| ending.is_none_or(|ending| path.extension().is_some_and(|found| found == ending)));
        paths.sort();
        for path in paths.into_iter().filter(|path| path.is_file()) {
            let bytes = fs::read(&path)?;
            if bytes.len() <= MAX_INPUT {
                found.push((path, bytes));
            }
        }
    }
    Ok(found)
}

/// What `read` makes of a file of that name with that content, which is gone afterwards.
///
/// # Panics
/// When the temporary folder cannot be written: nothing can be tried then.
pub fn scratch<T>(name: &str, data: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        // One folder a thread: making one for each input would take longer than reading it.
        static FOLDER: TempDir = tempfile::tempdir().expect("the temporary folder is writable");
    }
    FOLDER.with(|folder| {
        let path = folder.path().join(name);
        fs::write(&path, data).expect("the temporary folder is writable");
        read(&path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::{Answer, TARGETS};

    #[test]
    fn every_target_has_kept_inputs_and_passes_them() {
        for target in TARGETS {
            let inputs = inputs(target).expect("the corpus is readable");
            assert!(inputs.len() >= 2, "{} has {} kept inputs", target.name, inputs.len());
            let mut read = 0;
            for (path, data) in inputs {
                match judge(target, &data) {
                    Ok(answer) => read += usize::from(matches!(answer, Answer::Read(_))),
                    Err(failure) => panic!("{}: {} {failure}", target.name, path.display()),
                }
            }
            assert!(read > 0, "{}: no kept input is a good one, so nothing beyond the door is reached", target.name);
        }
    }

    #[test]
    fn no_folder_is_without_a_target() {
        for entry in
            fs::read_dir(folder()).expect("the corpus is there").flatten().filter(|entry| entry.path().is_dir())
        {
            let name = entry.file_name().into_string().expect("a name");
            assert!(crate::target(&name).is_some(), "corpus/{name} belongs to no target");
        }
    }
}
