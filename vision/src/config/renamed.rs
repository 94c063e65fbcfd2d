//! Keys that have another name now: the old one is understood for one release, and whoever writes it is told the new one.
//!
//! The reader itself takes both names (`#[serde(alias = "OLD")]`, which also refuses a file that says both). What stands
//! here looks at the keys of a document beside it and finds the old ones.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A key under a new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renamed {
    /// Dotted name of the section it stands in, by its new name; empty for the uppermost one.
    pub section: &'static str,
    /// Its name until now.
    pub old: &'static str,
    /// Its name.
    pub new: &'static str,
}

/// A key of a document that is written by its old name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldKey {
    /// Dotted name as written, sections included.
    pub written: String,
    /// Dotted name as it should be.
    pub name: String,
}

impl fmt::Display for OldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, name } = self;
        write!(f, "`{written}` is called `{name}` now: the old name goes with the next release")
    }
}

/// The keys of a document in sections, whatever their values are. Items of a list have the keys of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<(String, Keys)>);

impl Keys {
    /// The keys that `table` knows by other names, each once, in the order of the document.
    #[must_use]
    pub fn old(&self, table: &[Renamed]) -> Vec<OldKey> {
        let mut found = Vec::new();
        self.collect(table, ("", ""), &mut found);
        found
    }

    fn collect(&self, table: &[Renamed], (written, section): (&str, &str), found: &mut Vec<OldKey>) {
        let within =
            |section: &str, key: &str| if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        for (key, inside) in &self.0 {
            let renamed = table.iter().find(|entry| entry.section == section && entry.old == key);
            let old = OldKey {
                written: within(written, key),
                name: within(section, renamed.map_or(key.as_str(), |entry| entry.new)),
            };
            if renamed.is_some() && !found.contains(&old) {
                found.push(old.clone());
            }
            inside.collect(table, (&old.written, &old.name), found);
        }
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some(entry) = map.next_entry()? {
            keys.push(entry);
        }
        Ok(Keys(keys))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some(Keys(more)) = list.next_element()? {
            keys.extend(more);
        }
        Ok(Keys(keys))
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Keys, D::Error> {
        Keys::deserialize(value)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_unit<E>(self) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_none<E>(self) -> Result<Keys, E> {
        Ok(Keys::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Renamed] = &[
        Renamed { section: "", old: "drawn", new: "synthetic" },
        Renamed { section: "synthetic", old: "share", new: "ratio" },
        Renamed { section: "steps", old: "until", new: "end" },
    ];

    #[test]
    fn old_keys_are_found_where_they_stand() {
        let check = |json: &str, expected: &[(&str, &str)]| {
            let keys: Keys = serde_json::from_str(json).unwrap();
            let found = keys.old(TABLE);
            let found: Vec<_> = found.iter().map(|key| (key.written.as_str(), key.name.as_str())).collect();
            assert_eq!(found, expected, "{json}");
        };
        check(r#"{"drawn": {"share": 1.5}}"#, &[("drawn", "synthetic"), ("drawn.share", "synthetic.ratio")]);
        check(r#"{"synthetic": {"share": 1}}"#, &[("synthetic.share", "synthetic.ratio")]);
        check(r#"{"steps": [{"until": 1, "size": 2}, {"until": 3}, null]}"#, &[("steps.until", "steps.end")]);
        check(r#"{"synthetic": {"ratio": 1}, "share": "x", "other": {"drawn": -1, "on": true}}"#, &[]);
        check("[]", &[]);
        check("null", &[]);
    }

    #[test]
    fn the_new_name_is_told() {
        let key = OldKey { written: "drawn.share".to_owned(), name: "synthetic.ratio".to_owned() };
        assert!(key.to_string().starts_with("`drawn.share` is called `synthetic.ratio` now"), "{key}");
    }
}
