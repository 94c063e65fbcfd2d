//! Workbooks: what they show is read, damaged ones and those that blow up are refused.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use proptest::prelude::*;
use tabular::read::{Limits, ReadError, SheetError};
use tabular::table::Kind;
use tabular::{ReadOptions, Reading, read_csv, read_xlsx};

/// A ZIP archive of these files, packed where that is said.
fn zip(files: &[(&str, &[u8])], packed: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).expect("memory");
        let deflated = encoder.finish().expect("memory");
        let (method, bytes) = if packed { (8_u16, deflated.as_slice()) } else { (0, *content) };
        let offset = archive.len() as u32;
        let head = |into: &mut Vec<u8>| {
            into.extend(20_u16.to_le_bytes());
            into.extend(0_u16.to_le_bytes());
            into.extend(method.to_le_bytes());
            into.extend([0; 8]); // time, date, CRC
            into.extend((bytes.len() as u32).to_le_bytes());
            into.extend((content.len() as u32).to_le_bytes());
            into.extend((name.len() as u16).to_le_bytes());
            into.extend(0_u16.to_le_bytes());
        };
        archive.extend(b"PK\x03\x04");
        head(&mut archive);
        archive.extend(name.as_bytes());
        archive.extend(bytes);
        directory.extend(b"PK\x01\x02\x14\x00");
        head(&mut directory);
        directory.extend([0; 10]); // comment, disk, attributes
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00");
    archive.extend((files.len() as u16).to_le_bytes());
    archive.extend((files.len() as u16).to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend(0_u16.to_le_bytes());
    archive
}

const WORKBOOK: &str = r#"<?xml version="1.0"?><workbook xmlns:r="r"><workbookPr/><sheets><sheet name="Counts" sheetId="7" r:id="rId3"/><sheet name="Other" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const RELATIONS: &str = r#"<Relationships><Relationship Id="rId1" Target="worksheets/sheet2.xml"/><Relationship Id="rId3" Target="worksheets/sheet1.xml"/></Relationships>"#;
const STYLES: &str = r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="22"/></cellXfs></styleSheet>"#;
const STRINGS: &str = r#"<sst><si><t>time</t></si><si><r><t xml:space="preserve">fac</t></r><r><t>ings</t></r><rPh><t>X</t></rPh></si><si><t>a &amp; "b", c</t></si><si><t>sku</t></si></sst>"#;
const SHEET: &str = r#"<worksheet><sheetData>
    <row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="C2" t="s"><v>3</v></c><c r="D2" t="inlineStr"><is><t>full</t></is></c></row>
    <row r="3"><c r="A3" s="1"><v>45992</v></c><c r="B3"><v>7</v></c><c r="C3" t="s"><v>2</v></c><c r="D3" t="b"><v>1</v></c></row>
    <row r="4"/>
    <row r="6"><c r="A6" s="2"><v>45992.25</v></c><c r="C6" t="str"><f>UPPER("x")</f><v>X</v></c><c r="D6" t="b"><v>0</v></c></row>
    <row r="7"><c r="A7" s="1"><v>45993</v></c><c r="B7" t="e"><v>#N/A</v></c><c r="C7" t="s"><v>99</v></c><c r="D7" t="b"><v>0</v></c><c r="Z7" s="1"/></row>
    <row r="8"><c r="A8" s="1"><v>45993</v></c><c r="E8"><v>5</v></c></row>
    </sheetData></worksheet>"#;

fn workbook(sheet: &str, packed: bool) -> Vec<u8> {
    let files = [
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/styles.xml", STYLES),
        ("xl/sharedStrings.xml", STRINGS),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/worksheets/sheet2.xml", "<worksheet><sheetData/></worksheet>"),
    ];
    zip(&files.map(|(name, text)| (name, text.as_bytes())), packed)
}

fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    read_xlsx(Cursor::new(bytes), &ReadOptions::default())
}

#[test]
fn the_first_sheet_is_read_as_it_shows() {
    for packed in [false, true] {
        let found = read(&workbook(SHEET, packed)).expect("a workbook");
        let expected = "time,facings,sku,full\n2025-12-01T00:00:00Z,7,\"a & \"\"b\"\", c\",true\n\
            2025-12-01T06:00:00Z,,X,false\n2025-12-02T00:00:00Z,,,false\n";
        let expected = read_csv(expected.as_bytes(), &ReadOptions::default()).expect("a table").table;
        assert_eq!(found.table.sha256(), expected.sha256(), "one table has one version, whatever file it came from");
        let kinds: Vec<Kind> = found.table.columns().iter().map(tabular::Column::kind).collect();
        assert_eq!(kinds, [Kind::Time, Kind::Number, Kind::Text, Kind::Flag]);
        // The row with a cell too many is named by where it stands in the sheet.
        assert_eq!(found.bad_rows.first.iter().map(|row| row.line).collect::<Vec<_>>(), [8]);
    }
}

#[test]
fn what_is_no_workbook_is_refused_by_name() {
    let good = workbook(SHEET, true);
    let error = |bytes: &[u8]| read(bytes).expect_err("it is refused").to_string();
    assert!(error(b"PK\x03\x04").contains("it breaks off"));
    assert!(error(&good[..good.len() / 2]).contains("it breaks off"));
    let other = zip(&[("word/document.xml", b"<x/>")], true);
    assert!(matches!(read(&other), Err(ReadError::Sheet(SheetError::NoWorkbook { .. }))));
    let mut locked = good.clone();
    // The flag of encryption, of every entry in the directory.
    for at in 0..locked.len() - 4 {
        if locked[at..].starts_with(b"PK\x01\x02") {
            locked[at + 8] |= 1;
        }
    }
    assert!(error(&locked).contains("password"));
    for (sheet, named) in [
        ("<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><v>1</v>", "breaks off"),
        ("<worksheet><sheetData><row r=\"1\"></c></row></sheetData></worksheet>", "cannot be understood"),
        ("<worksheet><sheetData><row r=\"9999999\"/></sheetData></worksheet>", "in no order"),
        ("<worksheet><sheetData><row r=\"3\"/><row r=\"x\"/></sheetData></worksheet>", "no number"),
        (
            "<worksheet><sheetData><row r=\"1\"><c r=\"XFE1\"><v>1</v></c></row></sheetData></worksheet>",
            "beyond the last column",
        ),
        ("<worksheet><sheetData><row r=\"1\"><c r=\"1\"><v>1</v></c></row></sheetData></worksheet>", "has no place"),
        ("<!DOCTYPE x [<!ENTITY a \"aaaa\">]><worksheet>&a;</worksheet>", "DOCTYPE"),
        ("<worksheet><sheetData/></worksheet>", "the file is empty"),
        ("<worksheet><sheetData><row><c><v>a</v></c></row></sheetData></worksheet>", "no row of data"),
    ] {
        let said = error(&workbook(sheet, true));
        assert!(said.contains(named), "{named:?}: {said}");
    }
    let deep = format!("<worksheet>{}{}</worksheet>", "<a>".repeat(80), "</a>".repeat(80));
    assert!(error(&workbook(&deep, true)).contains("too deep"));
}

#[test]
fn what_blows_up_ends_at_the_limits() {
    let limits = Limits { max_bytes: 1 << 20, max_rows: 1_000, max_columns: 20, max_cells: 5_000, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let row = |number: usize, cells: &str| format!("<row r=\"{number}\">{cells}</row>");
    let sheet = |rows: String| format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
    let refused = |bytes: &[u8]| read_xlsx(Cursor::new(bytes), &options).expect_err("it is refused");
    // Blanks pack a thousand to one: five megabytes in five thousand bytes.
    let bomb = workbook(&sheet(row(1, &" ".repeat(5 << 20))), true);
    assert!(bomb.len() < 20_000);
    assert!(matches!(refused(&bomb), ReadError::TooManyBytes { .. }));
    // A long string that every cell shows.
    let long = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(10_000));
    let cells: String = (1..=200).map(|number| row(number, "<c t=\"s\"><v>0</v></c>")).collect();
    let sheet_of_strings = sheet(cells);
    let files = [
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/sharedStrings.xml", long.as_str()),
        ("xl/worksheets/sheet1.xml", sheet_of_strings.as_str()),
    ];
    let bytes = zip(&files.map(|(name, text)| (name, text.as_bytes())), true);
    assert!(matches!(refused(&bytes), ReadError::TooManyBytes { .. }));
    let many: String = (1..=1_200).map(|number| row(number, "<c><v>1</v></c>")).collect();
    assert!(matches!(refused(&workbook(&sheet(many), true)), ReadError::TooManyRows { .. }));
    let wide = workbook(&sheet(row(1, &"<c><v>1</v></c>".repeat(30))), true);
    assert!(matches!(refused(&wide), ReadError::TooManyColumns { found: 30, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_damage_ends_the_reader(at in 0_usize..4_000, value in any::<u8>(), cut in 0_usize..4_000, packed in any::<bool>()) {
        let mut bytes = workbook(SHEET, packed);
        let place = at % bytes.len();
        bytes[place] = value;
        bytes.truncate(bytes.len() - cut % 200);
        if let Ok(found) = read(&bytes) {
            prop_assert!(found.table.rows() > 0);
        }
    }
}
