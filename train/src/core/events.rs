//! Event files that TensorBoard reads.
//!
//! A file is a row of records: length (u64), its masked CRC-32C, the bytes of an `Event` message, their masked CRC-32C; all
//! little-endian (TensorFlow, `tensorflow/core/lib/io/record_writer.h` and `core/util/event.proto`).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

/// The fields of `Event` that scalars need.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

/// Appends to an event file of its own.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// A new file in `folder`. TensorBoard reads all event files of a folder as one run, so a run that goes on opens another.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let name = format!("events.out.tfevents.{}.{}", now().floor(), std::process::id());
        let path = folder.join(name);
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut writer = Self { file, path };
        writer.append(&Event {
            wall_time: now(),
            file_version: Some("brain.Event:2".to_owned()),
            ..Event::default()
        })?;
        Ok(writer)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds scalars of one step. Metrics that are missing are left out.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn scalars(&mut self, step: u64, scalars: &[(&str, Option<f64>)]) -> io::Result<()> {
        let value =
            |&(tag, value): &(&str, Option<f64>)| Some(Value { tag: tag.to_owned(), simple_value: value? as f32 });
        let summary = Summary { value: scalars.iter().filter_map(value).collect() };
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        self.append(&Event { wall_time: now(), step, file_version: None, summary: Some(summary) })
    }

    fn append(&mut self, event: &Event) -> io::Result<()> {
        let data = event.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(data.len() + 16);
        record.extend(length);
        record.extend(masked(crc32c(&length)).to_le_bytes());
        record.extend(&data);
        record.extend(masked(crc32c(&data)).to_le_bytes());
        self.file.write_all(&record)?;
        self.file.flush()
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// CRC-32C (Castagnoli, RFC 3720, appendix B.4), bit by bit: a few hundred bytes an epoch.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_rfc() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    }

    #[test]
    fn records_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path()).unwrap();
        writer.scalars(7, &[("metrics/mAP50", Some(0.5)), ("missing", None)]).unwrap();
        let bytes = std::fs::read(writer.path()).unwrap();
        let (mut at, mut events) = (0, Vec::new());
        while at < bytes.len() {
            let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
            events.push(Event::decode(&bytes[at + 12..at + 12 + length]).unwrap());
            at += length + 16;
        }
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
        let value = Value { tag: "metrics/mAP50".to_owned(), simple_value: 0.5 };
        assert_eq!((events[1].step, events[1].summary.as_ref().unwrap().value.as_slice()), (7, &[value][..]));
    }
}
