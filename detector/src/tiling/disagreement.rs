//! Where passes over one photo did not agree.

use vision::preprocess::Region;
use vision::{BBox, Detection};

use super::{Cuts, PassDetections, SAME_OBJECT_IOU};

/// Which of the `merged` detections the passes did not agree on.
///
/// A facing is marked when a tile that shows all of it took it for another class, or when a tile that shows all of it has
/// nothing there although another tile of the same pass found it. That another pass missed it says nothing: showing what one
/// scale misses is what the others are for.
#[must_use]
pub fn disagreement(photo: (u32, u32), merged: &[Detection], passes: &[PassDetections]) -> Vec<bool> {
    let same = |detection: &Detection, others: &[Detection]| {
        let overlaps = others.iter().map(|other| (*other, detection.bbox.iou(&other.bbox)));
        overlaps.filter(|(_, iou)| *iou > SAME_OBJECT_IOU).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(other, _)| other)
    };
    let differ = |detection: &Detection, pass: &PassDetections| {
        let tiles = pass.tiles.iter().filter(|tile| shows(&tile.region, &detection.bbox, photo));
        let views: Vec<_> = tiles.map(|tile| same(detection, &tile.detections)).collect();
        let found = || views.iter().flatten();
        found().any(|found| found.class != detection.class)
            || (found().next().is_some() && views.iter().any(Option::is_none))
    };
    merged.iter().map(|detection| passes.iter().any(|pass| differ(detection, pass))).collect()
}

/// Whether a tile shows all of a box, uncut.
fn shows(tile: &Region, bbox: &BBox, photo: (u32, u32)) -> bool {
    let (right, bottom) = ((tile.x + tile.width) as f32, (tile.y + tile.height) as f32);
    let within = bbox.x1 >= tile.x as f32 && bbox.y1 >= tile.y as f32 && bbox.x2 <= right && bbox.y2 <= bottom;
    within && Cuts::of(bbox, tile, photo) == Cuts::NONE
}
