//! A gallery by another embedder, from the images it was made of.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use classifier::gallery::enrol::{self, EnrolOptions, Redundancy, SkipReason};
use classifier::gallery::reembed::{
    FolderImages, ImageSource as _, LossReason, Lost, ReembedError, ReembedOptions, reembed,
};
use classifier::gallery::{GalleryData, Progress, snapshot};
use tempfile::TempDir;
use vision::fakes::MeanColorEmbedder;
use vision::{DecodeLimits, Embedder, Embedding, ModelError, RgbImage, Sha256, SkuId};

use crate::support::write_png;

/// Brightness of the four quarters: another embedder, of another dimension.
struct Quarters {
    /// Calls after which it fails.
    calls: AtomicUsize,
}

impl Quarters {
    fn lasting(calls: usize) -> Self {
        Self { calls: calls.into() }
    }
}

impl Embedder for Quarters {
    fn embed(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        if self.calls.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(ModelError::inference("out of memory"));
        }
        let quarters = |crop: &RgbImage| {
            let mut sums = vec![1.0_f32; 4];
            for (x, y, pixel) in crop.enumerate_pixels() {
                let quarter = usize::from(x >= crop.width() / 2) + 2 * usize::from(y >= crop.height() / 2);
                sums[quarter] += f32::from(pixel.0[0]) + f32::from(pixel.0[1]);
            }
            Embedding::normalized(sums).map_err(ModelError::inference)
        };
        crops.iter().map(quarters).collect()
    }

    fn dimension(&self) -> usize {
        4
    }

    fn fingerprint(&self) -> Sha256 {
        Sha256::of(b"quarters")
    }

    fn describe(&self) -> String {
        "brightness of quarters".to_owned()
    }
}

/// Eight images of two SKUs, and their gallery; an exemplar and a SKU were removed from it, so numbers have gaps.
fn shelf() -> (TempDir, GalleryData) {
    let root = tempfile::tempdir().unwrap();
    for at in 0..4 {
        write_png(&root.path().join(format!("cola/{at}.png")), [200 - at, 10 * at, 0]);
        write_png(&root.path().join(format!("tea/{at}.png")), [0, 200 - at, 10 * at]);
        write_png(&root.path().join(format!("milk/{at}.png")), [200, 200, 200 - at]);
    }
    let mut data = built(root.path());
    data.remove_sku(data.sku_by_code("milk").unwrap().id).unwrap();
    data.remove_exemplar(data.exemplars()[1].id).unwrap();
    (root, data)
}

fn built(root: &Path) -> GalleryData {
    let redundancy = Redundancy { keep: true, ..Redundancy::default() };
    let options = EnrolOptions { redundancy, ..EnrolOptions::default() };
    enrol::build(root, "shelf", &MeanColorEmbedder, &options, &mut |_| {}).unwrap().0
}

fn again(
    data: &GalleryData,
    root: &Path,
    embedder: &dyn Embedder,
    max_lost: usize,
) -> Result<(GalleryData, Vec<Lost>), ReembedError> {
    let images = FolderImages::open(&[root.to_owned()], &DecodeLimits::default()).unwrap();
    let options = ReembedOptions { max_lost, batch: 3, ..ReembedOptions::default() };
    reembed(data, &images, embedder, &options, &mut |_| {})
}

#[test]
fn the_same_embedder_gives_the_same_gallery() {
    let (root, mut data) = shelf();
    let mut steps = Vec::new();
    let images = FolderImages::open(&[root.path().to_owned()], &DecodeLimits::default()).unwrap();
    let options = ReembedOptions::default();
    let (mut same, lost) = reembed(&data, &images, &MeanColorEmbedder, &options, &mut |p| steps.push(p)).unwrap();
    assert!(lost.is_empty());
    assert_eq!((same.embeddings(), same.exemplars()), (data.embeddings(), data.exemplars()));
    assert_eq!(steps, (1..=7).map(|done| Progress { done, total: 7 }).collect::<Vec<_>>());
    data.seal();
    same.seal();
    assert_eq!(same.digest(), data.digest());
}

#[test]
fn another_dimension_takes_over_skus_and_numbers_and_switches_at_once() {
    let (root, mut data) = shelf();
    let folder = tempfile::tempdir().unwrap();
    snapshot::write(&mut data, folder.path()).unwrap();
    let (mut new, _) = again(&data, root.path(), &Quarters::lasting(99), 0).unwrap();
    assert_eq!((new.embedder().dimension, new.embeddings().columns(), new.embeddings().rows()), (4, 4, 7));
    assert_eq!(new.exemplars(), data.exemplars());
    assert!(new.skus().eq(data.skus()));
    new.check_embedder(&Quarters::lasting(0)).unwrap();
    for (row, exemplar) in new.exemplars().iter().enumerate() {
        let bytes = fs::read(root.path().join(&exemplar.origin)).unwrap();
        let image = vision::decode(&bytes, &DecodeLimits::default()).unwrap();
        let expected = Quarters::lasting(9).embed(&[image]).unwrap();
        assert_eq!(new.embeddings().row(row), expected[0].as_slice(), "{}", exemplar.origin);
    }
    assert_eq!(snapshot::read(folder.path()).unwrap(), data, "nothing is switched yet");
    snapshot::write(&mut new, folder.path()).unwrap();
    assert_eq!(snapshot::read(folder.path()).unwrap(), new);
    // Numbers that were given away stay so.
    assert_eq!(new.add_sku("after", "After").unwrap(), SkuId(4));

    // Elsewhere, in place of another gallery; the one it was made from may change meanwhile.
    let other = tempfile::tempdir().unwrap();
    snapshot::write(&mut built(root.path()), other.path()).unwrap();
    let (mut new, _) = again(&data, root.path(), &Quarters::lasting(99), 0).unwrap();
    assert!(snapshot::write(&mut new, other.path()).is_ok_and(|()| new.revision() == Some(2)));
    let (mut stale, _) = again(&data, root.path(), &Quarters::lasting(99), 0).unwrap();
    assert!(snapshot::write(&mut stale, folder.path()).is_err(), "the gallery was changed meanwhile");
    stale.detach();
    snapshot::write(&mut stale, folder.path()).unwrap();
}

#[test]
fn what_is_lost_is_named_and_refused_or_left_out() {
    let (root, data) = shelf();
    let at = |name: &str| root.path().join(name);
    fs::remove_file(at("cola/0.png")).unwrap();
    write_png(&at("tea/1.png"), [1, 2, 3]);
    // Found by content, wherever it lies.
    fs::create_dir(at("elsewhere")).unwrap();
    fs::rename(at("tea/2.png"), at("elsewhere/tea.jpeg")).unwrap();
    let check = |lost: &[Lost]| {
        let [missing, changed] = lost else { panic!("{lost:?}") };
        assert_eq!((missing.exemplar, missing.origin.as_str()), (data.exemplars()[0].id, "cola/0.png"));
        assert!(matches!(missing.reason, LossReason::Missing));
        assert_eq!(changed.origin, "tea/1.png");
        assert!(matches!(&changed.reason, LossReason::Changed { path } if path.ends_with("tea/1.png")));
    };
    for allowed in [0, 1] {
        let error = again(&data, root.path(), &Quarters::lasting(99), allowed).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("2 of 7 exemplars have no usable image"), "{text}");
        let ReembedError::TooManyLost { lost, .. } = error else { panic!("{text}") };
        check(&lost);
    }
    let (new, lost) = again(&data, root.path(), &Quarters::lasting(99), 2).unwrap();
    check(&lost);
    let kept: Vec<_> = new.exemplars().iter().map(|e| e.origin.as_str()).collect();
    assert_eq!(kept, ["cola/2.png", "cola/3.png", "tea/0.png", "tea/2.png", "tea/3.png"]);
    assert_eq!(new.embeddings().rows(), 5);
    assert!(new.skus().eq(data.skus()), "a SKU stays, even without exemplars");
}

#[test]
fn a_failing_embedder_or_a_lacking_folder_changes_nothing() {
    let (root, mut data) = shelf();
    let folder = tempfile::tempdir().unwrap();
    snapshot::write(&mut data, folder.path()).unwrap();
    for calls in [0, 1] {
        let error = again(&data, root.path(), &Quarters::lasting(calls), 9).unwrap_err();
        assert!(matches!(error, ReembedError::Model(_)), "{error}");
    }
    assert_eq!(snapshot::read(folder.path()).unwrap(), data);
    let nowhere: PathBuf = root.path().join("nowhere");
    for root in [nowhere, root.path().join("cola/0.png")] {
        let error = FolderImages::open(std::slice::from_ref(&root), &DecodeLimits::default()).unwrap_err();
        assert!(error.to_string().contains(&*root.to_string_lossy()), "{error}");
    }
}

#[test]
fn a_file_above_the_limit_is_told_with_the_limit() {
    let (root, data) = shelf();
    let limits = DecodeLimits { max_bytes: 64, ..DecodeLimits::default() };
    let images = FolderImages::open(&[root.path().to_owned()], &limits).unwrap();
    let reason = images.fetch(&data.exemplars()[0]).unwrap_err();
    assert!(matches!(&reason, LossReason::TooLarge { path, limit: 64 } if path.ends_with("cola/0.png")), "{reason}");
    assert!(reason.to_string().contains("64 bytes"), "{reason}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_or_has_an_odd_name_stops_nothing() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let (root, data) = shelf();
    let at = |name: &str| root.path().join(name);
    let pipe = at("cola/pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    symlink(at("gone"), at("dangling")).unwrap();
    symlink(root.path(), at("loop")).unwrap();
    // Enrolment takes an image whatever the name of its file.
    let odd = root.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe.png"));
    fs::rename(at("cola/0.png"), &odd).unwrap();
    let images = FolderImages::open(&[root.path().to_owned()], &DecodeLimits::default()).unwrap();
    let [skipped] = images.skipped() else { panic!("{:?}", images.skipped()) };
    assert!(skipped.path == pipe && matches!(skipped.reason, SkipReason::NotAFile), "{skipped:?}");
    assert_eq!(images.fetch(&data.exemplars()[0]).unwrap(), fs::read(&odd).unwrap());
}

/// What was there when the folder was looked through and cannot be read any more is not called another image.
#[test]
fn what_cannot_be_read_any_more_is_told_so() {
    let (root, data) = shelf();
    let images = FolderImages::open(&[root.path().to_owned()], &DecodeLimits::default()).unwrap();
    fs::remove_file(root.path().join("cola/0.png")).unwrap();
    write_png(&root.path().join("tea/0.png"), [7, 7, 7]);
    let reason = |origin: &str| {
        let exemplar = data.exemplars().iter().find(|exemplar| exemplar.origin == origin).unwrap();
        images.fetch(exemplar).unwrap_err()
    };
    assert!(matches!(reason("cola/0.png"), LossReason::Unreadable { .. }));
    assert!(matches!(reason("tea/0.png"), LossReason::Changed { .. }));
}
