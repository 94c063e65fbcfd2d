//! Where the cells of the three feature maps look.

/// Pixels per cell of each level, finest first.
pub const STRIDES: [usize; 3] = [8, 16, 32];

/// Sides of a network's input must be multiples of this.
pub const MAX_STRIDE: usize = STRIDES[2];

/// A cell of a feature map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anchor {
    /// Centre in pixels of the network's input.
    pub x: f32,
    /// Centre in pixels of the network's input.
    pub y: f32,
    /// Side of the cell in pixels.
    pub stride: f32,
}

/// All cells for an input of this size, level by level, row by row: the order of the last axis of the network's output.
#[must_use]
pub fn anchors(height: usize, width: usize) -> Vec<Anchor> {
    let level = |stride: usize| {
        let center = move |cell: usize| (cell as f32 + 0.5) * stride as f32;
        (0..height / stride).flat_map(move |row| {
            (0..width / stride).map(move |column| Anchor { x: center(column), y: center(row), stride: stride as f32 })
        })
    };
    STRIDES.into_iter().flat_map(level).collect()
}

/// Length of [`anchors`]: 8400 for 640 x 640.
#[must_use]
pub fn anchor_count(height: usize, width: usize) -> usize {
    STRIDES.iter().map(|stride| (height / stride) * (width / stride)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_cell_centres_from_fine_to_coarse() {
        for (height, width, expected) in [(640, 640, 8400), (64, 64, 84), (32, 96, 63), (384, 640, 5040)] {
            let all = anchors(height, width);
            assert_eq!((all.len(), anchor_count(height, width)), (expected, expected), "{height}x{width}");
            assert_eq!(all[0], Anchor { x: 4.0, y: 4.0, stride: 8.0 });
            assert_eq!(all[1], Anchor { x: 12.0, y: 4.0, stride: 8.0 });
            let last = Anchor { x: width as f32 - 16.0, y: height as f32 - 16.0, stride: 32.0 };
            assert_eq!(all.last(), Some(&last));
        }
    }
}
