//! What several tiles and looks show becomes one list, in which every object counts once.

use std::cmp::Ordering;

use vision::{BBox, Detection, FacingHeight, NmsOptions};

use super::{Cuts, PassDetections, SAME_OBJECT_IOU};
use crate::postprocess::MAX_NMS_CANDIDATES;

/// A cut box of which this fraction lies within a whole one is a part of it.
const MOSTLY_WITHIN: f32 = 0.6;

/// Two boxes cut by one seam are halves of one object when their extents along the seam have this IoU.
const SAME_EXTENT_IOU: f32 = 0.5;

/// Of two boxes of different tiles or looks, of which one lies within the other by this fraction of its area, one is wrong: a
/// label taken for a bottle, or two bottles taken for one. Within one tile that says nothing: a can stands before a bottle.
const WITHIN: f32 = 0.7;

/// How fast the word of a pass counts less, the farther a facing's height is from the network's best:
/// confidence * exp(-DISTRUST * ln(height / best)^2).
const DISTRUST: f32 = 0.5;

/// Merges looks at one photo, so that every object counts once. The order of looks, tiles and boxes does not matter, and a
/// merged list merged again stays the same.
///
/// 1. A box that touches an inner border of its tile is *cut*. A cut box that lies mostly within a whole one is dropped.
/// 2. Cut boxes on both sides of one seam that continue each other become one box.
/// 3. NMS over the rest, stricter between tiles and looks than within one. Of several views of one object the one stays that
///    is sure and shows it near the height at which the network is best.
#[must_use]
pub fn merge(
    photo: (u32, u32),
    passes: &[PassDetections],
    heights: &FacingHeight,
    options: &NmsOptions,
) -> Vec<Detection> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (number, pass) in passes.iter().enumerate() {
        for (tile, shown) in pass.tiles.iter().enumerate() {
            pieces.extend(shown.detections.iter().map(|&detection| {
                let cuts = Cuts::of(&detection.bbox, &shown.region, photo);
                let off = heights.off(detection.bbox.height() * pass.scale).ln();
                let weight = detection.confidence * (-DISTRUST * off * off).exp();
                let origin = (pass.scale.to_bits(), shown.region.x, shown.region.y);
                let slack = Cuts::slack(&shown.region);
                Piece { detection, weight, pass: number, tile: Some(tile), origin, cuts, slack }
            }));
        }
    }
    pieces.sort_by(Piece::order);
    pieces.truncate(MAX_NMS_CANDIDATES);
    let (mut complete, mut cut): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|piece| piece.cuts == Cuts::NONE);
    let comparable = |a: &Piece, b: &Piece| options.class_agnostic || a.detection.class == b.detection.class;
    let drop_parts = |cut: &mut Vec<Piece>, complete: &[Piece]| {
        cut.retain(|part| !complete.iter().any(|whole| comparable(part, whole) && part.is_part_of(whole)));
    };
    drop_parts(&mut cut, &complete);
    for axis in [Axis::Horizontal, Axis::Vertical] {
        join_halves(&mut cut, |a, b| comparable(a, b) && a.continues(b, axis), axis);
    }
    complete.extend(cut.extract_if(.., |piece| piece.cuts == Cuts::NONE));
    drop_parts(&mut cut, &complete);
    complete.append(&mut cut);
    suppress(complete, options)
}

/// A box and where it comes from.
#[derive(Debug, Clone, Copy)]
struct Piece {
    detection: Detection,
    /// Decides which view of an object stays.
    weight: f32,
    pass: usize,
    /// `None` for what was joined from several.
    tile: Option<usize>,
    /// Scale and corner of the tile: tells equal pieces apart whatever the order they come in.
    origin: (u32, u32, u32),
    cuts: Cuts,
    /// How far from a border, horizontally and vertically, its tile takes a side to be cut.
    slack: (f32, f32),
}

impl Piece {
    /// The heavier first. Everything takes part, so that the order in which pieces come decides nothing.
    fn order(&self, other: &Self) -> Ordering {
        let place = |p: &Self| [p.detection.bbox.x1, p.detection.bbox.y1, p.detection.bbox.x2, p.detection.bbox.y2];
        let places = place(self).into_iter().zip(place(other));
        other
            .weight
            .total_cmp(&self.weight)
            .then(other.detection.confidence.total_cmp(&self.detection.confidence))
            .then(places.fold(Ordering::Equal, |order, (a, b)| order.then(a.total_cmp(&b))))
            .then(self.detection.class.cmp(&other.detection.class))
            .then(self.origin.cmp(&other.origin))
    }

    fn is_part_of(&self, whole: &Self) -> bool {
        let (part, whole) = (&self.detection.bbox, &whole.detection.bbox);
        part.intersection(whole) >= MOSTLY_WITHIN * part.area()
    }

    fn same_tile(&self, other: &Self) -> bool {
        self.pass == other.pass && self.tile.is_some() && self.tile == other.tile
    }

    /// Whether `other` shows the rest of this object, to the right or below. Both tiles show the strip they share, so halves
    /// of one object overlap there from border to border; neighbours on a shelf do not. An object that ends on the border is
    /// cut for the one tile and whole for the other: by how exact a border is, either may seem to end first.
    fn continues(&self, other: &Self, axis: Axis) -> bool {
        let (a, b) = (&self.detection.bbox, &other.detection.bbox);
        let beyond = |a: (f32, f32), b: (f32, f32), slack: f32| a.0 <= b.0 + slack && b.0 < a.1 && a.1 <= b.1 + slack;
        let along = |a: (f32, f32), b: (f32, f32)| {
            let shared = (a.1.min(b.1) - a.0.max(b.0)).max(0.0);
            shared >= SAME_EXTENT_IOU * (a.1.max(b.1) - a.0.min(b.0))
        };
        let (ax, bx, ay, by) = ((a.x1, a.x2), (b.x1, b.x2), (a.y1, a.y2), (b.y1, b.y2));
        let one_seam = match axis {
            Axis::Horizontal => self.cuts.right && other.cuts.left && beyond(ax, bx, self.slack.0) && along(ay, by),
            Axis::Vertical => self.cuts.bottom && other.cuts.top && beyond(ay, by, self.slack.1) && along(ax, bx),
        };
        one_seam && self.pass == other.pass && !self.same_tile(other)
    }

    /// One box around this one and its continuation.
    fn join(&self, other: &Self, axis: Axis) -> Self {
        let (a, b) = (&self.detection.bbox, &other.detection.bbox);
        let bbox = BBox::new(a.x1.min(b.x1), a.y1.min(b.y1), a.x2.max(b.x2), a.y2.max(b.y2));
        let surer = if other.order(self) == Ordering::Less { other } else { self };
        let either = Cuts {
            left: self.cuts.left || other.cuts.left,
            top: self.cuts.top || other.cuts.top,
            right: self.cuts.right || other.cuts.right,
            bottom: self.cuts.bottom || other.cuts.bottom,
        };
        let cuts = match axis {
            Axis::Horizontal => Cuts { left: self.cuts.left, right: other.cuts.right, ..either },
            Axis::Vertical => Cuts { top: self.cuts.top, bottom: other.cuts.bottom, ..either },
        };
        Self { detection: Detection { bbox, ..surer.detection }, tile: None, cuts, ..*surer }
    }
}

/// Which way an object continues over a seam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    Horizontal,
    Vertical,
}

/// Replaces every piece and its continuation along `axis` by one, until none is left. An object may run over many tiles.
fn join_halves(pieces: &mut Vec<Piece>, continues: impl Fn(&Piece, &Piece) -> bool, axis: Axis) {
    let mut i = 0;
    while i < pieces.len() {
        match (0..pieces.len()).find(|&j| j != i && continues(&pieces[i], &pieces[j])) {
            Some(j) => {
                pieces[i] = pieces[i].join(&pieces[j], axis);
                pieces.remove(j);
                i -= usize::from(j < i);
            }
            None => i += 1,
        }
    }
}

/// As [`vision::nms`], but boxes of different tiles or looks are duplicates from a lower IoU on, or when one holds the other.
fn suppress(mut pieces: Vec<Piece>, options: &NmsOptions) -> Vec<Detection> {
    let across = options.iou.min(SAME_OBJECT_IOU);
    pieces.sort_by(Piece::order);
    let mut kept: Vec<Piece> = Vec::new();
    for piece in pieces {
        if kept.len() == options.max_detections {
            break;
        }
        let duplicate = kept.iter().any(|k| {
            let (a, b) = (&k.detection.bbox, &piece.detection.bbox);
            (options.class_agnostic || k.detection.class == piece.detection.class)
                && if k.same_tile(&piece) {
                    a.iou(b) > options.iou
                } else {
                    a.iou(b) > across || a.overlap_of_smaller(b) > WITHIN
                }
        });
        if !duplicate {
            kept.push(piece);
        }
    }
    let mut kept: Vec<Detection> = kept.into_iter().map(|piece| piece.detection).collect();
    kept.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    kept
}
