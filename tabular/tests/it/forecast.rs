//! What stands on a shelf at the next visit: intervals hold as often as they say, nothing of the future is known, tables that do not
//! fit are refused.

use tabular::forecast::{
    Forecast, ForecastError, ForecastOptions, SyntheticOptions, forecast, is_synthetic, synthetic_counts,
};
use tabular::table::{Numbers, Values};
use tabular::{Column, ReadOptions, Table, read_csv, write_csv};
use vision::{Cancel, Random};

fn told(table: &Table) -> Forecast {
    forecast(table, &ForecastOptions::default(), &Cancel::never(), &|_| {}).expect("a table of counts")
}

fn made_up(seed: u64) -> Table {
    synthetic_counts(&SyntheticOptions { shelves: 6, skus: 6, days: 120, seed }).expect("not too many")
}

/// The table with other facings.
fn with_facings(table: &Table, mut facings: impl FnMut(usize) -> f64) -> Table {
    let columns = table.columns().iter().map(|column| match column.name.as_str() {
        "facings" => Column::numbers("facings", (0..table.rows()).map(&mut facings).collect()),
        _ => column.clone(),
    });
    Table::new(columns.collect()).expect("one length")
}

#[test]
fn intervals_hold_as_often_as_they_say_and_the_model_beats_plain_guesses() {
    let (mut covered, mut rows) = (0.0, 0.0);
    for seed in [1, 2, 3] {
        let measured = told(&made_up(seed)).measured;
        assert!(measured.rows > 1_000, "{measured:?}");
        assert!((0.86..=0.94).contains(&measured.model.coverage), "seed {seed}: {measured:?}");
        covered += measured.model.coverage * measured.rows as f64;
        rows += measured.rows as f64;
        for plain in [measured.last_value, measured.weekday_mean] {
            assert!(measured.model.mae < 0.9 * plain.mae, "{measured:?}");
            assert!(measured.model.brier < 0.9 * plain.brier, "{measured:?}");
        }
        let counted: usize = measured.calibration.iter().map(|bin| bin.rows).sum();
        assert_eq!(counted, measured.rows);
        for bin in measured.calibration.iter().filter(|bin| bin.rows > 200) {
            assert!((bin.said - bin.found).abs() < 0.12, "{bin:?}");
        }
    }
    assert!((0.88..=0.92).contains(&(covered / rows)), "{}", covered / rows);
}

#[test]
fn what_is_pure_chance_cannot_be_foretold() {
    // A model that saw what it is to tell would be better than the best constant.
    let mut random = Random::new(9);
    let table = with_facings(&made_up(4), |_| random.below(11) as f64);
    let measured = told(&table).measured;
    let of_the_best = 30.0 / 11.0; // mean distance of 0..=10 from 5
    assert!(measured.model.mae > 0.96 * of_the_best, "{measured:?}");
    // Eleven whole numbers, all as likely: an interval holds ten of them, or all.
    assert!((0.88..=0.97).contains(&measured.model.coverage), "{measured:?}");
    assert!(measured.model.brier > 0.95 * (10.0 / 121.0), "{measured:?}");
}

#[test]
fn what_sells_and_is_empty_comes_first_and_says_why() {
    let forecast = told(&made_up(5));
    assert_eq!(forecast.outlooks.len(), 36);
    assert!(forecast.outlooks.windows(2).all(|pair| pair[0].priority >= pair[1].priority));
    for place in &forecast.outlooks {
        assert!(
            (0.0..=1.0).contains(&place.probability_empty) && 0.0 <= place.low && place.low <= place.high,
            "{place:?}"
        );
        assert!(place.seen_at < place.next_visit && !place.reasons.is_empty(), "{place:?}");
    }
    let empty = forecast.outlooks.iter().filter(|place| place.facings <= 0.0 && place.falls_per_day > 0.0);
    for place in empty {
        assert!(place.reasons[0].starts_with("empty now"), "{place:?}");
    }
    // Never sold, never empty: nothing to do.
    let idle = with_facings(&made_up(5), |_| 5.0);
    let forecast = told(&idle);
    assert!(forecast.outlooks.iter().all(|place| place.priority == 0.0 && place.probability_empty < 0.01));
    assert!(forecast.outlooks[0].reasons[0].contains("nothing was taken"), "{:?}", forecast.outlooks[0]);
    assert_eq!((forecast.outlooks[0].low, forecast.outlooks[0].high), (5.0, 5.0));
}

#[test]
fn the_same_table_gives_the_same_forecast_and_made_up_counts_stay_made_up() {
    let table = made_up(6);
    assert_eq!(told(&table), told(&table));
    assert!(is_synthetic(&table) && told(&table).synthetic);
    let mut csv = Vec::new();
    write_csv(&table, &mut csv).expect("memory");
    let again = read_csv(csv.as_slice(), &ReadOptions::default()).expect("a table").table;
    assert_eq!(again.sha256(), table.sha256(), "as a file it is the same");
    assert!(is_synthetic(&again));
    let counted = table.without("release").expect("it is there");
    assert!(!told(&counted).synthetic);
    assert!(synthetic_counts(&SyntheticOptions { shelves: usize::MAX, ..SyntheticOptions::default() }).is_none());
}

#[test]
fn rows_that_say_nothing_are_left_out_and_counted() {
    let table = made_up(7);
    let odd = with_facings(&table, |row| match row % 100 {
        3 => f64::NAN,
        4 => -2.0,
        other => (other % 7) as f64,
    });
    let forecast = told(&odd);
    let expected = (0..table.rows()).filter(|row| matches!(row % 100, 3 | 4)).count();
    assert_eq!(forecast.rows_left_out, expected);
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let table = made_up(8);
    let error = |table: &Table, options: ForecastOptions| {
        forecast(table, &options, &Cancel::never(), &|_| {}).expect_err("it is refused").to_string()
    };
    let plain = ForecastOptions::default();
    assert!(error(&table.without("sku").expect("it is there"), plain).contains("there is no column \"sku\""));
    let few = table.take(&(0..120).collect::<Vec<_>>());
    assert!(error(&few, plain).contains("200 are needed"), "{}", error(&few, plain));
    let one_moment = Table::new(
        table
            .columns()
            .iter()
            .map(|column| match &column.values {
                Values::Time(times) => Column { values: Values::Time(vec![times[0]; times.len()]), ..column.clone() },
                _ => column.clone(),
            })
            .collect(),
    );
    assert!(error(&one_moment.expect("one length"), plain).contains("0 visits"));
    let words = Table::new(
        table
            .columns()
            .iter()
            .map(|column| match &column.values {
                Values::Number(Numbers { values, .. }) => Column::text(&column.name, &vec!["many"; values.len()]),
                _ => column.clone(),
            })
            .collect(),
    );
    assert!(error(&words.expect("one length"), plain).contains("holds text, but numbers"));
    for level in [0.0, 1.0, f64::NAN] {
        assert!(error(&table, ForecastOptions { level, ..plain }).contains("0.5 to 0.99"));
    }
    let gone = Cancel::new(std::sync::Arc::default(), std::time::Instant::now());
    let ended = forecast(&table, &plain, &gone, &|_| {});
    assert!(matches!(ended, Err(ForecastError::Learn(_))), "{ended:?}");
}
