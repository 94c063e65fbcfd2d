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

/// Strides of the feature maps of detectors that share YOLOv8's head: three levels as published, with a finer one (P2), a coarser one
/// (P6), both, and with two.
const HEADS: [&[usize]; 6] = [&STRIDES, &[4, 8, 16, 32], &[8, 16, 32, 64], &[4, 8, 16, 32, 64], &[8, 16], &[16, 32]];

/// Whether `count` is the number of cells of such a detector for an input of this size.
#[must_use]
pub fn is_anchor_count(count: usize, height: usize, width: usize) -> bool {
    let cells = |strides: &&[usize]| strides.iter().map(|stride| (height / stride) * (width / stride)).sum::<usize>();
    count > 0 && HEADS.iter().any(|strides| cells(strides) == count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_told_by_their_cells() {
        for (count, expected) in
            [(8400, true), (34_000, true), (8500, true), (2000, true), (300, false), (25_200, false), (0, false)]
        {
            assert_eq!(is_anchor_count(count, 640, 640), expected, "{count}");
        }
    }

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
