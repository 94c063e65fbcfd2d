//! Features of series: what they are, and that they cannot see the future.

use proptest::prelude::*;
use tabular::features::{FeatureError, SchemaConfig, SeriesSchema, series_features};
use tabular::table::Values;
use tabular::{Column, Table};

const SECOND: i64 = 1_000_000;

fn counts(times: &[i64], shelves: &[u8], facings: &[f64]) -> Table {
    let shelf: Vec<String> = shelves.iter().map(u8::to_string).collect();
    let shelf: Vec<&str> = shelf.iter().map(String::as_str).collect();
    let time = Values::Time(times.iter().map(|time| Some(*time * SECOND)).collect());
    let columns = vec![
        Column { name: "time".to_owned(), values: time },
        Column::text("shelf", &shelf),
        Column::numbers("facings", facings.to_vec()),
        Column::numbers("unknown", facings.iter().map(|value| value / 2.0).collect()),
    ];
    Table::new(columns).expect("one length")
}

fn schema() -> SchemaConfig {
    let continuous_columns = vec!["facings".to_owned(), "unknown".to_owned()];
    SchemaConfig {
        continuous_columns,
        rolling_windows: vec![2, 3],
        lag_seconds: vec![60, 120],
        ..SchemaConfig::default()
    }
}

fn made(table: &Table) -> Table {
    series_features(table, "time", &["shelf".to_owned()], &schema()).expect("the schema fits")
}

fn column(table: &Table, name: &str) -> Vec<f64> {
    match &table.column(name).expect("it was made").values {
        Values::Number(numbers) => numbers.values.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn features_are_what_they_are_called() {
    // Rows of two shelves, mixed and not in order of time.
    let table = made(&counts(&[0, 60, 0, 180, 120], &[1, 1, 2, 1, 1], &[10.0, 8.0, 5.0, 9.0, 4.0]));
    let nan = f64::NAN;
    for (name, expected) in [
        ("facings_lag_60s", [nan, 10.0, nan, 4.0, 8.0]),
        ("facings_lag_120s", [nan, nan, nan, 8.0, 10.0]),
        ("facings_roll_2_mean", [10.0, 9.0, 5.0, 6.5, 6.0]),
        ("facings_roll_3_median", [10.0, 9.0, 5.0, 8.0, 8.0]),
        ("facings_roll_3_min", [10.0, 8.0, 5.0, 4.0, 4.0]),
        ("facings_roll_3_max", [10.0, 10.0, 5.0, 9.0, 10.0]),
        ("facings_rate", [nan, -2.0 / 60.0, nan, 5.0 / 60.0, -4.0 / 60.0]),
        ("facings_acceleration", [nan, nan, nan, 9.0 / 3600.0, -2.0 / 3600.0]),
        ("facings_since_rise", [nan, nan, nan, 0.0, nan]),
        ("facings_times_unknown", [50.0, 32.0, 12.5, 40.5, 8.0]),
    ] {
        for (row, (found, expected)) in column(&table, name).iter().zip(expected).enumerate() {
            assert!((found.is_nan() && expected.is_nan()) || (found - expected).abs() < 1e-12, "{name} {row}: {found}");
        }
    }
    // 1970-01-01 00:00 is a Thursday's midnight.
    assert!((column(&table, "time_day_cos")[0] - 1.0).abs() < 1e-12);
    assert!((column(&table, "time_week_sin")[0] - (std::f64::consts::TAU * 3.0 / 7.0).sin()).abs() < 1e-12);
}

#[test]
fn a_value_far_off_is_an_anomaly() {
    let mut facings: Vec<f64> = (0..12).map(|row| 10.0 + f64::from(row % 3)).collect();
    facings[11] = 60.0;
    let times: Vec<i64> = (0..12).map(|row| row * 60).collect();
    let schema = SchemaConfig { rolling_windows: vec![10], ..schema() };
    let table = series_features(&counts(&times, &[1; 12], &facings), "time", &["shelf".to_owned()], &schema);
    let anomalies = column(&table.expect("the schema fits"), "facings_anomaly");
    assert_eq!(anomalies[11], 1.0);
    assert!(anomalies[4..11].iter().all(|anomaly| *anomaly == 0.0));
}

#[test]
fn schemas_are_read_and_checked() {
    let text = r#"{"organizationId": "o1", "schemaConfig": {"continuousColumns": ["facings"], "booleanColumns": [],
        "lagSeconds": [60, 120, 300], "rollingWindows": [5, 10, 20]}}"#;
    let schema: SeriesSchema = serde_json::from_str(text).expect("the names are these");
    assert_eq!(schema.schema_config.lag_seconds, [60, 120, 300]);
    assert!(serde_json::from_str::<SeriesSchema>(&text.replace("lagSeconds", "lags")).is_err());
    let table = counts(&[0], &[1], &[1.0]);
    let with = |change: fn(&mut SchemaConfig)| {
        let mut schema = self::schema();
        change(&mut schema);
        series_features(&table, "time", &[], &schema).expect_err("it makes no sense")
    };
    assert!(matches!(with(|s| s.rolling_windows = vec![1]), FeatureError::Schema(_)));
    assert!(matches!(with(|s| s.lag_seconds = vec![0]), FeatureError::Schema(_)));
    assert!(matches!(with(|s| s.continuous_columns = vec!["shelf".to_owned()]), FeatureError::Table(_)));
    assert!(matches!(with(|s| s.boolean_columns = vec!["none".to_owned()]), FeatureError::Table(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens later, the features of a row stay what they are.
    #[test]
    fn no_feature_sees_the_future(
        rows in proptest::collection::vec((0..500_i64, 0..3_u8, 0..20_i32, 0..20_i32), 2..60),
        now in 0..500_i64,
        later in 0..4_usize,
    ) {
        let times: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let shelves: Vec<u8> = rows.iter().map(|row| row.1).collect();
        let before: Vec<f64> = rows.iter().map(|row| f64::from(row.2)).collect();
        let after: Vec<f64> = rows.iter().map(|row| f64::from(if row.0 > now { row.3 } else { row.2 })).collect();
        let first = made(&counts(&times, &shelves, &before));
        // Other values later, and more rows.
        let mut times_after = times.clone();
        let (mut shelves_after, mut values_after) = (shelves, after);
        for extra in 0..later {
            times_after.push(now + 1 + extra as i64);
            shelves_after.push(1);
            values_after.push(99.0);
        }
        let second = made(&counts(&times_after, &shelves_after, &values_after));
        let known: Vec<usize> = (0..times.len()).filter(|row| times[*row] <= now).collect();
        for name in first.names() {
            let (a, b) = (first.column(&name).expect("there"), second.column(&name).expect("there"));
            for row in &known {
                prop_assert_eq!(a.show(*row).parse::<f64>().ok(), b.show(*row).parse::<f64>().ok(), "{} of row {}", name, row);
            }
        }
    }
}
