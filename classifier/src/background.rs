//! The background of an embedder: embeddings of products that stand for all that nobody has enrolled.
//!
//! It lies beside the weights (`<stem>.background.npy`, 16-bit floats) and the model card names it with its digest. What the
//! products are called is not part of it. A gallery learns from it how similar a foreign product comes to what is enrolled.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use thiserror::Error;
use vision::model_card::{CardError, SideFile};
use vision::{Embedding, ModelCard, Sha256};

use crate::gallery::Matrix;
use crate::gallery::npy::{self, NpyError};

/// Largest background read.
const MAX_BYTES: u64 = 256 << 20;
/// Longest background read: more says nothing new about a false-accept rate and costs time at every start.
pub const MAX_ROWS: usize = 1 << 16;

/// Foreign embeddings, a row each, of length one.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    embeddings: Matrix,
}

/// A background that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackgroundError {
    /// The file cannot be read or written.
    #[error("cannot access {path}")]
    Io {
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The card cannot be read or written.
    #[error(transparent)]
    Card(#[from] CardError),
    /// There is no card that could name the background.
    #[error("{weights} has no model card beside it that could name its background")]
    NoCard {
        /// Which weights.
        weights: PathBuf,
    },
    /// Not the array it should be.
    #[error("{path} is no background")]
    Npy {
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: NpyError,
    },
    /// Not the file the card speaks of.
    #[error(
        "{path} does not match the model card: its SHA-256 is {found}, the card says {expected}; make it anew with `shelf gallery background`"
    )]
    Digest {
        /// Path of the file or folder.
        path: PathBuf,
        /// What the card says.
        expected: Sha256,
        /// What the file has.
        found: Sha256,
    },
    /// Made by another embedder.
    #[error("{path} holds embeddings of {found} components, the embedder makes {expected}")]
    Dimension {
        /// Path of the file or folder.
        path: PathBuf,
        /// Of the embedder.
        expected: usize,
        /// Of the file.
        found: usize,
    },
    /// Too many rows, or none.
    #[error("{path} holds {found} embeddings, 1 to {MAX_ROWS} are accepted")]
    Rows {
        /// Path of the file or folder.
        path: PathBuf,
        /// Rows of the file.
        found: usize,
    },
    /// A row has no direction or is not a number.
    #[error("row {row} of {path} is no embedding")]
    Row {
        /// Path of the file or folder.
        path: PathBuf,
        /// Which row.
        row: usize,
    },
}

impl Background {
    /// Of embeddings at hand; `None` without any, or when they differ in dimension.
    #[must_use]
    pub fn of(embeddings: &[Embedding]) -> Option<Self> {
        let columns = embeddings.first()?.dimension();
        let mut matrix = Matrix::new(columns);
        for embedding in embeddings.iter().take(MAX_ROWS) {
            if embedding.dimension() != columns {
                return None;
            }
            matrix.push(embedding.as_slice());
        }
        Some(Self { embeddings: matrix })
    }

    /// Where the background of these weights lies: `shelf-v3.onnx` has `shelf-v3.background.npy`.
    #[must_use]
    pub fn path_for(weights: &Path) -> PathBuf {
        weights.with_extension("background.npy")
    }

    /// The background that the card beside `weights` names, for embeddings of `dimension` components; `None` when it names none.
    ///
    /// # Errors
    /// When the card or the file cannot be read, or the file is not the one the card speaks of.
    pub fn beside(weights: &Path, dimension: usize) -> Result<Option<Arc<Self>>, BackgroundError> {
        let card_path = ModelCard::path_for(weights);
        if !card_path.exists() {
            return Ok(None);
        }
        let Some(SideFile { file, sha256 }) = ModelCard::read(&card_path)?.background else { return Ok(None) };
        let path = weights.with_file_name(file);
        let io_error = |source| BackgroundError::Io { path: path.clone(), source };
        let length = fs::metadata(&path).map_err(io_error)?.len();
        if length > MAX_BYTES {
            let source = NpyError::TooLarge { found: length, limit: MAX_BYTES };
            return Err(BackgroundError::Npy { path, source });
        }
        let found = Sha256::of_file(&path).map_err(io_error)?;
        if found != sha256 {
            return Err(BackgroundError::Digest { path, expected: sha256, found });
        }
        let reader = BufReader::new(File::open(&path).map_err(io_error)?);
        let matrix = npy::read_fp16(reader, length, MAX_BYTES)
            .map_err(|source| BackgroundError::Npy { path: path.clone(), source })?;
        if matrix.columns() != dimension {
            return Err(BackgroundError::Dimension { path, expected: dimension, found: matrix.columns() });
        }
        if !(1..=MAX_ROWS).contains(&matrix.rows()) {
            return Err(BackgroundError::Rows { path, found: matrix.rows() });
        }
        // Sixteen bits lose a little length.
        let mut embeddings = Matrix::new(dimension);
        for row in 0..matrix.rows() {
            let embedding = Embedding::normalized(matrix.row(row).to_vec());
            let embedding = embedding.map_err(|_| BackgroundError::Row { path: path.clone(), row })?;
            embeddings.push(embedding.as_slice());
        }
        Ok(Some(Arc::new(Self { embeddings })))
    }

    /// Writes it beside `weights` and names it in their card.
    ///
    /// # Errors
    /// When there is no card, or the folder cannot be written.
    pub fn write_beside(&self, weights: &Path) -> Result<PathBuf, BackgroundError> {
        let Some(mut card) = ModelCard::read_beside(weights)? else {
            return Err(BackgroundError::NoCard { weights: weights.to_owned() });
        };
        let path = Self::path_for(weights);
        let io_error = |source| BackgroundError::Io { path: path.clone(), source };
        let beside = path.with_extension(format!("npy.partial-{}", std::process::id()));
        let written = File::create(&beside).and_then(|file| {
            let mut writer = BufWriter::new(file);
            npy::write_fp16(&mut writer, &self.embeddings)?;
            writer.flush()?;
            writer.get_ref().sync_all()?;
            fs::rename(&beside, &path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.map_err(io_error)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        card.background = Some(SideFile { file, sha256: Sha256::of_file(&path).map_err(io_error)? });
        card.write_beside(weights)?;
        Ok(path)
    }

    /// The embeddings, a row each.
    #[must_use]
    pub fn embeddings(&self) -> &Matrix {
        &self.embeddings
    }
}
