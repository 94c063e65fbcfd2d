//! Synthetic shelves: the same for ever, and labelled as they are rendered.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dataset::files::walk;
use dataset::yolo::{self, Label, LabelLine};
use image::RgbImage;
use synth::camera::Camera;
use synth::catalogue::Catalogue;
use synth::container::{Body, Top};
use synth::framebuffer::{Framebuffer, NOBODY};
use synth::light::Light;
use synth::rasterizer::{self, Stand};
use synth::rng::Rng;
use synth::sku::{Appearance, Class, Sku, Sort};
use synth::{
    Finish, Instance, Photo, SYNTH_VERSION, Scene, SynthConfig, SynthError, World, WriteOptions, write_dataset,
};
use vision::{BBox, Sha256};

use crate::shared::{chain, write};

/// Small and quick, with every sort of product.
fn small() -> SynthConfig {
    SynthConfig {
        photos: 3,
        size: (400, 300),
        facings: (10, 30),
        families: 13,
        variants: (2, 3),
        ..SynthConfig::default()
    }
}

fn photo(config: &SynthConfig, catalogue: &Catalogue, number: u64) -> Photo {
    Scene { catalogue, config }.photo(number, &mut Framebuffer::new(1, 1))
}

/// Photo 7 of [`small`], as [`SYNTH_VERSION`] 5 renders it. Whoever changes a pixel changes the version, and this.
const PHOTO_7: (u32, &str) = (5, "bacfd80be9a98cea63ab6cc57017cc827e75f9d387f26e71434bd6778637e7d5");

#[test]
fn a_photo_is_its_seed_and_number() {
    let config = small();
    let catalogue = Catalogue::build(&config);
    let first = photo(&config, &catalogue, 7);
    assert_eq!((SYNTH_VERSION, &*Sha256::of(first.image.as_raw()).to_string()), PHOTO_7);
    let mut frame = Framebuffer::new(1, 1);
    let scene = Scene { catalogue: &catalogue, config: &config };
    // Scratch space that has seen another photo must not show.
    let other = scene.photo(8, &mut frame);
    let again = scene.photo(7, &mut frame);
    assert_eq!(first.image.as_raw(), again.image.as_raw());
    assert_eq!(first.instances, again.instances);
    assert_ne!(first.image.as_raw(), other.image.as_raw());
    let reseeded = SynthConfig { seed: 2, ..config };
    assert_ne!(photo(&reseeded, &Catalogue::build(&reseeded), 7).image.as_raw(), first.image.as_raw());
}

/// Bounds of each item's own pixels, found in the map of owners.
fn masks(frame: &Framebuffer) -> BTreeMap<u16, [f32; 4]> {
    let width = frame.width as u32;
    let mut bounds: BTreeMap<u16, [u32; 4]> = BTreeMap::new();
    for (at, &owner) in frame.owners().iter().enumerate().filter(|(_, owner)| **owner != NOBODY) {
        let (x, y) = (at as u32 % width, at as u32 / width);
        let e = bounds.entry(owner).or_insert([x, y, x, y]);
        *e = [e[0].min(x), e[1].min(y), e[2].max(x), e[3].max(y)];
    }
    let edges = |e: [u32; 4]| [e[0] as f32, e[1] as f32, e[2] as f32 + 1.0, e[3] as f32 + 1.0];
    bounds.into_iter().map(|(id, e)| (id, edges(e))).collect()
}

fn edges(instance: &Instance) -> [f32; 4] {
    let b = instance.bbox;
    [b.x1, b.y1, b.x2, b.y2]
}

fn clear(catalogue: &Catalogue, sku: usize) -> bool {
    matches!(&catalogue.skus[sku].appearance, Appearance::Turned(c) if matches!(c.body, Body::Clear(_)) || matches!(c.top, Top::Open))
}

#[test]
fn boxes_of_opaque_goods_are_the_bounds_of_their_pixels() {
    let config = small();
    let mut catalogue = Catalogue::build(&config);
    let opaque: Vec<bool> = (0..catalogue.skus.len()).map(|sku| !clear(&catalogue, sku)).collect();
    let mut keep = opaque.iter();
    catalogue.skus.retain(|_| *keep.next().unwrap());
    let mut checked = 0;
    for number in 0..6 {
        let mut frame = Framebuffer::new(1, 1);
        let photo = Scene { catalogue: &catalogue, config: &config }.photo(number, &mut frame);
        let masks = masks(&frame);
        for (id, instance) in photo.instances.iter().enumerate() {
            assert_eq!(masks.get(&(id as u16)), Some(&edges(instance)), "photo {number}, item {id}");
            checked += 1;
        }
    }
    assert!(checked > 80, "{checked}");
}

#[test]
fn boxes_are_larger_than_owned_pixels_only_where_glass_stands_before_them() {
    let config = small();
    let catalogue = Catalogue::build(&config);
    let (mut labelled, mut through) = (0, 0);
    for number in 0..6 {
        let mut frame = Framebuffer::new(1, 1);
        let photo = Scene { catalogue: &catalogue, config: &config }.photo(number, &mut frame);
        let (width, height) = photo.image.dimensions();
        let masks = masks(&frame);
        for (id, i) in photo.instances.iter().enumerate() {
            let b = i.bbox;
            assert!(b.x1 >= 0.0 && b.y1 >= 0.0 && b.x2 <= width as f32 && b.y2 <= height as f32 && b.is_valid(), "{b}");
            assert!((0.0..=1.0).contains(&i.visible));
            let min_visible = if i.rank == 0 { config.min_visible } else { config.min_visible_behind };
            assert!(!i.labelled || i.visible >= min_visible, "{} of {} is labelled", i.visible, min_visible);
            labelled += usize::from(i.labelled);
            let own = edges(i);
            let mask = masks.get(&(id as u16)).copied().unwrap_or([own[2], own[3], own[0], own[1]]);
            assert!(own[0] <= mask[0] && own[1] <= mask[1] && own[2] >= mask[2] && own[3] >= mask[3], "{b} {mask:?}");
            // A side farther out than the item's own pixels lies where something see-through owns the pixel.
            let line = |side: usize| -> Vec<(u32, u32)> {
                let [x1, y1, x2, y2] = own.map(|v| v as u32);
                match side {
                    0 => (y1..y2).map(|y| (x1, y)).collect(),
                    1 => (x1..x2).map(|x| (x, y1)).collect(),
                    2 => (y1..y2).map(|y| (x2 - 1, y)).collect(),
                    _ => (x1..x2).map(|x| (x, y2 - 1)).collect(),
                }
            };
            for side in (0..4).filter(|&side| own[side] != mask[side]) {
                let behind_glass = line(side).into_iter().any(|(x, y)| {
                    let owner = frame.owners()[(y * width + x) as usize];
                    owner != NOBODY && clear(&catalogue, photo.instances[usize::from(owner)].sku)
                });
                assert!(behind_glass, "photo {number}, item {id}, side {side}: {b} {mask:?}");
                through += 1;
            }
        }
    }
    assert!(labelled > 40 && through > 0, "{labelled} {through}");
}

#[test]
fn photos_hold_as_many_facings_as_asked_for() {
    // Without sketches and with them, and a narrow wish: a row of packs more or less is a leap beyond it.
    let sizes = [((400, 300), (12, 24), 30), ((640, 480), (30, 50), 8), ((400, 300), (18, 21), 12)];
    for (size, facings, photos) in sizes {
        let config = SynthConfig { size, facings, ..small() };
        let catalogue = Catalogue::build(&config);
        for number in 0..photos {
            let count = photo(&config, &catalogue, number).instances.iter().filter(|i| i.labelled).count() as u32;
            assert!((facings.0..=facings.1).contains(&count), "photo {number} of {facings:?} labels {count}");
        }
    }
}

#[test]
fn a_lone_container_is_boxed_by_its_own_silhouette() {
    let config = small();
    let catalogue = Catalogue::build(&config);
    let light = Light::sample(&mut Rng::new(3));
    let mut checked = 0;
    for (number, sku) in catalogue.skus.iter().enumerate() {
        let Appearance::Turned(container) = &sku.appearance else { continue };
        let eye = [80.0 - 7.0 * number as f32, 180.0 + 9.0 * number as f32, 900.0];
        let camera = Camera::looking(eye, [0.0, 110.0, 0.0], 0.02, (700.0, (200.0, 200.0)));
        let stand = Stand {
            base: [0.0; 3],
            turn: 0.1,
            lean: 0.03,
            headroom: 400.0,
            depth: 40.0,
            gaps: (50.0, 50.0),
            tone: 1.0,
        };
        let mut frame = Framebuffer::new(400, 400);
        let print = rasterizer::draw(&mut frame, &camera, &light, container, (stand, 0));
        // What differs from an empty framebuffer, found without the drawing's own accounts.
        let mut mask = [i32::MAX, i32::MAX, i32::MIN, i32::MIN];
        let mut area = 0.0_f32;
        for y in 0..400_i32 {
            for x in 0..400_i32 {
                let [r, g, b] = frame.through(x as usize, y as usize);
                if r.min(g).min(b) < 0.999 {
                    area += 1.0;
                    mask = [mask[0].min(x), mask[1].min(y), mask[2].max(x), mask[3].max(y)];
                }
            }
        }
        for (side, (boxed, seen)) in print.extent.iter().zip(mask).enumerate() {
            assert!(boxed.abs_diff(seen) <= 1, "{} side {side}: {:?} {mask:?}", sku.code, print.extent);
        }
        if container.handle.is_none() {
            assert!((print.area / area - 1.0).abs() < 0.08, "{}: {} {area}", sku.code, print.area);
        }
        assert!(print.visible() > 0.9, "{}: {}", sku.code, print.visible());
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn what_stands_behind_is_seen_less() {
    let config = small();
    let catalogue = Catalogue::build(&config);
    let light = Light::sample(&mut Rng::new(3));
    let can = catalogue.skus.iter().find(|s| s.class.name() == "can").unwrap();
    let Appearance::Turned(container) = &can.appearance else { panic!("cans are round") };
    let camera = Camera::looking([0.0, 60.0, 1500.0], [0.0, 60.0, 0.0], 0.0, (900.0, (200.0, 200.0)));
    let stand = |x: f32, z: f32| Stand {
        base: [x, 0.0, z],
        turn: 0.0,
        lean: 0.0,
        headroom: 300.0,
        depth: -z,
        gaps: (9.0, 9.0),
        tone: 1.0,
    };
    let mut frame = Framebuffer::new(400, 400);
    let visible = |frame: &mut Framebuffer, x: f32, z: f32, id: u16| {
        rasterizer::draw(frame, &camera, &light, container, (stand(x, z), id)).visible()
    };
    assert!(visible(&mut frame, 0.0, -40.0, 0) > 0.97);
    assert!(visible(&mut frame, 0.0, -140.0, 1) < 0.1);
    let beside = visible(&mut frame, 33.0, -140.0, 2);
    assert!((0.25..0.85).contains(&beside), "{beside}");
    // Its middle is at the left edge of the image: -200 pixels at 0.6 pixels a millimetre.
    let cut = visible(&mut frame, -333.3, 0.0, 3);
    assert!((0.35..0.65).contains(&cut), "{cut}");
}

/// What version 5 has always rendered from this seed: of another version other files.
#[test]
fn the_photos_of_a_seed_never_change() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let config =
        SynthConfig { seed: 7, photos: 2, size: (480, 360), facings: (12, 30), families: 8, ..SynthConfig::default() };
    write_dataset(&config, &WriteOptions::default(), &out, &()).unwrap();
    assert_eq!(SYNTH_VERSION, 5, "digests of a new version belong here");
    for (file, digest) in [
        ("images/shelf_000000.jpg", "46efec4d42c1e549d20db4781082567a6eae8cc83e6d42af5e0f0ba3762461e5"),
        ("images/shelf_000001.jpg", "c1ac6e397689d14521caaf0e27f16c20c41616498feea699111b66f54ff7b55f"),
        ("labels/shelf_000000.txt", "50c82ff5cfdb0c8764bf391be071dc31ea34c7b834d9d3cd48f9cce5d46c48f4"),
        ("labels/shelf_000001.txt", "4912e88af3593afb2da8b6177adccb8d001c34e4c23f97fd86c975360fa1ee7d"),
        ("instances.csv", "6b1edf4318fe62072fcfd62fe9c2a36de0f2b3a7c72e252790d174993a0c13ae"),
        ("planogram.json", "1d65c7b3c9c10826f42ab623c3bcebbc7257dcdb5d719413a67a5b23a809f977"),
    ] {
        assert_eq!(Sha256::of_file(&out.join(file)).unwrap().to_string(), digest, "{file}");
    }
}

fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    walk(root).unwrap().files.into_iter().map(|path| (path.clone(), fs::read(root.join(path)).unwrap())).collect()
}

#[test]
fn a_set_on_disk_agrees_with_itself() {
    let folder = tempfile::tempdir().unwrap();
    let config = SynthConfig { crops_per_sku: 2, ..small() };
    let out = folder.path().join("set");
    let report = write_dataset(&config, &WriteOptions::default(), &out, &()).unwrap();
    let again = folder.path().join("again");
    write_dataset(&config, &WriteOptions::default(), &again, &()).unwrap();
    let files = contents(&out);
    assert_eq!(files, contents(&again), "the same seed writes the same bytes");
    assert_eq!((report.photos, report.pasted), (3, 0));
    let counts: serde_json::Value = serde_json::from_slice(&files["counts.json"]).unwrap();
    let mut rows: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut reader = csv::Reader::from_reader(&files["instances.csv"][..]);
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    for record in reader.records().map(Result::unwrap).filter(|r| &r[column("labelled")] == "true") {
        *rows.entry((record[column("file")].to_owned(), record[column("sku")].to_owned())).or_default() += 1;
    }
    let mut total = 0;
    for image in counts["images"].as_array().unwrap() {
        let file = image["image"].as_str().unwrap();
        let labels = yolo::read(&out.join(file.replace("images/", "labels/").replace(".jpg", ".txt"))).unwrap();
        let by_sku = image["counts"].as_object().unwrap();
        for (sku, count) in by_sku {
            assert_eq!(rows.get(&(file.to_owned(), sku.clone())).copied(), count.as_u64(), "{file} {sku}");
        }
        let sum: u64 = by_sku.values().map(|v| v.as_u64().unwrap()).sum();
        assert_eq!(labels.len() as u64, sum);
        assert_eq!(image["facings"].as_array().unwrap().len() as u64, sum);
        total += sum;
    }
    assert_eq!(total, report.labelled);
    assert_eq!(total, rows.values().sum::<u64>());
    let crops = files.keys().filter(|f| f.starts_with("crops/")).count() as u64;
    assert!(crops > 0 && crops == report.crops);
    let about: serde_json::Value = serde_json::from_slice(&files["synth.json"]).unwrap();
    assert_eq!((about["synthetic"].as_bool(), about["config"]["seed"].as_u64()), (Some(true), Some(1)));
    assert!(files.contains_key("planogram.json") && files.contains_key("skus.csv") && files.contains_key("data.yaml"));
}

#[test]
fn a_shelf_in_memory_is_that_of_the_photo() {
    let config = small();
    let world = World::build(config.clone(), &[]).unwrap();
    let mut frame = Framebuffer::new(1, 1);
    let photo = world.photo(5, &mut frame);
    let raw = world.shelf(5, Finish::Raw, &mut frame).unwrap();
    assert_eq!(raw.image.as_raw(), photo.image.as_raw());
    assert_eq!(raw.labels.len() + raw.hidden.len(), photo.instances.len());
    for (label, instance) in raw.labels.iter().zip(photo.instances.iter().filter(|i| i.labelled)) {
        assert_eq!((label.bbox, label.class, label.sku), (instance.bbox, instance.class.id(), instance.sku));
    }
    let saved = world.shelf(5, Finish::Jpeg, &mut frame).unwrap();
    assert_eq!((saved.image.dimensions(), &saved.labels), (photo.image.dimensions(), &raw.labels));
    let apart: u64 = saved.image.as_raw().iter().zip(raw.image.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = apart as f64 / saved.image.as_raw().len() as f64;
    assert!((0.1..12.0).contains(&mean), "{mean}");
    let wrong = World::build(SynthConfig { families: 0, ..config }, &[]).unwrap_err();
    assert!(wrong.to_string().contains("families"), "{wrong}");
}

#[test]
fn folders_that_hold_something_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = SynthConfig { photos: 1, ..small() };
    let out = folder.path().join("set");
    let run = |force: bool| write_dataset(&config, &WriteOptions { force, ..WriteOptions::default() }, &out, &());
    write(&out, &[("mine.txt", b"precious")]);
    assert!(run(false).unwrap_err().to_string().contains("not an empty folder"));
    assert!(matches!(run(true).unwrap_err(), SynthError::NotOurs { .. }));
    assert_eq!(fs::read(out.join("mine.txt")).unwrap(), b"precious");
    fs::remove_dir_all(&out).unwrap();
    run(false).unwrap();
    assert!(run(false).is_err());
    run(true).unwrap();
    assert!(out.join("synth.json").is_file());
    let left: Vec<PathBuf> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, std::slice::from_ref(&out), "nothing half-written is left");
    let wrong = SynthConfig { photos: 0, ..small() };
    let error = write_dataset(&wrong, &WriteOptions::default(), &folder.path().join("none"), &()).unwrap_err();
    assert!(chain(&error).contains("photos is 0"), "{error}");
    assert!(!folder.path().join("none").exists());
}

/// A can and a bottle on a plain ground, as somebody might photograph them, and their labels.
fn photographed(shade: u8) -> (RgbImage, String) {
    let can = |x: i32, y: i32| (x - 150).abs() < 45 && (100..270).contains(&y);
    let bottle = |x: i32, y: i32| (x - 420).abs() < if y < 150 { 16 } else { 46 } && (60..330).contains(&y);
    let image = RgbImage::from_fn(640, 400, |x, y| {
        let grain = ((x * 7 + y * 13) % 9) as u8;
        let print = if (x / 6 + y / 9) % 2 == 0 { 90 } else { 0 };
        image::Rgb(match (x as i32, y as i32) {
            (x, y) if can(x, y) => [200, 30 + print, 40 + shade],
            (x, y) if bottle(x, y) => [20, 90 + print, 60 + shade],
            _ => [190, 195, 190 + grain],
        })
    });
    let label =
        |class: u32, [x1, y1, x2, y2]: [f32; 4]| Label::from_pixels(class, &BBox::new(x1, y1, x2, y2), 640, 400);
    let lines: Vec<LabelLine> = [label(1, [106.0, 100.0, 195.0, 270.0]), label(0, [375.0, 60.0, 466.0, 330.0])]
        .into_iter()
        .map(|label| LabelLine { line: 0, label, comment: None })
        .collect();
    (image, yolo::format(&lines))
}

#[test]
fn instances_of_labelled_images_are_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("real");
    for (name, shade) in [("a", 0), ("b", 90)] {
        let (image, labels) = photographed(shade);
        write(&source, &[(&format!("labels/{name}.txt"), labels.as_bytes())]);
        fs::create_dir_all(source.join("images")).unwrap();
        image.save(source.join(format!("images/{name}.png"))).unwrap();
    }
    let pasting = SynthConfig { paste_ratio: 1.0, seed: 5, ..small() };
    let world = World::build(pasting.clone(), std::slice::from_ref(&source)).unwrap();
    assert!(world.refused().is_empty(), "{:?}", world.refused());
    let cut: Vec<&Sku> = world.catalogue().skus.iter().filter(|sku| sku.sort == Sort::Pasted).collect();
    let mut codes: Vec<&str> = cut.iter().map(|sku| sku.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["paste-a-1", "paste-a-2", "paste-b-1", "paste-b-2"]);
    // Boxes are the bounds of the pixels, with what is cut out as with what is drawn.
    let mut frame = Framebuffer::new(1, 1);
    let photo = world.photo(0, &mut frame);
    let masks = masks(&frame);
    for (id, instance) in photo.instances.iter().enumerate() {
        assert_eq!(masks.get(&(id as u16)), Some(&edges(instance)), "item {id}");
    }
    // Red and green as photographed, not the grey of the ground: the middle of every free box says so.
    let mut checked = 0;
    for i in photo.instances.iter().filter(|i| i.visible > 0.95) {
        let px = photo.image.get_pixel(i.bbox.center().0 as u32, i.bbox.center().1 as u32).0.map(i32::from);
        let colored = if i.class == Class::Can { px[0] > px[2] } else { px[1] > px[0].min(px[2]) };
        checked += usize::from(colored);
    }
    assert!(checked > 3, "{checked}");

    let out = folder.path().join("set");
    let options = WriteOptions { paste: vec![source.clone()], strict: true, ..Default::default() };
    let report = write_dataset(&pasting, &options, &out, &()).unwrap();
    assert!(report.pasted == 4 && report.labelled > 0, "{report:?}");
    let instances = fs::read_to_string(out.join("instances.csv")).unwrap();
    assert!(instances.lines().skip(1).all(|line| line.contains(",paste-")), "every row is of cut-outs");
    let check = |file: &str, text: &str, expected: &str| {
        let good = fs::read(source.join(file)).unwrap();
        fs::write(source.join(file), text).unwrap();
        let target = folder.path().join("never");
        let error = write_dataset(&pasting, &options, &target, &()).unwrap_err();
        assert!(chain(&error).contains(expected), "{}", chain(&error));
        assert!(!target.exists());
        fs::write(source.join(file), good).unwrap();
    };
    check("labels/b.txt", "0 .5 .5 .1 .2\n0 .5 .5 .1\n", "b.txt:2: 4 columns where 5 are expected");
    check("labels/a.txt", "39 .5 .5 .1 .2\n", "a.txt:1: class 39 is not one of 0 bottle, 1 can");
    check("images/a.png", "no image", "a.png");
    // Without --strict the sound lines are cut out, and what is wrong is counted with its place.
    let good = fs::read_to_string(source.join("labels/b.txt")).unwrap();
    fs::write(source.join("labels/b.txt"), format!("{good}0 .5 .5 .1\n39 .5 .5 .1 .2\n")).unwrap();
    let lenient = WriteOptions { paste: vec![source.clone()], ..Default::default() };
    let report = write_dataset(&pasting, &lenient, &folder.path().join("lenient"), &()).unwrap();
    let told = report.left_out.as_deref().unwrap_or_default();
    assert!(report.pasted == 4 && told.contains("left out: 2 labels") && told.contains("b.txt:3: 4 columns"), "{told}");
    fs::write(source.join("labels/b.txt"), good).unwrap();
    let tiny = "0 .5 .5 .01 .02\n";
    fs::write(source.join("labels/a.txt"), tiny).unwrap();
    check("labels/b.txt", tiny, "no instance that can be pasted among 2 boxes");
}
