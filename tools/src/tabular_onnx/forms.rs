//! Models as nodes of ONNX: from features (rows, features) to scores (rows, outputs).

use tabular::Matrix;
use tabular::learn::{Form, FormNode, Kernel, KernelName, Link};

use super::graph::{DOUBLE, FLOAT, Graph, Name, doubles_of, int, ints_of, text, texts};
use super::pairs;

/// Scores of a model: the probability of each class, or a number.
pub(super) fn scores(graph: &mut Graph, form: &Form, x: &Name) -> Name {
    match form {
        Form::Affine { weights, bias, link } => {
            let raw = affine(graph, x, weights, bias);
            linked(graph, &raw, *link)
        }
        Form::Trees { trees, base, link } => {
            let sums = ensemble(graph, x, trees, base.len(), |_, output| output);
            let base = graph.doubles(&[1, base.len()], base);
            let raw = graph.op("Add", &[&sums, &base], Vec::new());
            linked(graph, &raw, *link)
        }
        Form::Median { trees, weights } => median(graph, x, trees, weights),
        Form::Bayes { constants, means, variances } => {
            let squares = differences(graph, x, means);
            let variances = graph.doubles(&[1, variances.rows(), variances.columns()], variances.values());
            let parts = graph.op("Div", &[&squares, &variances], Vec::new());
            let distance = graph.sum(&parts, 2, false);
            let half = graph.double(-0.5);
            let distance = graph.op("Mul", &[&distance, &half], Vec::new());
            let constants = graph.doubles(&[1, constants.len()], constants);
            let raw = graph.op("Add", &[&distance, &constants], Vec::new());
            linked(graph, &raw, Link::Softmax)
        }
        Form::Neighbors { rows, answers, k, by_distance } => neighbors(graph, x, (rows, answers), *k, *by_distance),
        Form::Kernel { kernel, vectors, weights, bias } => {
            if vectors.rows() == 0 {
                // No vector pulls: the same number for every row.
                let nothing = graph.columns(x, &[0]);
                let zero = graph.op("Sub", &[&nothing, &nothing], Vec::new());
                let bias = graph.double(*bias);
                return graph.op("Add", &[&zero, &bias], Vec::new());
            }
            let alike = alike(graph, x, kernel, vectors);
            affine(graph, &alike, &Matrix::new(weights.clone(), 1, weights.len()), &[*bias])
        }
        Form::Pairs { classes, pairs, .. } => {
            let decisions = pairs::decisions(graph, form, x);
            pairs::probabilities(graph, &decisions, pairs, *classes)
        }
        Form::Vote { members, hard } => {
            let part = graph.double(1.0 / members.len() as f64);
            let told: Vec<Name> = members
                .iter()
                .map(|member| if *hard { one_hot(graph, member, x) } else { scores(graph, member, x) })
                .collect();
            let sum = graph.op("Sum", &told.iter().collect::<Vec<_>>(), Vec::new());
            graph.op("Mul", &[&sum, &part], Vec::new())
        }
        Form::Stack { members, kept, meta } => {
            let answers = answers(graph, members, *kept, x);
            scores(graph, meta, &answers)
        }
    }
}

/// The class of each row.
pub(super) fn classes(graph: &mut Graph, form: &Form, x: &Name, scores: &Name) -> Name {
    match form {
        Form::Pairs { classes, pairs, .. } => {
            let decisions = pairs::decisions(graph, form, x);
            let votes = pairs::votes(graph, &decisions, pairs, *classes);
            largest(graph, &votes)
        }
        Form::Stack { members, kept, meta } => {
            let answers = answers(graph, members, *kept, x);
            classes(graph, meta, &answers, scores)
        }
        _ => largest(graph, scores),
    }
}

fn largest(graph: &mut Graph, scores: &Name) -> Name {
    graph.op("ArgMax", &[scores], vec![int("axis", 1), int("keepdims", 0)])
}

fn one_hot(graph: &mut Graph, member: &Form, x: &Name) -> Name {
    let told = scores(graph, member, x);
    let class = classes(graph, member, x, &told);
    let class = graph.unsqueeze(&class, 1);
    let numbers = graph.ints(&(0..member.outputs() as i64).collect::<Vec<_>>());
    let is = graph.op("Equal", &[&class, &numbers], Vec::new());
    graph.cast(&is, DOUBLE)
}

fn answers(graph: &mut Graph, members: &[Form], kept: usize, x: &Name) -> Name {
    let told: Vec<Name> = members
        .iter()
        .map(|member| {
            let (told, outputs) = (scores(graph, member, x), member.outputs());
            let last: Vec<i64> = (outputs - kept..outputs).map(|column| column as i64).collect();
            graph.columns(&told, &last)
        })
        .collect();
    graph.concat(&told.iter().collect::<Vec<_>>())
}

/// `x weights' + bias`.
pub(super) fn affine(graph: &mut Graph, x: &Name, weights: &Matrix, bias: &[f64]) -> Name {
    let (outputs, features) = (weights.rows(), weights.columns());
    let turned: Vec<f64> =
        (0..features).flat_map(|feature| (0..outputs).map(move |at| weights.at(at, feature))).collect();
    let turned = graph.doubles(&[features, outputs], &turned);
    let product = graph.op("MatMul", &[x, &turned], Vec::new());
    let bias = graph.doubles(&[1, outputs], bias);
    graph.op("Add", &[&product, &bias], Vec::new())
}

fn linked(graph: &mut Graph, raw: &Name, link: Link) -> Name {
    match link {
        Link::Identity => raw.clone(),
        Link::Softmax => graph.op("Softmax", &[raw], vec![int("axis", 1)]),
        Link::Binary => {
            let second = graph.op("Sigmoid", &[raw], Vec::new());
            let one = graph.double(1.0);
            let first = graph.op("Sub", &[&one, &second], Vec::new());
            graph.concat(&[&first, &second])
        }
    }
}

/// Sums of leaves, 64-bit from 32-bit ones; `target` says to which sum a leaf of a tree adds.
fn ensemble(
    graph: &mut Graph,
    x: &Name,
    trees: &[Vec<FormNode>],
    targets: usize,
    target: impl Fn(usize, usize) -> usize,
) -> Name {
    let (mut tree_of, mut node_of, mut features, mut modes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut thresholds, mut yes, mut no) = (Vec::new(), Vec::new(), Vec::new());
    let (mut leaf_tree, mut leaf_node, mut leaf_target, mut weights) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (tree, nodes) in trees.iter().enumerate() {
        for (at, node) in nodes.iter().enumerate() {
            tree_of.push(tree as i64);
            node_of.push(at as i64);
            let (feature, threshold, left, right) = match node {
                FormNode::Question { feature, threshold, left, right } => (*feature, *threshold, *left, *right),
                FormNode::Leaf(said) => {
                    for (output, value) in said {
                        leaf_tree.push(tree as i64);
                        leaf_node.push(at as i64);
                        leaf_target.push(target(tree, *output) as i64);
                        weights.push(*value);
                    }
                    (0, 0.0, 0, 0)
                }
            };
            modes.push(if matches!(node, FormNode::Leaf(_)) { "LEAF" } else { "BRANCH_LEQ" });
            features.push(feature as i64);
            thresholds.push(threshold);
            yes.push(left as i64);
            no.push(right as i64);
        }
    }
    let attributes = vec![
        int("n_targets", targets as i64),
        text("post_transform", "NONE"),
        text("aggregate_function", "SUM"),
        ints_of("nodes_treeids", tree_of),
        ints_of("nodes_nodeids", node_of),
        ints_of("nodes_featureids", features),
        texts("nodes_modes", &modes),
        doubles_of("nodes_values_as_tensor", &thresholds),
        ints_of("nodes_truenodeids", yes),
        ints_of("nodes_falsenodeids", no),
        ints_of("target_treeids", leaf_tree),
        ints_of("target_nodeids", leaf_node),
        ints_of("target_ids", leaf_target),
        doubles_of("target_weights_as_tensor", &weights),
    ];
    let sums = graph.ml("TreeEnsembleRegressor", &[x], attributes);
    graph.cast(&sums, DOUBLE)
}

fn median(graph: &mut Graph, x: &Name, trees: &[Vec<FormNode>], weights: &[f64]) -> Name {
    let count = trees.len();
    let told = ensemble(graph, x, trees, count, |tree, _| tree);
    let all = graph.ints(&[count as i64]);
    let order = vec![int("axis", 1), int("largest", 0), int("sorted", 1)];
    let sorted = graph.ops(("TopK", ""), &[&told, &all], order, 2);
    let (values, places) = (&sorted[0], &sorted[1]);
    let half = weights.iter().sum::<f64>() / 2.0;
    let weights = graph.doubles(&[count], weights);
    let weights = graph.op("Gather", &[&weights, places], vec![int("axis", 0)]);
    let axis = graph.ints(&[1]);
    let sums = graph.op("CumSum", &[&weights, &axis], Vec::new());
    let half = graph.double(half);
    let reached = graph.op("GreaterOrEqual", &[&sums, &half], Vec::new());
    let reached = graph.cast(&reached, FLOAT);
    let first = graph.op("ArgMax", &[&reached], vec![int("axis", 1), int("keepdims", 1)]);
    graph.op("GatherElements", &[values, &first], vec![int("axis", 1)])
}

/// Squared differences of each row from each of `others`: (rows, others, features).
fn differences(graph: &mut Graph, x: &Name, others: &Matrix) -> Name {
    let x = graph.unsqueeze(x, 1);
    let others = graph.doubles(&[1, others.rows(), others.columns()], others.values());
    let difference = graph.op("Sub", &[&x, &others], Vec::new());
    graph.op("Mul", &[&difference, &difference], Vec::new())
}

fn neighbors(graph: &mut Graph, x: &Name, (rows, answers): (&Matrix, &Matrix), k: usize, by_distance: bool) -> Name {
    let squares = differences(graph, x, rows);
    let distances = graph.sum(&squares, 2, false);
    let k = graph.ints(&[k as i64]);
    let order = vec![int("axis", 1), int("largest", 0), int("sorted", 1)];
    let nearest = graph.ops(("TopK", ""), &[&distances, &k], order, 2);
    let (near, places) = (&nearest[0], &nearest[1]);
    let answers = graph.doubles(&[answers.rows(), answers.columns()], answers.values());
    let said = graph.op("Gather", &[&answers, places], vec![int("axis", 0)]);
    let one = graph.double(1.0);
    let zero = graph.double(0.0);
    let is_exact = graph.op("Equal", &[near, &zero], Vec::new());
    let exact = graph.cast(&is_exact, DOUBLE);
    let weights = if by_distance {
        let any = graph.op("ReduceMax", &[&exact], vec![ints_of("axes", vec![1]), int("keepdims", 1)]);
        let any = graph.op("Greater", &[&any, &zero], Vec::new());
        let root = graph.op("Sqrt", &[near], Vec::new());
        let inverse = graph.op("Div", &[&one, &root], Vec::new());
        graph.op("Where", &[&any, &exact, &inverse], Vec::new())
    } else {
        // All the same: 1 wherever it is.
        let nothing = graph.op("Mul", &[&exact, &zero], Vec::new());
        graph.op("Add", &[&nothing, &one], Vec::new())
    };
    let total = graph.sum(&weights, 1, true);
    let weights = graph.op("Div", &[&weights, &total], Vec::new());
    let weights = graph.unsqueeze(&weights, 2);
    let parts = graph.op("Mul", &[&said, &weights], Vec::new());
    graph.sum(&parts, 1, false)
}

/// How alike each row is to each vector: (rows, vectors).
pub(super) fn alike(graph: &mut Graph, x: &Name, kernel: &Kernel, vectors: &Matrix) -> Name {
    let (name, gamma, degree, coef0) = kernel.parts();
    if name == KernelName::Rbf {
        let squares = differences(graph, x, vectors);
        let distance = graph.sum(&squares, 2, false);
        let gamma = graph.double(-gamma);
        let scaled = graph.op("Mul", &[&distance, &gamma], Vec::new());
        return graph.op("Exp", &[&scaled], Vec::new());
    }
    let product = affine(graph, x, vectors, &vec![0.0; vectors.rows()]);
    if name == KernelName::Linear {
        return product;
    }
    let (gamma, coef0, degree) = (graph.double(gamma), graph.double(coef0), graph.double(f64::from(degree)));
    let scaled = graph.op("Mul", &[&product, &gamma], Vec::new());
    let moved = graph.op("Add", &[&scaled, &coef0], Vec::new());
    graph.op("Pow", &[&moved, &degree], Vec::new())
}
