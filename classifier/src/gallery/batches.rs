//! Images on their way to an embedder: loaded on all threads, embedded some at a time.

use rayon::prelude::*;
use vision::{Embedder, Embedding, ModelError, RgbImage};

/// Pixels decoded before they are embedded, so that a folder of 50-megapixel photos does not fill the memory.
const MAX_WAITING_PIXELS: u64 = 64_000_000;

/// How far enrolling, or embedding again, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Images seen to.
    pub done: usize,
    /// Images there are.
    pub total: usize,
}

/// Loads `items` on all threads, as many at a time as there are threads, and hands them on in their order.
///
/// # Errors
/// The first of `each`.
pub(super) fn in_waves<T: Send, L: Send, E>(
    items: Vec<T>,
    load: impl Fn(&T) -> L + Sync,
    mut each: impl FnMut(T, L) -> Result<(), E>,
) -> Result<(), E> {
    let wave = rayon::current_num_threads().max(1);
    let mut items = items.into_iter();
    loop {
        let next: Vec<T> = items.by_ref().take(wave).collect();
        if next.is_empty() {
            return Ok(());
        }
        let with_loaded = |item| {
            let loaded = load(&item);
            (item, loaded)
        };
        let loaded: Vec<(T, L)> = next.into_par_iter().map(with_loaded).collect();
        for (item, loaded) in loaded {
            each(item, loaded)?;
        }
    }
}

/// Images that wait to be embedded together, each with what it is.
pub(super) struct Batch<'a, T> {
    embedder: &'a dyn Embedder,
    size: usize,
    waiting: Vec<(T, RgbImage)>,
    pixels: u64,
}

impl<'a, T> Batch<'a, T> {
    pub(super) fn new(embedder: &'a dyn Embedder, size: usize) -> Self {
        Self { embedder, size: size.max(1), waiting: Vec::new(), pixels: 0 }
    }

    pub(super) fn push(&mut self, what: T, image: RgbImage) {
        self.pixels += u64::from(image.width()) * u64::from(image.height());
        self.waiting.push((what, image));
    }

    /// Whether it is time to embed.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.size || self.pixels >= MAX_WAITING_PIXELS
    }

    /// Embeds what waits.
    ///
    /// # Errors
    /// When the embedder fails, or answers another number of embeddings.
    pub(super) fn embed(&mut self) -> Result<Vec<(T, Embedding)>, ModelError> {
        self.pixels = 0;
        let (what, images): (Vec<T>, Vec<RgbImage>) = self.waiting.drain(..).unzip();
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let embeddings = self.embedder.embed(&images)?;
        if embeddings.len() != images.len() {
            return Err(ModelError::UnexpectedOutput {
                expected: format!("{} embeddings", images.len()),
                found: embeddings.len().to_string(),
            });
        }
        Ok(what.into_iter().zip(embeddings).collect())
    }
}
