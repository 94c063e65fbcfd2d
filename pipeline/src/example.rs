//! The example: a gallery of a few SKUs, made in memory of images that come with the program.
//!
//! A newcomer has nothing enrolled, and a photo on which everything is unknown shows nothing. This gallery is beside the
//! one that is served and never part of it: only who asks for the example meets it.

use std::sync::Arc;

use classifier::gallery::{EmbedderIdentity, Gallery, GalleryData, GalleryError, IndexOptions, NewExemplar};
use thiserror::Error;
use vision::{DecodeError, ModelError, RgbImage, Sha256, decode};

use crate::{Recognizer, Release};

/// Images that show one SKU.
#[derive(Debug, Clone, Copy)]
pub struct ExampleSku<'a> {
    /// Its code, as the name of a folder would be.
    pub code: &'a str,
    /// Encoded: JPEG, PNG or WebP.
    pub images: &'a [&'a [u8]],
}

/// Why there is no example.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExampleError {
    /// One of its images is none.
    #[error("an image of the example's {code} cannot be read")]
    Image {
        /// Of which SKU.
        code: String,
        /// Cause.
        source: DecodeError,
    },
    /// The embedder failed on them.
    #[error("the example's images cannot be embedded")]
    Embed(#[from] ModelError),
    /// The gallery cannot be made.
    #[error("the example's gallery cannot be made")]
    Gallery(#[from] GalleryError),
}

/// `served` over a gallery of `skus` alone: the same detector, embedder and decision rule, without thresholds of single SKUs
/// and without a second opinion, which belong to the gallery that is served.
///
/// # Errors
/// When an image cannot be decoded or embedded.
pub fn example_recognizer(served: &Recognizer, skus: &[ExampleSku<'_>]) -> Result<Recognizer, ExampleError> {
    let release = served.release();
    let embedder = &release.embedder;
    let mut data = GalleryData::new("example", EmbedderIdentity::of(&**embedder));
    for sku in skus {
        let decoded = |bytes: &&[u8]| {
            decode(bytes, &release.settings.limits)
                .map_err(|source| ExampleError::Image { code: sku.code.to_owned(), source })
        };
        let images = sku.images.iter().map(decoded).collect::<Result<Vec<RgbImage>, _>>()?;
        let id = data.add_sku(sku.code, &vision::sku::display_name(sku.code))?;
        let exemplar = |(bytes, embedding): (&&[u8], _)| NewExemplar {
            sku: id,
            origin: sku.code.to_owned(),
            sha256: Sha256::of(bytes),
            embedding,
        };
        data.add(sku.images.iter().zip(embedder.embed(&images)?).map(exemplar).collect())?;
    }
    let gallery = Gallery::new(data, &IndexOptions::default())?;
    let (detector, embedder) = (Arc::clone(&release.detector), Arc::clone(embedder));
    Ok(Release::new("example", detector, embedder, Arc::new(gallery), release.settings).recognizer())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use vision::BBox;
    use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};

    use super::*;
    use crate::{Photo, RecognizeOptions, RecognizerSettings};

    fn png(color: [u8; 3]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_pixel(8, 8, image::Rgb(color)).write_to(&mut bytes, image::ImageFormat::Png).expect("it fits");
        bytes.into_inner()
    }

    fn served() -> Recognizer {
        let detector = FixedDetector::bottles(&[BBox::new(0.0, 0.0, 8.0, 8.0)]);
        let settings = RecognizerSettings::default();
        let (detector, gallery) = (Arc::new(detector), Arc::new(ListIndex::default()));
        Release::new("colours", detector, Arc::new(MeanColorEmbedder), gallery, settings).recognizer()
    }

    #[test]
    fn the_example_knows_its_skus_and_the_served_gallery_stays_as_it_is() {
        let (red, green) = (png([200, 0, 0]), png([0, 200, 0]));
        let skus = [
            ExampleSku { code: "red_cola", images: &[&red, &red] },
            ExampleSku { code: "green_tea", images: &[&green] },
        ];
        let served = served();
        let example = example_recognizer(&served, &skus).expect("sound");
        let photo = Photo::Encoded(png([210, 0, 0]).into());
        let seen = example.recognize(vec![photo], &RecognizeOptions::default()).remove(0).expect("a photo").recognition;
        assert_eq!(
            seen.counts.iter().map(|count| (&*count.sku.name, count.count)).collect::<Vec<_>>(),
            [("Red Cola", 1)]
        );
        assert_eq!(served.gallery().len(), 0);
    }

    #[test]
    fn an_image_that_is_none_is_named() {
        let error = example_recognizer(&served(), &[ExampleSku { code: "x", images: &[b"no image"] }]).err();
        assert!(error.expect("refused").to_string().contains("the example's x"));
    }
}
