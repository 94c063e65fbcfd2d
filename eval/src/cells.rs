//! Boxes grouped by class and image without copying them: two sorts, then plain ranges.

use std::ops::Range;

use rayon::slice::ParallelSliceMut;

use crate::DetectionSet;

/// What one class has in one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) class: u32,
    pub(crate) image: u32,
    truths: Range<u32>,
    predictions: Range<u32>,
}

/// All cells that hold anything, by class and then image. Memory grows with the boxes, never with
/// classes x images: a thousand SKUs over a hundred thousand images are mostly empty.
#[derive(Debug)]
pub(crate) struct Cells {
    truths: Vec<u32>,
    predictions: Vec<u32>,
    cells: Vec<Cell>,
}

impl Cells {
    /// Groups the boxes of a set, each group in the set's own order.
    pub(crate) fn group(set: &DetectionSet) -> Self {
        let truths = sorted(set.truths().iter().map(|t| (t.class, t.image)));
        let predictions = sorted(set.predictions().iter().map(|p| (p.class, p.image)));
        let mut cells = Vec::new();
        let (mut t, mut p) = (0, 0);
        while t < truths.len() || p < predictions.len() {
            let keys = [truths.get(t), predictions.get(p)];
            let Some(key) = keys.into_iter().flatten().map(|(key, _)| *key).min() else { break };
            let end = |items: &[(u64, u32)], from: usize| {
                from + items[from..].iter().take_while(|(other, _)| *other == key).count()
            };
            let (t_end, p_end) = (end(&truths, t), end(&predictions, p));
            cells.push(Cell {
                class: (key >> 32) as u32,
                image: key as u32,
                truths: t as u32..t_end as u32,
                predictions: p as u32..p_end as u32,
            });
            (t, p) = (t_end, p_end);
        }
        let indices = |items: Vec<(u64, u32)>| items.into_iter().map(|(_, index)| index).collect();
        Self { truths: indices(truths), predictions: indices(predictions), cells }
    }

    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Indices of the cell's true boxes.
    pub(crate) fn truths(&self, cell: &Cell) -> &[u32] {
        &self.truths[cell.truths.start as usize..cell.truths.end as usize]
    }

    /// Indices of the cell's predictions.
    pub(crate) fn predictions(&self, cell: &Cell) -> &[u32] {
        &self.predictions[cell.predictions.start as usize..cell.predictions.end as usize]
    }
}

/// `(class << 32 | image, index)`, ascending: the index makes an unstable sort stable.
fn sorted(keys: impl Iterator<Item = (u32, u32)>) -> Vec<(u64, u32)> {
    let mut items: Vec<(u64, u32)> =
        keys.enumerate().map(|(i, (class, image))| (u64::from(class) << 32 | u64::from(image), i as u32)).collect();
    items.par_sort_unstable();
    items
}
