//! From a network's output to boxes in pixels of its input.

use ndarray::{ArrayView1, ArrayView2, Axis};
use vision::{BBox, ClassId, Detection, NmsOptions, nms};

use crate::ClassMap;
use crate::anchors::is_anchor_count;

/// Maximum number of candidates compared with each other in one image; the least confident beyond are dropped.
pub const MAX_NMS_CANDIDATES: usize = 30_000;

/// How an exported detector arranges what it says of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputLayout {
    /// (4 + classes, anchors): centre x, centre y, width, height, a probability per class. What Ultralytics exports.
    ChannelsFirst,
    /// (anchors, 4 + classes).
    ChannelsLast,
    /// (detections, 6): x1, y1, x2, y2, probability, class. Exports with NMS in the graph; unused rows have probability 0.
    EndToEnd,
}

impl OutputLayout {
    /// Tells the layout from the shape of one image's output for an input of this (height, width). Where a shape fits two
    /// layouts (two classes make `4 + classes` six), the number of cells decides. `None`: not a detector of so many classes, or one
    /// of another family: a grid has one column a cell, and a list is as short as suppression leaves it. YOLOv5 and YOLOX of one
    /// class answer six numbers a cell, too, which mean something else.
    #[must_use]
    pub fn of(shape: [usize; 2], classes: usize, (height, width): (usize, usize)) -> Option<Self> {
        let channels = 4 + classes;
        let cells = |count: usize| is_anchor_count(count, height, width);
        match shape {
            [a, b] if a == channels && cells(b) => Some(Self::ChannelsFirst),
            [a, b] if b == channels && cells(a) => Some(Self::ChannelsLast),
            [rows, 6] if (1..=MAX_ROWS).contains(&rows) && !cells(rows) && !(rows % 3 == 0 && cells(rows / 3)) => {
                Some(Self::EndToEnd)
            }
            _ => None,
        }
    }
}

/// Rows that a network with suppression in its graph may answer: Ultralytics keeps 300 unless told otherwise.
pub const MAX_ROWS: usize = 2_000;

/// Which candidates are taken out of an output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selection {
    /// Minimum confidence.
    pub confidence: f32,
    /// An anchor gives a candidate for every class above the threshold (validation), not only for its best.
    pub multi_label: bool,
}

/// Candidates of one image, boxes in pixels of the network's input, not yet suppressed. Values that are not numbers,
/// and boxes without an area, are no candidates.
#[must_use]
pub fn candidates(
    output: &ArrayView2<'_, f32>,
    layout: OutputLayout,
    classes: &ClassMap,
    selection: Selection,
) -> Vec<Detection> {
    match layout {
        OutputLayout::ChannelsFirst => from_grid(output, classes, selection),
        OutputLayout::ChannelsLast => from_grid(&output.t(), classes, selection),
        OutputLayout::EndToEnd => from_rows(output, classes, selection),
    }
}

/// NMS after cutting the list to [`MAX_NMS_CANDIDATES`].
#[must_use]
pub fn suppress(mut candidates: Vec<Detection>, options: &NmsOptions) -> Vec<Detection> {
    if candidates.len() > MAX_NMS_CANDIDATES {
        candidates.select_nth_unstable_by(MAX_NMS_CANDIDATES, |a, b| b.confidence.total_cmp(&a.confidence));
        candidates.truncate(MAX_NMS_CANDIDATES);
    }
    nms(candidates, options)
}

fn from_grid(output: &ArrayView2<'_, f32>, classes: &ClassMap, selection: Selection) -> Vec<Detection> {
    let boxes = output.slice_axis(Axis(0), (0..4).into());
    let scores = output.slice_axis(Axis(0), (4..).into());
    let found = |anchor: usize, class: ClassId, confidence: f32| {
        let side = |i: usize| boxes[[i, anchor]];
        let bbox = BBox::from_center(side(0), side(1), side(2), side(3));
        detection(bbox, class, confidence)
    };
    let passes = |score: f32| score >= selection.confidence && score.is_finite();
    let rows = || classes.kept().iter().map(|&(row, class)| (class, scores.index_axis(Axis(0), row)));
    if selection.multi_label {
        let all = rows().flat_map(|(class, row)| {
            row.into_iter().copied().enumerate().map(move |(anchor, score)| (anchor, class, score))
        });
        return all
            .filter(|&(_, _, score)| passes(score))
            .filter_map(|(anchor, class, score)| found(anchor, class, score))
            .collect();
    }
    // Class by class, because that is how the array lies in memory; equal scores keep the first class.
    let mut best: Vec<Option<(f32, ClassId)>> = vec![None; output.len_of(Axis(1))];
    for (class, row) in rows() {
        for (anchor, score) in row.into_iter().copied().enumerate() {
            if passes(score) && best[anchor].is_none_or(|(highest, _)| score > highest) {
                best[anchor] = Some((score, class));
            }
        }
    }
    let best = best.into_iter().enumerate().filter_map(|(anchor, best)| Some((anchor, best?)));
    best.filter_map(|(anchor, (score, class))| found(anchor, class, score)).collect()
}

fn from_rows(output: &ArrayView2<'_, f32>, classes: &ClassMap, selection: Selection) -> Vec<Detection> {
    let found = |row: ArrayView1<'_, f32>| {
        let (score, class) = (row[4], row[5]);
        if !(score >= selection.confidence && score > 0.0 && class >= 0.0 && class <= classes.outputs() as f32) {
            return None;
        }
        let class = classes.class_of(class.round() as usize)?;
        detection(BBox::new(row[0], row[1], row[2], row[3]), class, score)
    };
    output.outer_iter().filter_map(found).collect()
}

fn detection(bbox: BBox, class: ClassId, confidence: f32) -> Option<Detection> {
    (bbox.is_valid() && confidence.is_finite()).then(|| Detection { bbox, class, confidence: confidence.min(1.0) })
}
