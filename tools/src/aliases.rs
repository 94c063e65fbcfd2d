//! Older spellings of commands, kept for scripts that use them.

use std::ffi::OsString;

/// What stands for what, right after the program's name.
const ALIASES: &[(&str, &[&str])] = &[
    ("hash_dataset", &["dataset", "hash"]),
    ("freeze_split", &["dataset", "split"]),
    ("eval_detector", &["eval", "detector"]),
    ("eval_classifier", &["eval", "classifier"]),
    ("eval_shelf_counts", &["eval", "shelf-counts"]),
];

/// The same arguments with an alias in first place spelt out.
pub(crate) fn expand(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let alias = arguments.get(1).and_then(|first| ALIASES.iter().find(|(alias, _)| first == alias));
    if let Some((_, command)) = alias {
        arguments.splice(1..2, command.iter().map(OsString::from));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_spelt_out_only_in_first_place() {
        let check = |given: &[&str], expected: &[&str]| {
            assert_eq!(
                expand(given.iter().map(OsString::from)),
                expected.iter().map(OsString::from).collect::<Vec<_>>()
            );
        };
        check(&["shelf", "hash_dataset", "d"], &["shelf", "dataset", "hash", "d"]);
        check(&["shelf", "freeze_split"], &["shelf", "dataset", "split"]);
        check(&["shelf", "eval_shelf_counts", "--json"], &["shelf", "eval", "shelf-counts", "--json"]);
        check(&["shelf", "recognize", "hash_dataset"], &["shelf", "recognize", "hash_dataset"]);
        check(&["shelf"], &["shelf"]);
    }
}
