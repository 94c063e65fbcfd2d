//! Data for training: folders, augmentation, batches.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dataset::Part;
use dataset::yolo::BadLabels;
use image::Rgb;
use proptest::prelude::*;
use synth::SynthConfig;
use train::core::TooManyUnreadable;
use train::core::warp::{Warp, warp};
use train::detector::augment::View;
use train::detector::cache::LoadedSample;
use train::detector::dataset::Labelled;
use train::detector::plan::epoch;
use train::detector::synthetic::copy_for_pasting;
use train::detector::{
    Augment, BatchRules, Cache, CacheLimits, ClassSet, DataError, Feed, LoaderOptions, Origin, Sample, Source,
    SyntheticShelves, TrainConfig, TrainingData,
};
use vision::preprocess::Region;
use vision::rng::Rng;
use vision::{BBox, PreprocessPlan, RgbImage};

use crate::support::shared_data;

/// A grey image with a red (class 0) or blue (class 1) rectangle wherever a label says one is.
fn draw(width: u32, height: u32, labels: &[(usize, [f64; 4])]) -> RgbImage {
    let mut image = RgbImage::from_fn(width, height, |x, y| Rgb([60 + (x % 16) as u8, 60 + (y % 16) as u8, 66]));
    for (class, [x1, y1, x2, y2]) in labels {
        let (w, h) = (f64::from(width), f64::from(height));
        let color = if *class == 0 { Rgb([230, 20, 20]) } else { Rgb([20, 20, 230]) };
        for y in (y1 * h) as u32..(y2 * h) as u32 {
            for x in (x1 * w) as u32..(x2 * w) as u32 {
                image.put_pixel(x, y, color);
            }
        }
    }
    image
}

type Images<'a> = &'a [(&'a str, (u32, u32), &'a [(usize, [f64; 4])])];

fn folder(images: Images<'_>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, (width, height), labels) in images {
        let image = folder.path().join("images").join(format!("{name}.png"));
        fs::create_dir_all(image.parent().unwrap()).unwrap();
        draw(*width, *height, labels).save(&image).unwrap();
        let lines: String = labels
            .iter()
            .map(|(class, [x1, y1, x2, y2])| {
                format!("{class} {} {} {} {}\n", (x1 + x2) / 2.0, (y1 + y2) / 2.0, x2 - x1, y2 - y1)
            })
            .collect();
        let label = folder.path().join("labels").join(format!("{name}.txt"));
        fs::create_dir_all(label.parent().unwrap()).unwrap();
        fs::write(label, lines).unwrap();
    }
    folder
}

fn source(root: &Path) -> Source {
    Source { root: root.to_owned(), split: None, repeat: 1, unlabelled: Vec::new() }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn limits(side: u32) -> CacheLimits {
    CacheLimits { side, memory: 1 << 26, disk: None, unreadable: 1 }
}

fn rules(batch: usize, seed: u64) -> BatchRules {
    BatchRules { batch, seed, balanced: false, synthetic_ratio: 0.0 }
}

const THREE: Images<'static> = &[
    ("a", (160, 120), &[(0, [0.1, 0.1, 0.4, 0.9]), (1, [0.6, 0.2, 0.9, 0.7])]),
    ("b", (100, 150), &[(1, [0.2, 0.3, 0.8, 0.6])]),
    ("c", (64, 64), &[]),
];

#[test]
fn folders_are_read_with_everything_that_may_be_wrong() {
    let one = folder(THREE);
    let ours = names(&["bottle", "can"]);
    let data = TrainingData::read(&[source(one.path())], Part::Train, Some(&ours)).unwrap();
    assert_eq!((data.samples.len(), data.summary.background, &*data.summary.objects), (3, 1, &[1, 2][..]));

    // Another folder numbers its classes the other way round.
    let two = folder(&[("d", (50, 50), &[(0, [0.0, 0.0, 0.5, 0.5])])]);
    fs::write(two.path().join("data.yaml"), "names: [can, bottle]\n").unwrap();
    fs::write(two.path().join("labels/d.ignore.txt"), "* .5 .5 .2 .2\n0 .1 .1 .1 .1 # blurred cans\n").unwrap();
    let both = [source(one.path()), Source { repeat: 3, unlabelled: names(&["bottle"]), ..source(two.path()) }];
    let data = TrainingData::read(&both, Part::Train, Some(&ours)).unwrap();
    assert_eq!(*data.summary.objects, [1, 3]);
    let d = &data.samples[3];
    assert_eq!((d.objects[0].class, d.repeat), (1, 3));
    let open: Vec<&ClassSet> = d.unlabelled.iter().map(|region| &region.classes).collect();
    assert_eq!(open, [&ClassSet::Only([0].into()), &ClassSet::All, &ClassSet::Only([1].into())]);
    assert_eq!(data.summary.ignored, 2);
    let data = TrainingData::read(&[source(two.path())], Part::Train, None).unwrap();
    assert_eq!(data.names, ["can", "bottle"]);

    let refused = |sources: &[Source], ours: Option<&[String]>| {
        TrainingData::read(sources, Part::Train, ours).unwrap_err().to_string()
    };
    assert!(refused(&[], None).contains("no data"));
    assert!(refused(&[source(one.path())], None).contains("nothing names the classes"));
    assert!(refused(&[source(Path::new("/nowhere"))], Some(&ours)).contains("nowhere"));
    assert!(refused(&both, Some(&names(&["bottle"]))).contains("a.txt:2: class 1 does not exist: there are 1"));
    let error = refused(&[source(two.path())], Some(&names(&["can", "jar"])));
    assert!(error.contains("data.yaml names a class \"bottle\"") && error.contains("jar"), "{error}");
    let error = refused(&[Source { unlabelled: names(&["cup"]), ..source(one.path()) }], Some(&ours));
    assert!(error.contains("`unlabelled`") && error.contains("\"cup\""), "{error}");
    let background = folder(&[("x", (8, 8), &[]), ("y", (8, 8), &[])]);
    assert!(refused(&[source(background.path())], Some(&ours)).contains("none of the 2 images"));
    fs::write(one.path().join("labels/b.txt"), "0 .5 .5 .5 .5\n\n7 .5 .5 .5 .5\n").unwrap();
    assert!(refused(&[source(one.path())], Some(&ours)).contains("b.txt:3: class 7 does not exist"));
    fs::write(one.path().join("labels/b.ignore.txt"), "* .5 .5 .2\n").unwrap();
    // What is wrong may be left out instead: counted, with its first place; the rest is read. An image whose label file cannot be
    // read is none without objects.
    fs::write(one.path().join("labels/c.txt"), b"\xff\xff\xff").unwrap();
    let lenient = |labels| TrainingData::read_with(&[source(one.path())], Part::Train, Some(&ours), labels);
    let data = lenient(BadLabels::default()).unwrap();
    assert_eq!((data.samples.len(), &*data.summary.objects, data.summary.left_out.count()), (2, &[2, 1][..], 3));
    let told = data.summary.left_out.to_string();
    assert!(told.contains("left out: 3 labels") && told.contains("b.ignore.txt:1: 4 columns"), "{told}");
    assert!(lenient(BadLabels::strict()).is_err());
    fs::write(one.path().join("labels/c.txt"), "").unwrap();
    fs::write(one.path().join("labels/b.txt"), "").unwrap();
    assert!(refused(&[source(one.path())], Some(&ours)).contains("b.ignore.txt:1"));
}

#[test]
fn folders_and_frozen_splits_keep_parts_apart() {
    let labelled: &[(usize, [f64; 4])] = &[(0, [0.1, 0.1, 0.5, 0.5])];
    let root =
        folder(&[("train/a", (20, 20), labelled), ("train/b", (20, 24), labelled), ("val/c", (24, 20), labelled)]);
    let ours = names(&["bottle"]);
    let read = |source: &Source, part| TrainingData::read(std::slice::from_ref(source), part, Some(&ours));
    let plain = source(root.path());
    assert_eq!(read(&plain, Part::Train).unwrap().samples.len(), 2);
    assert_eq!(read(&plain, Part::Val).unwrap().samples.len(), 1);
    assert!(read(&plain, Part::Test).unwrap_err().to_string().contains("no image in part test"));

    let data = dataset::DataFolder::scan(root.path(), dataset::LayoutChoice::Auto).unwrap();
    let options = dataset::split::FreezeOptions::default();
    let split = dataset::split::freeze(&data, &options, &()).unwrap();
    let path = root.path().join("split.json");
    split.write(&path).unwrap();
    let frozen = Source { split: Some(path.clone()), ..plain };
    let of = |part| match read(&frozen, part) {
        Ok(data) => data.samples.into_iter().map(|s| s.origin).collect::<Vec<_>>(),
        Err(_) => Vec::new(),
    };
    let parts: Vec<Origin> = Part::ALL.into_iter().flat_map(of).collect();
    assert_eq!(parts.len(), 3, "every image is in exactly one part");
    let gone = split.all_files().iter().find(|file| !of(file.part).is_empty()).unwrap();
    fs::remove_file(root.path().join(&gone.path)).unwrap();
    let error = read(&frozen, gone.part).unwrap_err().to_string();
    assert!(error.contains("freeze the split anew"), "{error}");
}

#[test]
fn images_are_resized_once_and_kept_within_bounds() {
    let root = folder(THREE);
    let disk = tempfile::tempdir().unwrap();
    let ours = names(&["bottle", "can"]);
    let data = TrainingData::read(&[source(root.path())], Part::Train, Some(&ours)).unwrap();
    let small = 96 * 72 * 3;
    let limits = CacheLimits { memory: small, disk: Some((disk.path().join("c"), 1 << 20)), ..limits(96) };
    let cache = Cache::new(limits.clone(), None);
    let samples: Vec<Arc<LoadedSample>> = data.samples.iter().map(|s| cache.get(s).unwrap().unwrap()).collect();
    assert_eq!(samples.iter().map(|s| s.image.dimensions()).collect::<Vec<_>>(), [(96, 72), (64, 96), (96, 96)]);
    assert_eq!(cache.memory_used(), small, "only the first one fits");
    let stored = || fs::read_dir(disk.path().join("c")).unwrap().flatten().map(|e| e.path()).collect::<Vec<_>>();
    assert_eq!(stored().len(), 3);
    // The images are gone; the disk remembers, but not what was broken there.
    let again = Cache::new(limits.clone(), None);
    for (sample, loaded) in data.samples.iter().zip(&samples) {
        assert_eq!(again.get(sample).unwrap().unwrap().image, loaded.image);
    }
    for path in stored() {
        fs::write(path, b"shelfRGB\xff\xff\xff\xff").unwrap();
    }
    let mended = Cache::new(limits.clone(), None);
    assert_eq!(mended.get(&data.samples[0]).unwrap().unwrap().image, samples[0].image);
    let full = Cache::new(CacheLimits { disk: Some((disk.path().join("none"), 10)), ..limits }, None);
    assert!(full.get(&data.samples[0]).unwrap().is_some() && !disk.path().join("none").exists());
}

#[test]
fn unreadable_images_are_left_out_until_there_are_too_many() {
    let root = folder(THREE);
    fs::write(root.path().join("images/b.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
    let ours = names(&["bottle", "can"]);
    let data = TrainingData::read(&[source(root.path())], Part::Train, Some(&ours)).unwrap();
    let feed = |data: &TrainingData| Feed {
        data: data.clone(),
        cache: Cache::new(limits(64), None),
        augment: Augment::OFF,
        rules: rules(3, 1),
        side: 64,
        rectangular: false,
    };
    let one = Arc::new(feed(&data));
    let options = LoaderOptions { threads: 2, ahead: 2, mosaic: false };
    let batches: Vec<_> = one.epoch(0, 0, options).collect::<Result<_, _>>().unwrap();
    assert!(batches[0].origins.iter().all(|o| !o.to_string().ends_with("b.png")), "another one takes its place");
    let broken = one.cache.unreadable();
    assert_eq!(broken.len(), 1);
    assert!(broken.first_key_value().unwrap().0.to_string().ends_with("b.png"));

    fs::write(root.path().join("images/a.png"), b"no image").unwrap();
    let two = Arc::new(feed(&data));
    let error = two.epoch(0, 0, options).find_map(Result::err).expect("two are one too many");
    assert!(matches!(&error, DataError::TooManyUnreadable(TooManyUnreadable { count: 2, limit: 1, .. })), "{error}");
    assert!(error.to_string().contains("shelf dataset check"), "{error}");
}

#[test]
fn without_augmentation_the_network_sees_what_it_is_served_bit_for_bit() {
    // Wide, high, smaller than the canvas, and of odd sides.
    let noise = |width, height| {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([((x * 37) ^ (y * 11)) as u8, (x * y) as u8, (x * 5 + y * 3) as u8])
        })
    };
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("images")).unwrap();
    fs::create_dir_all(root.path().join("labels")).unwrap();
    for (name, width, height) in [("wide", 161, 75), ("high", 83, 150), ("small", 31, 20), ("exact", 64, 64)] {
        noise(width, height).save(root.path().join(format!("images/{name}.png"))).unwrap();
        fs::write(root.path().join(format!("labels/{name}.txt")), "0 .5 .5 .5 .5\n").unwrap();
    }
    let data = TrainingData::read(&[source(root.path())], Part::Train, Some(&names(&["bottle"]))).unwrap();
    let cache = Cache::new(limits(64), None);
    let feed = Feed { data, cache, augment: Augment::OFF, rules: rules(4, 1), side: 64, rectangular: false };
    let options = LoaderOptions { threads: 1, ahead: 1, mosaic: false };
    let batch = Arc::new(feed).epoch(0, 0, options).next().expect("one batch").unwrap();
    assert_eq!(batch.origins.len(), 4);
    for (origin, seen) in batch.origins.iter().zip(batch.pixels.chunks_exact(3 * 64 * 64)) {
        let Origin::File(path) = origin else { panic!("{origin} is no file") };
        let image = vision::decode(&fs::read(path).unwrap(), &vision::DecodeLimits::default()).unwrap();
        let mut served = ndarray::Array3::<f32>::zeros((3, 64, 64));
        PreprocessPlan::yolo(64, 64).apply(&image, Region::whole(&image), served.view_mut());
        let differ = seen.iter().zip(&served).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        assert_eq!(differ, 0, "{origin}: {differ} numbers differ");
    }
}

/// Whether most of what lies in the box is of the colour of its class.
#[track_caller]
fn shows(image: &RgbImage, bbox: &BBox, class: usize, ratio: f32) {
    let (mut right, mut all) = (0_u32, 0_u32);
    for y in bbox.y1.ceil() as u32..bbox.y2.floor() as u32 {
        for x in bbox.x1.ceil() as u32..bbox.x2.floor() as u32 {
            let Rgb([r, _, b]) = *image.get_pixel(x, y);
            all += 1;
            right += u32::from(if class == 0 { r > 150 && b < 110 } else { b > 150 && r < 110 });
        }
    }
    assert!(right as f32 >= ratio * all as f32, "{bbox:?} of class {class}: {right} of {all} pixels");
}

/// Pixels of the colour of a class.
fn coloured(image: &RgbImage, class: usize) -> u32 {
    image
        .pixels()
        .map(|Rgb([r, _, b])| u32::from(if class == 0 { *r > 150 && *b < 110 } else { *b > 150 && *r < 110 }))
        .sum()
}

fn loaded(width: u32, height: u32, labels: &[(usize, [f64; 4])]) -> LoadedSample {
    let objects = labels.iter().map(|&(class, edges)| Labelled { class, edges }).collect();
    LoadedSample { image: draw(width, height, labels), objects, unlabelled: Vec::new() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn boxes_stay_on_what_they_mark(seed: u64, mosaic: bool, turned: bool) {
        let samples = [
            loaded(128, 96, &[(0, [0.1, 0.1, 0.35, 0.9]), (1, [0.5, 0.4, 0.9, 0.8])]),
            loaded(80, 128, &[(1, [0.1, 0.1, 0.9, 0.4]), (0, [0.2, 0.55, 0.8, 0.95])]),
            loaded(128, 128, &[(0, [0.3, 0.3, 0.7, 0.7])]),
            loaded(128, 60, &[(1, [0.0, 0.0, 0.5, 1.0])]),
        ];
        let mut rng = Rng::new(seed);
        // What leaves colours alone.
        let degrees = if turned { 4.0_f32 } else { 0.0 };
        let augment = Augment { hsv: [0.0; 3], light: 0.0, degrees, ..Augment::default() };
        let view = if mosaic {
            View::mosaic([&samples[0], &samples[1], &samples[2], &samples[3]], 128, &mut rng)
        } else {
            View::single(&samples[seed as usize % 4], (128, 128))
        };
        let mut view = view.warped(&augment, (128, 128), &mut rng);
        view.finish(&Augment { jpeg: 0.0, ..augment }, &mut rng).unwrap();
        prop_assert_eq!(view.image.dimensions(), (128, 128));
        let mut marked = [0.0_f32; 2];
        for truth in &view.targets.objects {
            let b = truth.bbox;
            prop_assert!(b.x1 >= 0.0 && b.y1 >= 0.0 && b.x2 <= 128.0 && b.y2 <= 128.0);
            prop_assert!(b.width() > 2.0 && b.height() > 2.0);
            // Slivers are all edge; of what was turned and then cut, the upright box may hold any corner.
            let whole = b.x1 > 0.5 && b.y1 > 0.5 && b.x2 < 127.5 && b.y2 < 127.5;
            if b.width() > 8.0 && b.height() > 8.0 && (whole || !turned) {
                let corners = degrees.to_radians().sin() * (b.width() / b.height() + b.height() / b.width());
                shows(&view.image, &b, truth.class, 0.75 - corners);
            }
            marked[truth.class] += b.area();
        }
        // And nothing that is to be seen is without a box, but for what was cut off: that is neither object nor background.
        for (class, marked) in marked.into_iter().enumerate() {
            let open = view.targets.unlabelled.iter().filter(|u| u.classes.contains(class));
            let open: f32 = open.map(|u| u.region.area()).sum();
            let seen = coloured(&view.image, class) as f32;
            prop_assert!(seen <= (marked + open) * 1.05 + 40.0, "class {}: {} pixels, {} marked", class, seen, marked);
        }
    }

    #[test]
    fn a_warp_and_its_inverse_are_one(
        scale in 0.3..2.0_f32, angle in -0.5..0.5_f32, x in -50.0..200.0_f32, y in -50.0..200.0_f32,
    ) {
        let map = Warp::about((64.0, 48.0), (70.0, 30.0), scale, angle);
        let (u, v) = map.source(map.point((x, y)));
        prop_assert!((u - x).abs() < 1e-2 && (v - y).abs() < 1e-2);
        prop_assert!((map.scale() - scale).abs() < 1e-5);
        let around = map.bbox(&BBox::new(x, y, x + 10.0, y + 20.0));
        let (px, py) = map.point((x + 5.0, y + 10.0));
        prop_assert!(px > around.x1 && px < around.x2 && py > around.y1 && py < around.y2);
        prop_assert!(around.area() >= 200.0 * scale * scale * 0.999);
    }

    #[test]
    fn an_epoch_has_every_image_as_often_as_asked_for(
        seed: u64, number in 0_u32..5, real in 1_usize..30, synthetic in 0_usize..30, batch in 1_usize..9, ratio in 0.0..0.9_f32,
    ) {
        let sample = |origin, repeat| Sample { origin, objects: Vec::new(), unlabelled: Vec::new(), repeat };
        let file = |i: usize| sample(Origin::File(PathBuf::from(format!("{i}"))), 1 + u32::from(i.is_multiple_of(3)));
        let samples: Vec<Sample> =
            (0..real).map(file).chain((0..synthetic).map(|i| sample(Origin::Synthetic(i as u64), 1))).collect();
        let rules = BatchRules { synthetic_ratio: ratio, ..rules(batch, seed) };
        let plan = epoch(&samples, &rules, number);
        prop_assert_eq!(&plan, &epoch(&samples, &rules, number));
        prop_assert!(plan.iter().all(|slots| slots.len() == batch));
        let mut seen = vec![0_usize; samples.len()];
        plan.iter().flatten().for_each(|slot| seen[slot.sample] += 1);
        let asked: usize = samples[..real].iter().map(|s| s.repeat as usize).sum();
        for (i, sample) in samples[..real].iter().enumerate() {
            // The last batch is filled up from the beginning.
            prop_assert!(seen[i] + 1 >= sample.repeat as usize && seen[i] <= sample.repeat as usize + batch);
        }
        let shelves: usize = seen[real..].iter().sum();
        let total = plan.len() * batch;
        prop_assert!(total >= asked && total < asked * 11 + batch + 1);
        let expected = if synthetic == 0 { 0.0 } else { f64::from(ratio) * total as f64 };
        prop_assert!((shelves as f64 - expected).abs() <= 1.0, "{} shelves of {}, {} asked", shelves, total, expected);
        let seeds: std::collections::BTreeSet<u64> = plan.iter().flatten().map(|slot| slot.seed).collect();
        prop_assert_eq!(seeds.len(), total, "no two places share a seed");
    }
}

#[test]
fn a_still_warp_copies() {
    let image = draw(40, 30, &[(0, [0.2, 0.2, 0.6, 0.8])]);
    let still = Warp::about((20.0, 15.0), (20.0, 15.0), 1.0, 0.0);
    assert_eq!(warp(&image, &still, (40, 30), 114), image);
    let moved = warp(&image, &Warp::about((0.0, 0.0), (3.0, 2.0), 1.0, 0.0), (40, 30), 114);
    assert_eq!(moved.get_pixel(13, 12), image.get_pixel(10, 10));
    assert_eq!(moved.get_pixel(1, 1), &Rgb([114; 3]));
}

#[test]
fn rare_classes_come_more_often_when_asked_for() {
    let sample = |i: usize| Sample {
        origin: Origin::File(format!("{i}").into()),
        objects: vec![Labelled { class: usize::from(i == 0), edges: [0.1, 0.1, 0.2, 0.2] }],
        unlabelled: Vec::new(),
        repeat: 1,
    };
    let samples: Vec<Sample> = (0..64).map(sample).collect();
    let times = |balanced| {
        let rules = BatchRules { balanced, ..rules(8, 3) };
        let slots = (0..50).flat_map(|number| epoch(&samples, &rules, number)).flatten();
        slots.filter(|slot| slot.sample == 0).count()
    };
    assert_eq!(times(false), 50);
    // Root of 64 by root of 64/63: eight times as likely.
    assert!((250..600).contains(&times(true)), "{}", times(true));
}

fn small_feed(seed: u64, rectangular: bool) -> (tempfile::TempDir, Arc<Feed>) {
    let root = folder(THREE);
    let ours = names(&["bottle", "can"]);
    let data = TrainingData::read(&[source(root.path())], Part::Train, Some(&ours)).unwrap();
    let cache = Cache::new(limits(96), None);
    let feed = Feed { data, cache, augment: Augment::default(), rules: rules(2, seed), side: 96, rectangular };
    (root, Arc::new(feed))
}

#[test]
fn batches_do_not_depend_on_threads() {
    let (_root, feed) = small_feed(7, false);
    let all = |threads, ahead, first| -> Vec<_> {
        let options = LoaderOptions { threads, ahead, mosaic: true };
        let batches: Vec<_> = feed.epoch(3, first, options).collect::<Result<_, _>>().unwrap();
        batches.into_iter().map(|b| (b.number, b.pixels, b.targets, b.origins)).collect()
    };
    let one = all(1, 1, 0);
    assert_eq!(one.len(), feed.batches());
    assert!(one.iter().all(|(_, pixels, ..)| pixels.iter().all(|v| (0.0..=1.0).contains(v))));
    for (threads, ahead) in [(2, 1), (4, 3), (3, 50)] {
        assert!(all(threads, ahead, 0) == one, "{threads} threads, {ahead} ahead");
    }
    assert!(all(2, 2, 1) == one[1..], "an epoch can be taken up again");
    let options = LoaderOptions { threads: 2, ahead: 2, mosaic: true };
    let other: Vec<_> = feed.epoch(4, 0, options).map(|b| b.unwrap().pixels).collect();
    assert!(other[0] != one[0].1, "another epoch is another epoch");
    // Stopping early does not hang.
    let mut loader = feed.epoch(0, 0, options);
    assert!(loader.next().is_some());
    drop(loader);
}

#[test]
fn rectangular_batches_are_as_flat_as_their_images() {
    let (_root, feed) = small_feed(7, true);
    let options = LoaderOptions { threads: 1, ahead: 1, mosaic: true };
    let mut shapes: Vec<_> = feed.epoch(0, 0, options).map(|b| b.unwrap().shape).collect();
    shapes.sort_unstable();
    // Narrow b and square c; flat a, filled up with the narrow one.
    assert!(shapes.iter().all(|(batch, h, w)| *batch == 2 && h % 32 == 0 && w % 32 == 0 && *h <= 96 && *w <= 96));
    assert_eq!(shapes.len(), 2);
}

#[test]
fn synthetic_shelves_are_mixed_in_and_hidden_facings_are_not_background() {
    let root = folder(THREE);
    let text = format!(
        "names: [can, bottle]\ndata: [{{root: {:?}}}]\nimgsz: 320\nbatch: 4\n\
         synthetic: {{ratio: 0.5, shelves: 2, look: {{size: [320, 240], facings: [8, 20], families: 4}}}}\n\
         augment: {{mosaic: 0, scale: 0, translate: 0, degrees: 0}}\n",
        root.path()
    );
    let config = TrainConfig::parse(&text, Path::new("t.yaml"), &|_| None).unwrap();
    let feed = Arc::new(config.feed().unwrap());
    let batches: Vec<_> = feed.epoch(0, 0, config.loader_options(0)).collect::<Result<_, _>>().unwrap();
    let mut synthetic = 0;
    for batch in &batches {
        let of_batch = batch.origins.iter().filter(|o| matches!(o, Origin::Synthetic(_))).count();
        assert_eq!(of_batch, 2, "half of every batch");
        synthetic += of_batch;
    }
    assert!(synthetic >= 2);
    let shelf = |origin: &Origin| matches!(origin, Origin::Synthetic(_));
    let (batch, at) = batches.iter().find_map(|b| Some((b, b.origins.iter().position(shelf)?))).unwrap();
    assert!(!batch.targets[at].objects.is_empty());

    // The same world, asked directly.
    let look = SynthConfig { size: (320, 240), facings: (8, 20), families: 4, ..SynthConfig::default() };
    let only_cans = SyntheticShelves::build(look.clone(), &[], &names(&["can"]), BadLabels::strict()).unwrap();
    let all = SyntheticShelves::build(
        look,
        &[],
        &names(&["bottle", "can", "glass", "unknown_container"]),
        BadLabels::strict(),
    )
    .unwrap();
    let (cans, all) = (only_cans.shelf(1).unwrap(), all.shelf(1).unwrap());
    assert_eq!(cans.image, all.image);
    assert_eq!(cans.objects.len(), all.objects.iter().filter(|(class, _)| *class == 1).count());
}

#[test]
fn what_is_cut_out_comes_from_training_images_in_the_numbers_of_synthetic_classes() {
    let root = folder(THREE);
    // Ours: 0 is a lid, which shelves do not know, and 1 a can.
    let data = TrainingData::read(&[source(root.path())], Part::Train, Some(&names(&["lid", "can"]))).unwrap();
    let copies = tempfile::tempdir().unwrap();
    assert!(copy_for_pasting(&data, copies.path()).unwrap());
    let found = dataset::DataFolder::scan(copies.path(), dataset::LayoutChoice::Auto).unwrap();
    assert_eq!(found.images.len(), 2, "the background is left out");
    for image in &found.images {
        let lines = dataset::yolo::read(&found.locate(&image.label_path())).unwrap();
        assert_eq!(lines.iter().map(|line| line.label.class).collect::<Vec<_>>(), [1]);
    }
    let only = TrainingData { names: names(&["lid", "cap"]), ..data };
    assert!(!copy_for_pasting(&only, tempfile::tempdir().unwrap().path()).unwrap());
}

#[test]
fn instances_are_not_cut_from_reserved_images() {
    let root = folder(THREE);
    let text = |paste: &Path| {
        format!(
            "names: [bottle, can]\ndata: [{{root: {:?}}}]\nvalidation: [{{root: {:?}}}]\n\
             synthetic: {{ratio: 0.5, shelves: 2, paste_from: [{paste:?}]}}\n",
            root.path(),
            root.path()
        )
    };
    let config = TrainConfig::parse(&text(root.path()), Path::new("t.yaml"), &|_| None).unwrap();
    assert!(matches!(config.feed(), Err(DataError::PasteLeak { .. })));
    assert_eq!(config.validation().unwrap().samples.len(), 3);
}

/// Not a test: images of a batch of the development data with their boxes, to be looked at. `LOOK=folder` names where.
#[test]
fn batches_to_look_at() {
    let (Some(data), Some(out)) = (shared_data(), std::env::var_os("LOOK")) else { return };
    let text = format!(
        "names: [bottle, can, glass, unknown_container]\nimgsz: 416\nbatch: 6\nseed: 5\ndata:\n  - root: {0:?}\n  - root: {1:?}\n    \
         unlabelled: [can, glass]\nsynthetic: {{ratio: 0.34, shelves: 8, paste: true, look: {{paste_limit: 60, paste_ratio: 0.7}}}}\n",
        data.join("beverage3-bottle-can/dev"),
        data.join("ayesha-bottle-detection/dev")
    );
    let config = TrainConfig::parse(&text, Path::new("look.yaml"), &|_| None).unwrap();
    let feed = Arc::new(config.feed().unwrap());
    for (name, mosaic) in [("mosaic", true), ("single", false)] {
        let options = LoaderOptions { mosaic, ..config.loader_options(0) };
        let start = std::time::Instant::now();
        for batch in feed.epoch(0, 0, options).take(2) {
            let batch = batch.unwrap();
            let mut sheet = RgbImage::new(416 * 3, 416 * 2);
            for at in 0..6 {
                let mut image = batch.image(at);
                for truth in &batch.targets[at].objects {
                    let color =
                        [Rgb([255, 0, 0]), Rgb([0, 255, 0]), Rgb([0, 128, 255]), Rgb([255, 255, 0])][truth.class];
                    outline(&mut image, &truth.bbox, color);
                }
                for open in batch.targets[at].unlabelled.iter().filter(|open| open.region.area() < 40_000.0) {
                    outline(&mut image, &open.region, Rgb([255, 0, 255]));
                }
                let (x, y) = (at as i64 % 3 * 416, at as i64 / 3 * 416);
                image::imageops::replace(&mut sheet, &image, x, y);
            }
            let path = Path::new(&out).join(format!("{name}-{}.png", batch.number));
            sheet.save(&path).unwrap();
        }
        eprintln!("{name}: {:?} for two batches of six", start.elapsed());
    }
}

fn outline(image: &mut RgbImage, bbox: &BBox, color: Rgb<u8>) {
    let (left, top) = (bbox.x1 as i32, bbox.y1 as i32);
    let (width, height) = (bbox.width().max(1.0) as i32, bbox.height().max(1.0) as i32);
    vision::draw::sheet::frame(image, (left, top), (left + width - 1, top + height - 1), color);
}
