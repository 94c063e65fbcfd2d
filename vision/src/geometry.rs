//! Axis-aligned boxes in pixel coordinates.

use std::fmt;

/// An axis-aligned box, corners in pixels of the image it belongs to. `x2`, `y2` are exclusive edges, so a box
/// that covers one whole pixel has width 1 (COCO's continuous convention; no "+ 1" anywhere).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BBox {
    /// Left edge.
    pub x1: f32,
    /// Top edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Bottom edge.
    pub y2: f32,
}

impl BBox {
    /// The box with these corners, as given.
    #[must_use]
    pub const fn new(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// The box around a centre, the form YOLO heads and YOLO labels use.
    #[must_use]
    pub fn from_center(cx: f32, cy: f32, width: f32, height: f32) -> Self {
        let (half_w, half_h) = (width / 2.0, height / 2.0);
        Self::new(cx - half_w, cy - half_h, cx + half_w, cy + half_h)
    }

    /// Horizontal extent, never negative.
    #[must_use]
    pub fn width(&self) -> f32 {
        (self.x2 - self.x1).max(0.0)
    }

    /// Vertical extent, never negative.
    #[must_use]
    pub fn height(&self) -> f32 {
        (self.y2 - self.y1).max(0.0)
    }

    /// Area in square pixels; 0 for an inverted box.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// `(x, y)` of the centre.
    #[must_use]
    pub fn center(&self) -> (f32, f32) {
        ((self.x1 + self.x2) / 2.0, (self.y1 + self.y2) / 2.0)
    }

    /// Area shared with `other`.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> f32 {
        let width = (self.x2.min(other.x2) - self.x1.max(other.x1)).max(0.0);
        let height = (self.y2.min(other.y2) - self.y1.max(other.y1)).max(0.0);
        width * height
    }

    /// Intersection over union in `0..=1`; 0 when both are empty, or when a corner is not finite.
    ///
    /// ```
    /// use vision::BBox;
    /// let a = BBox::new(0.0, 0.0, 2.0, 2.0);
    /// assert_eq!(a.iou(&BBox::new(1.0, 0.0, 3.0, 2.0)), 1.0 / 3.0);
    /// ```
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        // Rounding can leave the union an ulp short of what is shared; NaN compares false.
        if union > 0.0 && union.is_finite() { (shared / union).min(1.0) } else { 0.0 }
    }

    /// Fraction of the smaller box that the other covers, in `0..=1`: 1 when one lies within the other.
    #[must_use]
    pub fn overlap_of_smaller(&self, other: &Self) -> f32 {
        let smaller = self.area().min(other.area());
        if smaller > 0.0 && smaller.is_finite() { (self.intersection(other) / smaller).min(1.0) } else { 0.0 }
    }

    /// The part inside an image of `width` x `height` pixels: without area when the box lies outside. NaN stays NaN, see
    /// [`BBox::is_valid`].
    #[must_use]
    pub fn clip(&self, width: u32, height: u32) -> Self {
        let (w, h) = (width as f32, height as f32);
        Self::new(self.x1.clamp(0.0, w), self.y1.clamp(0.0, h), self.x2.clamp(0.0, w), self.y2.clamp(0.0, h))
    }

    /// Moved by `(dx, dy)` pixels.
    #[must_use]
    pub fn translate(&self, dx: f32, dy: f32) -> Self {
        Self::new(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)
    }

    /// Whether all corners are finite and the box has an area.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        [self.x1, self.y1, self.x2, self.y2].iter().all(|v| v.is_finite()) && self.x2 > self.x1 && self.y2 > self.y1
    }
}

impl fmt::Display for BBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:.1}, {:.1})-({:.1}, {:.1})", self.x1, self.y1, self.x2, self.y2)
    }
}
