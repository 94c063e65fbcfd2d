//! Two-dimensional `float32` arrays in NumPy's file format, version 1.0.
//!
//! Format: magic `\x93NUMPY`, two version bytes, a little-endian `u16` header length, a Python dictionary with the keys
//! `descr`, `fortran_order` and `shape`, padded with spaces to a multiple of 64 and ended by a newline, then the values
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>). Files come from outside: sizes are checked
//! against the length of the file before memory is taken.

use std::io::{self, Read, Write};

use half::f16;
use thiserror::Error;

use super::blocks::BLOCK;
use super::matrix::Matrix;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Bytes before the header: magic, version, length.
const PREAMBLE: usize = 10;

/// Bytes that are not such an array.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NpyError {
    /// Reading failed, or the file ended early.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// Not NumPy's format at all.
    #[error("it is not a NumPy array")]
    Magic,
    /// Another version of the format.
    #[error("it is a NumPy file of version {major}.{minor}, only 1.0 is understood")]
    Version {
        /// First number.
        major: u8,
        /// Second number.
        minor: u8,
    },
    /// The dictionary does not read as one.
    #[error("its header is damaged at byte {at}")]
    Header {
        /// Position in the header.
        at: usize,
    },
    /// Other values than those asked for.
    #[error("its values are {found:?}, only {expected:?} is understood here")]
    ValueType {
        /// What the header says.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// Columns first.
    #[error("it is stored column by column; save it with numpy.ascontiguousarray")]
    FortranOrder,
    /// Not rows and columns, or none of them.
    #[error("it has shape {found:?}, rows and columns are expected")]
    Shape {
        /// What the header says.
        found: Vec<u64>,
    },
    /// The file is longer or shorter than its shape says.
    #[error("its shape asks for {expected} bytes, the file has {found}")]
    Length {
        /// Bytes by the shape.
        expected: u128,
        /// Bytes there are.
        found: u64,
    },
    /// More than is read into memory.
    #[error("it has {found} bytes, at most {limit} are accepted")]
    TooLarge {
        /// Bytes there are.
        found: u64,
        /// Bytes accepted.
        limit: u64,
    },
}

/// Writes a matrix.
///
/// # Errors
/// When writing fails.
pub fn write(writer: impl Write, matrix: &Matrix) -> io::Result<()> {
    write_as(writer, matrix, "<f4", |values, bytes| bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())))
}

/// Writes a matrix in 16-bit floats: half the bytes, three digits.
///
/// # Errors
/// When writing fails.
pub fn write_fp16(writer: impl Write, matrix: &Matrix) -> io::Result<()> {
    write_as(writer, matrix, "<f2", |values, bytes| {
        bytes.extend(values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()));
    })
}

fn write_as(
    mut writer: impl Write,
    matrix: &Matrix,
    value_type: &str,
    encode: impl Fn(&[f32], &mut Vec<u8>),
) -> io::Result<()> {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    let dictionary = format!("{{'descr': '{value_type}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let length = (PREAMBLE + dictionary.len() + 1).next_multiple_of(64) - PREAMBLE;
    writer.write_all(MAGIC)?;
    writer.write_all(&[1, 0])?;
    writer.write_all(&u16::try_from(length).expect("two numbers fit a header").to_le_bytes())?;
    writeln!(writer, "{dictionary:<width$}", width = length - 1)?;
    let mut bytes = Vec::with_capacity(1 << 16);
    for values in matrix.blocks().iter().flat_map(|block| block.chunks(1 << 14)) {
        bytes.clear();
        encode(values, &mut bytes);
        writer.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads a matrix from a file of `length` bytes; zero rows are allowed, zero columns are not.
///
/// # Errors
/// When the bytes are not such an array, or are more than `limit`. Nothing of the size of the array is allocated before
/// the header was found to agree with `length`.
pub fn read(reader: impl Read, length: u64, limit: u64) -> Result<Matrix, NpyError> {
    read_as(reader, (length, limit), "<f4", |four: [u8; 4]| f32::from_le_bytes(four))
}

/// As [`read`], of 16-bit floats.
///
/// # Errors
/// As [`read`].
pub fn read_fp16(reader: impl Read, length: u64, limit: u64) -> Result<Matrix, NpyError> {
    read_as(reader, (length, limit), "<f2", |two: [u8; 2]| f16::from_le_bytes(two).to_f32())
}

fn read_as<const SIZE: usize>(
    mut reader: impl Read,
    (length, limit): (u64, u64),
    value_type: &'static str,
    decode: impl Fn([u8; SIZE]) -> f32,
) -> Result<Matrix, NpyError> {
    if length > limit {
        return Err(NpyError::TooLarge { found: length, limit });
    }
    let mut preamble = [0; PREAMBLE];
    reader.read_exact(&mut preamble).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => NpyError::Magic,
        _ => NpyError::Io(error),
    })?;
    if &preamble[..6] != MAGIC {
        return Err(NpyError::Magic);
    }
    if preamble[6..8] != [1, 0] {
        return Err(NpyError::Version { major: preamble[6], minor: preamble[7] });
    }
    let header_length = usize::from(u16::from_le_bytes([preamble[8], preamble[9]]));
    let mut header = vec![0; header_length];
    reader.read_exact(&mut header)?;
    let header = Header::parse(&header)?;
    if header.value_type != value_type {
        return Err(NpyError::ValueType { found: header.value_type, expected: value_type });
    }
    if header.fortran_order {
        return Err(NpyError::FortranOrder);
    }
    let (rows, columns) = match *header.shape {
        [rows, columns] if columns > 0 => (rows, columns),
        _ => return Err(NpyError::Shape { found: header.shape }),
    };
    // In 128 bits the product of two u64 and 4 may still wrap; a saturated product is never the length of a file.
    let values = u128::from(rows).saturating_mul(u128::from(columns)).saturating_mul(SIZE as u128);
    let expected = values.saturating_add((PREAMBLE + header_length) as u128);
    if expected != u128::from(length) {
        return Err(NpyError::Length { expected, found: length });
    }
    let mut matrix = Matrix::new(columns as usize);
    let mut piece = vec![0; 1 << 16];
    let mut left = (rows * columns) as usize;
    while left > 0 {
        let size = left.min(BLOCK * columns as usize);
        let mut values = Vec::with_capacity(size);
        while values.len() < size {
            let count = (size - values.len()).min(piece.len() / SIZE);
            let bytes = &mut piece[..count * SIZE];
            reader.read_exact(bytes)?;
            values.extend(bytes.as_chunks::<SIZE>().0.iter().map(|&bytes| decode(bytes)));
        }
        left -= size;
        matrix.push_block(values);
    }
    Ok(matrix)
}

/// What the dictionary says.
#[derive(Debug, PartialEq)]
struct Header {
    value_type: String,
    fortran_order: bool,
    shape: Vec<u64>,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, NpyError> {
        let mut text = Scanner { bytes, at: 0 };
        let (mut value_type, mut fortran_order, mut shape) = (None, None, None);
        text.expect(b'{')?;
        while !text.accept(b'}') {
            let key = text.quoted()?;
            text.expect(b':')?;
            // A key that comes twice, or that NumPy does not write, is an error.
            let known = match key.as_str() {
                "descr" => value_type.replace(text.quoted()?).is_none(),
                "fortran_order" => fortran_order.replace(text.boolean()?).is_none(),
                "shape" => shape.replace(text.tuple()?).is_none(),
                _ => false,
            };
            if !known {
                return Err(text.damaged());
            }
            if !text.accept(b',') {
                text.expect(b'}')?;
                break;
            }
        }
        text.skip_space();
        match (value_type, fortran_order, shape) {
            (Some(value_type), Some(fortran_order), Some(shape)) if text.at == bytes.len() => {
                Ok(Self { value_type, fortran_order, shape })
            }
            _ => Err(text.damaged()),
        }
    }
}

/// Reads the few Python literals that a header holds.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn damaged(&self) -> NpyError {
        NpyError::Header { at: self.at }
    }

    fn skip_space(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), NpyError> {
        if self.accept(byte) { Ok(()) } else { Err(self.damaged()) }
    }

    fn quoted(&mut self) -> Result<String, NpyError> {
        let quote = if self.accept(b'"') { b'"' } else { self.expect(b'\'').map(|()| b'\'')? };
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == quote).ok_or_else(|| self.damaged())?;
        let text = &rest[..end];
        if !text.iter().all(|b| b.is_ascii_graphic() && *b != b'\\') {
            return Err(self.damaged());
        }
        let text = String::from_utf8_lossy(text).into_owned();
        self.at += end + 1;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, NpyError> {
        self.skip_space();
        for (word, value) in [("True", true), ("False", false)] {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.damaged())
    }

    fn tuple(&mut self) -> Result<Vec<u64>, NpyError> {
        let mut numbers = Vec::new();
        self.expect(b'(')?;
        while !self.accept(b')') {
            numbers.push(self.number()?);
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(numbers)
    }

    fn number(&mut self) -> Result<u64, NpyError> {
        self.skip_space();
        let rest = &self.bytes[self.at..];
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let number = std::str::from_utf8(&rest[..digits]).ok().and_then(|text| text.parse().ok());
        self.at += digits;
        number.ok_or_else(|| self.damaged())
    }
}
