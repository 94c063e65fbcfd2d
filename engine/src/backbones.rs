//! The backbones there are: their names, and which of them a set of weights is.
//!
//! A family is a folder beside this file, such as [`efficientnet`], and a line in `FAMILIES`.

use std::collections::BTreeMap;
use std::str::FromStr;

use thiserror::Error;

use crate::backbone::Backbone;
use crate::efficientnet;

/// All families. A new one is its folder and a line here.
static FAMILIES: [&[&dyn Backbone]; 1] = [&efficientnet::FAMILY];

/// All backbones, each family from small to large.
pub fn all() -> impl Iterator<Item = &'static dyn Backbone> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

/// Those whose tensors have the names and shapes of this one's, itself included: they differ in where zeros go and what is
/// added to variances.
pub fn twins(of: &'static dyn Backbone) -> impl Iterator<Item = &'static dyn Backbone> {
    let tensors = of.convolutions();
    all().filter(move |backbone| backbone.convolutions() == tensors)
}

/// The backbone whose convolutions are exactly those of the weights with these names and shapes (native or published names).
/// Of twins it is the one that publishes weights under such names.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "an iterator is given away")]
pub fn recognize<'a>(weights: impl Iterator<Item = (&'a str, &'a [usize])> + Clone) -> Option<&'static dyn Backbone> {
    let fits = |backbone: &dyn Backbone| {
        let found: BTreeMap<String, Vec<usize>> = weights
            .clone()
            .filter(|(_, shape)| shape.len() == 4)
            .filter_map(|(name, shape)| Some((backbone.native_name(name)?, shape.to_vec())))
            .collect();
        found == backbone.convolutions()
    };
    let first = all().find(|backbone| fits(*backbone))?;
    let names: Vec<&str> = weights.clone().map(|(name, _)| name).collect();
    Some(twins(first).find(|twin| twin.published_as(&names)).unwrap_or(first))
}

/// Text that names no backbone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("architecture {text:?} is not known; known are {known}", known = names())]
pub struct ParseBackboneError {
    text: String,
}

fn names() -> String {
    all().map(Backbone::name).collect::<Vec<_>>().join(", ")
}

impl FromStr for &'static dyn Backbone {
    type Err = ParseBackboneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = all().find(|backbone| backbone.name() == text || backbone.aliases().contains(&text));
        known.ok_or_else(|| ParseBackboneError { text: text.chars().take(80).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::Padding;

    #[test]
    fn names_are_parsed_and_shown() {
        for backbone in all() {
            let parsed: &dyn Backbone = backbone.name().parse().unwrap();
            assert_eq!(parsed, backbone);
            assert_eq!(parsed.to_string(), backbone.name());
            assert_eq!(all().filter(|other| *other == backbone).count(), 1, "{backbone}: names are unique");
        }
        let parse = |text: &str| text.parse::<&dyn Backbone>();
        assert_eq!(parse("tf_efficientnet_lite0"), parse("efficientnet_lite0"));
        for text in ["", "efficientnet_b9", "tf_", "resnet50", "Efficientnet_b0"] {
            assert!(parse(text).unwrap_err().to_string().contains("efficientnet_lite0"), "{text}");
        }
    }

    #[test]
    fn every_backbone_is_recognised_by_its_convolutions() {
        for backbone in all() {
            let mut all = backbone.convolutions();
            all.insert("classifier.weight".to_owned(), vec![1000, 1280]);
            all.insert("some.constant".to_owned(), vec![1, 1, 1, 1]);
            let of = |all: &BTreeMap<String, Vec<usize>>| {
                recognize(all.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())))
            };
            assert!(of(&all).is_some_and(|found| found.is_twin_of(backbone)), "{backbone}");
            all.pop_first();
            assert_eq!(of(&all), None, "{backbone}");
        }
        assert_eq!(recognize(std::iter::empty()), None);
    }

    #[test]
    fn twins_pad_differently() {
        for backbone in all() {
            let mut paddings: Vec<Padding> = twins(backbone).map(Backbone::padding).collect();
            let count = paddings.len();
            paddings.dedup();
            assert_eq!(paddings.len(), count, "{backbone}");
        }
    }

    #[test]
    fn the_pyramid_needs_a_part_of_the_tensors() {
        for backbone in all() {
            let all = backbone.convolutions();
            let left = all.keys().filter(|name| !backbone.only_for_features(name)).count();
            assert!(0 < left && left < all.len(), "{backbone}");
            assert!(backbone.norms().iter().all(|(conv, _)| all.contains_key(&format!("{conv}.weight"))), "{backbone}");
        }
    }
}
