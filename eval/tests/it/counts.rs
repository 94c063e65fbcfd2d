//! Counts by hand.

use eval::{Bootstrap, CountRow, CountTable, evaluate_counts};

fn table(rows: &[(u32, u32, u64, u64)], skus: u32, images: u32) -> CountTable {
    let name = |prefix: &str, n: u32| (0..n).map(|i| format!("{prefix}{i}")).collect();
    let row = |&(sku, image, truth, predicted): &(u32, u32, u64, u64)| CountRow { sku, image, truth, predicted };
    CountTable::new(name("sku", skus), name("image", images), rows.iter().map(row).collect())
}

#[test]
fn definitions_by_hand() {
    // SKU 0: 5 seen as 3 in image 0, right in image 1. SKU 1: invented once in image 1. SKU 2: absent everywhere.
    let t = table(&[(0, 0, 5, 3), (0, 1, 2, 2), (1, 1, 0, 1), (2, 0, 0, 0)], 3, 3);
    let s = t.summarize(None);
    // SKU 0: (2 + 0) / 2 = 1; SKU 1: 1 / 1; mean 1.
    assert_eq!(s.macro_mae, Some(1.0));
    assert_eq!(s.micro_mae, Some(3.0 / 3.0));
    // Images: |3-5| = 2, |3-2| = 1, image 2 is empty and right.
    assert_eq!(s.total_error, Some(1.0));
    assert_eq!(s.total_bias, Some(-1.0 / 3.0));
    assert_eq!(s.counting_accuracy, Some(1.0 / 3.0));
    assert_eq!(s.average_counting_distance, Some(1.0));
    // SKU 0: 2 / 7; SKU 1 has no truth to compare with.
    assert_eq!(s.mean_category_counting_distance, Some(2.0 / 7.0));
    // SKU 0: (3 + 2) / (5 + 2); SKU 1: 0 / 1.
    assert_eq!(s.mean_category_counting_iou, Some((5.0 / 7.0) / 2.0));
}

#[test]
fn the_gate_is_the_mean_over_skus_not_over_images() {
    // A frequent SKU that is always right must not hide a rare one that is always wrong.
    let mut rows: Vec<(u32, u32, u64, u64)> = (0..9).map(|image| (0, image, 4, 4)).collect();
    rows.push((1, 0, 1, 3));
    let s = table(&rows, 2, 9).summarize(None);
    assert_eq!(s.macro_mae, Some(1.0));
    assert_eq!(s.micro_mae, Some(0.2));
}

#[test]
fn nothing_counted_is_nothing_measured() {
    let s = table(&[(0, 0, 0, 0)], 1, 1).summarize(None);
    assert_eq!((s.macro_mae, s.micro_mae, s.counting_accuracy), (None, None, None));
}

#[test]
fn weights_repeat_images() {
    let rows = [(0, 0, 5, 3), (0, 1, 2, 2), (1, 1, 0, 1)];
    let doubled = [(0, 0, 5, 3), (0, 1, 2, 2), (1, 1, 0, 1), (0, 2, 5, 3)];
    let with_weights = table(&rows, 2, 2).summarize(Some(&[2, 1]));
    assert_eq!(with_weights, table(&doubled, 2, 3).summarize(None));
    assert_eq!(table(&rows, 2, 2).summarize(Some(&[0, 0])).macro_mae, None);
}

#[test]
fn the_worst_come_first() {
    let t = table(&[(0, 0, 5, 3), (0, 1, 2, 2), (1, 1, 0, 4), (2, 0, 1, 0)], 3, 2);
    let section = evaluate_counts(&t, Bootstrap { resamples: 20, seed: 0 }, &[]);
    let names: Vec<&str> = section.worst_skus.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["sku1", "sku0", "sku2"]);
    assert_eq!(section.worst_images[0].name, "image1");
    assert_eq!(section.scatter, [(0, 4, 1), (1, 0, 1), (2, 2, 1), (5, 3, 1)]);
}
