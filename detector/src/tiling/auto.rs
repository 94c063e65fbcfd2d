//! The scale at which a photo is looked at next, decided from what is known of its facings.

use vision::{Doubt, FacingHeight, ScalePass};

use super::OVERLAP;
use super::layout::{Canvas, Layout};
use super::sizes::Sizes;

/// How photos are looked at when nobody says how.
///
/// The first pass shows the whole photo, of a panorama as much as its short side fills. What is found there says how large
/// the facings are: where the smaller or the larger ones lie outside the heights that the network is good at, the next pass
/// brings the median to the best height. Where nothing is found in a photo of many more pixels than were looked at, the next
/// look is closer. `shelf eval tiles` measures the constants on the sets of
/// `docs/results/tiling_sets.yaml`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoTiling {
    /// Of the network.
    pub heights: FacingHeight,
    /// Detections below this confidence are not counted as facings, however low the caller's threshold is.
    pub min_confidence: f32,
    /// Nor are these, but they promise that there is something.
    pub hint_confidence: f32,
    /// Photos longer than this (long side to short side) are panoramas.
    pub panorama: f32,
    /// No pass shows a pixel of the photo larger than this.
    pub max_enlargement: f32,
    /// A look that would show facings larger or smaller by less than this factor is not worth its cost.
    pub worthwhile: f32,
    /// How much closer the next pass is where nothing is found.
    pub closer: f32,
    /// Maximum number of network pixels of one run: more go into several. They cost memory, about 230 bytes each.
    pub max_pixels: u64,
}

/// Passes at one photo, the first included.
const MAX_PASSES: usize = 3;

/// Facings of fewer photo pixels than this are hardly more than a blot.
const FEW_PIXELS: f32 = 16.0;

/// Photos whose long side has fewer pixels hold no shelf.
const TINY_PHOTO: u32 = 200;

impl Default for AutoTiling {
    fn default() -> Self {
        Self {
            heights: FacingHeight::default(),
            min_confidence: 0.3,
            hint_confidence: 0.1,
            panorama: 2.0,
            max_enlargement: 2.0,
            worthwhile: 1.25,
            closer: 2.0,
            max_pixels: 1 << 20,
        }
    }
}

/// What is known of a photo.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Width and height.
    pub photo: (u32, u32),
    /// Passes made so far.
    pub passes: &'a [ScalePass],
    /// Of the facings found.
    pub sizes: Option<Sizes>,
    /// Whether something was found that is too unsure to be a facing.
    pub hints: bool,
    /// Network pixels that all passes together may take.
    pub budget: u64,
}

impl Known<'_> {
    fn closest(&self) -> f32 {
        self.passes.iter().map(|pass| pass.scale).fold(0.0, f32::max)
    }

    fn farthest(&self) -> f32 {
        self.passes.iter().map(|pass| pass.scale).fold(f32::INFINITY, f32::min)
    }

    fn left(&self) -> u64 {
        self.budget.saturating_sub(self.passes.iter().map(ScalePass::pixels).sum())
    }
}

impl AutoTiling {
    /// The first pass over a photo.
    #[must_use]
    pub fn first(&self, photo: (u32, u32), canvas: &Canvas, budget: u64) -> Layout {
        let whole = canvas.whole(photo);
        let (long, short) = (photo.0.max(photo.1), photo.0.min(photo.1));
        if long as f32 <= self.panorama * short as f32 || short == 0 {
            return whole;
        }
        let fills = canvas.input.0.min(canvas.input.1) as f32 / short as f32;
        let wanted = fills.min(self.max_enlargement).max(whole.pass.scale);
        // Half the budget is kept for what this pass shows to be needed.
        let (side, allowed) = ((short as f32 * OVERLAP_OF_SHORT) as u32, (budget / 2).max(canvas.unit()));
        affordable(canvas, photo, (wanted, whole.pass.scale), (side, side), allowed).unwrap_or(whole)
    }

    /// A look at this scale, or at the largest that takes at most `budget` network pixels; the whole photo where even that is
    /// none.
    #[must_use]
    pub fn pass_at(&self, canvas: &Canvas, photo: (u32, u32), scale: f32, budget: u64) -> Layout {
        let side = OVERLAP_OF_SHORT * canvas.input.0.min(canvas.input.1) as f32 / scale;
        affordable(canvas, photo, (scale, 0.01 * scale), (side as u32, side as u32), budget)
            .unwrap_or_else(|| canvas.whole(photo))
    }

    /// The next pass over a photo, if one is worth its cost.
    #[must_use]
    pub fn next(&self, canvas: &Canvas, known: &Known<'_>) -> Option<Layout> {
        if known.passes.len() >= MAX_PASSES {
            return None;
        }
        let wanted = self.wanted(canvas, known)?;
        let farther = known.passes.iter().map(|pass| pass.scale).filter(|scale| *scale < wanted).fold(0.0, f32::max);
        let lowest = if farther > 0.0 { farther * self.worthwhile } else { wanted };
        let overlap = self.overlap(known, canvas, wanted);
        let next = affordable(canvas, known.photo, (wanted, lowest), overlap, known.left())?;
        // A network of one input size shows the whole photo as large as it can.
        (!self.repeats(known, next.pass.scale)).then_some(next)
    }

    /// Network pixels per photo pixel at which the photo should be looked at next.
    fn wanted(&self, canvas: &Canvas, known: &Known<'_>) -> Option<f32> {
        let (closest, farthest) = (known.closest(), known.farthest());
        let wanted = match known.sizes {
            Some(sizes) if sizes.small * closest < self.heights.min => {
                (self.heights.best / sizes.median).max(self.worthwhile * self.heights.min / sizes.small.max(1.0))
            }
            // Large facings are found at any scale that shows them whole: no need to go farther than the whole photo.
            Some(sizes) if sizes.large * farthest > self.heights.max => (self.heights.best / sizes.median)
                .min(self.heights.max / (self.worthwhile * sizes.large))
                .max(canvas.scale_of_whole(known.photo)),
            Some(_) => return None,
            // A second step into the dark takes more than nothing.
            None if closest > 0.5 || (known.passes.len() > 1 && !known.hints) => return None,
            None => (closest * self.closer).min(1.0),
        };
        let wanted = wanted.min(self.max_enlargement.max(closest));
        (!self.repeats(known, wanted)).then_some(wanted)
    }

    /// Whether a pass at this scale would show hardly more than one that was made.
    fn repeats(&self, known: &Known<'_>, scale: f32) -> bool {
        known.passes.iter().any(|pass| (scale / pass.scale).max(pass.scale / scale) < self.worthwhile)
    }

    /// Photo pixels that neighbouring tiles share: a facing, and somewhat more.
    fn overlap(&self, known: &Known<'_>, canvas: &Canvas, scale: f32) -> (u32, u32) {
        match known.sizes {
            Some(Sizes { extent, .. }) => ((extent.0 * 1.15) as u32 + 4, (extent.1 * 1.15) as u32 + 4),
            None => {
                let side = OVERLAP * canvas.input.0.min(canvas.input.1) as f32 / scale;
                (side as u32, side as u32)
            }
        }
    }

    /// Why the answer may be wrong, as far as sizes tell. `found`: whether the answer names anything.
    #[must_use]
    pub fn doubts(&self, known: &Known<'_>, found: bool) -> Vec<Doubt> {
        let (width, height) = known.photo;
        let (mut doubts, closest) = (Vec::new(), known.closest());
        if width.max(height) < TINY_PHOTO {
            doubts.push(Doubt::TinyPhoto { width, height });
        }
        match known.sizes {
            Some(Sizes { median, .. }) if median < FEW_PIXELS => doubts.push(Doubt::FewPixels { facing: median }),
            Some(Sizes { median, .. }) if median * closest < self.heights.min && closest < self.max_enlargement => {
                doubts.push(Doubt::SmallFacings { seen: median * closest, needed: self.heights.min });
            }
            _ => {}
        }
        let wide = width.max(height) as f32 > self.panorama * width.min(height) as f32;
        if !found && (closest < 0.5 || wide) {
            doubts.push(Doubt::NothingSeen { width, height });
        }
        doubts
    }
}

/// Fraction of a panorama's short side that its parts have in common where nothing is known of the facings.
const OVERLAP_OF_SHORT: f32 = 0.4;

/// The layout for the largest scale within `(wanted, lowest)` that takes at most `budget` pixels.
fn affordable(
    canvas: &Canvas,
    photo: (u32, u32),
    (wanted, lowest): (f32, f32),
    overlap: (u32, u32),
    budget: u64,
) -> Option<Layout> {
    const STEP: f32 = 0.92;
    // A photo at scale s has at least area * s^2 network pixels: larger scales need not be tried.
    let area = f64::from(photo.0) * f64::from(photo.1);
    let bound = (budget as f64 / area.max(1.0)).sqrt() as f32;
    let mut scale = wanted.min(bound);
    while scale >= lowest * 0.999 {
        if let Some(layout) = canvas.at_scale(photo, scale, overlap, budget) {
            return Some(layout);
        }
        scale *= STEP;
    }
    None
}
