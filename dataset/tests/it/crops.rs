//! `dataset::crops`: the pixels are those the pipeline would cut.

use std::collections::BTreeMap;
use std::fs;

use dataset::convert::{Annotations, Category, Format, ImageRecord, Object, ReadOptions, Rect, read};
use dataset::crops::{CropEncoding, CropOptions, CropReport, cut};
use dataset::image_file::load;
use vision::crop::{CropRule, crop};

use crate::shared::{data, png, write};

#[test]
fn crops_of_a_real_shelf() {
    let Some(root) = data("shelf-scenes/dev/cola-aisle-hk") else { return };
    let annotations = read(&root, Format::Facings, &ReadOptions::default()).unwrap().annotations;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("crops");
    let rule = CropRule { margin: 0.05 };
    let report = cut(&annotations, &root, &out, &CropOptions { rule, ..Default::default() }, &()).unwrap();
    let expected: BTreeMap<String, usize> =
        serde_json::from_slice(&fs::read(root.join("expected_counts.json")).unwrap()).unwrap();
    assert_eq!(report.skus, expected);
    let scene = load(&root.join("scene.jpg")).unwrap();
    for object in &annotations.images[0].objects {
        let path = out.join(&object.attributes["sku"]).join(format!("scene-{}.png", object.id));
        assert_eq!(load(&path).unwrap(), crop(&scene, &object.rect.to_bbox(), rule));
    }
}

fn set(objects: &[(Rect, &str, bool)]) -> Annotations {
    let object = |(id, (rect, sku, truncated)): (u64, &(Rect, &str, bool))| {
        let mut attributes = BTreeMap::new();
        if !sku.is_empty() {
            attributes.insert("sku".to_owned(), (*sku).to_owned());
        }
        if *truncated {
            attributes.insert("truncated".to_owned(), "1".to_owned());
        }
        Object { id, category: 1, rect: *rect, crowd: false, area: None, attributes }
    };
    let objects = (1..).zip(objects).map(object).collect();
    let image = ImageRecord { id: 1, file: "day 1/a.png".into(), width: 60, height: 40, objects };
    let categories = vec![Category { id: 1, name: "bottle".into(), supercategory: None }];
    Annotations { categories, images: vec![image] }
}

#[test]
fn what_is_cut_and_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("images/day 1/a.png", &png(60, 40))]);
    let rect = |x, y, w, h| Rect { x, y, w, h };
    let annotations = set(&[
        (rect(5.0, 5.0, 20.0, 20.0), "../evil", false),
        (rect(30.0, 5.0, 20.0, 20.0), "", false),
        (rect(30.0, 5.0, 20.0, 3.0), "small", false),
        (rect(5.0, 5.0, 20.0, 20.0), "cut", true),
        (rect(70.0, 5.0, 20.0, 20.0), "far", false),
    ]);
    let options = CropOptions { skip_truncated: true, encoding: CropEncoding::Jpeg(90), ..Default::default() };
    let out = folder.path().join("out");
    let report = cut(&annotations, folder.path(), &out, &options, &()).unwrap();
    let skus = BTreeMap::from([("_._evil".to_owned(), 1), ("bottle".to_owned(), 1)]);
    assert_eq!(report, CropReport { skus, too_small: 1, truncated: 1, outside: 1, crowds: 0, unnamed: 0 });
    assert!(out.join("bottle/day 1__a-2.jpg").is_file());
    let folders: Vec<_> = fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(folders.len(), 2, "{folders:?}");
}

#[test]
fn refusals() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("images/day 1/a.png", &png(40, 60))]);
    let rect = Rect { x: 5.0, y: 5.0, w: 20.0, h: 20.0 };
    let out = folder.path().join("out");
    let message = |annotations: &Annotations, images: &str| {
        let error = cut(annotations, &folder.path().join(images), &out, &CropOptions::default(), &()).unwrap_err();
        assert!(!out.exists(), "nothing is half-written");
        error.to_string()
    };
    assert!(message(&set(&[(rect, "a", false)]), "").contains("without its EXIF rotation"));
    assert!(message(&set(&[(rect, "a", false)]), "images/day 1").contains("day 1/a.png is not in"));
    let clash = message(&set(&[(rect, "a/b", false), (rect, "a:b", false)]), "");
    assert!(clash.contains("would share the folder \"a_b\""), "{clash}");
}
