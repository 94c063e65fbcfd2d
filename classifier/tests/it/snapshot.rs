//! Galleries on disk: what is written is read, what is damaged or foreign is refused with cause and remedy.

use std::fs;
use std::path::{Path, PathBuf};

use classifier::gallery::{EmbedderIdentity, Gallery, GalleryData, GalleryError, IndexOptions, NewExemplar, snapshot};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use vision::{Embedder, Embedding, ExemplarId, ModelError, RgbImage, Sha256, SkuId, SkuIndex as _};

use crate::support::{Random, gallery_of, identity, random_gallery};

/// The folder lives as long as its first value.
fn stored() -> (TempDir, PathBuf, GalleryData) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    let mut data = random_gallery(1, 16, 3, 10);
    snapshot::write(&mut data, &path).unwrap();
    (folder, path, data)
}

fn message(error: &GalleryError) -> String {
    error.to_string()
}

/// Refused, and the message names what is wrong and what to do.
fn check_refused(path: &Path, expected: &[&str]) {
    let text = message(&snapshot::read(path).unwrap_err());
    for part in expected {
        assert!(text.contains(part), "{text:?} should contain {part:?}");
    }
}

/// Changes `gallery.json` and makes its own digest right again, as a careful forger would.
fn edit_manifest(path: &Path, edit: impl FnOnce(&mut Value)) {
    let file = path.join("gallery.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    edit(&mut manifest);
    seal(&mut manifest);
    fs::write(file, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

fn seal(manifest: &mut Value) {
    let bytes = |v: &Value| v.as_str().unwrap().parse::<Sha256>().unwrap().0;
    let mut digests = vec![bytes(&manifest["embedder"]["fingerprint"])];
    digests.extend(manifest["files"].as_object().unwrap().values().map(|file| bytes(&file["sha256"])));
    let parts: Vec<&[u8]> = digests.iter().map(<[u8; 32]>::as_slice).collect();
    manifest["sha256"] = Value::String(Sha256::of_parts(&parts).to_string());
}

/// Replaces a file of the revision and makes the manifest agree with its size and digest.
fn replace(path: &Path, name: &str, bytes: &[u8]) {
    let file = path.join("v000001").join(name);
    fs::write(&file, bytes).unwrap();
    edit_manifest(path, |m| {
        m["files"][name]["bytes"] = bytes.len().into();
        m["files"][name]["sha256"] = Sha256::of(bytes).to_string().into();
    });
}

#[test]
fn what_is_written_is_read() {
    let (_folder, path, data) = stored();
    assert_eq!(snapshot::read(&path).unwrap(), data);
    assert_eq!((data.revision(), data.exemplars().len(), data.skus().len()), (Some(1), 10, 3));
    let gallery = Gallery::new(data.clone(), &IndexOptions::default()).unwrap();
    let digest = data.digest().unwrap().short();
    assert!(
        gallery.describe().starts_with(&format!("test@{digest} (3 SKUs, 10 exemplars, ")),
        "{}",
        gallery.describe()
    );
}

#[test]
fn an_empty_gallery_survives() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = GalleryData::new("empty", identity(4));
    snapshot::write(&mut data, folder.path()).unwrap();
    assert_eq!(snapshot::read(folder.path()).unwrap(), data);
}

#[test]
fn every_edit_is_a_revision_and_old_ones_are_cleared_away() {
    let (_folder, path, mut data) = stored();
    for revision in 2..=5 {
        let sku = data.add_sku(&format!("new_{revision}"), "New").unwrap();
        data.remove_exemplar(data.exemplars()[0].id).unwrap();
        assert_eq!(data.digest(), None, "edited, not yet stored");
        snapshot::write(&mut data, &path).unwrap();
        assert_eq!(data.revision(), Some(revision));
        let read = snapshot::read(&path).unwrap();
        assert_eq!(read, data);
        assert!(read.sku(sku).is_some());
    }
    let mut names: Vec<_> =
        fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [".lock", "gallery.json", "v000004", "v000005"]);
}

#[test]
fn numbers_are_never_used_again() {
    let (_folder, path, mut data) = stored();
    let last = data.exemplars().last().unwrap().clone();
    data.remove_exemplar(last.id).unwrap();
    assert_eq!(data.remove_sku(SkuId(3)).unwrap(), 3);
    snapshot::write(&mut data, &path).unwrap();
    let mut data = snapshot::read(&path).unwrap();
    assert!(data.exemplars().iter().all(|e| e.sku != SkuId(3)));
    assert_eq!(data.embeddings().rows(), data.exemplars().len());
    assert_eq!(data.add_sku("after", "After").unwrap(), SkuId(4));
    let new = NewExemplar {
        sku: SkuId(4),
        embedding: Random::new(5).embedding(16),
        origin: last.origin,
        sha256: last.sha256,
    };
    assert_eq!(data.add(vec![new]).unwrap(), [ExemplarId(last.id.0 + 1)]);
}

#[test]
fn rows_stay_with_their_exemplars() {
    let mut random = Random::new(8);
    let all: Vec<_> = (0..50).map(|at| (at % 5 + 1, random.embedding(12))).collect();
    let mut data = gallery_of(12, &all);
    data.remove_sku(SkuId(2)).unwrap();
    data.remove_exemplar(ExemplarId(1)).unwrap();
    data.remove_exemplar(ExemplarId(50)).unwrap();
    assert_eq!(data.exemplars().len(), 38);
    for (row, exemplar) in data.exemplars().iter().enumerate() {
        let (sku, embedding) = &all[exemplar.id.0 as usize - 1];
        assert_eq!((exemplar.sku.0, data.embeddings().row(row)), (*sku, embedding.as_slice()));
        assert_eq!(data.row_of(exemplar.id), Some(row));
    }
    assert!(matches!(data.remove_exemplar(ExemplarId(1)), Err(GalleryError::UnknownExemplar(_))));
    assert!(matches!(data.remove_sku(SkuId(2)), Err(GalleryError::UnknownSku(_))));
}

#[test]
fn edits_that_make_no_sense_change_nothing() {
    let mut data = random_gallery(2, 4, 2, 4);
    let before = data.clone();
    let new = |sku, dimension| NewExemplar {
        sku: SkuId(sku),
        origin: String::new(),
        sha256: Sha256::of(b""),
        embedding: Random::new(1).embedding(dimension),
    };
    assert!(matches!(data.add(vec![new(1, 4), new(9, 4)]), Err(GalleryError::UnknownSku(SkuId(9)))));
    assert!(matches!(data.add(vec![new(1, 4), new(1, 5)]), Err(GalleryError::Dimension { expected: 4, found: 5, .. })));
    assert!(matches!(data.add_sku("sku_001_product", "again"), Err(GalleryError::DuplicateSku { .. })));
    for code in ["", ".hidden", "a/b", "a\\b", "tab\there", &"x".repeat(200)] {
        assert!(matches!(data.add_sku(code, "x"), Err(GalleryError::Code(_))), "{code:?}");
    }
    assert_eq!(data, before);
}

#[test]
fn nothing_there_is_said_with_the_command_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    check_refused(folder.path(), &["no gallery", "shelf gallery build"]);
    check_refused(&folder.path().join("nowhere"), &["no gallery", "nowhere"]);
    let file = folder.path().join("file");
    fs::write(&file, b"x").unwrap();
    check_refused(&file, &["no gallery"]);
}

#[test]
fn damage_is_found() {
    for name in ["embeddings.npy", "exemplars.json", "skus.json"] {
        let (_folder, path, _) = stored();
        let file = path.join("v000001").join(name);
        let sound = fs::read(&file).unwrap();
        let mut flipped = sound.clone();
        // In the middle of the values or of a name: nothing that a parser would notice.
        let at = flipped.len() * 2 / 3;
        flipped[at] ^= 1;
        fs::write(&file, &flipped).unwrap();
        check_refused(&path, &[name, "changed or damaged", "build it again"]);
        fs::write(&file, &sound[..sound.len() - 7]).unwrap();
        check_refused(&path, &[name, "size in bytes"]);
        fs::write(&file, b"").unwrap();
        check_refused(&path, &[name, "size in bytes"]);
        fs::remove_file(&file).unwrap();
        check_refused(&path, &["cannot read", name]);
    }
    let (_folder, path, _) = stored();
    let manifest = fs::read(path.join("gallery.json")).unwrap();
    for (bytes, expected) in [
        (&b""[..], "is not a list of this gallery"),
        (&manifest[..manifest.len() / 2], "is not a list of this gallery"),
        (b"[1, 2]", "is not a list of this gallery"),
        (b"{\"format\": \"shelfsight-gallery\", \"version\": 1}", "missing field"),
    ] {
        fs::write(path.join("gallery.json"), bytes).unwrap();
        check_refused(&path, &["gallery.json", expected]);
    }
    fs::write(path.join("gallery.json"), vec![b' '; 2 << 20]).unwrap();
    check_refused(&path, &["gallery.json", "at most 1048576"]);
}

#[test]
fn a_manifest_edited_by_hand_is_noticed() {
    let (_folder, path, _) = stored();
    let file = path.join("gallery.json");
    let text = fs::read_to_string(&file).unwrap();
    let fingerprint = identity(16).fingerprint.to_string();
    fs::write(&file, text.replace(&fingerprint, &Sha256::of(b"other").to_string())).unwrap();
    check_refused(&path, &["gallery.json", "changed or damaged"]);
}

#[test]
fn other_versions_are_refused_by_number() {
    let (_folder, path, _) = stored();
    edit_manifest(&path, |m| m["version"] = 2.into());
    check_refused(&path, &["format 2", "reads format 1", "build it again"]);
    edit_manifest(&path, |m| {
        m["version"] = 1.into();
        m["surprise"] = 1.into();
    });
    check_refused(&path, &["unknown field `surprise`"]);
}

#[test]
fn counts_that_do_not_agree_are_refused() {
    let check = |edit: fn(&mut Value), expected: &[&str]| {
        let (_folder, path, _) = stored();
        edit_manifest(&path, edit);
        check_refused(&path, expected);
    };
    check(|m| m["exemplars"] = 11.into(), &["number of exemplars is 10", "11 is expected"]);
    check(|m| m["skus"] = 2.into(), &["number of SKUs is 3", "2 is expected"]);
    check(|m| m["embedder"]["dimension"] = 8.into(), &["number of columns is 16", "8 is expected"]);
    check(|m| m["embedder"]["dimension"] = 0.into(), &["dimension is 0", "above 0"]);
    check(|m| m["embedder"]["dimension"] = (1_u64 << 40).into(), &["dimension is 1099511627776", "at most 65536"]);
    check(|m| m["files"]["skus.json"]["bytes"] = (1_u64 << 60).into(), &["skus.json", "at most 1073741824"]);
    check(|m| m["files"]["embeddings.npy"]["bytes"] = (1_u64 << 60).into(), &["embeddings.npy", "at most"]);
    check(|m| m["revision"] = u64::MAX.into(), &["revision is 18446744073709551615"]);
    check(|m| m["revision"] = 7.into(), &["cannot read", "v000007"]);
    check(|m| drop(m["files"].as_object_mut().unwrap().remove("skus.json")), &["skus.json", "size in bytes"]);
}

#[test]
fn forged_lists_and_arrays_are_refused() {
    let check = |name: &str, bytes: &[u8], expected: &[&str]| {
        let (_folder, path, _) = stored();
        replace(&path, name, bytes);
        check_refused(&path, expected);
    };
    let (_folder, path, _) = stored();
    let list = |name: &str| fs::read_to_string(path.join("v000001").join(name)).unwrap();
    let (exemplars, skus) = (list("exemplars.json"), list("skus.json"));
    check("exemplars.json", exemplars.replace("\"id\":2,", "\"id\":1,").as_bytes(), &["exemplar 1 is listed twice"]);
    check("exemplars.json", exemplars.replace("\"id\":2,", "\"id\":9,").as_bytes(), &["exemplar 3", "out of order"]);
    check("exemplars.json", exemplars.replace("\"sku\":3,", "\"sku\":4,").as_bytes(), &["no SKU 4"]);
    check("exemplars.json", b"[]", &["number of exemplars is 0"]);
    check("exemplars.json", b"{}", &["exemplars.json", "is not a list"]);
    check("skus.json", skus.replace("sku_002", "sku_001").as_bytes(), &["twice"]);
    check("skus.json", skus.replace("sku_002_product", "../../etc").as_bytes(), &["cannot be the code"]);
    check("skus.json", skus.replace("\"id\":3", "\"id\":4294967295").as_bytes(), &["no free number"]);
    check("skus.json", &b"[".repeat(100_000), &["skus.json"]);

    let array = |rows: &[Vec<f32>]| {
        let mut bytes = Vec::new();
        let matrix = classifier::gallery::Matrix::from_values(rows[0].len(), rows.concat());
        classifier::gallery::npy::write(&mut bytes, &matrix).unwrap();
        bytes
    };
    let unit = |at: usize| (0..16).map(|i| f32::from(u8::from(i == at))).collect::<Vec<f32>>();
    let sound: Vec<_> = (0..10).map(unit).collect();
    for (bad, row) in [(vec![0.0; 16], 4), (vec![0.5; 16], 7), (vec![f32::NAN; 16], 0), (vec![f32::INFINITY; 16], 9)] {
        let mut rows = sound.clone();
        rows[row] = bad;
        check("embeddings.npy", &array(&rows), &[&format!("row {row} is not"), "build the gallery again"]);
    }
    check("embeddings.npy", &array(&sound[..9]), &["number of rows is 9", "10 is expected"]);
    check("embeddings.npy", b"\x93NUMPY\x01\x00", &["embeddings.npy", "not a NumPy array"]);
}

struct Named(&'static str, usize);

impl Embedder for Named {
    fn embed(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        Ok(crops.iter().map(|_| Random::new(1).embedding(self.1)).collect())
    }

    fn dimension(&self) -> usize {
        self.1
    }

    fn fingerprint(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }

    fn describe(&self) -> String {
        self.0.to_owned()
    }
}

#[test]
fn a_gallery_of_another_embedder_is_refused() {
    let (_folder, path, _) = stored();
    let open = |embedder: &Named| Gallery::open(&path, embedder, &IndexOptions::default());
    assert!(open(&Named("test embedder", 16)).is_ok());
    let text = message(&open(&Named("retrained embedder", 16)).err().unwrap());
    let parts = ["test was built by test embedder", "retrained embedder", "cannot be compared", "shelf gallery build"];
    for part in parts.iter().copied().chain([&*identity(1).fingerprint.short()]) {
        assert!(text.contains(part), "{text:?} should contain {part:?}");
    }
    let text = message(&open(&Named("test embedder", 32)).err().unwrap());
    assert!(text.contains("16 components, not of 32"), "{text}");
}

#[test]
fn two_writers_do_not_lose_each_others_work() {
    let (_folder, path, data) = stored();
    let (mut first, mut second) = (data.clone(), data);
    first.add_sku("a", "A").unwrap();
    second.add_sku("b", "B").unwrap();
    snapshot::write(&mut first, &path).unwrap();
    let error = snapshot::write(&mut second, &path).unwrap_err();
    assert!(matches!(error, GalleryError::Changed { expected: 1, found: 2, .. }), "{error}");
    assert_eq!(snapshot::read(&path).unwrap(), first);

    // While somebody else writes.
    let lock = fs::File::options().write(true).open(path.join(".lock")).unwrap();
    lock.lock().unwrap();
    let error = snapshot::write(&mut first, &path).unwrap_err();
    assert!(matches!(error, GalleryError::Busy { .. }), "{error}");
    lock.unlock().unwrap();
    snapshot::write(&mut first, &path).unwrap();
}

#[test]
fn building_anew_replaces_what_is_there_even_if_damaged() {
    let (_folder, path, _) = stored();
    fs::write(path.join("gallery.json"), b"{").unwrap();
    let mut anew = random_gallery(9, 8, 2, 4);
    snapshot::write(&mut anew, &path).unwrap();
    assert_eq!(anew.revision(), Some(2));
    assert_eq!(snapshot::read(&path).unwrap(), anew);
}

#[test]
fn a_crash_while_writing_leaves_the_old_gallery() {
    let (_folder, path, mut data) = stored();
    // What a process that died left behind: half of the files, or all of them without the manifest.
    fs::create_dir(path.join(".partial-1")).unwrap();
    fs::write(path.join(".partial-1/embeddings.npy"), b"half").unwrap();
    fs::write(path.join(".partial-manifest"), b"{").unwrap();
    fs::create_dir(path.join("v000002")).unwrap();
    assert_eq!(snapshot::read(&path).unwrap(), data);
    snapshot::write(&mut data, &path).unwrap();
    assert_eq!(data.revision(), Some(3), "a number that a crash has used is passed over");
    assert_eq!(snapshot::read(&path).unwrap(), data);
    assert!(!path.join(".partial-1").exists());
}

#[test]
fn folders_of_other_people_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.doc"), b"x").unwrap();
    let mut data = random_gallery(1, 4, 1, 2);
    let error = snapshot::write(&mut data, folder.path()).unwrap_err();
    assert!(matches!(error, GalleryError::NotAGallery { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"x").unwrap();
    let mut data = random_gallery(1, 4, 1, 2);
    for path in [file.join("gallery"), PathBuf::from("/proc/gallery")] {
        let text = message(&snapshot::write(&mut data, &path).unwrap_err());
        assert!(text.contains("cannot write") && text.contains(path.to_str().unwrap()), "{text}");
    }
    assert_eq!(data.revision(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_gallery_survives(seed: u64, dimension in 1_usize..40, skus in 1_u32..6, exemplars in 0_usize..30,
                            removed in proptest::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let folder = tempfile::tempdir().unwrap();
        let mut data = random_gallery(seed, dimension, skus, exemplars);
        for index in removed {
            if !data.exemplars().is_empty() {
                let id = data.exemplars()[index.index(data.exemplars().len())].id;
                data.remove_exemplar(id).unwrap();
            }
        }
        snapshot::write(&mut data, folder.path()).unwrap();
        prop_assert_eq!(snapshot::read(folder.path()).unwrap(), data);
    }
}

#[test]
fn identities_compare_by_what_they_are() {
    assert_eq!(EmbedderIdentity::of(&Named("test embedder", 16)), identity(16));
}
