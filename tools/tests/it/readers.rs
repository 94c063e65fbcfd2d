//! One format, one meaning: where two parts of the program read the same files, they see the same boxes.

use std::fs;
use std::path::Path;

use dataset::Part;
use dataset::convert::{self, Format, ReadOptions, WriteOptions};
use train::detector::{Source, TrainingData};

/// Class and edges in pixels.
type Boxes = Vec<(String, [f64; 4])>;

fn assert_same(one: &Boxes, other: &Boxes) {
    assert_eq!(one.len(), other.len(), "{one:?}\n{other:?}");
    for ((class, edges), (other_class, other_edges)) in one.iter().zip(other) {
        assert_eq!(class, other_class);
        let off = edges.iter().zip(other_edges).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-6, "{edges:?} {other_edges:?}");
    }
}

#[test]
fn boxes_are_the_same_to_conversion_training_and_evaluation() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    for part in ["images", "labels"] {
        fs::create_dir(root.join(part)).expect("writable");
    }
    image::RgbImage::new(80, 40).save(root.join("images/a.png")).expect("writable");
    // A box, a polygon, a number with a fraction, a comment; a line that nobody understands.
    let lines = "0 .5 .5 .25 .5 # front\n1.0 .1 .2 .4 .2 .3 .6\n\n1 .5 .5 .2\n0 .9 .9 .1 .1\r\n";
    fs::write(root.join("labels/a.txt"), lines).expect("writable");
    fs::write(root.join("data.yaml"), "names: [bottle, can]\n").expect("writable");

    let loaded = convert::read(root, Format::Yolo, &ReadOptions::default()).expect("it is read");
    let image = &loaded.annotations.images[0];
    let name = |id: u64| loaded.annotations.categories.iter().find(|c| c.id == id).expect("it is there").name.clone();
    let edges = |x: f64, y: f64, w: f64, h: f64| [x, y, x + w, y + h];
    let converted: Boxes = image
        .objects
        .iter()
        .map(|object| (name(object.category), edges(object.rect.x, object.rect.y, object.rect.w, object.rect.h)))
        .collect();
    assert_eq!(converted.len(), 3);

    let source = Source { root: root.to_owned(), split: None, repeat: 1, unlabelled: Vec::new() };
    let data = TrainingData::read_with(&[source], Part::Train, None, Default::default()).expect("it is read");
    let scale = [80.0, 40.0, 80.0, 40.0];
    let trained: Boxes = data.samples[0]
        .objects
        .iter()
        .map(|object| (data.names[object.class].clone(), std::array::from_fn(|at| object.edges[at] * scale[at])))
        .collect();
    assert_same(&converted, &trained);

    let path = root.join("a.json");
    convert::write(&loaded.annotations, &path, Format::Coco, &WriteOptions::default()).expect("it is written");
    let again = convert::read(&path, Format::Coco, &ReadOptions::default()).expect("it is read");
    assert_eq!(again.annotations, loaded.annotations);
    let truth = eval::formats::coco::read_truth(Path::new(&path)).expect("it is read");
    let evaluated: Boxes = truth
        .truths
        .iter()
        .map(|t| (truth.classes[t.class as usize].clone(), edges(t.rect.x, t.rect.y, t.rect.width, t.rect.height)))
        .collect();
    assert_same(&converted, &evaluated);
}
