//! Reading JSON from outside: bounded, with the place of every mistake, and no key read twice.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::marker::PhantomData;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::error::{Fault, FormatError, Location};

/// Largest file read. A million boxes of COCO results are about 100 MB.
pub const MAX_BYTES: u64 = 1 << 30;

/// The bytes of a file, at most [`MAX_BYTES`] of them. The length is checked while reading: what the folder says may have
/// changed, and pipes have none.
///
/// # Errors
/// When it cannot be read or is larger.
pub fn read_bounded(path: &Path) -> Result<Vec<u8>, FormatError> {
    read_at_most(path, MAX_BYTES)
}

pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, FormatError> {
    let io = |e: std::io::Error| FormatError::whole(path, e);
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(FormatError::whole(path, Fault::TooLarge { limit }));
    }
    // Windows tools write UTF-16 and byte order marks. What is no text is refused where it is parsed.
    let plain = std::str::from_utf8(&bytes).is_ok_and(|text| !text.starts_with('\u{feff}') && !text.contains('\0'));
    if plain {
        return Ok(bytes);
    }
    Ok(vision::text::decode(bytes.clone()).map_or(bytes, String::into_bytes))
}

/// Parses JSON; `path` names it in errors.
///
/// # Errors
/// When the text is not JSON of that form: with line, column and reason. NaN and infinity are not JSON.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, FormatError> {
    // Windows tools write a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|e| located(path, &e))
}

pub(super) fn located(path: &Path, error: &serde_json::Error) -> FormatError {
    let text = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(&suffix).unwrap_or(&text).to_owned();
    let place = Location::Column(error.line() as u64, error.column() as u64);
    FormatError::new(path, place, Fault::Json(reason))
}

/// A JSON object in which no key may occur twice: the second would silently win.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UniqueMap<V>(pub(crate) BTreeMap<String, V>);

impl<V> Default for UniqueMap<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for UniqueMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Unique<V> {
            type Value = UniqueMap<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if values.contains_key(&key) {
                        return Err(de::Error::custom(format_args!("the key {key:?} occurs twice")));
                    }
                    let value = map.next_value()?;
                    values.insert(key, value);
                }
                Ok(UniqueMap(values))
            }
        }
        deserializer.deserialize_map(Unique(PhantomData))
    }
}

/// What kind of JSON a file holds, told by its outermost keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// COCO: `{"images": [...], "annotations": [...], "categories": [...]}`.
    CocoTruth,
    /// COCO results: `[{"image_id": ..., "bbox": ...}, ...]`.
    CocoResults,
    /// `{"format": "shelf-counts", ...}`.
    ShelfCounts,
    /// `{"format": "shelf-identifications", ...}`.
    ShelfIdentifications,
    /// `{"a.jpg": {"sku": 2}}`.
    CountsByImage,
    /// Answers of the server: one, a list of them, or by image.
    Answers,
    /// An empty list.
    EmptyList,
}

impl Kind {
    /// For error messages.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::CocoTruth => "COCO ground truth",
            Self::CocoResults => "COCO results",
            Self::ShelfCounts => "shelf counts",
            Self::ShelfIdentifications => "shelf identifications",
            Self::CountsByImage => "counts by image",
            Self::Answers => "answers of the server",
            Self::EmptyList => "an empty list",
        }
    }
}

/// Tells the kind of a file without building it in memory.
///
/// # Errors
/// When it is not JSON, or of no kind known here.
pub fn sniff(bytes: &[u8], path: &Path) -> Result<Kind, FormatError> {
    let unknown = || {
        let expected = "COCO (truth or results), shelf-counts, shelf-identifications, counts by image, or answers of \
                        the server (see docs/metrics.md)";
        FormatError::whole(path, Fault::WrongKind { found: "some other JSON", expected })
    };
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match text.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'[') => match parse::<FirstOf>(bytes, path)?.0 {
            None => Ok(Kind::EmptyList),
            Some(Keys(keys)) if keys.contains_key("image_id") => Ok(Kind::CocoResults),
            Some(Keys(keys)) if keys.contains_key("detections") => Ok(Kind::Answers),
            Some(_) => Err(unknown()),
        },
        _ => {
            // Answers may come one a line: the first tells, the rest is read later.
            let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Keys>();
            let Keys(keys) = match values.next() {
                None => return Err(FormatError::whole(path, Fault::Json("the file is empty".to_owned()))),
                Some(first) => first.map_err(|e| located(path, &e))?,
            };
            let single = text[values.byte_offset()..].iter().all(u8::is_ascii_whitespace);
            if !single && !keys.contains_key("detections") {
                return Err(parse::<IgnoredAny>(bytes, path).err().unwrap_or_else(unknown));
            }
            let has = |key: &str| keys.contains_key(key);
            if let Some(Shape::Text(format)) = keys.get("format") {
                return match format.as_str() {
                    "shelf-counts" => Ok(Kind::ShelfCounts),
                    "shelf-identifications" => Ok(Kind::ShelfIdentifications),
                    _ => Err(unknown()),
                };
            }
            let is_answer =
                |shape: &Shape| matches!(shape, Shape::Object(inner) if inner.iter().any(|k| k == "detections"));
            let answers = keys.get("detections") == Some(&Shape::List) || keys.values().all(is_answer);
            match () {
                () if keys.is_empty() => Err(unknown()),
                () if has("images") && has("annotations") => Ok(Kind::CocoTruth),
                () if answers => Ok(Kind::Answers),
                () if keys.values().all(|v| matches!(v, Shape::Object(_))) => Ok(Kind::CountsByImage),
                () => Err(unknown()),
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum Shape {
    Text(String),
    List,
    Object(Vec<String>),
    Other,
}

struct Keys(BTreeMap<String, Shape>);

struct FirstOf(Option<Keys>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UniqueMap::deserialize(deserializer).map(|UniqueMap(map)| Self(map))
    }
}

impl<'de> Deserialize<'de> for FirstOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = FirstOf;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of objects")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<FirstOf, A::Error> {
                let first = list.next_element::<Keys>()?;
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(FirstOf(first))
            }
        }
        deserializer.deserialize_seq(First)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyShape;
        impl<'de> Visitor<'de> for AnyShape {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
                Ok(Shape::Text(text.to_owned()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_unit<E>(self) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Shape::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
                    // A few keys tell the kind; a hostile object must not fill the memory.
                    if keys.len() < 32 {
                        keys.push(key);
                    }
                }
                Ok(Shape::Object(keys))
            }
        }
        deserializer.deserialize_any(AnyShape)
    }
}
