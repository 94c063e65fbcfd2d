//! From which confidence on detections count, class by class.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

/// What our own detectors tell apart.
pub const CONTAINERS: [&str; 4] = ["bottle", "can", "glass", "unknown_container"];

/// The minimum confidence of each class. Classes are told by name, because numbers mean something in one network alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Confidences<T = f32> {
    /// Of every class without an entry of its own, `0..=1`.
    pub default: T,
    /// Of single classes, in place of the default, `0..=1`.
    pub by_class: BTreeMap<String, T>,
}

/// A confidence was given for a class that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no class {class:?}; there are {}", known.join(", "))]
pub struct UnknownClass {
    /// As written.
    pub class: String,
    /// Those there are.
    pub known: Vec<String>,
}

impl<T: Copy> Confidences<T> {
    /// One for all classes.
    #[must_use]
    pub const fn uniform(confidence: T) -> Self {
        Self { default: confidence, by_class: BTreeMap::new() }
    }

    /// That of a class.
    #[must_use]
    pub fn of(&self, class: &str) -> T {
        self.by_class.get(class).copied().unwrap_or(self.default)
    }

    /// Those of classes by number, given their names.
    #[must_use]
    pub fn by_number(&self, classes: &[String]) -> Vec<T> {
        classes.iter().map(|class| self.of(class)).collect()
    }

    /// The same with every number changed.
    #[must_use]
    pub fn map<U>(&self, change: impl Fn(T) -> U) -> Confidences<U> {
        let by_class = self.by_class.iter().map(|(class, &confidence)| (class.clone(), change(confidence)));
        Confidences { default: change(self.default), by_class: by_class.collect() }
    }

    /// Makes sure that every class with a confidence of its own is one of `classes`: a misspelt one would be without effect.
    /// Those of [`CONTAINERS`] may be named all the same, so that one configuration serves detectors of different classes.
    ///
    /// # Errors
    /// Names the first that is not, and those there are.
    pub fn check(&self, classes: &[String]) -> Result<(), UnknownClass> {
        let known = |class: &String| classes.contains(class) || CONTAINERS.contains(&class.as_str());
        match self.by_class.keys().find(|class| !known(class)) {
            Some(class) => Err(UnknownClass { class: class.clone(), known: classes.to_vec() }),
            None => Ok(()),
        }
    }
}

impl<T: Copy> From<T> for Confidences<T> {
    fn from(confidence: T) -> Self {
        Self::uniform(confidence)
    }
}

/// `0.5`, or `0.5 (can 0.7, glass 0.4)`.
impl<T: fmt::Display> fmt::Display for Confidences<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.default)?;
        for (at, (class, confidence)) in self.by_class.iter().enumerate() {
            write!(f, "{}{class} {confidence}", if at == 0 { " (" } else { ", " })?;
        }
        if self.by_class.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}
