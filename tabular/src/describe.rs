//! What a table holds: types, missing values, statistics of its numbers.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};
use vision::Sha256;

use crate::stats::{ascending, mean, quantile, variance};
use crate::table::{Kind, Table, Values};

/// A map that keeps the order of columns.
#[derive(Debug, Clone, PartialEq)]
pub struct ByColumn<T>(pub Vec<(String, T)>);

impl<T> ByColumn<T> {
    /// What is said of a column.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(column, _)| column == name).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for ByColumn<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByColumn<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = ByColumn<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from columns")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut columns = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    columns.push(entry);
                }
                Ok(ByColumn(columns))
            }
        }

        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

/// Statistics of a column of numbers, without its missing values: equal to `describe` of pandas. `null` where there are too few values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NumericStats {
    /// The mean.
    pub mean: Option<f64>,
    /// The standard deviation of a sample (`n - 1` below).
    pub std: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The lower quartile, linear between neighbours.
    pub p25: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The upper quartile.
    pub p75: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl NumericStats {
    /// Statistics of these values; NaN is missing.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let sorted = ascending(values.iter().copied());
        let known = |value: f64| Some(value).filter(|value| value.is_finite());
        Self {
            mean: known(mean(&sorted)),
            std: known(variance(&sorted, 1).sqrt()),
            min: sorted.first().copied(),
            p25: known(quantile(&sorted, 0.25)),
            p50: known(quantile(&sorted, 0.50)),
            p75: known(quantile(&sorted, 0.75)),
            max: sorted.last().copied(),
        }
    }
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Their names.
    pub column_names: Vec<String>,
    /// Their types, as pandas calls them.
    pub dtypes: ByColumn<Cow<'static, str>>,
    /// What each column holds: its type as a reader is told.
    pub kinds: ByColumn<Kind>,
    /// Missing values of each column.
    pub missing_values: ByColumn<usize>,
    /// Statistics of each column of numbers.
    pub numeric_stats: ByColumn<NumericStats>,
    /// Digest of the content: the version.
    pub sha256: Sha256,
}

/// Describes a table.
#[must_use]
pub fn describe(table: &Table) -> Description {
    let numbers = table.columns().iter().filter_map(|column| match &column.values {
        Values::Number(numbers) => Some((column.name.clone(), NumericStats::of(&numbers.values))),
        _ => None,
    });
    Description {
        rows: table.rows(),
        columns: table.columns().len(),
        column_names: table.names(),
        dtypes: ByColumn(table.columns().iter().map(|column| (column.name.clone(), column.dtype().into())).collect()),
        kinds: ByColumn(table.columns().iter().map(|column| (column.name.clone(), column.kind())).collect()),
        missing_values: ByColumn(table.columns().iter().map(|c| (c.name.clone(), c.missing())).collect()),
        numeric_stats: ByColumn(numbers.collect()),
        sha256: table.sha256(),
    }
}
