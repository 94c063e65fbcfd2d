//! Where a page of a list ended, as text for clients to hand back.

use vision::Sha256;

use crate::error::StoreError;
use crate::sort::{ItemSort, SortValue};

/// The last row of a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cursor {
    pub(crate) sort: ItemSort,
    pub(crate) value: SortValue,
    pub(crate) id: String,
}

impl Cursor {
    pub(crate) fn spell(&self) -> String {
        let value = match self.value {
            SortValue::Time(time) => format!("{time:x}"),
            SortValue::Score(score) => format!("{:x}", score.to_bits()),
        };
        let body = format!("{}.{value}.{}", self.sort, self.id);
        format!("{body}.{}", check(&body))
    }

    /// What was spelled, and nothing else.
    pub(crate) fn parse(text: &str, sort: ItemSort) -> Result<Self, StoreError> {
        let wrong = || StoreError::invalid("cursor", text, "one that this list gave, for the same sort, unchanged");
        let (body, sum) = text.rsplit_once('.').ok_or_else(wrong)?;
        let parts: Vec<&str> = body.split('.').collect();
        let [named, value, id] = parts.as_slice() else { return Err(wrong()) };
        if check(body) != sum || *named != sort.as_str() {
            return Err(wrong());
        }
        let value = match sort {
            ItemSort::Newest | ItemSort::Oldest => {
                SortValue::Time(i64::from_str_radix(value, 16).map_err(|_| wrong())?)
            }
            ItemSort::Priority | ItemSort::Similarity => {
                let score = f64::from_bits(u64::from_str_radix(value, 16).map_err(|_| wrong())?);
                SortValue::Score(Some(score).filter(|score| score.is_finite()).ok_or_else(wrong)?)
            }
        };
        Ok(Self { sort, value, id: (*id).to_owned() })
    }
}

/// Not a secret: a cursor opens nothing that the list does not. It tells a mangled one from a whole one.
fn check(body: &str) -> String {
    Sha256::of_parts(&[b"cursor", body.as_bytes()]).short()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_changed_ones_are_refused() {
        for (sort, value) in [
            (ItemSort::Priority, SortValue::Score(0.1 + 0.2)),
            (ItemSort::Similarity, SortValue::Score(-0.0)),
            (ItemSort::Newest, SortValue::Time(1_795_000_000_000)),
        ] {
            let cursor = Cursor { sort, value, id: "0194f3a2-7c1e-7f00-8000-2b6d1f0c9a11".to_owned() };
            let text = cursor.spell();
            assert_eq!(Cursor::parse(&text, sort).expect("it is whole"), cursor);
            assert!(Cursor::parse(&text, ItemSort::Oldest).is_err());
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'3' { b'4' } else { b'3' };
                let changed = String::from_utf8(changed).expect("ASCII");
                assert!(Cursor::parse(&changed, sort).is_err(), "{changed}");
            }
        }
        for text in ["", ".", "priority.1.2", "'; DROP TABLE items; --"] {
            assert!(Cursor::parse(text, ItemSort::Priority).is_err(), "{text}");
        }
    }
}
