//! Which number a folder's SKU gets.

use std::collections::{BTreeMap, BTreeSet};

use vision::SkuId;

use super::super::data::GalleryData;

/// A number for each code: the one it has in `data`, else the one its name begins with (`sku_007_...` -> 7) when that is
/// unique and free, else the smallest free one, in order of code.
pub(super) fn assign<'a>(codes: &[&'a str], data: &GalleryData) -> BTreeMap<&'a str, SkuId> {
    let codes: BTreeSet<&str> = codes.iter().copied().collect();
    let known: BTreeMap<&str, SkuId> =
        codes.iter().filter_map(|code| data.sku_by_code(code).map(|sku| (*code, sku.id))).collect();
    let unknown = || codes.iter().copied().filter(|code| !known.contains_key(code));

    let mut claims: BTreeMap<u32, usize> = BTreeMap::new();
    for number in unknown().filter_map(number_in) {
        *claims.entry(number).or_default() += 1;
    }
    let free = |id: u32| data.sku(SkuId(id)).is_none();
    let own = |code: &str| number_in(code).filter(|&number| claims[&number] == 1 && free(number));
    let mut taken: BTreeSet<u32> = unknown().filter_map(own).collect();

    // Numbers below the gallery's next one may have belonged to SKUs that were removed.
    let mut next = data.next_ids().sku;
    let mut assigned = known.clone();
    for code in unknown() {
        let id = own(code).unwrap_or_else(|| {
            while taken.contains(&next) {
                next = next.saturating_add(1);
            }
            taken.insert(next);
            next
        });
        assigned.insert(code, SkuId(id));
    }
    assigned
}

/// `sku_001_absolut_vodka`, `SKU-001`, `sku 1 x` -> 1.
fn number_in(code: &str) -> Option<u32> {
    let mut words = code.split(['_', '-', ' ']).filter(|word| !word.is_empty());
    let (sku, number) = (words.next()?, words.next()?);
    // The largest number is left out: no id follows it.
    (sku.eq_ignore_ascii_case("sku") && number.bytes().all(|b| b.is_ascii_digit()))
        .then(|| number.parse().ok())
        .flatten()
        .filter(|&number| number < u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::EmbedderIdentity;
    use vision::Sku;

    fn data(skus: &[(u32, &str)]) -> GalleryData {
        let identity =
            EmbedderIdentity { fingerprint: vision::Sha256::of(b"x"), dimension: 2, description: String::new() };
        let mut data = GalleryData::new("g", identity);
        for &(id, code) in skus {
            data.insert_sku(Sku { id: SkuId(id), code: code.to_owned(), name: code.to_owned() }).unwrap();
        }
        data
    }

    #[test]
    fn numbers_follow_the_folders() {
        let check = |enrolled: &[(u32, &str)], codes: &[&str], expected: &[u32]| {
            let assigned = assign(codes, &data(enrolled));
            let found: Vec<u32> = codes.iter().map(|code| assigned[code].0).collect();
            assert_eq!(found, expected, "{codes:?} into {enrolled:?}");
        };
        check(&[], &["cola", "ale", "beer"], &[3, 1, 2]);
        check(&[], &["sku_007_gin", "sku_001_rum", "SKU-3"], &[7, 1, 3]);
        check(&[], &["sku_002_gin", "ale", "beer"], &[2, 1, 3]);
        // Two folders claim 1: neither gets it by right.
        check(&[], &["sku_001_gin", "sku_01_rum", "sku_2_ale"], &[1, 3, 2]);
        check(&[(4, "ale")], &["ale", "beer"], &[4, 5]);
        check(&[(4, "ale")], &["sku_4_beer", "sku_2_gin"], &[5, 2]);
        check(&[], &["sku_99999999999_x", "sku__x"], &[1, 2]);
    }
}
