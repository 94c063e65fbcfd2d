//! What was edited.

use std::collections::BTreeSet;

use vision::{ExemplarId, SkuId};

use super::data::{Exemplar, GalleryData};

/// What differs between two states of a gallery.
#[derive(Debug, Default)]
pub(super) struct Edit {
    /// Rows of the later state.
    pub(super) added: Vec<usize>,
    pub(super) removed: BTreeSet<ExemplarId>,
    /// SKUs whose exemplars are others now.
    pub(super) skus: BTreeSet<SkuId>,
    /// Whether so much differs that the later state is new rather than edited.
    pub(super) anew: bool,
}

impl Edit {
    /// Both lists are in order of id: one walk along both.
    pub(super) fn between(before: &GalleryData, after: &GalleryData) -> Self {
        let mut edit = Self::default();
        let mut old = before.exemplars().iter().peekable();
        let remove = |edit: &mut Self, exemplar: &Exemplar| {
            edit.removed.insert(exemplar.id);
            edit.skus.insert(exemplar.sku);
        };
        for (row, new) in after.exemplars().iter().enumerate() {
            while let Some(gone) = old.next_if(|old| old.id < new.id) {
                remove(&mut edit, gone);
            }
            let same = old.next_if(|old| old.id == new.id);
            if let Some(changed) = same.filter(|same| same.sku != new.sku) {
                remove(&mut edit, changed);
            }
            if same.is_none_or(|same| same.sku != new.sku) {
                edit.added.push(row);
                edit.skus.insert(new.sku);
            }
        }
        old.for_each(|gone| remove(&mut edit, gone));
        edit.anew = edit.added.len() + edit.removed.len() > before.exemplars().len() / 4;
        edit
    }
}
