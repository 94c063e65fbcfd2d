//! What several tests need: reproducible numbers, small galleries, images on disk, the development data.

#[path = "../../../vision/tests/shared/data.rs"]
mod development;

use std::fs;
use std::path::Path;

use classifier::gallery::{EmbedderIdentity, GalleryData, NewExemplar};
use vision::{Embedding, Sha256, SkuId};

pub(crate) use development::shared_data as data_folder;

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// In `-1..1`.
    pub(crate) fn value(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(crate) fn embedding(&mut self, dimension: usize) -> Embedding {
        Embedding::normalized((0..dimension).map(|_| self.value()).collect()).unwrap()
    }

    /// `center`, moved by noise of the given size.
    pub(crate) fn near(&mut self, center: &Embedding, noise: f32) -> Embedding {
        let moved = center.as_slice().iter().map(|v| v + noise * self.value()).collect();
        Embedding::normalized(moved).unwrap()
    }
}

pub(crate) fn identity(dimension: usize) -> EmbedderIdentity {
    EmbedderIdentity { fingerprint: Sha256::of(b"test embedder"), dimension, description: "test embedder".to_owned() }
}

/// A gallery of these embeddings, each with the SKU it shows (1, 2, ...).
pub(crate) fn gallery_of(dimension: usize, exemplars: &[(u32, Embedding)]) -> GalleryData {
    let mut data = GalleryData::new("test", identity(dimension));
    let skus = exemplars.iter().map(|(sku, _)| *sku).max().unwrap_or(0);
    for sku in 1..=skus {
        data.add_sku(&format!("sku_{sku:03}_product"), &format!("Product {sku}")).unwrap();
    }
    let new = exemplars.iter().enumerate().map(|(at, (sku, embedding))| NewExemplar {
        sku: SkuId(*sku),
        origin: format!("sku_{sku:03}_product/{at}.png"),
        sha256: Sha256::of(&(at as u64).to_le_bytes()),
        embedding: embedding.clone(),
    });
    data.add(new.collect()).unwrap();
    data
}

pub(crate) fn random_gallery(seed: u64, dimension: usize, skus: u32, exemplars: usize) -> GalleryData {
    let mut random = Random::new(seed);
    let all: Vec<_> = (0..exemplars).map(|at| (at as u32 % skus + 1, random.embedding(dimension))).collect();
    gallery_of(dimension, &all)
}

/// Compares number by number.
#[track_caller]
pub(crate) fn close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        // Written so that NaN fails.
        assert!((found - expected).abs() <= tolerance, "{what}: number {at} is {found}, not {expected} +- {tolerance}");
    }
}

/// Writes a PNG of one colour with a gradient, so that no two sizes are the same file.
pub(crate) fn write_png(path: &Path, color: [u8; 3]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = vision::RgbImage::from_fn(24, 32, |x, y| {
        image::Rgb([color[0].saturating_add(x as u8 / 4), color[1].saturating_add(y as u8 / 4), color[2]])
    });
    image.save_with_format(path, image::ImageFormat::Png).unwrap();
}
