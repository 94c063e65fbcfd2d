//! `dataset::split` on folders: what a frozen split promises.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use dataset::split::{
    Disagreement, ExtendOptions, FreezeOptions, FrozenSplit, Grouping, GroupingRule, LabelChange, Part, Ratios, extend,
    freeze,
};
use dataset::{DataFolder, LayoutChoice};
use proptest::prelude::*;

use crate::shared::{chain, data, write};

fn scan(root: &Path) -> DataFolder {
    DataFolder::scan(root, LayoutChoice::Auto).unwrap()
}

fn options(seed: u64, stratify: bool, rule: GroupingRule) -> FreezeOptions {
    FreezeOptions {
        seed,
        ratios: Ratios::default(),
        stratify,
        grouping: Grouping::by_rule(rule).unwrap(),
        strict: false,
    }
}

/// Images are opaque to a split: any distinct bytes do.
fn add_image(root: &Path, name: &str, classes: &[u32]) {
    let label: String = classes.iter().map(|c| format!("{c} .5 .5 .1 .1\n")).collect();
    let stem = name.rsplit_once('.').unwrap().0;
    write(root, &[(&format!("images/{name}"), name.as_bytes()), (&format!("labels/{stem}.txt"), label.as_bytes())]);
}

/// What must hold of any split of `data`.
fn check_laws(split: &FrozenSplit, data: &DataFolder) {
    let all: Vec<&str> = split.all_files().iter().map(|f| f.path.as_str()).collect();
    let images: Vec<&str> = data.images.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(all, images, "complete, and nothing twice");
    let by_parts: usize = Part::ALL.iter().map(|part| split.files(*part).count()).sum();
    assert_eq!(by_parts, all.len(), "every image is in one part");
    let mut parts = HashMap::new();
    for file in split.all_files() {
        assert_eq!(*parts.entry(("group", file.group.clone())).or_insert(file.part), file.part, "{}", file.group);
        let bytes = file.sha256.to_string();
        assert_eq!(*parts.entry(("bytes", bytes)).or_insert(file.part), file.part, "{}", file.path);
    }
}

#[test]
fn a_split_is_written_read_verified_and_extended() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    for i in 0..60 {
        add_image(&root, &format!("{i:03}.jpg"), &[i % 3]);
    }
    let frozen = freeze(&scan(&root), &options(42, true, GroupingRule::File), &()).unwrap();
    let path = folder.path().join("split.json");
    frozen.write(&path).unwrap();
    let read = FrozenSplit::read(&path).unwrap();
    assert_eq!(read, frozen);
    assert_eq!(read.verify(&scan(&root), &()).unwrap(), []);
    assert_eq!(read.counts().into_values().collect::<Vec<_>>(), [42, 9, 9]);

    add_image(&root, "new.jpg", &[1]);
    fs::write(root.join("labels/000.txt"), "2 .5 .5 .2 .2\n").unwrap();
    fs::remove_file(root.join("labels/001.txt")).unwrap();
    let part = |name: &str| frozen.part_of(&format!("images/{name}.jpg")).unwrap();
    let label = |name: &str, how| Disagreement::LabelChanged {
        path: format!("images/{name}.jpg"),
        part: part(name),
        label: format!("labels/{name}.txt"),
        how,
    };
    let new = Disagreement::New { path: "images/new.jpg".into() };
    let expected = [label("000", LabelChange::Changed), label("001", LabelChange::Gone), new.clone()];
    assert_eq!(read.verify(&scan(&root), &()).unwrap(), expected);

    // Extending takes labels as they are now and moves nothing.
    let wider = extend(&read, &scan(&root), &ExtendOptions::default(), &()).unwrap();
    check_laws(&wider, &scan(&root));
    assert_eq!(wider.verify(&scan(&root), &()).unwrap(), []);
    for file in frozen.all_files() {
        assert_eq!(wider.part_of(&file.path), Some(file.part));
    }

    // Frozen images that are gone or changed are another matter.
    fs::remove_file(root.join("images/002.jpg")).unwrap();
    fs::write(root.join("images/003.jpg"), "retouched").unwrap();
    let gone = Disagreement::Missing { path: "images/002.jpg".into(), part: part("002") };
    let changed = Disagreement::ImageChanged { path: "images/003.jpg".into(), part: part("003") };
    let found = wider.verify(&scan(&root), &()).unwrap();
    assert_eq!(found, [gone, changed]);
    let error = extend(&wider, &scan(&root), &ExtendOptions::default(), &()).unwrap_err();
    assert!(error.to_string().contains("images/002.jpg") && error.to_string().contains("and 1 more"), "{error}");
    let accepted =
        extend(&wider, &scan(&root), &ExtendOptions { accept_changes: true, ..Default::default() }, &()).unwrap();
    assert_eq!(accepted.part_of("images/002.jpg"), None);
    assert_eq!(accepted.part_of("images/003.jpg"), Some(part("003")));
}

#[test]
fn same_bytes_stay_together() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for i in 0..40 {
        let bytes = format!("image {i}");
        write(root, &[(&format!("a/{i}.jpg"), bytes.as_bytes()), (&format!("b/copy-{i}.jpg"), bytes.as_bytes())]);
    }
    for stratify in [false, true] {
        let split = freeze(&scan(root), &options(1, stratify, GroupingRule::File), &()).unwrap();
        check_laws(&split, &scan(root));
    }
    // A later copy of a frozen image follows it.
    let split = freeze(&scan(root), &options(1, false, GroupingRule::File), &()).unwrap();
    let of = |part| split.files(part).next().expect("every part has images").path.clone();
    let (train, test) = (of(Part::Train), of(Part::Test));
    fs::copy(root.join(&test), root.join("later.jpg")).unwrap();
    let wider = extend(&split, &scan(root), &ExtendOptions::default(), &()).unwrap();
    assert_eq!(wider.part_of("later.jpg"), Some(Part::Test));
    // One that a table puts with the images of another part is refused by name.
    let table = folder.path().join("groups.csv");
    let rows = |extra: &str| {
        let mut text = String::from("file,group\n");
        for file in split.all_files() {
            text += &format!("{},{}\n", file.path, file.sha256.short());
        }
        fs::write(&table, text + extra).unwrap();
        Grouping::from_table(&table).unwrap()
    };
    fs::remove_file(root.join("later.jpg")).unwrap();
    let grouped = FreezeOptions { grouping: rows(""), ..options(1, false, GroupingRule::File) };
    let split = freeze(&scan(root), &grouped, &()).unwrap();
    let (train_part, test_part) = (split.part_of(&train), split.part_of(&test));
    let other = split.all_files().iter().find(|f| Some(f.part) != test_part).unwrap();
    fs::copy(root.join(&test), root.join("later.jpg")).unwrap();
    let torn = rows(&format!("later.jpg,{}\n", other.group));
    let error =
        extend(&split, &scan(root), &ExtendOptions { grouping: Some(torn), ..Default::default() }, &()).unwrap_err();
    assert!(error.to_string().starts_with("later.jpg belongs with "), "{error}");
    assert!(train_part.is_some());
    let error = extend(&split, &scan(root), &ExtendOptions::default(), &()).unwrap_err();
    assert!(error.to_string().contains("--group-by"), "{error}");
}

/// Groups of look-alikes are named after their first image: a new first image renames the group, and still follows it.
#[test]
fn a_renamed_group_stays_together() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    let table = folder.path().join("groups.csv");
    for i in 0..20 {
        add_image(&root, &format!("m{i:02}.jpg"), &[0]);
    }
    let group = |rows: &[(String, String)]| {
        let text: String = rows.iter().map(|(file, group)| format!("images/{file},{group}\n")).collect();
        fs::write(&table, format!("file,group\n{text}")).unwrap();
        Grouping::from_table(&table).unwrap()
    };
    let mut rows: Vec<_> = (0..20).map(|i| (format!("m{i:02}.jpg"), format!("m{i:02}"))).collect();
    let first = FreezeOptions { grouping: group(&rows), ..FreezeOptions::default() };
    let split = freeze(&scan(&root), &first, &()).unwrap();
    for i in 0..20 {
        add_image(&root, &format!("a{i:02}.jpg"), &[0]);
        rows[i].1 = format!("a{i:02}");
        rows.push((format!("a{i:02}.jpg"), format!("a{i:02}")));
    }
    let renamed = ExtendOptions { grouping: Some(group(&rows)), ..Default::default() };
    let wider = extend(&split, &scan(&root), &renamed, &()).unwrap();
    let part = |split: &FrozenSplit, file: String| split.part_of(&format!("images/{file}.jpg")).unwrap();
    for i in 0..20 {
        assert_eq!(part(&wider, format!("a{i:02}")), part(&split, format!("m{i:02}")), "{i}");
    }
}

#[test]
fn damaged_splits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    for name in ["a.jpg", "b.jpg"] {
        add_image(&root, name, &[0]);
    }
    let path = folder.path().join("split.json");
    freeze(&scan(&root), &options(3, false, GroupingRule::Folder), &()).unwrap().write(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let part = FrozenSplit::read(&path).unwrap().all_files()[0].part;
    let other = Part::ALL.into_iter().find(|p| *p != part).unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let message = chain(&FrozenSplit::read(&path).unwrap_err());
        assert!(message.contains(expected) && message.contains("split.json"), "{message}");
    };
    check(&format!("\"part\":\"{part}\""), &format!("\"part\":\"{other}\""), "files[1]: group \"images\" lies in");
    check("images/a.jpg", "../../etc/passwd", "files[0]: \"../../etc/passwd\" climbs");
    check("images/a.jpg", "images/c.jpg", "out of order");
    check("labels/a.txt", "labels/b.txt", "is damaged");
    check("\"version\": 1", "\"version\": 2", "of version 2");
    check("0.7", "0.9", "sum to 1.2");
    check("\"seed\"", "\"sead\"", "sead");
}

#[test]
fn real_skus_are_balanced() {
    let Some(root) = data("mductran-beverage-skus/dev/crops") else { return };
    let data = scan(&root);
    let split = freeze(&data, &options(42, true, GroupingRule::File), &()).unwrap();
    check_laws(&split, &data);
    let mut by_sku: BTreeMap<&str, BTreeMap<Part, f64>> = BTreeMap::new();
    for image in &data.images {
        let part = split.part_of(&image.path).unwrap();
        *by_sku.entry(image.sku.as_deref().unwrap()).or_default().entry(part).or_default() += 1.0;
    }
    assert_eq!(by_sku.len(), 13);
    for (sku, parts) in by_sku {
        let total: f64 = parts.values().sum();
        for part in Part::ALL {
            let wanted = split.ratios().of(part) * total;
            let got = parts.get(&part).copied().unwrap_or(0.0);
            assert!((got - wanted).abs() <= 1.0, "{sku}: {got} of {total} images in {part}, wanted {wanted}");
        }
    }
}

#[test]
fn real_boxes_are_balanced() {
    let Some(root) = data("beverage3-bottle-can/dev") else { return };
    let data = scan(&root);
    let split = freeze(&data, &options(42, true, GroupingRule::File), &()).unwrap();
    let mut boxes: BTreeMap<(Part, u32), f64> = BTreeMap::new();
    for file in split.all_files() {
        for line in dataset::yolo::read(&root.join(&file.label.as_ref().unwrap().path)).unwrap() {
            *boxes.entry((file.part, line.label.class)).or_default() += 1.0;
        }
    }
    for class in [0, 1] {
        let total: f64 = Part::ALL.iter().map(|part| boxes[&(*part, class)]).sum();
        for part in Part::ALL {
            let fraction = boxes[&(part, class)] / total;
            assert!((fraction - split.ratios().of(part)).abs() < 0.02, "class {class}: {fraction:.3} in {part}");
        }
    }
}

/// Names, groups and classes of a random data set.
fn sets() -> impl Strategy<Value = Vec<(u8, u8, Vec<u32>)>> {
    prop::collection::vec((any::<u8>(), 0_u8..12, prop::collection::vec(0_u32..4, 0..4)), 1..40)
}

fn build(root: &Path, set: &[(u8, u8, Vec<u32>)]) {
    for (number, (salt, store, classes)) in set.iter().enumerate() {
        add_image(root, &format!("store-{store}/{number}-{salt}.jpg"), classes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn laws(set in sets(), more in sets(), seed in any::<u64>(), stratify in any::<bool>(), by_store in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        build(root, &set);
        let rule = if by_store { GroupingRule::Folder } else { GroupingRule::File };
        let wanted = options(seed, stratify, rule);
        let before = scan(root);
        let split = freeze(&before, &wanted, &()).unwrap();
        check_laws(&split, &before);
        prop_assert_eq!(&freeze(&before, &wanted, &()).unwrap(), &split, "the same seed gives the same split");

        build(&root.join("images/later"), &more);
        // Images of `more` lie under images/later/images/...: other folders, so other groups.
        let after = scan(root);
        let wider = extend(&split, &after, &ExtendOptions::default(), &()).unwrap();
        check_laws(&wider, &after);
        for file in split.all_files() {
            prop_assert_eq!(wider.part_of(&file.path), Some(file.part), "{} moved", file.path);
        }
        if !stratify {
            // Without stratification not even the frozen file is needed, nor does the order of additions matter.
            let at_once = freeze(&after, &wanted, &()).unwrap();
            let differing: BTreeSet<_> = at_once.all_files().iter()
                .filter(|f| wider.part_of(&f.path) != Some(f.part))
                .map(|f| f.path.clone()).collect();
            prop_assert!(differing.is_empty() || has_copies(&wider), "{differing:?}");
        }
    }

    /// Each part's fraction of every class is off by at most what one group can shift.
    #[test]
    fn stratified_ratios(set in prop::collection::vec(prop::collection::vec(0_u32..3, 1..4), 30..80), seed in any::<u64>()) {
        let folder = tempfile::tempdir().unwrap();
        for (number, classes) in set.iter().enumerate() {
            add_image(folder.path(), &format!("{number}.jpg"), classes);
        }
        let split = freeze(&scan(folder.path()), &options(seed, true, GroupingRule::File), &()).unwrap();
        for class in 0..3 {
            let of = |numbers: &mut dyn Iterator<Item = usize>| -> f64 {
                numbers.map(|n| set[n].iter().filter(|c| **c == class).count() as f64).sum()
            };
            let total = of(&mut (0..set.len()));
            for part in Part::ALL {
                let number = |path: &str| path.trim_start_matches("images/").trim_end_matches(".jpg").parse::<usize>().unwrap();
                let held = of(&mut split.files(part).map(|f| number(&f.path)));
                let wanted = split.ratios().of(part) * total;
                prop_assert!((held - wanted).abs() <= 3.5, "class {class} in {part}: {held}, wanted {wanted:.1}");
            }
        }
    }
}

fn has_copies(split: &FrozenSplit) -> bool {
    let distinct: BTreeSet<_> = split.all_files().iter().map(|f| f.sha256).collect();
    distinct.len() < split.all_files().len()
}

#[test]
fn ratios_by_hash_come_out_as_wanted() {
    let ratios = Ratios::default();
    let mut counts = [0_u32; 3];
    for i in 0..20_000 {
        counts[dataset::split::assign::by_hash(&format!("images/{i}.jpg"), 42, &ratios) as usize] += 1;
    }
    for part in Part::ALL {
        let fraction = f64::from(counts[part as usize]) / 20_000.0;
        // Three standard deviations of a binomial fraction at n = 20,000 are .01.
        assert!((fraction - ratios.of(part)).abs() < 0.01, "{part}: {fraction}");
    }
}
