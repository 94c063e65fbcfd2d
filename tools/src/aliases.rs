//! Older spellings of commands, flags and values, kept for scripts that use them.

use std::ffi::OsString;

/// What stands for what, right after the program's name.
const ALIASES: &[(&str, &[&str])] = &[
    ("hash_dataset", &["dataset", "hash"]),
    ("freeze_split", &["dataset", "split"]),
    ("eval_detector", &["eval", "detector"]),
    ("eval_classifier", &["eval", "classifier"]),
    ("eval_shelf_counts", &["eval", "shelf-counts"]),
];

/// Flags that have another name now: the command they belong to, old, new. The old ones go with the next release.
const FLAGS: &[(&str, &str, &str)] = &[
    ("train", "--calibration-pictures", "--calibration-images"),
    ("dataset", "--pictures", "--images"),
    ("dataset", "--copy-pictures", "--copy-images"),
    ("calibrate", "--least-impostors", "--min-impostors"),
    ("background", "--most", "--max-embeddings"),
];

/// Values of `--format` of `shelf train` that have another name now: old, new. They go with the next release.
const FORMATS: &[(&str, &str)] = &[("onnx-half", "onnx-fp16")];

/// The same arguments with an alias in first place spelt out, and old flags by their new names. `warn` hears of each of
/// these: old name, new name.
pub(crate) fn expand(arguments: impl IntoIterator<Item = OsString>, mut warn: impl FnMut(&str, &str)) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let alias = arguments.get(1).and_then(|first| ALIASES.iter().find(|(alias, _)| first == alias));
    if let Some((_, command)) = alias {
        arguments.splice(1..2, command.iter().map(OsString::from));
    }
    let names = |command: &str| arguments.iter().any(|argument| argument == command);
    let flags: Vec<_> = FLAGS.iter().filter(|(command, ..)| names(command)).map(|&(_, old, new)| (old, new)).collect();
    let formats = if names("train") { FORMATS } else { &[] };
    if !flags.is_empty() {
        let mut format = false;
        for argument in arguments.iter_mut().skip(1) {
            let Some(text) = argument.to_str() else { continue };
            let (flag, value) = match text.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (Some(flag), Some(value)),
                _ if text.starts_with("--") => (Some(text), None),
                _ => (None, Some(text)),
            };
            format = flag.map_or(format, |flag| flag == "--format");
            let flag = flag.map(|flag| renamed(flag, &flags, &mut warn));
            let value = value.map(|value| {
                let values =
                    value.split(',').map(|value| if format { renamed(value, formats, &mut warn) } else { value });
                values.collect::<Vec<_>>().join(",")
            });
            *argument = match (flag, value) {
                (Some(flag), Some(value)) => format!("{flag}={value}").into(),
                (Some(flag), None) => flag.into(),
                (None, value) => value.unwrap_or_default().into(),
            };
        }
    }
    arguments
}

fn renamed<'a>(name: &'a str, table: &[(&'static str, &'static str)], warn: &mut impl FnMut(&str, &str)) -> &'a str {
    let Some(&(old, new)) = table.iter().find(|(old, _)| *old == name) else { return name };
    warn(old, new);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[&str], expected: &[&str], warned: &[&str]) {
        let mut heard = Vec::new();
        let found = expand(given.iter().map(OsString::from), |_, new| heard.push(new.to_owned()));
        assert_eq!(found, expected.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(heard, warned, "{given:?}");
    }

    #[test]
    fn aliases_are_spelt_out_only_in_first_place() {
        let check = |given: &[&str], expected: &[&str]| check(given, expected, &[]);
        check(&["shelf", "hash_dataset", "d"], &["shelf", "dataset", "hash", "d"]);
        check(&["shelf", "freeze_split"], &["shelf", "dataset", "split"]);
        check(&["shelf", "eval_shelf_counts", "--json"], &["shelf", "eval", "shelf-counts", "--json"]);
        check(&["shelf", "recognize", "hash_dataset"], &["shelf", "recognize", "hash_dataset"]);
        check(&["shelf"], &["shelf"]);
    }

    #[test]
    fn old_flags_belong_to_their_commands() {
        let convert = ["shelf", "dataset", "convert", "a.json", "--to", "yolo"];
        check(
            &[&convert[..], &["--copy-pictures", "photos"]].concat(),
            &[&convert[..], &["--copy-images", "photos"]].concat(),
            &["--copy-images"],
        );
        let calibrate = |flag| ["shelf", "calibrate", flag];
        check(&calibrate("--least-impostors=20"), &calibrate("--min-impostors=20"), &["--min-impostors"]);
        let background = |flag| ["shelf", "gallery", "background", flag, "64"];
        check(&background("--most"), &background("--max-embeddings"), &["--max-embeddings"]);
        check(&["shelf", "serve", "--pictures"], &["shelf", "serve", "--pictures"], &[]);
    }

    #[test]
    fn old_flags_and_values_of_training_are_warned_of() {
        let train =
            |rest: &[&'static str]| ["shelf", "train", "detector"].iter().chain(rest).copied().collect::<Vec<_>>();
        check(
            &train(&["--calibration-pictures", "64", "--format", "onnx,onnx-half"]),
            &train(&["--calibration-images", "64", "--format", "onnx,onnx-fp16"]),
            &["--calibration-images", "onnx-fp16"],
        );
        check(
            &train(&["--calibration-pictures=8", "--format=onnx-half"]),
            &train(&["--calibration-images=8", "--format=onnx-fp16"]),
            &["--calibration-images", "onnx-fp16"],
        );
        // A name is a name, whatever it looks like.
        check(&train(&["--name", "onnx-half"]), &train(&["--name", "onnx-half"]), &[]);
        check(&["shelf", "eval", "--calibration-pictures"], &["shelf", "eval", "--calibration-pictures"], &[]);
    }
}
