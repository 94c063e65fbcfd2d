//! `--classes`: which names a data set's class numbers have.

use std::path::Path;

use anyhow::Context;
use dataset::ClassNames;

/// As given (a file, or names separated by commas), else as kept with the data.
pub(crate) fn class_names(given: Option<&str>, root: &Path) -> anyhow::Result<Option<ClassNames>> {
    match given {
        Some(file) if Path::new(file).is_file() => {
            Ok(Some(ClassNames::read(Path::new(file)).with_context(|| format!("--classes {file}"))?))
        }
        Some(list) => {
            let names = list.split(',').map(|name| name.trim().to_owned()).collect();
            Ok(Some(ClassNames::new(names).with_context(|| format!("--classes {list}"))?))
        }
        None => Ok(ClassNames::find(root)?.map(|(_, names)| names)),
    }
}
