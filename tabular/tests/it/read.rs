//! Reading: what real tools write.

use std::collections::BTreeMap;

use tabular::read::{BadRowReason, ReadError};
use tabular::table::Kind;
use tabular::{Column, Limits, ReadOptions, Reading, Table, read_csv, write_csv};

pub(crate) fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    read_csv(bytes, &ReadOptions::default())
}

pub(crate) fn table(text: &str) -> Table {
    read(text.as_bytes()).expect("it is a table").table
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn one_table_is_one_table_however_it_is_written() {
    let plain = "name,n,day\nÄpfel,1.5,2026-11-30\n𝄞,2,2026-12-01\n";
    let expected = table(plain);
    assert_eq!(expected.rows(), 2);
    let digest = expected.sha256();
    for (what, bytes) in [
        ("a byte-order mark", format!("\u{feff}{plain}").into_bytes()),
        ("CRLF", plain.replace('\n', "\r\n").into_bytes()),
        ("quotes", plain.replace("Äpfel", "\"Äpfel\"").into_bytes()),
        ("no last line end", plain.trim_end().into()),
        ("semicolons and decimal commas", plain.replace(',', ";").replace("1.5", "1,5").into_bytes()),
        ("tabs", plain.replace(',', "\t").into_bytes()),
        ("bars", plain.replace(',', "|").into_bytes()),
        ("empty lines", plain.replace('\n', "\n\n").into_bytes()),
        ("UTF-16 with a mark", utf16(&format!("\u{feff}{plain}"), u16::to_le_bytes)),
        ("big-endian UTF-16 with a mark", utf16(&format!("\u{feff}{plain}"), u16::to_be_bytes)),
    ] {
        let found = read(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(found.table, expected, "{what}");
        assert_eq!(found.table.sha256(), digest, "{what}");
        assert_eq!(found.bad_rows.count, 0, "{what}");
    }
}

#[test]
fn utf16_is_translated_across_pieces() {
    // Characters of two units at every place of the first pieces.
    let mut text = "a,b\n".to_owned();
    (0..40_000).for_each(|row| text += &format!("{}𝄞,{row}\n", "x".repeat(row % 3)));
    let expected = table(&text);
    let found = read(&utf16(&format!("\u{feff}{text}"), u16::to_le_bytes)).expect("it is a table");
    assert_eq!(found.table, expected);
}

#[test]
fn bad_rows_are_left_out_counted_and_named() {
    let mut bytes = b"a,b\n1,2\n3\n4,5,6\n\xff,7\n8,9\n".to_vec();
    bytes.extend(b"x,10\n");
    let options = ReadOptions { kinds: BTreeMap::from([("a".to_owned(), Kind::Number)]), ..ReadOptions::default() };
    let found = read_csv(bytes.as_slice(), &options).expect("it is a table");
    assert_eq!(found.table.column("a").expect("there"), &Column::numbers("a", vec![1.0, 8.0]));
    let named: Vec<(u64, &BadRowReason)> = found.bad_rows.first.iter().map(|row| (row.line, &row.reason)).collect();
    assert_eq!(
        named,
        [
            (3, &BadRowReason::Fields { found: 1, expected: 2 }),
            (4, &BadRowReason::Fields { found: 3, expected: 2 }),
            (5, &BadRowReason::NotText),
            (7, &BadRowReason::Value { column: "a".to_owned(), needed: Kind::Number }),
        ]
    );
    assert_eq!(found.bad_rows.count, 4);
}

#[test]
fn names_are_made_unique_and_odd_ones_kept() {
    let found = table("a,,a,\"x'; DROP TABLE y; --\",=1+1\n1,2,3,4,5\n");
    assert_eq!(found.names(), ["a", "column_2", "a.1", "x'; DROP TABLE y; --", "=1+1"]);
}

#[test]
fn infinities_are_counted_and_become_missing() {
    let found = read(b"a,b\ninf,1\n-Infinity,2\n3,4\n").expect("it is a table");
    assert_eq!(found.infinite, BTreeMap::from([("a".to_owned(), 2)]));
    assert_eq!(found.table.column("a").expect("there").missing(), 2);
}

#[test]
fn what_is_written_is_read_back() {
    let text = "n,whole,flag,day,word\n1.25,7,true,2026-11-30T09:30:00.5Z,\"a,\"\"b\"\"\nc\"\n,8,,,\n0.1,9,false,2026-12-01,é\n";
    let first = table(text);
    let mut bytes = Vec::new();
    write_csv(&first, &mut bytes).expect("memory can be written");
    // Digests are compared: a missing number is not equal to itself.
    assert_eq!(read(&bytes).expect("it is a table").table.sha256(), first.sha256());
}

#[test]
fn limits_hold() {
    let check = |text: &str, limits: Limits, expected: fn(&ReadError) -> bool| {
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let refused = read_csv(text.as_bytes(), &options).expect_err("it is too much");
        assert!(expected(&refused), "{refused}");
    };
    let limits = Limits::default();
    let rows = "a,b\n".to_owned() + &"1,2\n".repeat(100);
    check(&rows, Limits { max_rows: 99, ..limits }, |e| matches!(e, ReadError::TooManyRows { limit: 99 }));
    check(&rows, Limits { max_columns: 1, ..limits }, |e| matches!(e, ReadError::TooManyColumns { found: 2, .. }));
    check(&rows, Limits { max_cells: 150, ..limits }, |e| matches!(e, ReadError::TooManyCells { rows: 75, .. }));
    check(&rows, Limits { max_bytes: 200, ..limits }, |e| matches!(e, ReadError::TooManyBytes { limit: 200 }));
    // A quote that is never closed must not take the rest of the file into memory.
    let open = "a,b\n1,2\n\"".to_owned() + &"3,4\n".repeat(1_000_000);
    check(&open, limits, |e| matches!(e, ReadError::RowTooLong { line: 3, .. }));
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    for end in ["\n", "\r\n"] {
        let text = ["a,b", "1,2", "3", "4,5", "6,7,8", ""].join(end);
        let reading = read_csv(text.as_bytes(), &ReadOptions::default()).expect("a table");
        let lines: Vec<u64> = reading.bad_rows.first.iter().map(|row| row.line).collect();
        assert_eq!(lines, [3, 5], "{end:?}");
    }
}

#[test]
fn many_columns_of_one_name_are_told_apart_at_once() {
    let columns = 30_000;
    let text = format!("{}\n{}\n", vec!["c"; columns].join(","), vec!["1"; columns].join(","));
    let limits = tabular::Limits { max_columns: columns, ..tabular::Limits::default() };
    let reading = read_csv(text.as_bytes(), &ReadOptions { limits, ..ReadOptions::default() }).expect("a table");
    assert_eq!(reading.table.names()[columns - 1], "c.29999");
}
