//! XGBoost's JSON of a model, read into trees of our own. It comes from the library, and is checked as if it did not.

use serde::Deserialize;

use crate::learn::tree::{Node, Tree};

/// Trees, round by round, what is told before the first, and what each feature gained in all of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parsed {
    pub(super) trees: Vec<Tree>,
    pub(super) start: Vec<f64>,
    pub(super) gains: Vec<f64>,
}

#[derive(Deserialize)]
struct File {
    learner: LearnerPart,
}

#[derive(Deserialize)]
struct LearnerPart {
    gradient_booster: Booster,
    learner_model_param: Parameters,
}

#[derive(Deserialize)]
struct Parameters {
    base_score: String,
}

#[derive(Deserialize)]
struct Booster {
    model: Trees,
}

#[derive(Deserialize)]
struct Trees {
    trees: Vec<OneTree>,
}

#[derive(Deserialize)]
struct OneTree {
    left_children: Vec<i64>,
    right_children: Vec<i64>,
    split_indices: Vec<usize>,
    split_conditions: Vec<f32>,
    split_type: Vec<u8>,
    loss_changes: Vec<f64>,
}

/// What the base score is a value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Of what is told.
    Identity,
    /// Of a probability: its logarithm of odds is what trees add to.
    Logit,
}

/// Reads a model that learned from so many features and adds up to so many numbers.
pub(super) fn parse(bytes: &[u8], features: usize, outputs: usize, link: Link) -> Result<Parsed, String> {
    let File { learner } = serde_json::from_slice(bytes).map_err(|error| format!("it is no model: {error}"))?;
    let start = base(&learner.learner_model_param.base_score, outputs, link)?;
    let mut gains = vec![0.0; features];
    let trees = learner.gradient_booster.model.trees.iter().map(|tree| one_tree(tree, &mut gains));
    let trees = trees.collect::<Result<Vec<_>, String>>()?;
    if trees.is_empty() || !trees.len().is_multiple_of(outputs) {
        return Err(format!("it has {} trees for {outputs} outputs", trees.len()));
    }
    Ok(Parsed { trees, start, gains })
}

/// `5E-1`, or `[5E-1]`, or one for each output.
fn base(text: &str, outputs: usize, link: Link) -> Result<Vec<f64>, String> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let wrong = || format!("its base score is {text:?}");
    let values = inner.split(',').map(|part| part.trim().parse::<f32>().map(f64::from).map_err(|_| wrong()));
    let mut values = values.collect::<Result<Vec<f64>, String>>()?;
    if values.len() == 1 {
        values = vec![values[0]; outputs];
    }
    if link == Link::Logit {
        values.iter_mut().for_each(|value| *value = (*value / (1.0 - *value)).ln());
    }
    let good = values.len() == outputs && values.iter().all(|value| value.is_finite());
    if good { Ok(values) } else { Err(wrong()) }
}

fn one_tree(tree: &OneTree, gains: &mut [f64]) -> Result<Tree, String> {
    let nodes = tree.left_children.len();
    let lengths = [
        tree.right_children.len(),
        tree.split_indices.len(),
        tree.split_conditions.len(),
        tree.split_type.len(),
        tree.loss_changes.len(),
    ];
    if lengths.iter().any(|length| *length != nodes) {
        return Err("a tree is damaged".to_owned());
    }
    let mut made = Vec::with_capacity(nodes);
    for node in 0..nodes {
        let condition = tree.split_conditions[node];
        if tree.left_children[node] < 0 {
            made.push(Node::Leaf(f64::from(condition)));
            continue;
        }
        if tree.split_type[node] != 0 {
            return Err("trees of categories are not read".to_owned());
        }
        let feature = tree.split_indices[node];
        *gains.get_mut(feature).ok_or("a tree asks for a feature that there is not")? +=
            tree.loss_changes[node].max(0.0);
        let place = |child: i64| usize::try_from(child).unwrap_or(usize::MAX);
        let (left, right) = (place(tree.left_children[node]), place(tree.right_children[node]));
        made.push(Node::Question { feature, threshold: at_most(condition), left, right });
    }
    Tree::of_nodes(&made).ok_or_else(|| "a tree is no tree".to_owned())
}

/// The largest 64-bit number that, rounded to 32 bits, lies below a 32-bit one: XGBoost asks `x < condition` of rounded numbers, our trees
/// ask `x <= threshold` of numbers as they are.
fn at_most(condition: f32) -> f64 {
    let below = condition.next_down();
    // Halfway between two neighbours; representable in 64 bits.
    let halfway = f64::from(below) / 2.0 + f64::from(condition) / 2.0;
    if halfway as f32 == below { halfway } else { halfway.next_down() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = r#"{"learner":{"gradient_booster":{"model":{"trees":[{"left_children":[1,-1,-1],"right_children":[2,-1,-1],
        "split_indices":[1,0,0],"split_conditions":[2.5,-1.0,3.0],"split_type":[0,0,0],"loss_changes":[4.0,0.0,0.0]}]}},
        "learner_model_param":{"base_score":"[2.5E-1]"}}}"#;

    #[test]
    fn trees_are_read_as_they_are_asked() {
        let parsed = parse(MODEL.as_bytes(), 2, 1, Link::Logit).expect("a model");
        assert_eq!((parsed.gains, parsed.start), (vec![0.0, 4.0], vec![(1.0_f64 / 3.0).ln()]));
        for (x, expected) in [(2.4, -1.0), (2.5, 3.0), (2.500_000_1, 3.0), (2.499_999_9, 3.0), (2.499_999_8, -1.0)] {
            assert_eq!(parsed.trees[0].value(&[0.0, x], 1), [expected], "{x}");
            assert_eq!((x as f32) < 2.5, expected < 0.0, "as XGBoost would ask");
        }
        assert_eq!(
            parse(MODEL.replace("[2.5E-1]", "1E0").as_bytes(), 2, 1, Link::Identity).expect("a model").start,
            [1.0]
        );
    }

    #[test]
    fn thresholds_divide_as_32_bit_numbers_do() {
        let mut random = vision::Random::new(5);
        for _ in 0..20_000 {
            let condition = f32::from_bits(random.next_u64() as u32);
            if !condition.is_finite() || !condition.next_down().is_finite() {
                continue;
            }
            let threshold = at_most(condition);
            for x in [threshold, threshold.next_up(), threshold.next_down(), f64::from(condition)] {
                assert_eq!(x <= threshold, (x as f32) < condition, "{x:e} {condition:e}");
            }
        }
    }

    #[test]
    fn what_is_damaged_is_refused() {
        for (from, to) in [
            ("[1,-1,-1]", "[0,-1,-1]"),
            ("[1,-1,-1]", "[7,-1,-1]"),
            ("[2,-1,-1]", "[1,-1,-1]"),
            ("\"split_indices\":[1,0,0]", "\"split_indices\":[2,0,0]"),
            ("[2.5,-1.0,3.0]", "[2.5,-1.0]"),
            ("\"split_type\":[0", "\"split_type\":[1"),
            ("[2.5E-1]", "[1E0]"),
            ("[2.5E-1]", "[.2,.3]"),
            ("[2.5E-1]", "soon"),
            ("\"trees\":[", "\"woods\":["),
        ] {
            assert!(parse(MODEL.replacen(from, to, 1).as_bytes(), 2, 1, Link::Logit).is_err(), "{to}");
        }
        assert!(parse(MODEL.as_bytes(), 2, 3, Link::Identity).is_err(), "one tree for three outputs");
    }
}
