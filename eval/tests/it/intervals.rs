//! Bootstrap and slices.

use eval::average_precision::mean_ap;
use eval::slices::{SliceError, by_density, from_csv, metrics_of};
use eval::{Bootstrap, match_all};

use crate::support::{dense_shelves, set};

#[test]
fn an_interval_is_that_of_the_normal_approximation() {
    // The mean of 400 zeros and ones, a quarter of them ones: standard error sqrt(.25 * .75 / 400) = .02165.
    let values: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i % 4 == 0))).collect();
    let [interval] = Bootstrap { resamples: 4000, seed: 7 }.intervals(400, |weights| {
        let sum: f64 = values.iter().zip(weights).map(|(v, w)| v * f64::from(*w)).sum();
        [Some(sum / 400.0)]
    });
    let interval = interval.unwrap();
    assert!((interval.low - (0.25 - 1.96 * 0.02165)).abs() < 0.004, "{interval:?}");
    assert!((interval.high - (0.25 + 1.96 * 0.02165)).abs() < 0.004, "{interval:?}");
}

#[test]
fn one_seed_one_result_whatever_the_threads() {
    let matches = match_all(&dense_shelves(5, 6).read(), 300);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            Bootstrap { resamples: 60, seed: 42 }.intervals(matches.images, |w| {
                let (a, b) = mean_ap(&matches, Some(w));
                [a, b]
            })
        })
    };
    assert_eq!(run(1), run(3));
    let other = Bootstrap { resamples: 60, seed: 43 }.intervals(matches.images, |w| [mean_ap(&matches, Some(w)).0]);
    assert_ne!(other[0], run(1)[0]);
}

#[test]
fn metrics_that_are_rarely_defined_have_no_interval() {
    let [rare, never] = Bootstrap { resamples: 100, seed: 1 }
        .intervals(10, |w| [if w[0] > 2 { Some(1.0) } else { None }, Some(f64::NAN)]);
    assert_eq!((rare, never), (None, None));
    assert_eq!(Bootstrap { resamples: 0, seed: 1 }.intervals(10, |_| [Some(1.0)]), [None]);
    assert_eq!(Bootstrap::default().intervals(0, |_| [Some(1.0)]), [None]);
}

#[test]
fn weights_are_the_same_as_repeated_images() {
    let b = |x: f64| [x, 0.0, 50.0, 50.0];
    let truths = [(0, 0, b(0.0)), (0, 0, b(100.0)), (1, 0, b(0.0)), (2, 0, b(0.0))];
    let found = [(0, 0, b(0.0), 0.9), (1, 0, b(300.0), 0.8), (1, 0, b(0.0), 0.5), (2, 0, b(20.0), 0.9)];
    let weighted = mean_ap(&match_all(&set(3, 1, &truths, &found), 300), Some(&[1, 3, 0]));
    let mut more_truths = truths[..3].to_vec();
    let mut more_found = found[..3].to_vec();
    for copy in [2, 3] {
        more_truths.push((copy, 0, b(0.0)));
        more_found.push((copy, 0, b(300.0), 0.8));
        more_found.push((copy, 0, b(0.0), 0.5));
    }
    let repeated = mean_ap(&match_all(&set(4, 1, &more_truths, &more_found), 300), None);
    assert_eq!(weighted, repeated);
}

#[test]
fn slices_by_a_table() {
    let images = ["a.jpg", "b.jpg", "c.jpg"];
    let text = "\u{feff}image, store ,light\nb.jpg,7,\"dim, warm\"\na.jpg,7,bright\nother.jpg,9,bright\n";
    let slices = from_csv(text, &images).unwrap();
    let shown: Vec<(&str, &str, &[u32])> =
        slices.iter().map(|s| (s.column.as_str(), s.value.as_str(), s.images.as_slice())).collect();
    assert_eq!(
        shown,
        [
            ("store", "(not listed)", &[2][..]),
            ("store", "7", &[0, 1]),
            ("light", "(not listed)", &[2]),
            ("light", "bright", &[0]),
            ("light", "dim, warm", &[1]),
        ]
    );
    let check = |text: &str, expected: SliceError| assert_eq!(from_csv(text, &images), Err(expected));
    check("store,light\n", SliceError::FirstColumn { found: "store".into() });
    check("image\na.jpg\n", SliceError::NoColumns);
    check("image,s\na.jpg,1\nb.jpg,1\na.jpg,2\n", SliceError::Repeated { line: 4, name: "a.jpg".into() });
    check("image,s\nx.jpg,1\n", SliceError::NoneKnown { listed: 1 });
    check("image,s\na.jpg,1,2\n", SliceError::Syntax { line: 2, reason: "3 columns, but the heading has 2".into() });
}

#[test]
fn a_column_of_identifiers_is_no_slice() {
    let names: Vec<String> = (0..100).map(|i| format!("{i}.jpg")).collect();
    let images: Vec<&str> = names.iter().map(String::as_str).collect();
    let text: String = names.iter().map(|n| format!("{n},{n}\n")).collect();
    let found = from_csv(&format!("image,id\n{text}"), &images);
    assert_eq!(found, Err(SliceError::TooManyValues { column: "id".into() }));
}

#[test]
fn density_slices_cover_every_image_once() {
    let b = [0.0, 0.0, 50.0, 50.0];
    let truths: Vec<(u32, u32, [f64; 4])> =
        (0..12).map(|_| (0, 0, b)).chain([(1, 0, b)]).chain((0..150).map(|_| (3, 0, b))).collect();
    let s = set(4, 1, &truths, &[]);
    let shown: Vec<(String, Vec<u32>)> = by_density(&s).into_iter().map(|s| (s.value, s.images)).collect();
    let expected = [("0 facings", 2), ("1-9 facings", 1), ("10-29 facings", 0), ("120+ facings", 3)];
    assert_eq!(shown, expected.map(|(v, p)| (v.to_owned(), vec![p])));
}

#[test]
fn a_slice_of_one_image_claims_no_interval() {
    let s =
        set(2, 1, &[(0, 0, [0.0, 0.0, 9.0, 9.0]), (1, 0, [0.0, 0.0, 9.0, 9.0])], &[(0, 0, [0.0, 0.0, 9.0, 9.0], 0.5)]);
    let matches = match_all(&s, 300);
    let slice = eval::Slice { column: "c".into(), value: "v".into(), images: vec![0] };
    let [(value, interval)] = metrics_of(&slice, 2, Bootstrap::default(), |w| [mean_ap(&matches, Some(w)).0]);
    assert_eq!((value, interval), (Some(1.0), None));
}
