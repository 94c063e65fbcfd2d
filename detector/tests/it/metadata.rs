//! Key-value pairs as Ultralytics writes them, and as nobody should.

use std::collections::BTreeMap;

use detector::metadata::{ExportMetadata, MAX_BYTES, MAX_CLASSES, Problem, parse_names};
use proptest::prelude::*;

#[test]
fn names_are_read_as_python_and_json_write_them() {
    for (text, expected) in [
        ("{0: 'person', 1: 'wine glass'}", vec!["person", "wine glass"]),
        ("{1: 'b', 0: 'a',}", vec!["a", "b"]),
        (r#"{0: "driver's seat", 1: 'say "hi"'}"#, vec!["driver's seat", "say \"hi\""]),
        (r"{0: 'it\'s', 1: 'a\\b', 2: '\x41\u00e9\U0001F37E\n'}", vec!["it's", "a\\b", "A\u{e9}\u{1F37E}\n"]),
        (r#"{"0": "flasche", "1": "dose"}"#, vec!["flasche", "dose"]),
        ("['bottle', 'can']", vec!["bottle", "can"]),
        (" { 0 :\n'x' } ", vec!["x"]),
        ("{0: ''}", vec![""]),
        ("{}", vec![]),
    ] {
        assert_eq!(parse_names(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn anything_else_is_refused_with_its_place() {
    for (text, at, problem) in [
        ("", 0, Problem::Expected("`{` or `[`")),
        ("__import__('os').system('true')", 0, Problem::Expected("`{` or `[`")),
        ("{0: open('x')}", 4, Problem::Expected("a quoted name")),
        ("{0: 'a'", 7, Problem::Expected("`,` or the end of the names")),
        ("{0: 'a", 6, Problem::Expected("a closing quote")),
        ("{0 'a'}", 3, Problem::Expected("`:`")),
        ("{0: 'a'} or more", 9, Problem::Expected("the end")),
        ("{-1: 'a'}", 1, Problem::Expected("a number")),
        ("{0: 'a', 0: 'b'}", 9, Problem::Twice(0)),
        ("{0: 'a', 2: 'b'}", 16, Problem::Gap(1)),
        ("{99999999999999999999999: 'a'}", 20, Problem::Expected("a smaller number")),
        (r"{0: '\q'}", 7, Problem::Expected("an escape sequence of Python")),
        (r"{0: '\ud800'}", 11, Problem::Expected("a character that exists")),
        (r"{0: '\x4'}", 8, Problem::Expected("a hexadecimal digit")),
        ("{'0: 'a'}", 3, Problem::Expected("a closing quote")),
    ] {
        let error = parse_names(text).unwrap_err();
        assert_eq!((error.key, error.at, error.problem), ("names", at, problem), "{text}");
    }
}

#[test]
fn sizes_are_bounded() {
    let many: String = (0..=MAX_CLASSES).map(|i| format!("{i}: 'x', ")).collect();
    assert_eq!(parse_names(&format!("{{{many}}}")).unwrap_err().problem, Problem::TooMany);
    assert_eq!(parse_names(&" ".repeat(MAX_BYTES + 1)).unwrap_err().problem, Problem::TooLong);
    assert_eq!(parse_names(&format!("{{0: '{}'}}", "x".repeat(201))).unwrap_err().problem, Problem::LongName);
    assert_eq!(parse_names(&format!("{{0: '{}'}}", "x".repeat(200))).unwrap()[0].len(), 200);
}

#[test]
fn the_other_keys_are_read() {
    let parse = |pairs: &[(&str, &str)]| {
        let pairs: BTreeMap<_, _> = pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        ExportMetadata::parse(&pairs)
    };
    assert_eq!(parse(&[("license", "AGPL-3.0")]), Ok(ExportMetadata::default()));
    let all = parse(&[("stride", "32"), ("imgsz", "[480, 640]"), ("task", "detect"), ("names", "{0: 'a'}")]).unwrap();
    assert_eq!((all.stride, all.image_size, all.task.as_deref()), (Some(32), Some((480, 640)), Some("detect")));
    assert_eq!(parse(&[("imgsz", "640")]).unwrap().image_size, Some((640, 640)));
    for (key, value) in [
        ("stride", "0"),
        ("stride", ""),
        ("stride", "99999"),
        ("stride", "32.5"),
        ("imgsz", "[640]"),
        ("imgsz", "[640, 0]"),
        ("imgsz", "[640, 640, 3]"),
        ("imgsz", "(640, 640)"),
        ("imgsz", "[4294967296, 1]"),
        ("imgsz", "[5000, 640]"),
    ] {
        assert_eq!(parse(&[(key, value)]).unwrap_err().key, key, "{key} = {value}");
    }
}

proptest! {
    /// Whatever bytes come, the parser answers.
    #[test]
    fn hostile_text_never_panics(text in r#"[\[\]{}:,'"\\0-9a-z xuU\PC]{0,60}"#) {
        let _ = parse_names(&text);
        let pairs = BTreeMap::from([("stride".to_owned(), text.clone()), ("imgsz".to_owned(), text)]);
        let _ = ExportMetadata::parse(&pairs);
    }

    /// What Python's `repr` does to plain names is undone.
    #[test]
    fn names_survive_repr(names in proptest::collection::vec("[a-zA-Z0-9 '\"\\\\\u{e9}\u{4e2d}_-]{0,20}", 0..20)) {
        let quoted = |name: &String| {
            let escaped = name.replace('\\', "\\\\");
            if name.contains('\'') && !name.contains('"') { format!("\"{escaped}\"") } else { format!("'{}'", escaped.replace('\'', "\\'")) }
        };
        let items: Vec<String> = names.iter().enumerate().map(|(i, name)| format!("{i}: {}", quoted(name))).collect();
        prop_assert_eq!(parse_names(&format!("{{{}}}", items.join(", "))).unwrap(), names);
    }
}
