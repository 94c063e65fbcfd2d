//! Folders to work on.

#[path = "../../../vision/tests/shared/data.rs"]
mod development;

use std::fs;
use std::path::Path;

pub(crate) use development::shared_data as data;

/// Writes files, with the folders above them.
pub(crate) fn write(root: &Path, files: &[(&str, &[u8])]) {
    for (path, bytes) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// An image with structure that depends on its size, as PNG.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    test_image(width, height, width * 31 + height)
}

/// An image with structure that depends on `seed`, as PNG.
pub(crate) fn test_image(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let wave = |x: u32, y: u32, k: u32| {
        let (fx, fy) = ((seed * k % 7 + 1) as f32, (seed * k % 5 + 1) as f32);
        (x as f32 * fx / width as f32 * 3.0 + y as f32 * fy / height as f32 * 3.0 + (seed * k) as f32).sin()
    };
    let image = image::RgbImage::from_fn(width, height, |x, y| {
        let value = 125.0 + 50.0 * wave(x, y, 1) + 50.0 * wave(y, x, 3);
        image::Rgb([value as u8, (value * 0.7) as u8, 255 - value as u8])
    });
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

/// What people read: the error and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source()).map(|cause| format!(": {cause}"));
    error.to_string() + &causes.collect::<String>()
}
