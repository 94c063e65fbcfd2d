//! What detection and identity cost apart, and who was taken for whom.

use std::path::Path;

use eval::formats::{Facing, Shelf, Shelves, compare, with_true_identities};
use eval::report::confused_facings;
use eval::{Rect, Stated};
use vision::Confidences;

fn facing(x: f64, sku: Option<&str>) -> Facing {
    Facing {
        rect: Rect::new(x, 10.0, 20.0, 60.0),
        class: "bottle".to_owned(),
        sku: sku.map(str::to_owned),
        crowd: false,
        confidence: 0.9,
        candidates: sku.iter().map(|sku| ((*sku).to_owned(), 0.8)).collect(),
        stated: Stated { probability: Some(0.75), excess: Some(0.1) },
    }
}

fn shelves(images: &[&[(f64, Option<&str>)]]) -> Shelves {
    let shelf = |(at, facings): (usize, &&[(f64, Option<&str>)])| {
        let facings: Vec<Facing> = facings.iter().map(|&(x, sku)| facing(x, sku)).collect();
        Shelf { name: format!("{at}.jpg"), counts: Shelf::count(&facings), facings: Some(facings), ..Shelf::default() }
    };
    let enrolled = Some(["cola", "tea"].map(str::to_owned).to_vec());
    Shelves { images: images.iter().enumerate().map(shelf).collect(), enrolled }
}

#[test]
fn errors_of_boxes_and_of_names_are_told_apart() {
    let (path, any) = (Path::new("test"), Confidences::uniform(0.0));
    let truth = shelves(&[
        &[(0.0, Some("cola")), (30.0, Some("cola")), (60.0, Some("tea")), (90.0, Some("soap"))],
        &[(0.0, None)],
    ]);
    // One box is missed, one is invented, one is taken for another, and what is not enrolled is named.
    let found = shelves(&[
        &[(0.0, Some("cola")), (30.0, Some("tea")), (91.0, Some("tea")), (200.0, Some("cola"))],
        &[(1.0, Some("cola"))],
    ]);
    let renamed = with_true_identities(&truth, &found, path, &any).unwrap().unwrap();
    let counts = |at: usize| renamed.images[at].counts.iter().map(|(sku, n)| (sku.as_str(), *n)).collect::<Vec<_>>();
    assert_eq!(
        counts(0),
        [("cola", 2)],
        "the missed tea stays missed, soap is not enrolled, the invented box has no name"
    );
    assert_eq!(counts(1), []);

    let comparison = compare(&truth, &found, path, &any).unwrap();
    let boxes = comparison.boxes.as_ref().unwrap();
    let confused = confused_facings((&truth, &found), boxes, (&any, path), 10).unwrap();
    let pairs: Vec<_> =
        confused.iter().map(|c| (c.truth.as_str(), c.predicted.as_deref(), c.count, c.like.len())).collect();
    assert_eq!(pairs, [("cola", Some("tea"), 1, 1), ("soap", Some("tea"), 1, 1)]);
    assert_eq!(
        (confused[0].facings[0].image.as_str(), confused[0].facings[0].rect),
        ("0.jpg", [30.0, 10.0, 20.0, 60.0])
    );
    assert_eq!(confused_facings((&truth, &found), boxes, (&any, path), 1).unwrap().len(), 1);

    // What was stated reaches the metrics.
    let identities = comparison.identities.unwrap();
    assert!(identities.has_excess());
    assert!(identities.iter().all(|query| query.stated.probability == Some(0.75)));
    let none = with_true_identities(&truth, &Shelves::default(), path, &any).unwrap().unwrap();
    assert!(none.images.iter().all(|shelf| shelf.counts.is_empty()));
}
