//! What photos counted becomes a table: who stood where, how many, when.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use store::Store;
use store::audit::Actor;
use store::model::Timestamp;
use store::predictions::{Cursor, Prediction, PredictionRange};
use tabular::table::show_moment;
use vision::SkuId;

use super::upload::{Origins, Uploaded};
use crate::error::PlatformError;
use crate::platform::Platform;

/// Columns of the table, in order.
const COLUMNS: [&str; 8] = ["time", "store", "shelf", "sku", "facings", "photo_facings", "photo_unknown", "release"];
/// Answers asked for at a time.
const PAGE: u32 = 1000;
/// SKUs of one shelf that are carried on as empty places; more are no shelf.
const MAX_SKUS: usize = 1000;
/// Shelves that are followed at the same time.
const MAX_SHELVES: usize = 100_000;

/// Which answers become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountsRange {
    /// Milliseconds since 1970: answered from then on.
    pub from: Timestamp,
    /// Before then.
    pub until: Timestamp,
}

impl Platform {
    /// A table of what answers counted that name a store and a shelf, in the order they were given: a row for each SKU on the photo, and
    /// one of no facings for each that an earlier photo of the range saw on that shelf. No row knows of a later photo. Kept as a data
    /// set.
    ///
    /// # Errors
    /// When nothing was counted, the table is larger than may be, or the store cannot be reached.
    pub async fn counts(
        &self,
        range: CountsRange,
        name: Option<&str>,
        key: Option<&str>,
        actor: &Actor,
    ) -> Result<Uploaded, PlatformError> {
        let mut file = self.receive().await?;
        let mut counted = self.counted(range, &actor.organisation).await?;
        while let Some(lines) = counted.next().await? {
            file.write(&lines).await?;
        }
        let lineage = json!({"operation": "counts", "from": range.from, "until": range.until});
        let name = name.map(str::trim).filter(|name| !name.is_empty()).unwrap_or("counts").to_owned();
        self.read_in(file, Origins { name, target: None, lineage }, key, actor).await
    }

    /// The same as CSV, piece by piece.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn counted(&self, range: CountsRange, organisation: &str) -> Result<Counted, PlatformError> {
        let asked = PredictionRange { organisation: organisation.to_owned(), from: range.from, until: range.until };
        let (place, shelves) = (Place::Head, Shelves::default());
        Ok(Counted { store: self.store().await?, asked, place, shelves, codes: BTreeMap::new(), rows: 0 })
    }
}

/// Counts on their way out, as CSV.
#[derive(Debug)]
pub struct Counted {
    store: Store,
    asked: PredictionRange,
    place: Place,
    shelves: Shelves,
    codes: BTreeMap<SkuId, String>,
    rows: u64,
}

#[derive(Debug)]
enum Place {
    Head,
    After(Option<Cursor>),
    End,
}

impl Counted {
    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The next lines, the head first; none at the end. A piece may be empty: photos that name no shelf have no rows.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, PlatformError> {
        let after = match std::mem::replace(&mut self.place, Place::End) {
            Place::Head => {
                self.place = Place::After(None);
                return line(&COLUMNS.map(str::to_owned)).map(Some);
            }
            Place::After(after) => after,
            Place::End => return Ok(None),
        };
        let page = self.store.predictions(&self.asked, after, PAGE).await?;
        learn_codes(&self.store, &page.predictions, &mut self.codes).await?;
        let mut lines = Vec::new();
        for prediction in &page.predictions {
            for row in self.shelves.rows(prediction, &self.codes) {
                lines.extend(line(&row)?);
                self.rows += 1;
            }
        }
        if page.next.is_some() {
            self.place = Place::After(page.next);
        }
        Ok(Some(lines))
    }
}

/// Codes of SKUs that were not met before; those that left the catalogue go by their number.
async fn learn_codes(
    store: &Store,
    predictions: &[Prediction],
    codes: &mut BTreeMap<SkuId, String>,
) -> Result<(), PlatformError> {
    let met: BTreeSet<SkuId> = predictions.iter().flat_map(|prediction| prediction.counts.keys().copied()).collect();
    let new: Vec<SkuId> = met.into_iter().filter(|sku| !codes.contains_key(sku)).collect();
    if !new.is_empty() {
        codes.extend(new.iter().map(|sku| (*sku, format!("#{}", sku.0))));
        codes.extend(store.skus(&new).await?.into_iter().map(|known| (known.id, known.code)));
    }
    Ok(())
}

/// What was seen on each shelf so far.
#[derive(Debug, Default)]
struct Shelves(BTreeMap<(String, String), BTreeSet<SkuId>>);

impl Shelves {
    /// Rows of a photo; none without a store and a shelf.
    fn rows(&mut self, photo: &Prediction, codes: &BTreeMap<SkuId, String>) -> Vec<[String; 8]> {
        let (Some(store), Some(shelf)) = (&photo.store, &photo.shelf) else { return Vec::new() };
        let place = (store.clone(), shelf.clone());
        let known = self.0.len() < MAX_SHELVES || self.0.contains_key(&place);
        let mut counts = photo.counts.clone();
        if known {
            let seen = self.0.entry(place).or_default();
            seen.iter().for_each(|sku| {
                counts.entry(*sku).or_insert(0);
            });
            for sku in photo.counts.keys() {
                if seen.len() < MAX_SKUS {
                    seen.insert(*sku);
                }
            }
        }
        let time = show_moment(photo.taken_at.unwrap_or(photo.at).saturating_mul(1000));
        let row = |(sku, count): (SkuId, u32)| {
            let code = codes.get(&sku).cloned().unwrap_or_else(|| format!("#{}", sku.0));
            let (all, unknown) = (photo.facings.to_string(), photo.unknown.to_string());
            [time.clone(), store.clone(), shelf.clone(), code, count.to_string(), all, unknown, photo.release.clone()]
        };
        counts.into_iter().map(row).collect()
    }
}

/// A line of CSV.
fn line(cells: &[String]) -> Result<Vec<u8>, PlatformError> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).map_err(std::io::Error::from)?;
    writer.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vision::Sha256;

    fn photo(at: Timestamp, shelf: Option<&str>, counts: &[(u32, u32)]) -> Prediction {
        Prediction {
            at,
            id: at,
            request_id: "r".to_owned(),
            release: "shelf@1".to_owned(),
            arm: None,
            store: Some("Main, \"North\"".to_owned()),
            shelf: shelf.map(str::to_owned),
            taken_at: None,
            photo: Sha256([0; 32]),
            latency_ms: 1.0,
            facings: counts.iter().map(|(_, count)| count).sum(),
            unknown: 0,
            counts: counts.iter().map(|(sku, count)| (SkuId(*sku), *count)).collect(),
        }
    }

    #[test]
    fn what_stood_there_before_and_does_not_now_is_an_empty_place() {
        let codes = BTreeMap::from([(SkuId(1), "cola".to_owned()), (SkuId(2), "tea".to_owned())]);
        let mut shelves = Shelves::default();
        let mut told = |photo: &Prediction| -> Vec<(String, String)> {
            shelves.rows(photo, &codes).into_iter().map(|row| (row[3].clone(), row[4].clone())).collect()
        };
        let pair = |sku: &str, count: &str| (sku.to_owned(), count.to_owned());
        assert_eq!(told(&photo(1, Some("a"), &[(1, 3)])), [pair("cola", "3")], "tea is not known of yet");
        assert_eq!(told(&photo(2, Some("a"), &[(2, 5)])), [pair("cola", "0"), pair("tea", "5")]);
        assert_eq!(told(&photo(3, Some("a"), &[])), [pair("cola", "0"), pair("tea", "0")]);
        assert_eq!(told(&photo(4, Some("b"), &[(9, 1)])), [pair("#9", "1")], "another shelf, a SKU of no catalogue");
        assert_eq!(told(&photo(5, None, &[(1, 3)])), [], "no shelf is named");
    }

    #[test]
    fn cells_are_quoted() {
        let text = line(&["a,b".to_owned(), "c\"d".to_owned()]).expect("a line");
        assert_eq!(text, b"\"a,b\",\"c\"\"d\"\n");
    }
}
