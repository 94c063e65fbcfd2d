//! The cross-section of a container: a circle, or a rounder or squarer, deeper or flatter one.

use super::simd::nearest;

/// A superellipse `|s|^p + |t / flatness|^p = r^p` (Lamé) as tables over `u = |s| / r`.
#[derive(Debug, Clone)]
pub struct Section {
    flatness: f32,
    rows: Box<[Row; ROWS + 1]>,
}

/// What is known at one fraction of the half width.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row {
    /// Depth of the surface towards the viewer, as a fraction of the half width.
    pub depth: f32,
    /// Sideways part of the normal.
    pub nx: f32,
    /// Part of the normal that points at the viewer.
    pub nz: f32,
    /// Way along the surface from the front, in turns: the side is at 0.25.
    pub turn: f32,
}

const ROWS: usize = 512;

impl Section {
    /// A circle.
    #[must_use]
    pub fn round() -> Self {
        Self::new(2.0, 1.0)
    }

    /// A superellipse: `power` 2 is an ellipse, 5 a square with round corners; `flatness` is depth by width.
    #[must_use]
    pub fn new(power: f32, flatness: f32) -> Self {
        let depth = |u: f32| (1.0 - u.powf(power)).max(0.0).powf(1.0 / power);
        let mut rows = Box::new([Row::default(); ROWS + 1]);
        let mut way = 0.0;
        let mut before = (0.0, flatness);
        for (k, row) in rows.iter_mut().enumerate() {
            let u = k as f32 / ROWS as f32;
            let d = depth(u);
            let (nx, nz) = (u.powf(power - 1.0), d.powf(power - 1.0) / flatness);
            let length = nx.hypot(nz).max(1e-6);
            way += (u - before.0).hypot(d * flatness - before.1);
            before = (u, d * flatness);
            *row = Row { depth: d * flatness, nx: nx / length, nz: nz / length, turn: way };
        }
        let whole = way.max(1e-6);
        rows.iter_mut().for_each(|row| row.turn *= 0.25 / whole);
        Self { flatness, rows }
    }

    /// Depth by width.
    #[inline]
    #[must_use]
    pub fn flatness(&self) -> f32 {
        self.flatness
    }

    /// The row of a fraction of the half width, `0..=1`.
    #[inline(always)]
    #[must_use]
    pub fn row(&self, u: f32) -> Row {
        *self.row_at(Self::place(u))
    }

    /// Number of the row of a fraction of the half width, `0..=1`.
    #[inline(always)]
    pub(super) fn place(u: f32) -> u32 {
        nearest(u * ROWS as f32) as u32
    }

    /// The row of a number.
    #[inline(always)]
    pub(super) fn row_at(&self, place: u32) -> &Row {
        &self.rows[(place as usize).min(ROWS)]
    }

    /// Half width left at a fraction of the depth: the same curve, read the other way.
    #[inline]
    #[must_use]
    pub fn across(&self, depth: f32) -> f32 {
        self.row(depth).depth / self.flatness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle() {
        let section = Section::round();
        let row = section.row(0.6);
        assert!((row.depth - 0.8).abs() < 2e-3 && (row.nx - 0.6).abs() < 2e-3 && (row.nz - 0.8).abs() < 2e-3);
        assert!((row.turn - 0.6_f32.asin() / std::f32::consts::TAU).abs() < 2e-3);
        assert!((section.across(0.8) - 0.6).abs() < 3e-3);
    }
}
