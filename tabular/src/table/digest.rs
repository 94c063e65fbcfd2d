//! What a table is: the SHA-256 of its content, whatever file it came from.

use sha2::Digest as _;
use vision::Sha256;

use super::{Column, Table, Values};

impl Table {
    /// Digest of names, types and values in order. One table has one digest, whether it was read from CSV, Parquet or XLSX, with
    /// whatever quotes and line ends.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        let mut hasher = sha2::Sha256::new();
        hasher.update(b"table 1");
        hasher.update((self.rows() as u64).to_le_bytes());
        for column in self.columns() {
            put_text(&mut hasher, &column.name);
            put_values(&mut hasher, column);
        }
        Sha256(hasher.finalize().into())
    }
}

fn put_text(hasher: &mut sha2::Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}

fn put_values(hasher: &mut sha2::Sha256, column: &Column) {
    match &column.values {
        Values::Number(numbers) => {
            hasher.update(b"n");
            for value in &numbers.values {
                // One NaN and one zero: their other bit patterns are the same value.
                let canonical = if value.is_nan() { f64::NAN } else { value + 0.0 };
                hasher.update(canonical.to_bits().to_le_bytes());
            }
        }
        Values::Flag(flags) => {
            hasher.update(b"f");
            let bytes: Vec<u8> = flags.iter().map(|flag| flag.map_or(2, u8::from)).collect();
            hasher.update(bytes);
        }
        Values::Time(times) => {
            hasher.update(b"t");
            times.iter().for_each(|time| hasher.update(time.unwrap_or(i64::MIN).to_le_bytes()));
        }
        Values::Text(words) => {
            hasher.update(b"w");
            for row in 0..words.codes.len() {
                match words.get(row) {
                    Some(word) => put_text(hasher, word),
                    None => hasher.update(u64::MAX.to_le_bytes()),
                }
            }
        }
    }
}
