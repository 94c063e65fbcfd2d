//! What annotation programs say beside a box, and what it means here. One rule for all formats.

use std::collections::BTreeMap;

use super::model::Object;

/// Kind of what is left out because the box is turned: its upright numbers are another box.
pub(super) const TURNED: &str = "turned boxes";
/// Kind of what is left out because it is not on the image.
const OUTSIDE: &str = "boxes marked as outside the image";

/// Whether a rotation in degrees turns a box. Programs that let people turn boxes by hand leave crumbs near 0 and 360.
pub(super) fn is_turned(degrees: f64) -> bool {
    let rest = degrees.rem_euclid(360.0);
    rest.is_nan() || (CRUMBS..=360.0 - CRUMBS).contains(&rest)
}

const CRUMBS: f64 = 0.01;

/// Honours the attributes that change what a box is: `rotation` and `outside` leave it out (the kind is answered), crowd and
/// difficult make it a crowd. `truncated`, `occluded` and all others stay as they are.
pub(super) fn honour(object: &mut Object) -> Option<&'static str> {
    let named = |names: &[&str], key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
    let turned = |value: &String| value.trim().parse().is_ok_and(is_turned);
    if object.attributes.iter().any(|(key, value)| named(&["rotation"], key) && turned(value)) {
        return Some(TURNED);
    }
    let says = |attributes: &BTreeMap<String, String>, names: &[&str]| {
        attributes.iter().any(|(key, value)| named(names, key) && is_true(value))
    };
    if says(&object.attributes, &["outside"]) {
        return Some(OUTSIDE);
    }
    if says(&object.attributes, &CROWDS) {
        object.crowd = true;
        object.attributes.retain(|key, value| !(named(&CROWDS, key) && is_true(value)));
    }
    None
}

/// Names under which programs say that a box is not one object to be found.
const CROWDS: [&str; 4] = ["crowd", "iscrowd", "is_crowd", "difficult"];

/// Whether a box is said to be partly seen: it stays, but plain labels cannot say so.
pub(super) fn partly_seen(object: &Object) -> bool {
    const FLAGS: [&str; 3] = ["truncated", "occluded", "hidden"];
    object
        .attributes
        .iter()
        .any(|(key, value)| FLAGS.iter().any(|flag| key.eq_ignore_ascii_case(flag)) && is_true(value))
}

/// Whether a flag is set, in the words of the formats.
pub(super) fn is_true(value: &str) -> bool {
    ["1", "1.0", "true", "yes"].iter().any(|yes| value.trim().eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::Rect;

    #[test]
    fn what_stands_beside_a_box() {
        let check = |key: &str, value: &str, expected: Option<&str>, crowd: bool, left: usize| {
            let attributes = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            let rect = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
            let mut object = Object { id: 1, category: 1, rect, crowd: false, area: None, attributes };
            assert_eq!(honour(&mut object), expected, "{key}={value}");
            assert_eq!((object.crowd, object.attributes.len()), (crowd, left), "{key}={value}");
        };
        check("rotation", "37.5", Some(TURNED), false, 1);
        check("Rotation", "-90", Some(TURNED), false, 1);
        check("rotation", "0.0", None, false, 1);
        check("rotation", "359.9999999", None, false, 1);
        check("rotation", "none", None, false, 1);
        check("outside", "True", Some(OUTSIDE), false, 1);
        check("outside", "0", None, false, 1);
        check("iscrowd", "1", None, true, 0);
        check("difficult", "yes", None, true, 0);
        check("difficult", "no", None, false, 1);
        check("occluded", "true", None, false, 1);
        check("truncated", "1", None, false, 1);
        assert!(is_turned(f64::NAN), "what is no angle is not upright");
    }
}
