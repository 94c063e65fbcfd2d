//! What the embedder said when it was registered, to be said again before it answers anybody: weights that load may still be
//! run wrongly by another engine or driver.

use vision::{Embedder, Embedding, RgbImage};

use crate::error::RegistryError;

/// Side of a probe.
const SIDE: u32 = 96;
/// Smallest cosine to what was said. Engines differ in digits: half precision and int8 stay above .99.
pub const LEAST_COSINE: f32 = 0.98;

/// Images that every program makes alike: no random numbers, no decoder.
#[must_use]
pub fn probes() -> Vec<RgbImage> {
    let stripes = |x: u32, y: u32| [x * 5, y * 3, (x / 8 + y / 12) % 2 * 200];
    let blobs = |x: u32, y: u32| [(x * y) / 24, x.abs_diff(48) * 5, 255 - y * 2];
    let image = |of: &dyn Fn(u32, u32) -> [u32; 3]| {
        RgbImage::from_fn(SIDE, SIDE, |x, y| of(x, y).map(|value| (value % 256) as u8).into())
    };
    vec![image(&stripes), image(&blobs)]
}

/// What an embedder says of the probes, rounded to a thousandth: a registry is no place for digits that engines disagree on.
///
/// # Errors
/// When it cannot be run.
pub fn golden(embedder: &dyn Embedder) -> Result<Vec<Vec<f32>>, RegistryError> {
    let said = embedder.embed(&probes())?;
    let rounded = |embedding: &Embedding| embedding.as_slice().iter().map(|v| (v * 1e3).round() / 1e3).collect();
    Ok(said.iter().map(rounded).collect())
}

/// Holds an embedder to what was said.
///
/// # Errors
/// When it says something else, or cannot be run.
pub fn check(embedder: &dyn Embedder, golden: &[Vec<f32>]) -> Result<(), RegistryError> {
    let said = embedder.embed(&probes())?;
    let cosines = said.iter().zip(golden).map(|(said, golden)| cosine(said.as_slice(), golden));
    // What cannot be compared is like nothing, and stays so.
    let smaller =
        |smallest: f32, cosine: f32| if cosine.is_nan() || smallest.is_nan() { f32::NAN } else { smallest.min(cosine) };
    let smallest = if said.len() == golden.len() { cosines.fold(1.0, smaller) } else { f32::NAN };
    if smallest >= LEAST_COSINE {
        return Ok(());
    }
    Err(RegistryError::Golden { cosine: smallest, least: LEAST_COSINE })
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return f32::NAN;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use vision::fakes::MeanColorEmbedder;

    use super::*;

    #[test]
    fn an_embedder_agrees_with_itself_and_with_no_other() {
        let said = golden(&MeanColorEmbedder).expect("it runs");
        check(&MeanColorEmbedder, &said).expect("the same");
        let turned: Vec<Vec<f32>> = said.iter().map(|v| vec![v[2], -v[0], v[1]]).collect();
        assert!(matches!(check(&MeanColorEmbedder, &turned), Err(RegistryError::Golden { .. })));
        let longer: Vec<Vec<f32>> = said.iter().map(|v| [&v[..], &[0.0]].concat()).collect();
        assert!(check(&MeanColorEmbedder, &longer).is_err(), "another dimension");
        assert!(check(&MeanColorEmbedder, &said[..1]).is_err(), "another number of probes");
        assert!(check(&MeanColorEmbedder, &[vec![0.0; 3], vec![0.0; 3]]).is_err(), "nothing is like nothing");
    }
}
