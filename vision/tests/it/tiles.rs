//! Tiles cover the photo.

use proptest::prelude::*;
use vision::tiles::MAX_TILES_PER_SIDE;
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
}
