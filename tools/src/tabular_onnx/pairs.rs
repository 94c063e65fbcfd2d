//! Machines of pairs of classes: decisions, votes, and probabilities coupled over the pairs (Wu, Lin and Weng 2004, second method), step
//! for step as `tabular` does.

use tabular::Matrix;
use tabular::learn::{Form, FormPair};

use super::forms::{affine, alike};
use super::graph::{DOUBLE, Graph, Name};

/// Never quite sure of a pair.
const LEAST: f64 = 1e-7;
/// Rounds of coupling, at least.
const ROUNDS: usize = 100;

/// The decision of each pair: (rows, pairs).
pub(super) fn decisions(graph: &mut Graph, form: &Form, x: &Name) -> Name {
    let Form::Pairs { kernel, vectors, pairs, .. } = form else { unreachable!("asked of pairs alone") };
    let alike = alike(graph, x, kernel, vectors);
    let weights: Vec<f64> = pairs.iter().flat_map(|pair| pair.weights.iter().copied()).collect();
    let bias: Vec<f64> = pairs.iter().map(|pair| pair.bias).collect();
    affine(graph, &alike, &Matrix::new(weights, pairs.len(), vectors.rows()), &bias)
}

/// Votes for each class: a decision above 0 is one for the first.
pub(super) fn votes(graph: &mut Graph, decisions: &Name, pairs: &[FormPair], classes: usize) -> Name {
    let zero = graph.double(0.0);
    let first = graph.op("Greater", &[decisions, &zero], Vec::new());
    let first = graph.cast(&first, DOUBLE);
    // first * (for the first - for the second) + for the second.
    let mut weights = Matrix::zeros(classes, pairs.len());
    let mut bias = vec![0.0; classes];
    for (at, pair) in pairs.iter().enumerate() {
        *weights.at_mut(pair.first, at) += 1.0;
        *weights.at_mut(pair.second, at) -= 1.0;
        bias[pair.second] += 1.0;
    }
    affine(graph, &first, &weights, &bias)
}

/// Probabilities of the classes.
pub(super) fn probabilities(graph: &mut Graph, decisions: &Name, pairs: &[FormPair], classes: usize) -> Name {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (-pair.sigmoid.0, -pair.sigmoid.1)).unzip();
    let (a, b) = (graph.doubles(&[1, pairs.len()], &a), graph.doubles(&[1, pairs.len()], &b));
    let raw = graph.op("Mul", &[decisions, &a], Vec::new());
    let raw = graph.op("Add", &[&raw, &b], Vec::new());
    let first = graph.op("Sigmoid", &[&raw], Vec::new());
    let (low, high) = (graph.double(LEAST), graph.double(1.0 - LEAST));
    let one = graph.double(1.0);
    if classes == 2 {
        let first = graph.op("Clip", &[&first, &low, &high], Vec::new());
        let second = graph.op("Sub", &[&one, &first], Vec::new());
        return graph.concat(&[&first, &second]);
    }
    // r[i, j]: the probability of i where it is i or j; and the same turned.
    let (mut straight, mut turned) =
        (Matrix::zeros(classes * classes, pairs.len()), Matrix::zeros(classes * classes, pairs.len()));
    let (mut straight_bias, mut turned_bias) = (vec![0.0; classes * classes], vec![0.0; classes * classes]);
    for (at, pair) in pairs.iter().enumerate() {
        let (ij, ji) = (pair.first * classes + pair.second, pair.second * classes + pair.first);
        *straight.at_mut(ij, at) = 1.0;
        *straight.at_mut(ji, at) = -1.0;
        straight_bias[ji] = 1.0;
        *turned.at_mut(ji, at) = 1.0;
        *turned.at_mut(ij, at) = -1.0;
        turned_bias[ij] = 1.0;
    }
    let shape = graph.ints(&[-1, classes as i64, classes as i64]);
    let square = |graph: &mut Graph, weights: &Matrix, bias: &[f64]| {
        let flat = affine(graph, &first, weights, bias);
        let flat = graph.op("Clip", &[&flat, &low, &high], Vec::new());
        graph.op("Reshape", &[&flat, &shape], Vec::new())
    };
    let r = square(graph, &straight, &straight_bias);
    let r_turned = square(graph, &turned, &turned_bias);
    let unit: Vec<f64> = (0..classes * classes).map(|at| f64::from(u8::from(at / classes == at % classes))).collect();
    let others: Vec<f64> = unit.iter().map(|value| 1.0 - value).collect();
    let minus: Vec<f64> = others.iter().map(|value| -value).collect();
    let unit = graph.doubles(&[1, classes, classes], &unit);
    let others = graph.doubles(&[1, classes, classes], &others);
    let minus = graph.doubles(&[1, classes, classes], &minus);
    let beside = graph.op("Mul", &[&r, &r_turned], Vec::new());
    let beside = graph.op("Mul", &[&beside, &minus], Vec::new());
    let squares = graph.op("Mul", &[&r_turned, &r_turned], Vec::new());
    let squares = graph.op("Mul", &[&squares, &others], Vec::new());
    let diagonal = graph.sum(&squares, 2, true);
    let diagonal = graph.op("Mul", &[&diagonal, &unit], Vec::new());
    let q = graph.op("Add", &[&beside, &diagonal], Vec::new());
    // All equally likely, one row for each row.
    let equal = affine(graph, &first, &Matrix::zeros(classes, pairs.len()), &vec![1.0 / classes as f64; classes]);
    let rounds = classes.max(ROUNDS) as i64;
    graph.repeat(rounds, &equal, |graph, p| round(graph, &q, p, classes))
}

/// One round of coupling; rows that are near enough stay as they are.
fn round(graph: &mut Graph, q: &Name, p: &Name, classes: usize) -> Name {
    let column = graph.unsqueeze(p, 2);
    let product = graph.op("MatMul", &[q, &column], Vec::new());
    let axes = graph.ints(&[2]);
    let mut qp = graph.op("Squeeze", &[&product, &axes], Vec::new());
    let both = graph.op("Mul", &[p, &qp], Vec::new());
    let mut pqp = graph.sum(&both, 1, true);
    let off = graph.op("Sub", &[&qp, &pqp], Vec::new());
    let off = graph.op("Abs", &[&off], Vec::new());
    let axis = vec![super::graph::ints_of("axes", vec![1]), super::graph::int("keepdims", 1)];
    let off = graph.op("ReduceMax", &[&off], axis);
    let near = graph.double(0.005 / classes as f64);
    let done = graph.op("Less", &[&off, &near], Vec::new());
    let (one, two) = (graph.double(1.0), graph.double(2.0));
    let mut next = p.clone();
    for class in 0..classes {
        let at = graph.ints(&[class as i64]);
        let axis = || vec![super::graph::int("axis", 1)];
        let row = graph.op("Gather", &[q, &at], axis());
        let axes = graph.ints(&[1]);
        let row = graph.op("Squeeze", &[&row, &axes], Vec::new());
        let own = graph.op("Gather", &[&row, &at], axis());
        let here = graph.op("Gather", &[&qp, &at], axis());
        let change = graph.op("Sub", &[&pqp, &here], Vec::new());
        let change = graph.op("Div", &[&change, &own], Vec::new());
        let grown = graph.op("Add", &[&one, &change], Vec::new());
        // pqp = (pqp + change (change q[i, i] + 2 qp[i])) / (1 + change)^2
        let inner = graph.op("Mul", &[&change, &own], Vec::new());
        let twice = graph.op("Mul", &[&two, &here], Vec::new());
        let inner = graph.op("Add", &[&inner, &twice], Vec::new());
        let inner = graph.op("Mul", &[&change, &inner], Vec::new());
        let inner = graph.op("Add", &[&pqp, &inner], Vec::new());
        let squared = graph.op("Mul", &[&grown, &grown], Vec::new());
        pqp = graph.op("Div", &[&inner, &squared], Vec::new());
        let moved = graph.op("Mul", &[&change, &row], Vec::new());
        let moved = graph.op("Add", &[&qp, &moved], Vec::new());
        qp = graph.op("Div", &[&moved, &grown], Vec::new());
        let mut only = vec![0.0; classes];
        only[class] = 1.0;
        let only = graph.doubles(&[1, classes], &only);
        let added = graph.op("Mul", &[&change, &only], Vec::new());
        let added = graph.op("Add", &[&next, &added], Vec::new());
        next = graph.op("Div", &[&added, &grown], Vec::new());
    }
    graph.op("Where", &[&done, p, &next], Vec::new())
}
