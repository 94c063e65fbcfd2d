//! A long list in blocks that its copies share: whoever changes a copy copies only the blocks that are changed.
//!
//! A gallery of 100,000 exemplars is 200 MB. One more exemplar must not mean 200 MB more to copy.

use std::ops::Index;
use std::sync::Arc;

/// Rows of a block.
pub(crate) const BLOCK: usize = 1024;

/// Rows of `width` values each. All blocks but the last are full.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocks<T> {
    width: usize,
    rows: usize,
    blocks: Vec<Arc<Vec<T>>>,
}

impl<T: Clone> Blocks<T> {
    /// No rows yet.
    pub(crate) fn new(width: usize) -> Self {
        assert!(width > 0, "a row has values");
        Self { width, rows: 0, blocks: Vec::new() }
    }

    /// Takes over values, row by row.
    pub(crate) fn from_values(width: usize, values: Vec<T>) -> Self {
        let mut list = Self::new(width);
        assert!(values.len().is_multiple_of(width), "values make whole rows");
        if values.len() <= BLOCK * width {
            list.push_block(values);
        } else {
            values.chunks(BLOCK * width).for_each(|block| list.push_block(block.to_vec()));
        }
        list
    }

    /// Adds a block after full ones.
    pub(crate) fn push_block(&mut self, values: Vec<T>) {
        assert!(
            self.rows.is_multiple_of(BLOCK) && values.len() <= BLOCK * self.width,
            "only the last block is not full"
        );
        if !values.is_empty() {
            self.rows += values.len() / self.width;
            self.blocks.push(Arc::new(values));
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Values of a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// One row.
    pub(crate) fn row(&self, at: usize) -> &[T] {
        &self.blocks[at / BLOCK][at % BLOCK * self.width..][..self.width]
    }

    /// The blocks in order.
    pub(crate) fn blocks(&self) -> &[Arc<Vec<T>>] {
        &self.blocks
    }

    /// All values, row by row.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.into_iter()
    }

    /// The last value.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.blocks.last().and_then(|block| block.last())
    }

    /// Adds a row at the end.
    pub(crate) fn push(&mut self, row: &[T]) {
        assert_eq!(row.len(), self.width, "a row of this list");
        if self.rows.is_multiple_of(BLOCK) {
            self.blocks.push(Arc::new(Vec::with_capacity(self.width)));
        }
        let last = self.blocks.last_mut().expect("it was just made, or has room");
        Arc::make_mut(last).extend_from_slice(row);
        self.rows += 1;
    }

    /// One row, to be changed: its block is copied if others share it.
    pub(crate) fn row_mut(&mut self, at: usize) -> &mut [T] {
        &mut Arc::make_mut(&mut self.blocks[at / BLOCK])[at % BLOCK * self.width..][..self.width]
    }

    /// Puts a row before the one at `at`.
    pub(crate) fn insert(&mut self, at: usize, row: &[T]) {
        let tail = self.split_off(at);
        for old in tail.iter().flat_map(|block| block.chunks_exact(row.len())) {
            if self.rows == at {
                self.push(row);
            }
            self.push(old);
        }
        if self.rows == at {
            self.push(row);
        }
    }

    /// Keeps the rows for which `keep` (one a row) is true. Blocks before the first that goes stay shared.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let Some(first) = keep.iter().position(|keep| !keep) else { return };
        let (tail, width) = (self.split_off(first), self.width);
        let rows = tail.iter().flat_map(|block| block.chunks_exact(width)).zip(&keep[self.rows..]);
        for (row, _) in rows.filter(|(_, keep)| **keep) {
            self.push(row);
        }
    }

    /// Takes the block with row `at` and those after it away.
    fn split_off(&mut self, at: usize) -> Vec<Arc<Vec<T>>> {
        let first = (at / BLOCK).min(self.blocks.len());
        self.rows = self.rows.min(first * BLOCK);
        self.blocks.split_off(first)
    }
}

impl<T> Index<usize> for Blocks<T> {
    type Output = T;

    /// The first value of a row.
    fn index(&self, at: usize) -> &T {
        &self.blocks[at / BLOCK][at % BLOCK * self.width]
    }
}

impl<'a, T> IntoIterator for &'a Blocks<T> {
    type Item = &'a T;
    type IntoIter = std::iter::FlatMap<
        std::slice::Iter<'a, Arc<Vec<T>>>,
        std::slice::Iter<'a, T>,
        fn(&'a Arc<Vec<T>>) -> std::slice::Iter<'a, T>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.blocks.iter().flat_map(|block| block.iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Edit {
        Push(u32),
        Insert(usize, u32),
        Remove(usize, usize),
        Change(usize, u32),
    }

    fn edit() -> impl Strategy<Value = Edit> {
        prop_oneof![
            any::<u32>().prop_map(Edit::Push),
            (any::<usize>(), any::<u32>()).prop_map(|(at, value)| Edit::Insert(at, value)),
            (any::<usize>(), 1..700_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
            (any::<usize>(), any::<u32>()).prop_map(|(at, value)| Edit::Change(at, value)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn it_is_a_list_and_copies_keep_what_they_had(length in 0..3000_u32, edits in prop::collection::vec(edit(), 0..12)) {
            let pairs = |values: &[u32]| values.iter().flat_map(|&v| [v, !v]).collect::<Vec<_>>();
            let mut model: Vec<u32> = (0..length).collect();
            let mut list = Blocks::from_values(2, pairs(&model));
            for edit in edits {
                let (copy, before) = (list.clone(), model.clone());
                let changed = match edit {
                    Edit::Push(value) => {
                        list.push(&[value, !value]);
                        model.push(value);
                        before.len()
                    }
                    Edit::Insert(at, value) => {
                        let at = at % (model.len() + 1);
                        list.insert(at, &[value, !value]);
                        model.insert(at, value);
                        at
                    }
                    Edit::Remove(at, count) => {
                        let at = at % (model.len() + 1);
                        let keep: Vec<bool> = (0..model.len()).map(|i| !(at..at.saturating_add(count)).contains(&i)).collect();
                        list.retain(&keep);
                        let mut kept = keep.iter();
                        model.retain(|_| *kept.next().expect("one each"));
                        at
                    }
                    Edit::Change(at, value) if !model.is_empty() => {
                        let at = at % model.len();
                        list.row_mut(at).copy_from_slice(&[value, !value]);
                        model[at] = value;
                        at
                    }
                    Edit::Change(..) => 0,
                };
                prop_assert_eq!(list.len(), model.len());
                prop_assert_eq!(list.iter().copied().collect::<Vec<_>>(), pairs(&model));
                prop_assert_eq!(copy.iter().copied().collect::<Vec<_>>(), pairs(&before));
                let rows: Vec<_> = (0..list.len()).map(|at| list[at]).collect();
                prop_assert_eq!(rows, model.clone());
                prop_assert_eq!(&list, &Blocks::from_values(2, pairs(&model)));
                for block in 0..changed.min(model.len()) / BLOCK {
                    prop_assert!(Arc::ptr_eq(&list.blocks[block], &copy.blocks[block]), "block {} is shared", block);
                }
            }
        }
    }
}
