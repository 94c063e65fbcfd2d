//! Images that teach nothing: too near an exemplar that their SKU has already.

use std::collections::HashMap;

use vision::{Embedding, SkuId};

use super::super::data::{GalleryData, NewExemplar};
use super::super::flat::clamp_similarity;
use super::super::kernel::dots;

/// Cosine similarity from which an image repeats an exemplar of its own SKU, unless somebody chooses otherwise.
pub const REDUNDANT_FROM: f32 = 0.98;

/// What becomes of images that repeat an exemplar of their own SKU. They are reported in any case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Redundancy {
    /// Cosine similarity from which an image is a repetition.
    pub from: f32,
    /// Whether it is enrolled all the same.
    pub keep: bool,
}

impl Default for Redundancy {
    fn default() -> Self {
        Self { from: REDUNDANT_FROM, keep: false }
    }
}

/// The exemplars of each SKU, by code: those of the gallery and those of this run.
///
/// An image is compared with every exemplar of its own SKU and with no other: the answer is exact, and with a thousand of
/// them it costs a small part of what embedding the image did.
pub(super) struct Kin<'a> {
    data: &'a GalleryData,
    of: HashMap<String, Vec<ExemplarRow>>,
}

/// Where an exemplar is.
enum ExemplarRow {
    /// Row of the gallery.
    Stored(usize),
    /// Place among the exemplars of this run.
    New(usize),
}

impl<'a> Kin<'a> {
    pub(super) fn of(data: &'a GalleryData) -> Self {
        let mut rows: HashMap<SkuId, Vec<ExemplarRow>> = HashMap::new();
        for (row, exemplar) in data.exemplars().iter().enumerate() {
            rows.entry(exemplar.sku).or_default().push(ExemplarRow::Stored(row));
        }
        let of = data.skus().filter_map(|sku| Some((sku.code.clone(), rows.remove(&sku.id)?)));
        Self { data, of: of.collect() }
    }

    /// Origin of the exemplar of SKU `code` that is nearest to `embedding`, and their similarity; the first of equals.
    pub(super) fn nearest(
        &self,
        code: &str,
        embedding: &Embedding,
        new: &[(String, NewExemplar)],
    ) -> Option<(String, f32)> {
        let places = self.of.get(code)?;
        let row = |place: &ExemplarRow| -> &[f32] {
            match *place {
                ExemplarRow::Stored(row) => self.data.embeddings().row(row),
                ExemplarRow::New(at) => new[at].1.embedding.as_slice(),
            }
        };
        let similarities = dots(embedding.as_slice(), places.iter().map(row));
        let nearer = |best: usize, at: usize| if similarities[at] > similarities[best] { at } else { best };
        let best = (0..places.len()).reduce(nearer)?;
        let origin = match places[best] {
            ExemplarRow::Stored(row) => &self.data.exemplars()[row].origin,
            ExemplarRow::New(at) => &new[at].1.origin,
        };
        Some((origin.clone(), clamp_similarity(similarities[best])))
    }

    /// Counts the exemplar at `place` of this run among those of SKU `code`.
    pub(super) fn add(&mut self, code: &str, place: usize) {
        match self.of.get_mut(code) {
            Some(places) => places.push(ExemplarRow::New(place)),
            None => drop(self.of.insert(code.to_owned(), vec![ExemplarRow::New(place)])),
        }
    }
}
