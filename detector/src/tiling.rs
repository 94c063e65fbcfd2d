//! When a photo is worth cutting into tiles, and how what the tiles show becomes one list again.

use vision::preprocess::Region;
use vision::{BBox, Detection, NmsOptions};

/// Share of a tile's side that it has in common with its neighbour. Whatever is smaller than that lies whole in one of them.
pub const OVERLAP: f32 = 0.2;

/// Boxes of different passes that overlap more than this are one object. Lower than within one pass: a box from the coarse
/// whole photo and one from a tile agree less than two boxes of one pass.
const SAME_OBJECT_IOU: f32 = 0.5;

/// A box that ends within this share of the tile's side from an inner border is taken to be cut there.
const AT_BORDER: f32 = 0.01;

/// A cut box of which this share lies within a whole one is a part of it.
const MOSTLY_WITHIN: f32 = 0.6;

/// Two boxes cut by one seam are halves of one object when their extents along the seam have this IoU.
const SAME_EXTENT_IOU: f32 = 0.5;

/// When [`vision::Tiling::Auto`] cuts a photo, decided from what a first pass over the whole photo finds.
///
/// Two kinds of photos gain. On *crowded* ones many small facings are found and their neighbours are missed. On *vast* ones,
/// of which the network sees a small part of the pixels, little or nothing is found because everything is too small: they are
/// cut in a few tiles, which show whether there is a crowd. Sizes are in pixels of the network's input.
///
/// The constants were chosen with YOLOv8n at 640 pixels (`docs/results/shelf_scenes_yolov8n.csv`, `auto_tiling_yolov8n.csv`):
/// on shelves photographed with four times the pixels the rule finds 169 of 172 bottles, the whole photo 30; on 53 photos of 8
/// and more bottles it cuts 10 and wins half of what cutting all of them would.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoTiling {
    /// From so many facings on a photo is crowded. None of 144 everyday pictures of COCO shows more than 7.
    pub crowd: usize,
    /// Detections below this confidence are not counted as facings, however low the caller's threshold is.
    pub min_confidence: f32,
    /// Facings are small when their median size (square root of the area) is below this. Larger ones are found about as well
    /// without tiles.
    pub small: f32,
    /// Tiles are chosen so that the median facing of a crowd gets this size.
    pub wanted: f32,
    /// Tiles never show a pixel of the photo larger than this. A little enlargement helps; of photos that have no more pixels
    /// than the network sees, 3x3 tiles show less than 2x2.
    pub max_enlargement: f32,
    /// A photo is vast when the network sees at most so many pixels per pixel of it along a side.
    pub vast: f32,
    /// On a vast photo facings of this median size promise that there are others too small to be found.
    pub tiny: f32,
    /// At most so many tiles along one side.
    pub max_per_side: u32,
}

impl Default for AutoTiling {
    fn default() -> Self {
        Self {
            crowd: 10,
            min_confidence: 0.25,
            small: 80.0,
            wanted: 90.0,
            max_enlargement: 1.75,
            vast: 0.5,
            tiny: 40.0,
            max_per_side: 4,
        }
    }
}

/// Into how many tiles a photo is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileGrid {
    /// Side by side.
    pub columns: u32,
    /// Above one another.
    pub rows: u32,
    /// These tiles only tell whether there is a crowd: decide anew with what they show.
    pub look_again: bool,
}

impl TileGrid {
    /// Number of tiles.
    #[must_use]
    pub fn tiles(&self) -> u32 {
        self.columns * self.rows
    }
}

impl AutoTiling {
    /// The tiles for a photo of this size (width, height), in which `found` is known so far; `None` when it should stay whole.
    /// `input` is the canvas of the whole photo.
    #[must_use]
    pub fn grid(&self, photo: (u32, u32), input: (u32, u32), found: &[Detection]) -> Option<TileGrid> {
        let scale = scale((photo.0 as f32, photo.1 as f32), input);
        let mut sizes: Vec<f32> = found
            .iter()
            .filter(|detection| detection.confidence >= self.min_confidence && detection.bbox.is_valid())
            .map(|detection| detection.bbox.area().sqrt() * scale)
            .collect();
        sizes.sort_by(f32::total_cmp);
        let median = sizes.get(sizes.len() / 2).copied();
        let crowded = sizes.len() >= self.crowd && median.is_some_and(|size| size < self.small);
        let hidden = scale <= self.vast && median.is_none_or(|size| size < self.tiny);
        let enlarge = match median {
            Some(size) if crowded => self.wanted / size,
            _ if hidden => LOOK_CLOSER,
            _ => return None,
        };
        let wanted = (enlarge * scale).min(self.max_enlargement);
        let (columns, rows) = self.smallest_grid(photo, input, wanted);
        (columns * rows > 1 && wanted > scale).then_some(TileGrid { columns, rows, look_again: !crowded })
    }

    /// The grid of fewest tiles that shows at least `wanted` network pixels per photo pixel, or as many as the finest grid
    /// does; of those with equally many tiles the one that shows most.
    fn smallest_grid(&self, photo: (u32, u32), input: (u32, u32), wanted: f32) -> (u32, u32) {
        let most = self.max_per_side.max(1);
        let shown = |(columns, rows): (u32, u32)| {
            let side = |length: u32, count: u32| length as f32 / (count as f32 - (count as f32 - 1.0) * OVERLAP);
            scale((side(photo.0, columns), side(photo.1, rows)), input)
        };
        let enough = wanted.min(shown((most, most)));
        (1..=most)
            .flat_map(|rows| (1..=most).map(move |columns| (columns, rows)))
            .filter(|&grid| shown(grid) >= enough)
            .min_by(|&a, &b| (a.0 * a.1).cmp(&(b.0 * b.1)).then(shown(b).total_cmp(&shown(a))))
            .unwrap_or((most, most))
    }
}

/// How much larger the first tiles of a vast photo show it: what 2x2 tiles give.
const LOOK_CLOSER: f32 = 1.75;

/// Network pixels per photo pixel when `size` is letterboxed into `input`.
fn scale(size: (f32, f32), input: (u32, u32)) -> f32 {
    (input.0 as f32 / size.0).min(input.1 as f32 / size.1)
}

/// What one tile showed, boxes in pixels of the photo.
#[derive(Debug, Clone, PartialEq)]
pub struct TilePass {
    /// Which part of the photo.
    pub region: Region,
    /// What was found there, clipped to the region.
    pub detections: Vec<Detection>,
}

/// Merges a pass over the whole photo with passes over its tiles, so that every object counts once.
///
/// 1. A box that touches an inner border of its tile is *cut*. A cut box that lies mostly within a whole one is dropped.
/// 2. Cut boxes on both sides of one seam that continue each other become one box.
/// 3. NMS over the rest, stricter between passes than within one.
#[must_use]
pub fn merge(photo: (u32, u32), whole: &[Detection], tiles: &[TilePass], options: &NmsOptions) -> Vec<Detection> {
    let mut complete: Vec<Piece> = whole.iter().map(|&detection| Piece::whole(detection, Pass::Photo)).collect();
    let mut cut: Vec<Piece> = Vec::new();
    for (i, tile) in tiles.iter().enumerate() {
        for &detection in &tile.detections {
            let cuts = Cuts::of(&detection.bbox, &tile.region, photo);
            let piece = Piece { detection, pass: Pass::Tile(i), cuts };
            if cuts == Cuts::default() { complete.push(piece) } else { cut.push(piece) }
        }
    }
    let comparable = |a: &Piece, b: &Piece| options.class_agnostic || a.detection.class == b.detection.class;
    let drop_parts = |cut: &mut Vec<Piece>, complete: &[Piece]| {
        cut.retain(|part| !complete.iter().any(|whole| comparable(part, whole) && part.is_part_of(whole)));
    };
    drop_parts(&mut cut, &complete);
    for axis in [Axis::Horizontal, Axis::Vertical] {
        join_halves(&mut cut, |a, b| comparable(a, b) && a.continues(b, axis), axis);
    }
    complete.extend(cut.extract_if(.., |piece| piece.cuts == Cuts::default()));
    drop_parts(&mut cut, &complete);
    complete.append(&mut cut);
    suppress(complete, options)
}

/// Which of the `merged` detections the passes did not agree on.
///
/// A facing is disputed when a pass that shows all of it took it for another class, or when a tile that shows all of it has
/// nothing there although another tile of the same size found it. That the pass over the whole photo, or coarser tiles, missed
/// it says nothing: showing what they miss is what tiles are for.
#[must_use]
pub fn disputed(photo: (u32, u32), merged: &[Detection], whole: &[Detection], tiles: &[TilePass]) -> Vec<bool> {
    let same = |detection: &Detection, others: &[Detection]| {
        let overlaps = others.iter().map(|other| (*other, detection.bbox.iou(&other.bbox)));
        overlaps.filter(|(_, iou)| *iou > SAME_OBJECT_IOU).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(other, _)| other)
    };
    let disputed = |detection: &Detection| {
        let other_class = |found: &Detection| found.class != detection.class;
        let views: Vec<_> = tiles
            .iter()
            .filter(|tile| shows(&tile.region, &detection.bbox, photo))
            .map(|tile| ((tile.region.width, tile.region.height), same(detection, &tile.detections)))
            .collect();
        let missed = |size| views.iter().any(|(other, found)| *other == size && found.is_none());
        same(detection, whole).is_some_and(|found| other_class(&found))
            || views.iter().any(|(size, found)| found.is_some_and(|found| other_class(&found) || missed(*size)))
    };
    merged.iter().map(disputed).collect()
}

/// Whether a tile shows all of a box, uncut.
fn shows(tile: &Region, bbox: &BBox, photo: (u32, u32)) -> bool {
    let (right, bottom) = ((tile.x + tile.width) as f32, (tile.y + tile.height) as f32);
    let within = bbox.x1 >= tile.x as f32 && bbox.y1 >= tile.y as f32 && bbox.x2 <= right && bbox.y2 <= bottom;
    within && Cuts::of(bbox, tile, photo) == Cuts::default()
}

/// Which of a box's sides lie on an inner border of its tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cuts {
    left: bool,
    top: bool,
    right: bool,
    bottom: bool,
}

impl Cuts {
    fn of(bbox: &BBox, tile: &Region, photo: (u32, u32)) -> Self {
        let near = |low: f32, high: f32, length: u32| high - low <= AT_BORDER * length as f32;
        let (right, bottom) = (tile.x + tile.width, tile.y + tile.height);
        Self {
            left: tile.x > 0 && near(tile.x as f32, bbox.x1, tile.width),
            top: tile.y > 0 && near(tile.y as f32, bbox.y1, tile.height),
            right: right < photo.0 && near(bbox.x2, right as f32, tile.width),
            bottom: bottom < photo.1 && near(bbox.y2, bottom as f32, tile.height),
        }
    }
}

/// Where a box comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Photo,
    Tile(usize),
    Joined,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    detection: Detection,
    pass: Pass,
    cuts: Cuts,
}

impl Piece {
    fn whole(detection: Detection, pass: Pass) -> Self {
        Self { detection, pass, cuts: Cuts::default() }
    }

    fn is_part_of(&self, whole: &Self) -> bool {
        let (part, whole) = (&self.detection.bbox, &whole.detection.bbox);
        part.intersection(whole) >= MOSTLY_WITHIN * part.area()
    }

    fn same_pass(&self, other: &Self) -> bool {
        self.pass == other.pass && self.pass != Pass::Joined
    }

    /// Whether `other` shows the rest of this object, to the right or below. Both tiles show the strip they share, so halves
    /// of one object overlap there from border to border; neighbours on a shelf do not.
    fn continues(&self, other: &Self, axis: Axis) -> bool {
        let (a, b) = (&self.detection.bbox, &other.detection.bbox);
        let beyond = |a: (f32, f32), b: (f32, f32)| a.0 <= b.0 && b.0 < a.1 && a.1 <= b.1;
        let along = |a: (f32, f32), b: (f32, f32)| {
            let shared = (a.1.min(b.1) - a.0.max(b.0)).max(0.0);
            shared >= SAME_EXTENT_IOU * (a.1.max(b.1) - a.0.min(b.0))
        };
        let (ax, bx, ay, by) = ((a.x1, a.x2), (b.x1, b.x2), (a.y1, a.y2), (b.y1, b.y2));
        let one_seam = match axis {
            Axis::Horizontal => self.cuts.right && other.cuts.left && beyond(ax, bx) && along(ay, by),
            Axis::Vertical => self.cuts.bottom && other.cuts.top && beyond(ay, by) && along(ax, bx),
        };
        one_seam && !self.same_pass(other)
    }

    /// One box around this one and its continuation.
    fn join(&self, other: &Self, axis: Axis) -> Self {
        let (a, b) = (&self.detection.bbox, &other.detection.bbox);
        let bbox = BBox::new(a.x1.min(b.x1), a.y1.min(b.y1), a.x2.max(b.x2), a.y2.max(b.y2));
        let surer = if other.detection.confidence > self.detection.confidence { other } else { self };
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
        Self { detection: Detection { bbox, ..surer.detection }, pass: Pass::Joined, cuts }
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

/// As [`vision::nms`], but boxes of different passes are duplicates from a lower IoU on.
fn suppress(mut pieces: Vec<Piece>, options: &NmsOptions) -> Vec<Detection> {
    let across = options.iou.min(SAME_OBJECT_IOU);
    pieces.sort_by(|a, b| b.detection.confidence.total_cmp(&a.detection.confidence));
    let mut kept: Vec<Piece> = Vec::new();
    for piece in pieces {
        if kept.len() == options.max_detections {
            break;
        }
        let duplicate = kept.iter().any(|k| {
            let limit = if k.same_pass(&piece) { options.iou } else { across };
            (options.class_agnostic || k.detection.class == piece.detection.class)
                && k.detection.bbox.iou(&piece.detection.bbox) > limit
        });
        if !duplicate {
            kept.push(piece);
        }
    }
    kept.into_iter().map(|piece| piece.detection).collect()
}
