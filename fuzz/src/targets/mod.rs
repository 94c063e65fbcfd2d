//! The readers.

mod annotations;
mod configs;
mod http;
mod images;
mod models;

use std::error::Error;
use std::time::Duration;

/// One reader of bytes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Also the name of its folder in the corpus.
    pub name: &'static str,
    /// Reads. Must come back whatever the bytes are.
    pub run: fn(&[u8]) -> Answer,
    /// Words of the format, put into inputs now and then.
    pub words: &'static [&'static [u8]],
    /// Makes checksums right again, so that what lies behind them is reached.
    pub mend: Option<fn(&mut [u8])>,
    /// Most that may be allocated at a time, MiB.
    pub max_mib: usize,
    /// Longest that it may take.
    pub max_time: Duration,
}

/// What a reader said of one input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// It was read: its outline.
    Read(String),
    /// It was refused: the sentence.
    Refused(String),
    /// The reader broke a promise: which.
    Wrong(String),
}

impl Answer {
    fn of<T, E: Error + 'static>(result: Result<T, E>, outline: impl FnOnce(&T) -> String) -> Self {
        match result {
            Ok(value) => Self::Read(outline(&value)),
            Err(error) => Self::Refused(sentence(&error)),
        }
    }

    /// The same for answers that differ in numbers and names alone: an answer of a new kind is worth mutating on.
    #[must_use]
    pub fn kind(&self) -> String {
        let (Self::Read(text) | Self::Refused(text) | Self::Wrong(text)) = self;
        let mut quoted = false;
        let unquoted: String = text
            .chars()
            .filter(|c| {
                quoted ^= matches!(c, '"' | '`');
                !quoted
            })
            .collect();
        let is_word = |word: &&str| word.len() > 2 && word.chars().all(|c| c.is_ascii_alphabetic());
        let words: Vec<&str> = unquoted.split(|c: char| !c.is_alphanumeric()).filter(is_word).take(14).collect();
        format!("{}{}", if matches!(self, Self::Read(_)) { "+" } else { "-" }, words.join(" "))
    }
}

/// The error and its causes in one line.
fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// All of them.
pub const TARGETS: &[Target] = &[
    images::JPEG,
    images::PNG,
    images::WEBP,
    images::HEIC,
    images::HEIC_DECODER,
    models::ONNX,
    models::TFLITE,
    models::DEVICE_META,
    models::TORCH,
    models::SAFETENSORS,
    models::CARD,
    annotations::VOC,
    annotations::COCO,
    annotations::YOLO,
    annotations::FACINGS,
    annotations::CLASS_NAMES,
    annotations::CVAT,
    annotations::LABEL_STUDIO,
    annotations::EVAL_COCO,
    annotations::EVAL_RESULTS,
    annotations::EVAL_COUNTS,
    configs::PIPELINE,
    http::MULTIPART,
    http::JSON,
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_a_kind_differ_in_numbers_and_names_alone() {
        let refused = |text: &str| Answer::Refused(text.to_owned()).kind();
        assert_eq!(refused("tensor `a` has 3 numbers"), refused("tensor `bc` has 17 numbers"));
        assert_ne!(refused("cut off"), refused("too deep"));
        assert_ne!(Answer::Read("cut off".to_owned()).kind(), refused("cut off"));
    }
}
