//! `shelf models run`: what a TFLite file says of an input, by the interpreter of our own.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use engine::tflite::run_floats;
use serde_json::{Value, json};
use vision::files::read_bounded;

use super::tflite::open;

/// Bytes of an input.
const MAX_INPUT: u64 = 64 << 20;

/// Run a TFLite file on an input and print what it says, as JSON
#[derive(Args)]
#[command(
    after_help = "Numbers are what the input means: int8 networks get them rounded to their scale, and outputs are shown
as what they mean.

  shelf models run model.tflite '[0.1, -1.2, 0.4]'
  shelf models run model.tflite 0.1,-1.2,0.4
  shelf models run model.tflite rows.csv         # a line of output for each row without letters
  shelf models run model.tflite input.npy        # float32, float64, int8 or uint8, C order"
)]
pub(crate) struct RunArgs {
    /// A .tflite file
    file: PathBuf,
    /// A .json, .csv or .npy file, or numbers
    #[arg(value_name = "INPUT", allow_hyphen_values = true)]
    input: String,
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let graph = open(&args.file)?;
    let [input] = graph.inputs() else {
        bail!("{} takes {} inputs; networks of one input can be run", args.file.display(), graph.inputs().len())
    };
    let wanted = graph.tensor(*input).len();
    let rows = numbers(&args.input)?;
    for (at, row) in rows.iter().enumerate() {
        if row.len() != wanted {
            bail!("row {} of the input has {} numbers; the network takes {wanted}", at + 1, row.len());
        }
        let outputs = run_floats(&graph, std::slice::from_ref(row))?;
        let name = |at: usize| graph.outputs().get(at).map_or("", |id| graph.tensor(*id).name.as_str());
        let said: serde_json::Map<String, Value> =
            outputs.iter().enumerate().map(|(at, values)| (name(at).to_owned(), json!(values))).collect();
        println!("{}", Value::Object(said));
    }
    Ok(())
}

/// Rows of numbers from a file or from the word itself.
fn numbers(input: &str) -> anyhow::Result<Vec<Vec<f32>>> {
    let path = Path::new(input);
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let text = || -> anyhow::Result<String> {
        String::from_utf8(read_bounded(path, MAX_INPUT)?).with_context(|| format!("{input} is not UTF-8 text"))
    };
    match ending.as_deref() {
        Some("npy") if path.is_file() => Ok(vec![
            npy(&read_bounded(path, MAX_INPUT)?).with_context(|| format!("{input} is no array that can be read"))?,
        ]),
        Some("json") if path.is_file() => json(&text()?),
        _ if path.is_file() => csv(&text()?),
        _ if input.trim_start().starts_with('[') => json(input),
        _ => csv(input),
    }
}

/// Numbers of an array; those of arrays within it, one after the other.
fn json(text: &str) -> anyhow::Result<Vec<Vec<f32>>> {
    fn flatten(value: &Value, into: &mut Vec<f32>) -> anyhow::Result<()> {
        match value {
            Value::Array(values) => values.iter().try_for_each(|value| flatten(value, into)),
            Value::Number(number) => {
                into.push(number.as_f64().context("a number is out of range")? as f32);
                Ok(())
            }
            other => bail!("{other} is neither a number nor an array"),
        }
    }
    let mut row = Vec::new();
    flatten(&serde_json::from_str(text).context("the input is no JSON")?, &mut row)?;
    Ok(vec![row])
}

/// A row a line; a first line of names is left out.
fn csv(text: &str) -> anyhow::Result<Vec<Vec<f32>>> {
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let cells = line.split([',', ';', '\t']).map(|cell| cell.trim().parse::<f32>());
        match cells.collect::<Result<Vec<_>, _>>() {
            Ok(row) => rows.push(row),
            Err(_) if at == 0 && text.lines().count() > 1 => {}
            Err(_) => bail!(
                "line {} of the input holds something that is no number: {:?}",
                at + 1,
                line.chars().take(80).collect::<String>()
            ),
        }
    }
    if rows.is_empty() { bail!("the input holds no numbers") } else { Ok(rows) }
}

/// numpy's format (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>), versions 1 to 3.
fn npy(bytes: &[u8]) -> anyhow::Result<Vec<f32>> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").context("its first bytes are not those of numpy")?;
    let (major, wide) = (*rest.first().context("it is cut off")?, rest.first() != Some(&1));
    if !(1..=3).contains(&major) {
        bail!("version {major} is not known");
    }
    let cut = "it is cut off";
    let length = if wide {
        u32::from_le_bytes(rest.get(2..6).and_then(|bytes| bytes.try_into().ok()).context(cut)?) as usize
    } else {
        usize::from(u16::from_le_bytes(rest.get(2..4).and_then(|bytes| bytes.try_into().ok()).context(cut)?))
    };
    let start = if wide { 6 } else { 4 };
    let end = start + length;
    let header = std::str::from_utf8(rest.get(start..end).context(cut)?).context("its header is no text")?;
    if header.contains("'fortran_order': True") {
        bail!("it is in Fortran order: save it with numpy.ascontiguousarray");
    }
    let kind = header.split("'descr':").nth(1).and_then(|rest| rest.split('\'').nth(1)).context("it names no type")?;
    let data = &rest[end..];
    Ok(match kind {
        "<f4" => data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        "<f8" => data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect(),
        "|i1" => data.iter().map(|byte| f32::from(byte.cast_signed())).collect(),
        "|u1" => data.iter().map(|byte| f32::from(*byte)).collect(),
        other => bail!("it holds {other}; float32, float64, int8 and uint8 are read"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_every_form() {
        let one = vec![vec![0.5, -1.0, 2e3]];
        for text in ["[0.5, -1, 2000]", "[[0.5, -1], [2e3]]", "0.5,-1,2e3", " 0.5; -1 ;2000"] {
            assert_eq!(numbers(text).expect(text), one, "{text}");
        }
        assert_eq!(csv("a,b\n1,2\n\n3,4\n").expect("two rows"), [[1.0, 2.0], [3.0, 4.0]]);
        for text in ["", "a,b", "1,2\nx,3\n", "[1, \"a\"]", "[1"] {
            assert!(numbers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arrays_of_numpy_are_read_and_broken_ones_refused() {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }          \n";
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend([1.5_f32, -2.0].iter().flat_map(|value| value.to_le_bytes()));
        assert_eq!(npy(&bytes).expect("sound"), [1.5, -2.0]);
        for length in 0..10 + header.len() {
            assert!(npy(&bytes[..length]).is_err(), "cut at {length}");
        }
        let other = |from: &str, to: &str| {
            let text: Vec<u8> = bytes.clone();
            let at = text.windows(from.len()).position(|part| part == from.as_bytes()).expect("there");
            [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat()
        };
        assert!(npy(&other("<f4", "<c8")).is_err());
        assert!(npy(&other("False", "True ")).is_err());
    }
}
