//! Changing two values of a YAML configuration without touching its comments and order.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

/// `text` with `gallery.threshold` and, unless empty, `gallery.sku_thresholds` set. Everything else stays as people wrote it.
///
/// # Errors
/// When there is no block `gallery:` at the left edge with lines of its own (flow style cannot be edited by line).
pub(super) fn with_thresholds(text: &str, global: f32, skus: &BTreeMap<String, f32>) -> anyhow::Result<String> {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.lines().collect();
    let start = lines
        .iter()
        .position(|line| without_comment(line).trim_end() == "gallery:")
        .context("there is no block `gallery:` with lines of its own; set gallery.threshold by hand")?;
    let belongs = |line: &&str| line.trim().is_empty() || line.starts_with([' ', '\t', '#']);
    let mut end = start + 1 + lines[start + 1..].iter().take_while(|line| belongs(line)).count();
    // Blank lines and comments before the next block belong to it.
    while end > start + 1 && (lines[end - 1].trim().is_empty() || !lines[end - 1].starts_with([' ', '\t'])) {
        end -= 1;
    }
    let block = &lines[start + 1..end];
    let indent: String = match block.iter().find(|line| !without_comment(line).trim().is_empty()) {
        Some(line) => line.chars().take_while(|c| c.is_whitespace()).collect(),
        None => bail!("the block `gallery:` is empty; set gallery.threshold by hand"),
    };
    let key_of = |line: &str| {
        let rest = line.strip_prefix(indent.as_str())?;
        let (key, _) = without_comment(rest).split_once(':')?;
        (!key.starts_with(char::is_whitespace)).then(|| key.trim().to_owned())
    };
    let mut edited: Vec<String> = lines[..=start].iter().map(|line| (*line).to_owned()).collect();
    let (mut seen, mut skipping) = (false, false);
    for line in block {
        let key = key_of(line);
        if key.is_some() {
            skipping = key.as_deref() == Some("sku_thresholds");
        }
        if skipping {
            continue;
        }
        if key.as_deref() == Some("threshold") {
            let comment = line.find(" #").map_or("", |at| &line[at..]);
            edited.push(format!("{indent}threshold: {global}{comment}"));
            seen = true;
        } else {
            edited.push((*line).to_owned());
        }
    }
    if !seen {
        edited.push(format!("{indent}threshold: {global}"));
    }
    if !skus.is_empty() {
        edited.push(format!("{indent}sku_thresholds: # by `shelf calibrate`; others use threshold"));
        for (code, threshold) in skus {
            // JSON strings are YAML strings, whatever the code holds.
            let code = serde_json::to_string(code)?;
            edited.push(format!("{indent}{indent}{code}: {threshold}"));
        }
    }
    edited.extend(lines[end..].iter().map(|line| (*line).to_owned()));
    Ok(edited.join(ending) + ending)
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.find(" #").map_or(line, |at| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_change_and_everything_else_stays() {
        let text = "# head\ndetector:\n  confidence: 0.25 # serving\n\ngallery:\n  path: data # here\n  threshold: 0.60 # old\n  margin: 0.02\n\n# limits next\nlimits:\n  max_mib: 20\n";
        let edited = with_thresholds(text, 0.5, &BTreeMap::new()).unwrap();
        assert_eq!(edited, text.replace("threshold: 0.60", "threshold: 0.5"));
        let skus = BTreeMap::from([("cola \"x\"".to_owned(), 0.25_f32)]);
        let edited = with_thresholds(text, 0.5, &skus).unwrap();
        assert!(edited.contains("  margin: 0.02\n  sku_thresholds: # by `shelf calibrate`; others use threshold\n    \"cola \\\"x\\\"\": 0.25\n\n# limits next\n"));
        // Again: the old block goes, nothing doubles.
        assert_eq!(with_thresholds(&edited, 0.5, &skus).unwrap(), edited);
        assert_eq!(with_thresholds(&edited, 0.6, &BTreeMap::new()).unwrap(), text.replace("0.60", "0.6"));
    }

    #[test]
    fn a_missing_key_is_added_and_a_missing_block_refused() {
        let edited = with_thresholds("gallery:\n    path: x\nlimits: {}\n", 0.5, &BTreeMap::new()).unwrap();
        assert_eq!(edited, "gallery:\n    path: x\n    threshold: 0.5\nlimits: {}\n");
        assert!(with_thresholds("gallery: {path: x}\n", 0.5, &BTreeMap::new()).is_err());
        assert!(with_thresholds("", 0.5, &BTreeMap::new()).is_err());
    }
}
