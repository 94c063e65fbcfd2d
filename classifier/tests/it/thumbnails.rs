//! Small images of exemplars in the gallery's folder.

use std::fs;
use std::path::PathBuf;

use classifier::gallery::{GalleryData, NewExemplar, snapshot, thumbnails};
use vision::{DecodeLimits, Embedding, ExemplarId, Sha256};

use crate::support::{identity, write_png};

#[test]
fn every_exemplar_has_one_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let (skus, gallery) = (folder.path().join("skus"), folder.path().join("gallery"));
    let mut data = GalleryData::new("test", identity(2));
    let sku = data.add_sku("cola", "Cola").unwrap();
    let mut images: Vec<(Sha256, PathBuf)> = Vec::new();
    for (at, name) in ["1.png", "2.png", "left_out.png"].into_iter().enumerate() {
        let path = skus.join(name);
        write_png(&path, [at as u8 * 40, 90, 10]);
        let sha256 = Sha256::of_file(&path).unwrap();
        images.push((sha256, path));
        if name != "left_out.png" {
            let embedding = Embedding::normalized(vec![1.0, at as f32]).unwrap();
            data.add(vec![NewExemplar { sku, origin: name.to_owned(), sha256, embedding }]).unwrap();
        }
    }
    let large = skus.join("large.png");
    vision::RgbImage::from_fn(900, 300, |x, y| image::Rgb([x as u8, y as u8, 7])).save(&large).unwrap();
    let sha256 = Sha256::of_file(&large).unwrap();
    let embedding = Embedding::normalized(vec![0.0, 1.0]).unwrap();
    data.add(vec![NewExemplar { sku, origin: "large.png".to_owned(), sha256, embedding }]).unwrap();
    images.push((sha256, large.clone()));
    snapshot::write(&mut data, &gallery).unwrap();

    let limits = DecodeLimits::default();
    assert_eq!(thumbnails::keep(&gallery, &data, &images, &limits).unwrap(), (3, Vec::new()));
    let small = vision::decode(&thumbnails::read(&gallery, sha256).unwrap(), &limits).unwrap();
    assert_eq!(small.dimensions(), (160, 53), "bounded, its shape kept");
    assert_eq!(thumbnails::read(&gallery, images[2].0), None, "it is no exemplar");
    assert_eq!(snapshot::read(&gallery).unwrap(), data, "the gallery is what it was");
    assert_eq!(thumbnails::keep(&gallery, &data, &images, &limits).unwrap().0, 0, "all are there");

    // A file that has changed meanwhile gets none; an exemplar that went takes its own along.
    fs::remove_file(thumbnails::path(&gallery, sha256)).unwrap();
    fs::write(&large, b"other").unwrap();
    data.remove_exemplar(ExemplarId(1)).unwrap();
    assert_eq!(thumbnails::keep(&gallery, &data, &images, &limits).unwrap(), (0, vec![large]));
    assert_eq!(thumbnails::read(&gallery, images[0].0), None);
    assert!(thumbnails::read(&gallery, images[1].0).is_some());

    let elsewhere = folder.path().join("elsewhere");
    thumbnails::carry(&gallery, &elsewhere, &data).unwrap();
    assert!(thumbnails::read(&elsewhere, images[1].0).is_some());
    // What is not a JPEG of ours is not shown.
    fs::write(thumbnails::path(&elsewhere, images[1].0), b"<script>").unwrap();
    assert_eq!(thumbnails::read(&elsewhere, images[1].0), None);
}
