//! From folders of images to a gallery, and the look at its health.

use std::fs;
use std::path::Path;

use classifier::gallery::enrol::{
    EnrolError, EnrolOptions, EnrolReport, Redundancy, SkipReason, add_files, add_folder, build,
};
use classifier::gallery::inspect::inspect;
use classifier::gallery::{Gallery, GalleryData, GalleryError, IndexOptions, Progress};
use classifier::{DecisionRule, decide};
use tempfile::TempDir;
use vision::fakes::MeanColorEmbedder;
use vision::{Embedder, Embedding, ModelError, RgbImage, Sha256, SkuId, SkuIndex as _};

use crate::support::{gallery_of, write_png};

const RED: [u8; 3] = [200, 10, 10];
const GREEN: [u8; 3] = [10, 200, 10];
const BLUE: [u8; 3] = [10, 10, 200];

fn shelf() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, color) in [
        ("sku_001_cherry_cola/a.png", RED),
        ("sku_001_cherry_cola/b.png", [190, 20, 10]),
        ("sku_003_lime-soda/a.png", GREEN),
        ("blue lagoon/a.png", BLUE),
        ("blue lagoon/b.png", [10, 20, 190]),
        ("blue lagoon/c.png", [20, 10, 180]),
    ] {
        write_png(&root.path().join(file), color);
    }
    root
}

/// Colours of one SKU are much alike to an embedder of three components.
fn keeping() -> EnrolOptions {
    EnrolOptions { redundancy: Redundancy { keep: true, ..Redundancy::default() }, ..EnrolOptions::default() }
}

fn built(root: &Path) -> (GalleryData, EnrolReport) {
    build(root, "shelf", &MeanColorEmbedder, &keeping(), &mut |_| {}).unwrap()
}

fn reason<'a>(report: &'a EnrolReport, name: &str) -> &'a SkipReason {
    let found = report.skipped.iter().find(|s| s.path.ends_with(name));
    &found.unwrap_or_else(|| panic!("{name} is not in {:?}", report.skipped)).reason
}

#[test]
fn folders_become_skus() {
    let root = shelf();
    let mut steps = Vec::new();
    let options = EnrolOptions { batch: 2, ..keeping() };
    let (data, report) = build(root.path(), "shelf", &MeanColorEmbedder, &options, &mut |p| steps.push(p)).unwrap();
    let skus: Vec<_> = data.skus().map(|s| (s.id.0, s.code.as_str(), s.name.as_str())).collect();
    assert_eq!(
        skus,
        [
            (1, "sku_001_cherry_cola", "Cherry Cola"),
            (2, "blue lagoon", "Blue Lagoon"),
            (3, "sku_003_lime-soda", "Lime Soda")
        ]
    );
    assert_eq!((report.added, report.new_skus.len(), report.skipped.len()), (6, 3, 0));
    assert_eq!(report.per_sku.values().sum::<usize>(), 6);
    let origins: Vec<_> = data.exemplars().iter().map(|e| (e.id.0, e.sku.0, e.origin.as_str())).collect();
    assert_eq!(origins[0], (1, 2, "blue lagoon/a.png"));
    assert_eq!(origins[5], (6, 3, "sku_003_lime-soda/a.png"));
    let file = fs::read(root.path().join("blue lagoon/a.png")).unwrap();
    assert_eq!(data.exemplars()[0].sha256, Sha256::of(&file));
    assert_eq!(steps.last(), Some(&Progress { done: 6, total: 6 }));
    assert!(steps.is_sorted_by_key(|p| p.done));

    let gallery = Gallery::new(data, &IndexOptions::default()).unwrap();
    let crop = RgbImage::from_pixel(5, 5, image::Rgb([15, 190, 15]));
    let query = MeanColorEmbedder.embed(&[crop]).unwrap();
    let decision = decide(&gallery.search(&query, 5).unwrap()[0], &DecisionRule::default(), 3);
    assert_eq!(decision.sku, Some(SkuId(3)));
    assert_eq!(gallery.sku(SkuId(3)).unwrap().name, "Lime Soda");
}

#[test]
fn the_same_folder_gives_the_same_gallery() {
    let root = shelf();
    let (first, second) = (built(root.path()).0, built(root.path()).0);
    assert_eq!(first.exemplars(), second.exemplars());
    assert_eq!(first.embeddings(), second.embeddings());
    assert!(first.skus().eq(second.skus()));
}

#[test]
fn bad_files_are_listed_and_stop_nothing() {
    let root = shelf();
    let put = |name: &str, bytes: &[u8]| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let sound = fs::read(root.path().join("blue lagoon/a.png")).unwrap();
    put("readme.txt", b"which folder is which");
    put("sku_001_cherry_cola/notes.txt", b"taken on a Monday");
    put("sku_001_cherry_cola/empty.jpg", b"");
    put("sku_001_cherry_cola/cut.png", &sound[..sound.len() / 2]);
    put("sku_001_cherry_cola/anim.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;");
    put("sku_001_cherry_cola/.DS_Store", b"hidden");
    put("sku_001_cherry_cola/old/z.png", &sound);
    put("nothing usable/x.jpg", b"x");
    // What a file is, its content says.
    put("blue lagoon/image.txt", &fs::read(root.path().join("blue lagoon/b.png")).unwrap());
    put("blue lagoon/d.jpeg", &{
        write_png(&root.path().join("blue lagoon/tmp.png"), [30, 30, 170]);
        let bytes = fs::read(root.path().join("blue lagoon/tmp.png")).unwrap();
        fs::remove_file(root.path().join("blue lagoon/tmp.png")).unwrap();
        bytes
    });
    let (data, report) = built(root.path());
    assert_eq!(report.added, 7, "six and the PNG that is called .jpeg");
    assert_eq!(data.exemplars().len(), 7);
    assert!(matches!(reason(&report, "readme.txt"), SkipReason::BesideFolders));
    for name in ["notes.txt", "empty.jpg", "cut.png", "anim.gif", "x.jpg"] {
        assert!(matches!(reason(&report, name), SkipReason::NotAnImage(_)), "{name}");
        assert!(!reason(&report, name).to_string().is_empty());
    }
    assert!(matches!(reason(&report, "old"), SkipReason::Nested));
    assert!(matches!(reason(&report, "image.txt"), SkipReason::Duplicate { of } if of == "blue lagoon/b.png"));
    assert_eq!(report.skipped.len(), 8);
    assert_eq!(report.empty, ["nothing usable"]);
    assert!(data.sku_by_code("nothing usable").is_none());
    assert!(report.conflicts.is_empty());
}

#[test]
fn the_same_image_under_two_skus_is_a_conflict() {
    let root = shelf();
    fs::copy(root.path().join("blue lagoon/a.png"), root.path().join("sku_003_lime-soda/wrong.png")).unwrap();
    let (mut data, report) = built(root.path());
    assert_eq!(data.exemplars().len(), 7);
    assert_eq!(report.conflicts.len(), 1);
    assert_eq!(report.conflicts[0].first, ("blue lagoon".to_owned(), "blue lagoon/a.png".to_owned()));
    assert_eq!(report.conflicts[0].second.0, "sku_003_lime-soda");

    // Under each of the two it is the same file when it comes again; under a third SKU it is a conflict with the first.
    let again = add_folder(&mut data, root.path(), &MeanColorEmbedder, &keeping(), &mut |_| {}).unwrap();
    assert_eq!((again.added, again.conflicts.len(), again.skipped.len()), (0, 0, 7));
    for name in ["blue lagoon/a.png", "sku_003_lime-soda/wrong.png"] {
        assert!(matches!(reason(&again, name), SkipReason::Duplicate { of } if of == name), "{name}");
    }
    let file = root.path().join("blue lagoon/a.png");
    let third = add_files(&mut data, "amber", &[file], &MeanColorEmbedder, &keeping()).unwrap();
    assert_eq!((third.added, third.conflicts.len()), (1, 1));
    assert_eq!(third.conflicts[0].first.0, "blue lagoon");
}

#[test]
fn every_image_is_reported_whatever_became_of_it() {
    let root = shelf();
    let at = |name: &str| root.path().join(name);
    let wrong = "sku_003_lime-soda/wrong.png";
    fs::copy(at("blue lagoon/a.png"), at(wrong)).unwrap();
    fs::copy(at("blue lagoon/a.png"), at("blue lagoon/copy.png")).unwrap();
    write_png(&at("sku_003_lime-soda/near.png"), [11, 10, 200]);
    fs::write(at("blue lagoon/notes.txt"), b"blue").unwrap();
    let (data, report) = build(root.path(), "g", &MeanColorEmbedder, &EnrolOptions::default(), &mut |_| {}).unwrap();
    let name = |path: &Path| path.strip_prefix(root.path()).unwrap().to_string_lossy().into_owned();
    let redundant: Vec<_> = report.redundant.iter().map(|redundant| name(&redundant.path)).collect();
    assert!(redundant.iter().any(|path| path == wrong), "a conflict may be left out as redundant: {redundant:?}");
    assert_eq!(report.conflicts.len(), 1);
    assert_eq!(report.images.len(), 9, "six, two copies and one that is near; no text");
    for (digest, path) in &report.images {
        assert_eq!(*digest, Sha256::of(&fs::read(path).unwrap()), "{}", path.display());
    }
    let has = |digest: Sha256| report.images.iter().any(|(image, _)| *image == digest);
    assert!(data.exemplars().iter().all(|exemplar| has(exemplar.sha256)));
}

/// Images of three colours at exactly known angles: an embedder of the mean colour sees nothing else.
#[test]
fn what_repeats_an_exemplar_of_its_sku_is_named_and_left_out() {
    let root = tempfile::tempdir().unwrap();
    let put = |name: &str, color: [u8; 3]| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_pixel(8, 8, image::Rgb(color)).save(path).unwrap();
    };
    put("cola/a.png", [200, 0, 0]);
    put("cola/b.png", [199, 1, 0]);
    put("cola/c.png", [200, 60, 0]);
    put("cola/d.png", [200, 61, 0]);
    // Of another SKU: however near, it repeats nothing.
    put("cherry/a.png", [198, 0, 0]);
    let options = |redundancy| EnrolOptions { redundancy, batch: 2, ..EnrolOptions::default() };
    let run = |redundancy| build(root.path(), "g", &MeanColorEmbedder, &options(redundancy), &mut |_| {}).unwrap();
    let named = |report: &EnrolReport| -> Vec<_> {
        let name = |r: &classifier::gallery::enrol::Redundant| {
            assert!(r.similarity >= 0.98 && r.similarity <= 1.0 && r.path.is_file(), "{r:?}");
            (r.path.file_name().unwrap().to_string_lossy().into_owned(), r.code.clone(), r.of.clone())
        };
        report.redundant.iter().map(name).collect()
    };
    let owned = |(a, b, c): (&str, &str, &str)| (a.to_owned(), b.to_owned(), c.to_owned());

    // cos(a, c) = .958: under .98, so c stays; d repeats c and not a.
    let (data, report) = run(Redundancy::default());
    let repeated = [("b.png", "cola", "cola/a.png"), ("d.png", "cola", "cola/c.png")].map(owned);
    assert_eq!((report.added, named(&report)), (3, repeated.to_vec()));
    let origins: Vec<_> = data.exemplars().iter().map(|e| e.origin.as_str()).collect();
    assert_eq!(origins, ["cherry/a.png", "cola/a.png", "cola/c.png"]);

    let (kept, report) = run(Redundancy { keep: true, ..Redundancy::default() });
    assert_eq!((kept.exemplars().len(), named(&report)), (5, repeated.to_vec()), "kept, and named all the same");
    let (data_of_all, report) = run(Redundancy { from: 0.9, keep: false });
    assert_eq!((data_of_all.exemplars().len(), report.redundant.len()), (2, 3), "one a SKU at a lower limit");
    // No similarity is above one, and limits that are no numbers leave nothing out.
    for from in [1.1, f32::NAN] {
        assert_eq!(run(Redundancy { from, keep: false }).0.exemplars().len(), 5, "{from}");
    }

    // Against what the gallery has already, too, on both ways in.
    let mut data = data;
    let again = add_folder(&mut data, root.path(), &MeanColorEmbedder, &options(Redundancy::default()), &mut |_| {});
    assert_eq!((again.unwrap().added, data.exemplars().len()), (0, 3));
    put("loose.png", [201, 62, 0]);
    let loose = [root.path().join("loose.png")];
    let report = add_files(&mut data, "cola", &loose, &MeanColorEmbedder, &options(Redundancy::default())).unwrap();
    assert_eq!((report.added, report.redundant[0].of.as_str()), (0, "cola/c.png"));
    let report = add_files(&mut data, "cherry", &loose, &MeanColorEmbedder, &options(Redundancy::default())).unwrap();
    assert_eq!(report.added, 1, "cherry has nothing like it");
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_the_folder_only() {
    use std::os::unix::fs::symlink;
    let (root, elsewhere) = (shelf(), tempfile::tempdir().unwrap());
    write_png(&elsewhere.path().join("secret.png"), [99, 99, 99]);
    write_png(&root.path().join("sku_003_lime-soda/real.png"), [20, 180, 20]);
    let at = |name: &str| root.path().join(name);
    symlink(elsewhere.path().join("secret.png"), at("sku_003_lime-soda/leak.png")).unwrap();
    symlink(elsewhere.path(), at("leaking folder")).unwrap();
    symlink(at("gone.png"), at("sku_003_lime-soda/dangling.png")).unwrap();
    symlink(at("blue lagoon/a.png"), at("sku_001_cherry_cola/inside.png")).unwrap();
    symlink(at("loop"), at("loop")).unwrap();
    let pipe = at("sku_003_lime-soda/pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (data, report) = built(root.path());
    assert!(matches!(reason(&report, "leak.png"), SkipReason::OutsideTree));
    assert!(matches!(reason(&report, "leaking folder"), SkipReason::OutsideTree));
    assert!(matches!(reason(&report, "dangling.png"), SkipReason::Unreadable(_)));
    assert!(matches!(reason(&report, "loop"), SkipReason::Unreadable(_)));
    assert!(matches!(reason(&report, "pipe.png"), SkipReason::NotAFile));
    assert!(data.exemplars().iter().any(|e| e.origin.ends_with("inside.png")));
    assert_eq!(data.exemplars().len(), 8);
}

#[test]
fn folders_that_are_no_image_folder_are_explained() {
    let root = tempfile::tempdir().unwrap();
    let error = |path: &Path| build(path, "g", &MeanColorEmbedder, &keeping(), &mut |_| {}).unwrap_err();
    assert!(error(root.path()).to_string().contains("has no SKU folders"));
    write_png(&root.path().join("front.png"), RED);
    let text = error(root.path()).to_string();
    assert!(text.contains("has no SKU folders") && text.contains("sku_001_absolut_vodka/"), "{text}");
    let text = error(&root.path().join("nowhere")).to_string();
    assert!(text.contains("cannot read") && text.contains("nowhere"), "{text}");
    fs::create_dir(root.path().join("sku")).unwrap();
    fs::write(root.path().join("sku/x.jpg"), b"text").unwrap();
    match error(root.path()) {
        EnrolError::NothingUsable { report, .. } => assert_eq!(report.skipped.len(), 2),
        other => panic!("{other}"),
    }
}

#[test]
fn adding_goes_on_where_building_stopped() {
    let root = shelf();
    let (mut data, _) = built(root.path());
    let before = data.clone();
    let options = keeping();
    let again = add_folder(&mut data, root.path(), &MeanColorEmbedder, &options, &mut |_| {}).unwrap();
    assert_eq!((again.added, again.skipped.len()), (0, 6), "adding a folder twice changes nothing");
    assert_eq!(data.exemplars(), before.exemplars());

    write_png(&root.path().join("sku_001_cherry_cola/new.png"), [180, 30, 10]);
    write_png(&root.path().join("amber/a.png"), [200, 150, 10]);
    let report = add_folder(&mut data, root.path(), &MeanColorEmbedder, &options, &mut |_| {}).unwrap();
    assert_eq!(report.added, 2);
    assert_eq!(report.new_skus[0].id, SkuId(4), "a number after all that were given out");
    assert_eq!(data.sku_by_code("sku_001_cherry_cola").unwrap().id, SkuId(1));

    let file = root.path().join("loose.png");
    write_png(&file, [40, 160, 30]);
    let report = add_files(
        &mut data,
        "sku_003_lime-soda",
        &[file, root.path().join("missing.png")],
        &MeanColorEmbedder,
        &options,
    );
    let report = report.unwrap();
    assert_eq!((report.added, report.per_sku[&SkuId(3)]), (1, 1));
    assert!(matches!(reason(&report, "missing.png"), SkipReason::Unreadable(_)));
}

/// Fails from the second batch on, or answers too little.
struct Failing(std::sync::atomic::AtomicUsize);

impl Embedder for Failing {
    fn embed(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => MeanColorEmbedder.embed(crops),
            1 => Ok(Vec::new()),
            _ => Err(ModelError::inference("out of memory")),
        }
    }

    fn dimension(&self) -> usize {
        3
    }

    fn fingerprint(&self) -> Sha256 {
        MeanColorEmbedder.fingerprint()
    }

    fn describe(&self) -> String {
        "failing embedder".to_owned()
    }
}

#[test]
fn a_failing_embedder_leaves_the_gallery_as_it_was() {
    let (root, more) = (shelf(), shelf());
    for at in 0..9 {
        write_png(&more.path().join(format!("more/{at}.png")), [at * 20, 100, 100]);
    }
    let (mut data, _) = built(root.path());
    let before = data.clone();
    let options = EnrolOptions { batch: 2, ..keeping() };
    for calls in [0, 2] {
        let embedder = Failing(calls.into());
        let error = add_folder(&mut data, more.path(), &embedder, &options, &mut |_| {}).unwrap_err();
        assert!(matches!(error, EnrolError::Model(_)), "{error}");
        assert_eq!(data, before);
    }
}

#[test]
fn a_gallery_of_another_embedder_is_not_mixed() {
    let root = shelf();
    let mut other = gallery_of(3, &[]);
    let error = add_folder(&mut other, root.path(), &MeanColorEmbedder, &keeping(), &mut |_| {});
    assert!(matches!(error, Err(EnrolError::Gallery(GalleryError::Embedder { .. }))));
}

#[test]
fn health_shows_spread_and_look_alikes() {
    let unit = |v: [f32; 3]| Embedding::normalized(v.to_vec()).unwrap();
    let mut data = gallery_of(
        3,
        &[
            (1, unit([1.0, 0.0, 0.0])),
            (1, unit([1.0, 0.0, 0.0])),
            (2, unit([1.0, 1.0, 0.0])),
            (2, unit([1.0, -1.0, 0.0])),
            (3, unit([0.0, 0.0, 1.0])),
        ],
    );
    data.add_sku("empty", "Empty").unwrap();
    let health = inspect(&data);
    let counts: Vec<_> = health.iter().map(|h| (h.sku.0, h.exemplars)).collect();
    assert_eq!(counts, [(1, 2), (2, 2), (3, 1), (4, 0)]);
    assert!((health[0].cohesion.unwrap() - 1.0).abs() < 1e-6);
    assert!((health[1].cohesion.unwrap() - 0.5_f32.sqrt()).abs() < 1e-6);
    assert_eq!(health[0].nearest, Some((SkuId(2), 1.0)), "their centroids coincide");
    assert_eq!(health[1].nearest.unwrap().0, SkuId(1));
    assert_eq!((health[3].cohesion, health[3].nearest), (None, None));
    assert!(inspect(&gallery_of(3, &[])).is_empty());
    assert_eq!(inspect(&gallery_of(3, &[(1, unit([1.0, 0.0, 0.0]))]))[0].nearest, None);
}
