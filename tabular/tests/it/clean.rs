//! Cleaning: what pandas' fillna, ffill, bfill, dropna and mode give, worked out by hand.

use tabular::clean::{CleanError, CleanPlan};
use tabular::table::Values;
use tabular::{CleanOptions, MissingStrategy, OutlierMethod, Table, clean, describe};

use crate::read::table;

fn shown(table: &Table, column: &str) -> Vec<String> {
    let column = table.column(column).expect("it is there");
    (0..column.len()).map(|row| column.show(row)).collect()
}

const TEXT: &str = "n,w,f\n,,true\n1,b,\n2,a,false\n,b,false\n6,,\n1,a,false\n";

#[test]
fn missing_values_are_filled_as_asked() {
    use MissingStrategy::{BackwardFill, Drop, ForwardFill, Mean, Median, Mode};
    for (missing_strategy, numbers, words, flags) in [
        // Of two words that are equally frequent the first in the alphabet, as pandas' mode.
        (Mean, "2.5 1.0 2.0 2.5 6.0 1.0", "a b a b a a", "true false false false false false"),
        (Median, "1.5 1.0 2.0 1.5 6.0 1.0", "a b a b a a", "true false false false false false"),
        (Mode, "1 1 2 1 6 1", "a b a b a a", "true false false false false false"),
        (ForwardFill, " 1 2 2 6 1", " b a b b a", "true true false false false false"),
        (BackwardFill, "1 1 2 6 6 1", "b b a b a a", "true false false false false false"),
        (Drop, "2 1", "a a", "false false"),
    ] {
        let options = CleanOptions { missing_strategy, ..CleanOptions::default() };
        let cleaned = clean(&table(TEXT), &options).expect("rows are left");
        assert_eq!(shown(&cleaned, "n").join(" "), numbers, "{missing_strategy:?}");
        assert_eq!(shown(&cleaned, "w").join(" "), words, "{missing_strategy:?}");
        assert_eq!(shown(&cleaned, "f").join(" "), flags, "{missing_strategy:?}");
    }
}

#[test]
fn outliers_go_by_either_rule() {
    let text = "n\n".to_owned() + &(0..20).map(|n| format!("{n}\n")).collect::<String>() + "1000\n";
    for (outlier_method, outlier_threshold, left) in [
        (OutlierMethod::None, 3.0, 21),
        (OutlierMethod::Iqr, 1.5, 20),
        (OutlierMethod::Zscore, 3.0, 20),
        (OutlierMethod::Zscore, 30.0, 21),
    ] {
        let options = CleanOptions { outlier_method, outlier_threshold, ..CleanOptions::default() };
        assert_eq!(clean(&table(&text), &options).expect("rows are left").rows(), left, "{outlier_method:?}");
    }
    let options =
        CleanOptions { outlier_method: OutlierMethod::Iqr, outlier_threshold: f64::NAN, ..Default::default() };
    assert!(matches!(clean(&table(&text), &options), Err(CleanError::Threshold(_))));
}

#[test]
fn a_plan_fills_other_rows_with_what_it_learned() {
    let options = CleanOptions::default();
    let plan = CleanPlan::learn(&table("n\n1\n3\n"), &options).expect("it is good");
    let other = table("n,m\n,5\n100,6\n");
    let cleaned = plan.apply(&other).expect("rows are left");
    assert_eq!(shown(&cleaned, "n"), ["2", "100"], "the mean of what was learned from, not of these rows");
}

#[test]
fn nothing_left_is_an_error_and_a_column_without_values_stays() {
    let options = CleanOptions { missing_strategy: MissingStrategy::Drop, ..CleanOptions::default() };
    assert_eq!(clean(&table("a,b\n1,\n2,\n"), &options), Err(CleanError::NothingLeft { rows: 2 }));
    let cleaned = clean(&table("a,b\n1,\n2,\n"), &CleanOptions::default()).expect("rows are left");
    assert_eq!(describe(&cleaned).missing_values.get("b"), Some(&2));
    assert!(matches!(cleaned.column("b").expect("there").values, Values::Number(_)));
}

#[test]
fn a_description_is_the_contract() {
    let found = serde_json::to_value(describe(&table("n,w\n1,a\n2,\n3,b\n"))).expect("it is JSON");
    let digest = found["sha256"].clone();
    assert_eq!(
        found,
        serde_json::json!({
            "rows": 3, "columns": 2, "column_names": ["n", "w"],
            "dtypes": {"n": "int64", "w": "object"},
            "kinds": {"n": "number", "w": "text"},
            "missing_values": {"n": 0, "w": 1},
            "numeric_stats": {"n": {"mean": 2.0, "std": 1.0, "min": 1.0, "p25": 1.5, "p50": 2.0, "p75": 2.5, "max": 3.0}},
            "sha256": digest,
        })
    );
}

#[test]
fn a_description_comes_back_in_the_order_of_its_columns() {
    let found = describe(&table("z,a\n1,x\n2,\n"));
    let text = serde_json::to_string(&found).expect("it is JSON");
    assert_eq!(serde_json::from_str::<tabular::Description>(&text).expect("a description"), found);
}
