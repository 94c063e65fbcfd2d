//! LightGBM's text of a model, read into trees of our own. It comes from the library, and is checked as if it did not.

use crate::learn::tree::{Node, Tree};

/// Trees and what each feature gained in all of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parsed {
    pub(super) trees: Vec<Tree>,
    pub(super) gains: Vec<f64>,
}

/// Bit of a decision that says that it is of categories.
const CATEGORICAL: i64 = 1;

/// Reads the trees of a model that learned from so many features.
pub(super) fn parse(text: &str, features: usize) -> Result<Parsed, String> {
    if !text.lines().any(|line| line == "version=v4") {
        return Err("it is no model of LightGBM 4".to_owned());
    }
    let mut parsed = Parsed { trees: Vec::new(), gains: vec![0.0; features] };
    let trees = text.split("\nend of trees").next().unwrap_or_default();
    for block in trees.split("\nTree=").skip(1) {
        let tree = one_tree(block, &mut parsed.gains)?;
        parsed.trees.push(tree);
    }
    if parsed.trees.is_empty() {
        return Err("it has no trees".to_owned());
    }
    Ok(parsed)
}

fn one_tree(block: &str, gains: &mut [f64]) -> Result<Tree, String> {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default()
    };
    if field("num_cat") != "0" || !matches!(field("is_linear"), "0" | "") {
        return Err("trees of categories, and linear leaves, are not read".to_owned());
    }
    let leaves: Vec<f64> = list(field("leaf_value"))?;
    let (of, thresholds): (Vec<usize>, Vec<f64>) = (list(field("split_feature"))?, list(field("threshold"))?);
    let (decisions, gained): (Vec<i64>, Vec<f64>) = (list(field("decision_type"))?, list(field("split_gain"))?);
    let (left, right): (Vec<i64>, Vec<i64>) = (list(field("left_child"))?, list(field("right_child"))?);
    let splits = of.len();
    let same =
        [thresholds.len(), decisions.len(), gained.len(), left.len(), right.len()].iter().all(|len| *len == splits);
    if !same || leaves.len() != splits + 1 || decisions.iter().any(|kind| kind & CATEGORICAL != 0) {
        return Err("a tree is damaged".to_owned());
    }
    for (feature, gain) in of.iter().zip(&gained) {
        *gains.get_mut(*feature).ok_or("a tree asks for a feature that there is not")? += gain.max(0.0);
    }
    // Splits come first, then leaves; a negative child is the complement of a leaf's number.
    let place =
        |child: i64| usize::try_from(if child < 0 { splits as i64 + !child } else { child }).unwrap_or(usize::MAX);
    let questions = (0..splits).map(|at| Node::Question {
        feature: of[at],
        threshold: thresholds[at],
        left: place(left[at]),
        right: place(right[at]),
    });
    let nodes: Vec<Node> = questions.chain(leaves.iter().map(|value| Node::Leaf(*value))).collect();
    Tree::of_nodes(&nodes).ok_or_else(|| "a tree is no tree".to_owned())
}

fn list<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, String> {
    text.split_ascii_whitespace().map(|word| word.parse().map_err(|_| format!("{word:?} is no number"))).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    const MODEL: &str = "tree\nversion=v4\nmax_feature_idx=2\n\nTree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=2 1\nsplit_gain=5 2\n\
        threshold=0.5 3\ndecision_type=2 2\nleft_child=1 -1\nright_child=-2 -3\nleaf_value=0.25 -1 2\nis_linear=0\nshrinkage=1\n\n\
        Tree=1\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nsplit_gain=\nthreshold=\ndecision_type=\nleft_child=\nright_child=\n\
        leaf_value=7\nis_linear=0\n\n\nend of trees\n\nTree=9\n";

    #[test]
    fn trees_are_read_as_they_are_asked() {
        let parsed = parse(MODEL, 3).expect("a model");
        assert_eq!((parsed.trees.len(), parsed.gains), (2, vec![0.0, 2.0, 5.0]));
        for (row, expected) in [([0.0, 3.0, 0.5], 0.25), ([0.0, 3.1, 0.5], 2.0), ([0.0, 3.0, 0.6], -1.0)] {
            assert_eq!(parsed.trees[0].value(&row, 1), [expected], "{row:?}");
            assert_eq!(parsed.trees[1].value(&row, 1), [7.0]);
        }
    }

    #[test]
    fn what_is_damaged_is_refused() {
        for (from, to) in [
            ("version=v4", "version=v3"),
            ("num_cat=0", "num_cat=1"),
            ("left_child=1 -1", "left_child=0 -1"),
            ("left_child=1 -1", "left_child=1 -9"),
            ("left_child=1 -1", "left_child=1"),
            ("split_feature=2 1", "split_feature=3 1"),
            ("threshold=0.5 3", "threshold=0.5 nan"),
            ("decision_type=2 2", "decision_type=3 2"),
            ("leaf_value=0.25 -1 2", "leaf_value=0.25 -1"),
            ("leaf_value=0.25", "leaf_value=inf"),
            ("is_linear=0", "is_linear=1"),
        ] {
            assert!(parse(&MODEL.replacen(from, to, 1), 3).is_err(), "{to}");
        }
        assert!(parse("", 3).is_err());
        assert!(parse("version=v4\nend of trees", 3).is_err());
    }
}
