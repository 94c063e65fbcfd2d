//! Stock keeping units: what a facing is identified as.

use std::fmt;

/// Stable number of a SKU within a gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SkuId(pub u32);

impl SkuId {
    /// Stands for crops of which a person said that no container is on them. Enrolled SKUs count from 1.
    pub const NOT_A_CONTAINER: Self = Self(0);
}

impl fmt::Display for SkuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A product as the gallery knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sku {
    /// Stable number.
    pub id: SkuId,
    /// Unique code: the name of its folder when it was enrolled (`sku_001_absolut_vodka`).
    pub code: String,
    /// What people read ("Absolut Vodka").
    pub name: String,
}

/// The display name a folder name suggests: `sku_001_absolut_vodka` -> `Absolut Vodka`, `coke-zero` -> `Coke Zero`.
#[must_use]
pub fn display_name(code: &str) -> String {
    let words: Vec<&str> =
        code.split(|c: char| matches!(c, '_' | '-') || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    // A leading "sku 001" is the number of the product, not its name.
    let is_number = |w: &str| w.chars().all(|c| c.is_ascii_digit());
    let named = match words.as_slice() {
        [sku, number, rest @ ..] if sku.eq_ignore_ascii_case("sku") && is_number(number) && !rest.is_empty() => rest,
        all => all,
    };
    let capitalised = named.iter().map(|w| {
        let mut letters = w.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    capitalised.collect::<Vec<_>>().join(" ")
}
