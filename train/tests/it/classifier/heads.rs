//! Metric heads: against PyTorch, against differences, and where the formulas are at their edges.

use candle_core::{Device, Tensor, Var};
use serde::Deserialize;
use train::classifier::head::{HeadLoss, margins_by_size};
use train::classifier::{Head, MarginKind, Margins, margin_softmax};

use crate::support::noise;

/// Made by `fixtures/margin_heads.py`.
const FIXTURE: &str = include_str!("fixtures/margin_heads.json");

#[derive(Deserialize)]
struct Case {
    name: String,
    kind: MarginKind,
    sub_centers: usize,
    margins: Vec<f64>,
    scale: f64,
    labels: Vec<usize>,
    embeddings: Vec<Vec<f64>>,
    weight: Vec<Vec<f64>>,
    loss: f64,
    by_embeddings: Vec<Vec<f64>>,
    by_weight: Vec<Vec<f64>>,
}

/// Rounding of a few hundred operations in double precision.
const EXACT: f64 = 1e-9;

fn var(rows: &[Vec<f64>]) -> Var {
    let values = rows.concat();
    Var::from_tensor(&Tensor::from_vec(values, (rows.len(), rows[0].len()), &Device::Cpu).unwrap()).unwrap()
}

fn loss(embeddings: &Tensor, weight: &Tensor, labels: &[usize], margins: &Margins<'_>) -> HeadLoss {
    Head::new(weight.clone()).loss(embeddings, labels, margins).unwrap()
}

fn close(found: &Tensor, wanted: &[Vec<f64>], name: &str) {
    let found = found.to_vec2::<f64>().unwrap();
    for (found, wanted) in found.iter().flatten().zip(wanted.iter().flatten()) {
        assert!((found - wanted).abs() < EXACT, "{name}: {found} where PyTorch says {wanted}");
    }
}

#[test]
fn losses_and_gradients_are_those_of_pytorch() {
    let cases: Vec<Case> = serde_json::from_str(FIXTURE).unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let (embeddings, weight) = (var(&case.embeddings), var(&case.weight));
        let margins =
            Margins { kind: case.kind, by_class: &case.margins, scale: case.scale, sub_centers: case.sub_centers };
        let found = loss(&embeddings, &weight, &case.labels, &margins);
        assert!((found.loss - case.loss).abs() < EXACT, "{}: {} instead of {}", case.name, found.loss, case.loss);
        let gradients = found.objective.backward().unwrap();
        close(gradients.get(&embeddings).unwrap(), &case.by_embeddings, &case.name);
        close(gradients.get(&weight).unwrap(), &case.by_weight, &case.name);
    }
}

#[test]
fn gradients_are_what_differences_say() {
    let mut values = noise(5, 16 * 7).into_iter().map(f64::from);
    let mut rows = |count: usize| -> Vec<Vec<f64>> { (0..count).map(|_| values.by_ref().take(7).collect()).collect() };
    let (embeddings, weight) = (rows(6), rows(10));
    let labels = [4, 0, 1, 1, 3, 2];
    for (kind, scale, margin) in
        [(MarginKind::ArcFace, 12.0, 0.5), (MarginKind::ArcFace, 64.0, 0.1), (MarginKind::CosFace, 20.0, 0.3)]
    {
        let by_class: Vec<f64> = (0..5).map(|class| margin + 0.02 * f64::from(class)).collect();
        let margins = Margins { kind, by_class: &by_class, scale, sub_centers: 2 };
        let (e, w) = (var(&embeddings), var(&weight));
        let gradients = loss(&e, &w, &labels, &margins).objective.backward().unwrap();
        let of =
            |embeddings: &[Vec<f64>], weight: &[Vec<f64>]| loss(&var(embeddings), &var(weight), &labels, &margins).loss;
        let step = 1e-6;
        for (which, gradient) in [(0, gradients.get(&e).unwrap()), (1, gradients.get(&w).unwrap())] {
            let gradient = gradient.to_vec2::<f64>().unwrap();
            for (row, values) in gradient.iter().enumerate() {
                for (column, &gradient) in values.iter().enumerate() {
                    let moved = |by: f64| {
                        let mut both = [embeddings.clone(), weight.clone()];
                        both[which][row][column] += by;
                        of(&both[0], &both[1])
                    };
                    let difference = (moved(step) - moved(-step)) / (2.0 * step);
                    let tolerance = 1e-5 * (1.0 + difference.abs());
                    assert!((difference - gradient).abs() < tolerance, "{kind:?}: {gradient} but {difference}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_infinite_at_the_edges() {
    for kind in [MarginKind::ArcFace, MarginKind::CosFace] {
        for cosine in [-1.0, -1.0 + 1e-12, -0.9, 0.0, 0.9, 1.0 - 1e-12, 1.0, 1.0 + 1e-7, -1.0 - 1e-7] {
            for margin in [0.0, 0.2, 0.5, 1.2] {
                let (phi, slope) = kind.apply(cosine, margin);
                assert!(phi.is_finite() && slope.is_finite() && slope.abs() < 2000.0, "{kind:?} {cosine} {margin}");
                assert!(
                    phi <= cosine.clamp(-1.0, 1.0) + 1e-3,
                    "a margin never helps: {kind:?} {cosine} {margin}: {phi}"
                );
            }
        }
        let by_class = [0.5; 3];
        for row in [[1.0, -1.0, -1.0], [-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]] {
            let margins = Margins { kind, by_class: &by_class, scale: 64.0, sub_centers: 1 };
            let found = margin_softmax(&row, &[0], &margins);
            assert!(found.loss.is_finite() && found.gradient.iter().all(|g| g.is_finite()), "{kind:?} {row:?}");
        }
    }
}

#[test]
fn the_true_cosine_with_a_margin_rises_with_the_cosine() {
    for margin in [0.1, 0.5, 1.0] {
        let phi: Vec<f64> =
            (0..=2000).map(|at| MarginKind::ArcFace.apply(f64::from(at) / 1000.0 - 1.0, margin).0).collect();
        assert!(phi.windows(2).all(|pair| pair[1] > pair[0]), "margin {margin}");
    }
}

#[test]
fn rare_skus_get_larger_margins() {
    let margins = margins_by_size(&[1000, 10, 100], 0.2, 0.6);
    assert!((margins[0] - 0.2).abs() < 1e-12 && (margins[1] - 0.6).abs() < 1e-12);
    assert!(margins[2] > 0.2 && margins[2] < 0.6);
    assert_eq!(margins_by_size(&[5, 5], 0.3, 0.9), [0.3, 0.3]);
}
