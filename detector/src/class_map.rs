//! From the classes a network was trained on to the classes of the product.

use std::collections::BTreeMap;

use thiserror::Error;
use vision::ClassId;

/// Which outputs of a network are kept, and under which names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassMap {
    outputs: usize,
    kept: Vec<(usize, ClassId)>,
    by_output: Vec<Option<ClassId>>,
    names: Vec<String>,
}

/// A class map that fits no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClassMapError {
    /// It speaks of a class the network has not.
    #[error("the class map names output {output}, but the network's classes are 0 to {}", outputs.saturating_sub(1))]
    Output {
        /// Number of the class.
        output: usize,
        /// Classes of the network.
        outputs: usize,
    },
    /// More classes than [`ClassId`] can tell apart.
    #[error("{found} classes are more than can be told apart ({})", u16::MAX)]
    TooMany {
        /// Classes of the network.
        found: usize,
    },
}

impl ClassMap {
    /// Keeps all outputs under their own names.
    ///
    /// # Errors
    /// When there are more than `u16::MAX`.
    pub fn all(names: Vec<String>) -> Result<Self, ClassMapError> {
        let kept = (0..names.len()).map(|i| Ok((i, class_id(i, names.len())?))).collect::<Result<_, _>>()?;
        Ok(Self::build(names.len(), kept, names))
    }

    /// Keeps the outputs listed in `map`; several may become one class. Product classes are numbered in the order in
    /// which the outputs name them first.
    ///
    /// # Errors
    /// When the map speaks of an output `>= outputs`.
    pub fn mapped(outputs: usize, map: &BTreeMap<usize, String>) -> Result<Self, ClassMapError> {
        let mut names: Vec<String> = Vec::new();
        let mut kept = Vec::with_capacity(map.len());
        for (&output, name) in map {
            if output >= outputs {
                return Err(ClassMapError::Output { output, outputs });
            }
            let class = names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.clone());
                names.len() - 1
            });
            kept.push((output, class_id(class, names.len())?));
        }
        Ok(Self::build(outputs, kept, names))
    }

    fn build(outputs: usize, kept: Vec<(usize, ClassId)>, names: Vec<String>) -> Self {
        let mut by_output = vec![None; outputs];
        for &(output, class) in &kept {
            by_output[output] = Some(class);
        }
        Self { outputs, kept, by_output, names }
    }

    /// The containers among COCO's 80 classes: `bottle` is a bottle, `wine glass` and `cup` are glasses. COCO has no cans.
    #[must_use]
    pub fn coco_containers() -> BTreeMap<usize, String> {
        [(39, "bottle"), (40, "glass"), (41, "glass")].map(|(output, name)| (output, name.to_owned())).into()
    }

    /// Whether these are COCO's 80 classes in their usual order. A few well-spread names decide, because tools spell some
    /// of the others differently (`tv` or `tvmonitor`, `hair drier` or `hair dryer`).
    #[must_use]
    pub fn is_coco(names: &[String]) -> bool {
        let is = |(i, name): (usize, &str)| names.get(i).is_some_and(|found| found == name);
        names.len() == 80
            && [(0, "person"), (39, "bottle"), (40, "wine glass"), (41, "cup"), (79, "toothbrush")].into_iter().all(is)
    }

    /// Classes of the network.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Kept outputs with their product classes, by output.
    #[must_use]
    pub fn kept(&self) -> &[(usize, ClassId)] {
        &self.kept
    }

    /// The product class of an output; `None` when it is dropped or does not exist.
    #[must_use]
    pub fn class_of(&self, output: usize) -> Option<ClassId> {
        self.by_output.get(output).copied().flatten()
    }

    /// Names of the product classes, by [`ClassId`].
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

fn class_id(index: usize, count: usize) -> Result<ClassId, ClassMapError> {
    u16::try_from(index).map(ClassId).map_err(|_| ClassMapError::TooMany { found: count })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(usize, &str)]) -> BTreeMap<usize, String> {
        entries.iter().map(|&(output, name)| (output, name.to_owned())).collect()
    }

    #[test]
    fn outputs_become_product_classes() {
        let containers = ClassMap::mapped(80, &ClassMap::coco_containers()).unwrap();
        assert_eq!(containers.names(), ["bottle", "glass"]);
        assert_eq!(containers.kept(), [(39, ClassId(0)), (40, ClassId(1)), (41, ClassId(1))]);
        for (output, expected) in [(39, Some(0)), (41, Some(1)), (0, None), (79, None), (80, None), (usize::MAX, None)]
        {
            assert_eq!(containers.class_of(output), expected.map(ClassId), "output {output}");
        }
    }

    #[test]
    fn without_a_map_all_outputs_stay() {
        let all = ClassMap::all(vec!["can".to_owned(), "keg".to_owned()]).unwrap();
        assert_eq!((all.names().len(), all.class_of(1), all.class_of(2)), (2, Some(ClassId(1)), None));
    }

    #[test]
    fn maps_that_do_not_fit_are_refused() {
        let wrong = ClassMap::mapped(3, &map(&[(1, "can"), (3, "keg")]));
        assert_eq!(wrong, Err(ClassMapError::Output { output: 3, outputs: 3 }));
        let many = ClassMap::all(vec![String::new(); 70_000]);
        assert_eq!(many, Err(ClassMapError::TooMany { found: 70_000 }));
    }

    #[test]
    fn coco_is_recognised_by_its_names() {
        let mut names = vec![String::from("x"); 80];
        assert!(!ClassMap::is_coco(&names));
        for (i, name) in [(0, "person"), (39, "bottle"), (40, "wine glass"), (41, "cup"), (79, "toothbrush")] {
            names[i] = name.to_owned();
        }
        assert!(ClassMap::is_coco(&names));
        assert!(!ClassMap::is_coco(&names[..79]));
    }
}
