//! Shadows of what stands on a board.

use super::catalogue::Catalogue;
use super::color::smoothstep;
use super::layout::{Layout, Row};

/// How much of the light is left where things stand on a board.
#[derive(Debug, Clone)]
pub struct ShadeMap {
    origin: f32,
    columns: usize,
    rows: usize,
    cells: Vec<f32>,
}

const CELL: f32 = 9.0;

/// Reach of a shadow, in radii of what throws it.
const FAR: f32 = 1.75;

impl ShadeMap {
    /// Of an empty board.
    #[must_use]
    pub fn none() -> Self {
        Self { origin: 0.0, columns: 2, rows: 2, cells: vec![1.0; 4] }
    }

    /// Of the items of a row.
    #[must_use]
    pub fn of(layout: &Layout, row: &Row, catalogue: &Catalogue) -> Self {
        let (columns, rows) = ((layout.half_length * 2.0 / CELL) as usize + 2, (layout.depth / CELL) as usize + 2);
        let mut map = Self { origin: -layout.half_length, columns, rows, cells: vec![1.0; columns * rows] };
        for item in row.items.iter().filter(|item| item.level == 0) {
            let [width, _, depth] = catalogue.skus[item.sku].size();
            map.stamp((item.x, -item.z), (width / 2.0, depth / 2.0));
        }
        map
    }

    fn stamp(&mut self, (x, z): (f32, f32), (rx, rz): (f32, f32)) {
        // The shadow falls inwards, away from the lamps.
        let z = z + rz * 0.25;
        let reach = (rx * FAR, rz * FAR);
        let column = |v: f32| (((v - self.origin) / CELL).max(0.0) as usize).min(self.columns - 1);
        let row = |v: f32| ((v / CELL).max(0.0) as usize).min(self.rows - 1);
        for r in row(z - reach.1)..=row(z + reach.1) {
            let kz = ((r as f32 + 0.5) * CELL - z) / rz;
            for c in column(x - reach.0)..=column(x + reach.0) {
                let kx = (self.origin + (c as f32 + 0.5) * CELL - x) / rx;
                let k = kx * kx + kz * kz;
                if k < FAR * FAR {
                    self.cells[r * self.columns + c] *= 1.0 - 0.72 * smoothstep(FAR, 0.75, k.sqrt());
                }
            }
        }
    }

    /// Light left at a place.
    #[must_use]
    pub fn at(&self, x: f32, z: f32) -> f32 {
        let (fx, fz) = (
            ((x - self.origin) / CELL - 0.5).clamp(0.0, (self.columns - 2) as f32),
            (z / CELL - 0.5).clamp(0.0, (self.rows - 2) as f32),
        );
        let (c, r) = (fx as usize, fz as usize);
        let (ax, az) = (fx - c as f32, fz - r as f32);
        let at = r * self.columns + c;
        let near = self.cells[at] * (1.0 - ax) + self.cells[at + 1] * ax;
        let far = self.cells[at + self.columns] * (1.0 - ax) + self.cells[at + self.columns + 1] * ax;
        near * (1.0 - az) + far * az
    }
}
