//! Tables come in, are looked at, and others are made of them.

use std::io::Read as _;

use platform::data_sets::{About, CountsRange, FeatureChoice, SplitBy, SplitRequest};
use platform::{Limits, Platform, PlatformError};
use store::data_sets::DataSetLimits;
use store::predictions::NewPrediction;
use store::{Key, StoreError};
use tabular::table::Kind;
use tabular::{CleanOptions, MissingStrategy, OutlierMethod, SelectionMethod, SelectionOptions, Task};

use vision::{Sha256, SkuId};

use crate::place::{HOME, about, ann, flowers, platform, upload, upload_as};
use crate::test_store::on_each;

async fn csv(platform: &Platform, id: &str) -> String {
    let (_, content) = platform.content(HOME, id).await.expect("there");
    let mut text = String::new();
    content.reader().expect("opened").read_to_string(&mut text).expect("read");
    assert_eq!(text.len() as u64, content.bytes());
    text
}

fn by_target(target: Option<&str>) -> SplitRequest {
    let target_column = target.map(str::to_owned);
    SplitRequest { target_column, test_size: 0.2, validation_size: 0.1, by: SplitBy::Target, seed: 42 }
}

on_each! {
    async fn a_table_is_uploaded_looked_at_and_read_back(place) {
        let platform = platform(&place, Limits::default());
        // Types that a reader would not find again by itself: words that look like numbers, names full of other delimiters.
        let file = "code;name;b|c|d;seen\n007;\"a;b\n\"\"c\"\"\";1,5;true\n8;;2,25;\n";
        let uploaded = upload(&platform, file.as_bytes(), About { name: Some("codes".into()), ..About::default() }).await.expect("kept");
        assert_eq!((uploaded.set.rows, uploaded.set.columns, uploaded.set.name.as_str()), (2, 4, "codes"));
        let found = platform.describe(HOME, &uploaded.set.id).await.expect("there");
        assert_eq!((&found.set, &found.description), (&uploaded.set, &uploaded.description));
        assert_eq!(found.description.missing_values.get("name"), Some(&1));
        let kinds: Vec<Kind> = platform.schema(HOME, &uploaded.set.id).await.expect("there").columns.iter().map(|column| column.kind).collect();
        assert_eq!(kinds, [Kind::Text, Kind::Text, Kind::Number, Kind::Flag]);
        assert_eq!(csv(&platform, &uploaded.set.id).await, "code,name,b|c|d,seen\n007,\"a;b\n\"\"c\"\"\",1.5,true\n8,,2.25,\n");
        // Cleaned without anything to clean, it is the same table: types and all.
        let options = CleanOptions { missing_strategy: MissingStrategy::ForwardFill, ..CleanOptions::default() };
        let first = platform.clean(&uploaded.set.id, options, None, &ann(HOME)).await.expect("cleaned");
        let again = platform.clean(&first.set.id, options, None, &ann(HOME)).await.expect("cleaned");
        assert_eq!(first.set.version, again.set.version);
        assert_eq!(again.set.parent.as_ref(), Some(&first.set.id));
        let listed = platform.data_sets(HOME).await.expect("listed");
        assert_eq!(listed.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["codes clean clean", "codes clean", "codes"]);
        assert_eq!(place.store.verify_audit().await.expect("verified").faults, []);
    }

    async fn what_photos_counted_becomes_a_table(place) {
        let platform = platform(&place, Limits::default());
        let answer = |at: i64, shelf: Option<&str>, counts: &[(u32, u32)]| NewPrediction {
            organisation: HOME.to_owned(),
            at,
            request_id: format!("r{at}"),
            release: "shelf@1".to_owned(),
            arm: None,
            store: Some("Main, North".to_owned()),
            shelf: shelf.map(str::to_owned),
            taken_at: None,
            photo: Sha256([7; 32]),
            latency_ms: 12.0,
            facings: 9,
            unknown: 2,
            counts: counts.iter().map(|(sku, count)| (SkuId(*sku), *count)).collect(),
            signals: Vec::new(),
        };
        let of_others = NewPrediction { organisation: "others".to_owned(), ..answer(1500, Some("a"), &[(4, 1)]) };
        let answers = [answer(1000, Some("a"), &[(901, 7)]), answer(2000, None, &[(901, 7)]), answer(3000, Some("a"), &[(902, 1)]), of_others];
        place.store.log_predictions(answers.to_vec()).await.expect("written");
        let made = |from, until| { let platform = platform.clone(); async move { platform.counts(CountsRange { from, until }, None, None, &ann(HOME)).await } };
        let set = made(0, 10_000).await.expect("made").set;
        assert_eq!((set.name.as_str(), set.rows, set.columns), ("counts", 3, 8));
        let expected = "time,store,shelf,sku,facings,photo_facings,photo_unknown,release\n\
            1970-01-01T00:00:01Z,\"Main, North\",a,#901,7,9,2,shelf@1\n\
            1970-01-01T00:00:03Z,\"Main, North\",a,#901,0,9,2,shelf@1\n\
            1970-01-01T00:00:03Z,\"Main, North\",a,#902,1,9,2,shelf@1\n";
        assert_eq!(csv(&platform, &set.id).await, expected);
        assert_eq!(made(0, 2000).await.expect("made").set.rows, 1, "the later photo is not in it");
        assert!(made(5000, 10_000).await.is_err(), "nothing was counted");
    }

    async fn others_are_made_of_a_table(place) {
        let platform = platform(&place, Limits::default());
        let mut file = flowers(100);
        file += "900,0.2,1,setosa\n,0.2,1,setosa\n";
        let set = upload(&platform, file.as_bytes(), about("species")).await.expect("kept").set;
        assert_eq!((set.name.as_str(), set.target.as_deref()), ("flowers", Some("species")));
        assert_eq!(set.classes, Some(vec!["setosa".to_owned(), "virginica".to_owned()]));
        let options = CleanOptions { missing_strategy: MissingStrategy::Median, outlier_method: OutlierMethod::Iqr, outlier_threshold: 3.0 };
        let cleaned = platform.clean(&set.id, options, None, &ann(HOME)).await.expect("cleaned");
        assert_eq!((cleaned.original_rows, cleaned.set.rows, cleaned.still_missing), (102, 101, 0));
        assert_eq!(cleaned.set.lineage["options"]["outlier_method"], "iqr");
        let selection = SelectionOptions { method: SelectionMethod::Statistical, n_features: 2 };
        let choice = FeatureChoice { target_column: "species".into(), task: Task::Classification, selection };
        let selected = platform.select_features(&cleaned.set.id, choice, None, &ann(HOME)).await.expect("selected");
        assert_eq!(platform.describe(HOME, &selected.set.id).await.expect("there").description.column_names, ["length", "width", "species"]);
        assert!(selected.features[0].importance >= selected.features[1].importance);
        let parts = platform.split(&selected.set.id, by_target(None), None, &ann(HOME)).await.expect("split");
        let (validation, test) = (parts.validation.expect("asked for"), parts.test.expect("asked for"));
        assert_eq!(parts.train.rows + validation.rows + test.rows, 101);
        assert_eq!((test.rows, test.target.as_deref(), test.lineage["split_id"].as_str()), (20, Some("species"), Some(parts.split_id.as_str())));
        assert!(csv(&platform, &test.id).await.starts_with("length,width,species\n"));
        let whole = SplitRequest { validation_size: 0.0, by: SplitBy::Chance, ..by_target(None) };
        assert!(platform.split(&set.id, whole, None, &ann(HOME)).await.expect("split").validation.is_none());
        let empty = SplitRequest { test_size: 0.99, by: SplitBy::Group("species".into()), ..by_target(None) };
        let before = platform.data_sets(HOME).await.expect("listed").len();
        assert!(matches!(platform.split(&set.id, empty, None, &ann(HOME)).await, Err(PlatformError::Split(_))));
        let missing = platform.clean(&set.id, CleanOptions { outlier_method: OutlierMethod::Iqr, outlier_threshold: f64::NAN, ..options }, None, &ann(HOME)).await;
        assert!(matches!(missing, Err(PlatformError::Clean(_))), "{missing:?}");
        assert_eq!(platform.data_sets(HOME).await.expect("listed").len(), before, "nothing half done");
    }

    async fn sent_twice_it_is_kept_once(place) {
        let platform = platform(&place, Limits::default());
        let file = flowers(40);
        let first = upload_as(&platform, file.as_bytes(), about("species"), Some("k"), HOME).await.expect("kept").set;
        assert_eq!(upload_as(&platform, file.as_bytes(), about("species"), Some("k"), HOME).await.expect("kept").set, first);
        let other = upload_as(&platform, flowers(41).as_bytes(), about("species"), Some("k"), HOME).await;
        assert!(matches!(other, Err(PlatformError::Store(StoreError::KeyReused { .. }))), "{other:?}");
        let key = || Some(Key::new("s", "split").expect("a key"));
        let one = platform.split(&first.id, by_target(None), key(), &ann(HOME)).await.expect("split");
        assert_eq!(platform.split(&first.id, by_target(None), key(), &ann(HOME)).await.expect("split"), one);
        assert_eq!(platform.data_sets(HOME).await.expect("listed").len(), 4);
    }

    async fn an_organisation_has_its_own_and_no_more_than_it_may(place) {
        let limits = Limits { data_sets: DataSetLimits { count: 2, bytes: 4_000 }, ..Limits::default() };
        let platform = platform(&place, limits);
        let brand = place.store.create_organisation("brand", &ann(HOME)).await.expect("made").id;
        let set = upload(&platform, flowers(40).as_bytes(), about("species")).await.expect("kept").set;
        let theirs = &ann(&brand);
        let gone = |error: PlatformError| assert!(matches!(error, PlatformError::Store(StoreError::NotFound { what: "data set", .. })), "{error:?}");
        gone(platform.describe(&brand, &set.id).await.expect_err("not theirs"));
        gone(platform.content(&brand, &set.id).await.expect_err("not theirs"));
        gone(platform.schema(&brand, &set.id).await.expect_err("not theirs"));
        gone(platform.clean(&set.id, CleanOptions::default(), None, theirs).await.expect_err("not theirs"));
        gone(platform.split(&set.id, by_target(None), None, theirs).await.expect_err("not theirs"));
        assert_eq!(platform.data_sets(&brand).await.expect("listed"), []);
        // Three parts are more than one more: none is kept.
        let quota = |error: PlatformError| assert!(matches!(error, PlatformError::Store(StoreError::Quota { .. })), "{error:?}");
        quota(platform.split(&set.id, by_target(None), None, &ann(HOME)).await.expect_err("too many"));
        assert_eq!(platform.data_sets(HOME).await.expect("listed").len(), 1);
        quota(upload(&platform, flowers(400).as_bytes(), about("species")).await.expect_err("too many bytes"));
        upload_as(&platform, flowers(40).as_bytes(), about("species"), None, &brand).await.expect("they have their own room");
    }

    async fn what_is_no_table_is_named(place) {
        let small = tabular::Limits { max_bytes: 10_000, max_rows: 50, max_columns: 10, max_cells: 300, max_row_bytes: 5_000 };
        let platform = platform(&place, Limits { upload_bytes: 10_000, table: small, ..Limits::default() });
        let wide = format!("{}\n{}\n", ["c"; 11].join(","), ["1"; 11].join(","));
        for (file, named) in [
            (&b""[..], "the file is empty"),
            (b"a,b\n", "there is no row of data"),
            (b"a,b\n1\n2,3,4\n", "2 rows could not be understood"),
            (b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", "the spreadsheet is damaged: it breaks off"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet (XLS)"),
            (b"PAR1\x15\x04\x15", "Parquet is not read"),
            (b"\xff\xfe\x00\xd8\x00", "there is no row of data"),
            (wide.as_bytes(), "there are 11 columns"),
            (flowers(51).as_bytes(), "more than 50 rows"),
            ([&b"a,b\n\"open,"[..], &[b'x'; 9_000]].concat().as_slice(), "1 rows could not be understood"),
            (&[b'1'; 10_001], "larger than 10000 bytes"),
        ] {
            let error = upload(&platform, file, About::default()).await.expect_err(named).to_string();
            assert!(error.contains(named), "{named:?} gave: {error}");
        }
        let error = upload(&platform, b"a,b\n1,2\n", about("c")).await.expect_err("no such column").to_string();
        assert!(error.contains("no column \"c\"; there are \"a\", \"b\""), "{error}");
        assert_eq!(platform.data_sets(HOME).await.expect("listed"), [], "nothing half done");
        // What looks dangerous and is not: a mark, names like SQL, formulas.
        let odd = "\u{feff}\"x'); DROP TABLE data_sets; --\",=1+1\r\n1,=cmd|'/c calc'!A0\r\n2,b\r\n";
        let set = upload(&platform, odd.as_bytes(), about("=1+1")).await.expect("a table").set;
        assert_eq!((set.rows, platform.data_sets(HOME).await.expect("listed").len()), (2, 1));
    }
}
