//! Tiles cover the photo.

use proptest::prelude::*;
use vision::tiles::{MAX_TILES_PER_SIDE, tile_grid_by_pixels};
use vision::{Tiling, tile_grid};

#[test]
fn two_by_two() {
    let tiles = tile_grid(1000, 500, 2, 2, 0.2);
    let corners: Vec<_> = tiles.iter().map(|t| (t.x, t.y, t.width, t.height)).collect();
    assert_eq!(corners, [(0, 0, 556, 278), (444, 0, 556, 278), (0, 222, 556, 278), (444, 222, 556, 278)]);
    assert_eq!(tile_grid(1000, 500, 1, 1, 0.2).len(), 1);
}

#[test]
fn grids_that_make_no_sense() {
    assert!(tile_grid(0, 500, 2, 2, 0.2).is_empty());
    assert_eq!(tile_grid(3, 2, 8, 8, 0.2).len(), 6);
    assert_eq!(tile_grid(1000, 1000, 0, 0, 0.2).len(), 1);
    assert_eq!(tile_grid(u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0.5).len() as u32, MAX_TILES_PER_SIDE.pow(2));
}

#[test]
fn tilings_are_written_as_they_are_read() {
    for (text, tiling) in [
        ("off", Tiling::Off),
        ("auto", Tiling::Auto),
        ("2x2", Tiling::Grid { columns: 2, rows: 2 }),
        ("8x1", Tiling::Grid { columns: 8, rows: 1 }),
    ] {
        assert_eq!(text.parse::<Tiling>().unwrap(), tiling);
        assert_eq!(tiling.to_string(), text);
    }
    for text in ["", "x", "2x", "x2", "0x2", "9x1", "2x2x2", "-1x2", "2×2", "AUTO", " off", "99999999999x1"] {
        let error = text.parse::<Tiling>().unwrap_err().to_string();
        assert!(error.contains("use auto, off, or COLUMNSxROWS such as 2x2 (1 to 8 each)"), "{error}");
    }
}

/// An overlap, sane or not.
fn overlap() -> impl Strategy<Value = f32> {
    prop_oneof![0.0..0.9_f32, Just(f32::NAN), Just(f32::INFINITY), Just(-1.0), Just(1.0)]
}

proptest! {
    #[test]
    fn every_pixel_is_covered_and_none_beyond(
        (width, height) in (1..300_u32, 1..300_u32), (columns, rows) in (1..=10_u32, 1..=10_u32), overlap in overlap()
    ) {
        let tiles = tile_grid(width, height, columns, rows, overlap);
        let mut seen = vec![false; (width * height) as usize];
        for tile in &tiles {
            prop_assert!(tile.width > 0 && tile.height > 0);
            prop_assert!(tile.x + tile.width <= width && tile.y + tile.height <= height);
            prop_assert_eq!((tile.width, tile.height), (tiles[0].width, tiles[0].height));
            for y in tile.y..tile.y + tile.height {
                seen[(y * width + tile.x) as usize..][..tile.width as usize].fill(true);
            }
        }
        prop_assert!(seen.iter().all(|&seen| seen));
        prop_assert!(tiles.len() as u32 <= columns * rows);
    }

    /// Neighbours share what was asked for, so an object narrower than that is whole in one of them.
    #[test]
    fn neighbours_overlap_as_asked(width in 100..4000_u32, columns in 2..=8_u32, overlap in 0.0..0.9_f32) {
        let tiles = tile_grid(width, 50, columns, 1, overlap);
        for pair in tiles.windows(2) {
            let shared = (pair[0].x + pair[0].width) as f32 - pair[1].x as f32;
            prop_assert!(shared >= overlap * pair[0].width as f32 - 2.0, "{} of {}", shared, pair[0].width);
        }
    }

    /// The same with an overlap in pixels, or half a tile where that is less.
    #[test]
    fn pixels_are_shared_as_asked(size in (1..3000_u32, 1..3000_u32), grid in (1..=12_u32, 1..=12_u32), overlap in (0..500_u32, 0..500_u32)) {
        let tiles = tile_grid_by_pixels(size, grid, overlap);
        let columns = grid.0.min(size.0) as usize;
        prop_assert_eq!(tiles.len(), columns * grid.1.min(size.1) as usize);
        for tile in &tiles {
            prop_assert!(tile.width > 0 && tile.height > 0 && tile.x + tile.width <= size.0 && tile.y + tile.height <= size.1);
        }
        let shared = |end: u32, start: u32, length: u32, wanted: u32| end + 1 >= start + wanted.min(length / 2);
        for row in tiles.chunks(columns) {
            prop_assert!(row[0].x == 0 && row[columns - 1].x + row[columns - 1].width == size.0);
            for pair in row.windows(2) {
                prop_assert!(shared(pair[0].x + pair[0].width, pair[1].x, pair[1].width, overlap.0), "{:?}", pair);
            }
        }
        let rows: Vec<_> = tiles.iter().step_by(columns).collect();
        prop_assert!(rows[0].y == 0 && rows.last().is_some_and(|last| last.y + last.height == size.1));
        for pair in rows.windows(2) {
            prop_assert!(shared(pair[0].y + pair[0].height, pair[1].y, pair[1].height, overlap.1), "{:?}", pair);
        }
    }
}
