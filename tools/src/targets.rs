//! What a release must reach: `targets.yaml` beside the configuration. Evaluation, training and promotion read it; serving does
//! not.

use std::path::Path;

use eval::Targets;
use serde::Deserialize;
use vision::config::{Check, ConfigError, read_text, syntax};

/// Beside the configuration of the pipeline, and of every trainer.
const FILE: &str = "targets.yaml";

/// Where targets stood before.
#[derive(Deserialize)]
struct Old {
    #[serde(default)]
    targets: Option<Targets>,
}

/// The targets that hold where `config` is the configuration: those of the file beside it, else the product's own. A section
/// `targets` of the configuration itself still holds where there is no such file, with a warning.
pub(crate) fn beside(config: &Path) -> Result<Targets, ConfigError> {
    let file = config.with_file_name(FILE);
    let old = section(config)?;
    if file.exists() {
        if old.is_some() {
            eprintln!("`targets` of {} is not read any more: {} holds", config.display(), file.display());
        }
        return parse(&read_text(&file)?, &file);
    }
    let Some(targets) = old else { return Ok(Targets::default()) };
    eprintln!("`targets` of {} moves to {}; the next release reads it there alone", config.display(), file.display());
    checked(targets, config)
}

fn section(config: &Path) -> Result<Option<Targets>, ConfigError> {
    if !config.exists() {
        return Ok(None);
    }
    let old: Old = serde_saphyr::from_str(&read_text(config)?).map_err(|error| syntax(config, &error.to_string()))?;
    Ok(old.targets)
}

fn parse(text: &str, path: &Path) -> Result<Targets, ConfigError> {
    checked(serde_saphyr::from_str(text).map_err(|error| syntax(path, &error.to_string()))?, path)
}

fn checked(targets: Targets, path: &Path) -> Result<Targets, ConfigError> {
    let check = Check::of(path);
    let Targets { recall_min, map50_min, top1_accuracy_min, count_mae_max } = targets;
    for (key, value) in [("recall_min", recall_min), ("map50_min", map50_min), ("top1_accuracy_min", top1_accuracy_min)]
    {
        check.within(key, value, 0.0, 1.0)?;
    }
    check.within("count_mae_max", count_mae_max, 0.0, 1e6)?;
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_shipped_file_states_the_products_own() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs").join(FILE);
        assert_eq!(parse(&fs::read_to_string(&shipped).unwrap(), &shipped).unwrap(), Targets::default());
        assert_eq!(parse("{}", &shipped).unwrap(), Targets::default());
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| parse(text, Path::new(FILE)).unwrap_err().to_string();
        let wrong = error("recall_min: 2");
        assert!(wrong.contains("targets.yaml: `recall_min` is 2"), "{wrong}");
        assert!(error("recal_min: 0.9").contains("did you mean `recall_min`?"));
        assert!(error("count_mae_max: .nan").contains("count_mae_max"));
    }

    #[test]
    fn the_file_wins_over_the_old_section() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("pipeline.yaml");
        assert_eq!(beside(&config).unwrap(), Targets::default(), "no file at all");
        fs::write(&config, "gallery: {path: g}\n").unwrap();
        assert_eq!(beside(&config).unwrap(), Targets::default());
        fs::write(&config, "gallery: {path: g}\ntargets: {recall_min: 0.5}\n").unwrap();
        assert_eq!(beside(&config).unwrap(), Targets { recall_min: 0.5, ..Targets::default() });
        fs::write(folder.path().join(FILE), "map50_min: 0.6\n").unwrap();
        assert_eq!(beside(&config).unwrap(), Targets { map50_min: 0.6, ..Targets::default() });
    }
}
