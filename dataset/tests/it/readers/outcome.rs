//! What readers make of a set, in the words of the table.

use std::collections::BTreeSet;

use dataset::convert::{Format, ImageFinder, Loaded, ReadOptions, read};
use dataset::{ClassNames, DataFolder, LayoutChoice, LayoutKind};

use super::row;
use super::set::Set;

pub(crate) const KEPT: &str = "kept";
pub(crate) const COUNTED: &str = "kept, counted";
pub(crate) const LEFT_OUT: &str = "left out";
pub(crate) const PASSED_OVER: &str = "passed over";
pub(crate) const REFUSED: &str = "refused";
pub(crate) const NOT_THERE: &str = "–";

/// What a reader of boxes makes of a set.
pub(crate) fn of_boxes(format: Format, set: &Set, row: &str) -> &'static str {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    set.write(root);
    let input = if matches!(format, Format::Yolo | Format::Voc) { root.to_owned() } else { root.join(set.main) };
    let Ok(Loaded { annotations, left_out, hidden }) = read(&input, format, &ReadOptions::default()) else {
        return REFUSED;
    };
    let finder = ImageFinder::new(root);
    let lost: Vec<_> = annotations.images.iter().filter(|image| finder.find(&image.file).is_none()).collect();
    assert!(lost.is_empty() || row == row::HEIC, "{format}, {row}: {lost:?} is not found");
    let objects: Vec<_> = annotations.images.iter().flat_map(|image| &image.objects).collect();
    if row == row::CROWD {
        assert_eq!(objects.iter().filter(|object| object.crowd).count(), 1, "{format}");
    }
    if row == row::TRUNCATED {
        let said = |name| objects.iter().any(|object| object.attributes.contains_key(name));
        assert!(said("truncated") || said("occluded"), "{format}");
    }
    match (objects.len(), left_out.is_empty()) {
        (2, true) if hidden > 0 => PASSED_OVER,
        (2, true) => KEPT,
        // The box of the second statement would be a third.
        (2, false) if row == row::DISAGREE => LEFT_OUT,
        (2, false) => COUNTED,
        (1, false) => LEFT_OUT,
        // An image without objects.
        (1, true) if row == row::EMPTY && format == Format::Yolo => KEPT,
        other => panic!("{format}, {row}: {other:?} boxes, and {left_out}"),
    }
}

pub(crate) fn of_names(set: &Set) -> &'static str {
    let folder = tempfile::tempdir().unwrap();
    set.write(folder.path());
    match ClassNames::find(folder.path()) {
        Ok(Some((_, names))) => {
            assert_eq!(names.as_slice(), ["bottle", "can"]);
            KEPT
        }
        Ok(None) | Err(_) => REFUSED,
    }
}

pub(crate) fn of_folders(set: &Set, row: &str) -> &'static str {
    let folder = tempfile::tempdir().unwrap();
    set.write(folder.path());
    let data = DataFolder::scan(folder.path(), LayoutChoice::Is(LayoutKind::Folders)).unwrap();
    let skus: BTreeSet<_> = data.images.iter().filter_map(|image| image.sku.as_deref()).collect();
    if row == row::COMPOSED {
        assert_eq!(skus.len(), 1, "one name, however it is written");
        return KEPT;
    }
    let counted = data.links.len() + data.unsupported.len();
    match (data.images.len(), counted, data.hidden) {
        (2, 0, 0) => KEPT,
        (2, 0, 1..) => PASSED_OVER,
        (2, 1.., 0) => COUNTED,
        (1, 1.., 0) => LEFT_OUT,
        other => panic!("{row}: {other:?}"),
    }
}
