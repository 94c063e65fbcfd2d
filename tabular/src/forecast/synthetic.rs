//! Made-up counts, which say so: to try things out where nobody has counted yet.

use serde::{Deserialize, Serialize};
use vision::Random;

use super::visits::SYNTHETIC;
use crate::table::{Categories, Column, Table, Values};

const DAY: i64 = 86_400_000_000;
/// 2026-01-05, a Monday, 00:00 UTC.
const BEGIN: i64 = 20_458 * DAY;
/// How much is sold on each weekday, from Monday.
const WEEK: [f64; 7] = [0.8, 0.8, 0.9, 1.0, 1.3, 1.5, 0.7];
/// Different SKUs.
const SKUS: usize = 400;
/// Rows, at most.
const MAX_ROWS: usize = 10_000_000;

/// How many counts are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyntheticOptions {
    /// Shelves; ten of them are a store.
    pub shelves: usize,
    /// SKUs on each.
    pub skus: usize,
    /// Days; most have one visit.
    pub days: usize,
    /// Another seed, other counts.
    pub seed: u64,
}

impl Default for SyntheticOptions {
    fn default() -> Self {
        Self { shelves: 10, skus: 8, days: 120, seed: 42 }
    }
}

/// A table of counts with the columns of the real one, whose `release` is `synthetic`. A shop sells by chance, more before weekends, and is
/// refilled twice a week, sometimes less. None where there would be more than ten million rows, or
/// four hundred SKUs on a shelf.
#[must_use]
pub fn synthetic_counts(options: &SyntheticOptions) -> Option<Table> {
    let SyntheticOptions { shelves, skus, days, seed } = *options;
    let most = shelves.checked_mul(skus)?.checked_mul(days)?;
    if most > MAX_ROWS || skus > SKUS {
        return None;
    }
    let mut rows = Rows::default();
    for shelf in 0..shelves {
        let mut random = Random::stream(seed, shelf as u64);
        let mut places: Vec<Place> = (0..skus).map(|sku| Place::new(shelf * 31 + sku, &mut random)).collect();
        for day in 0..days {
            let weekday = day % 7;
            let visited = random.unit() < 0.92;
            let moment = BEGIN + day as i64 * DAY + 8 * 3_600_000_000 + random.below(7_200) as i64 * 1_000_000;
            if visited {
                let on_photo: usize = places.iter().map(|place| place.facings).sum();
                let unknown = usize::from(random.unit() < 0.1);
                for place in &places {
                    rows.put(moment, shelf, place, (on_photo + unknown, unknown));
                }
            }
            for place in &mut places {
                // After the visit: Mondays and Thursdays bring goods, and sometimes they do not come.
                if matches!(weekday, 0 | 3) && random.unit() < 0.8 {
                    place.facings = place.room;
                }
                let sold = poisson(place.sold_per_day * WEEK[weekday], &mut random);
                place.facings = place.facings.saturating_sub(sold);
            }
        }
    }
    rows.table()
}

struct Place {
    sku: String,
    room: usize,
    facings: usize,
    sold_per_day: f64,
}

impl Place {
    fn new(number: usize, random: &mut Random) -> Self {
        let room = 4 + random.below(13);
        let sold_per_day = room as f64 * random.range(0.08, 0.45);
        Self { sku: format!("sku_{:03}", number % SKUS), room, facings: room, sold_per_day }
    }
}

/// How often something happens that happens so often on the mean (Knuth 1969).
fn poisson(mean: f64, random: &mut Random) -> usize {
    let limit = (-mean).exp();
    let (mut count, mut product) = (0, random.unit());
    while product > limit {
        product *= random.unit();
        count += 1;
    }
    count
}

#[derive(Default)]
struct Rows {
    times: Vec<Option<i64>>,
    words: [Vec<String>; 3],
    facings: Vec<f64>,
    on_photo: Vec<f64>,
    unknown: Vec<f64>,
}

impl Rows {
    fn put(&mut self, moment: i64, shelf: usize, place: &Place, (on_photo, unknown): (usize, usize)) {
        self.times.push(Some(moment));
        let words = [format!("store {}", shelf / 10 + 1), format!("shelf {}", shelf + 1), place.sku.clone()];
        self.words.iter_mut().zip(words).for_each(|(column, word)| column.push(word));
        self.facings.push(place.facings as f64);
        self.on_photo.push(on_photo as f64);
        self.unknown.push(unknown as f64);
    }

    fn table(self) -> Option<Table> {
        let rows = self.times.len();
        let [store, shelf, sku] = &self.words;
        let words = |name: &str, words: &[String]| Column {
            name: name.to_owned(),
            values: Values::Text(Categories::of(words.iter().map(|word| Some(word.as_str())))),
        };
        let columns = vec![
            Column { name: "time".to_owned(), values: Values::Time(self.times) },
            words("store", store),
            words("shelf", shelf),
            words("sku", sku),
            Column::numbers("facings", self.facings),
            Column::numbers("photo_facings", self.on_photo),
            Column::numbers("photo_unknown", self.unknown),
            words("release", &vec![SYNTHETIC.to_owned(); rows]),
        ];
        Table::new(columns).ok()
    }
}
