//! Class names of a data set, from the files in which people keep them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use crate::files::{FileError, into_text, read_bounded};

/// Names by class number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassNames(Vec<String>);

/// Why names are not class names.
#[derive(Debug, Error)]
pub enum NamesError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not the YAML that is expected.
    #[error("{path} is not a data-set description")]
    Yaml {
        /// Path of the file.
        path: String,
        /// Where and why.
        source: Box<serde_saphyr::Error>,
    },
    /// `nc` and `names` disagree.
    #[error("{path} says `nc: {nc}` but names {names} classes")]
    Count {
        /// Path of the file.
        path: String,
        /// What `nc` says.
        nc: usize,
        /// How many names there are.
        names: usize,
    },
    /// Two files of one folder say different names.
    #[error(
        "{first} calls class {class} {name:?}, but {second} calls it {other:?}: remove the wrong file, or give --classes"
    )]
    Disagree {
        /// The file that is looked at first.
        first: String,
        /// The other.
        second: String,
        /// The first class they disagree on.
        class: usize,
        /// Its name in the first.
        name: String,
        /// Its name in the other.
        other: String,
    },
    /// A name is missing, or there are too many.
    #[error("{place}: class {class} has no name")]
    Empty {
        /// File, or "the list of classes".
        place: String,
        /// Which class.
        class: usize,
    },
    /// One name, two classes.
    #[error("{place}: classes {first} and {second} are both called {name:?}")]
    Twice {
        /// File, or "the list of classes".
        place: String,
        /// The first class.
        first: usize,
        /// The second.
        second: usize,
        /// Their name.
        name: String,
    },
}

/// Largest file of names read.
const MAX_NAMES_BYTES: u64 = 4 << 20;

/// Maximum number of classes.
pub const MAX_CLASSES: usize = 65_536;

/// Files looked for, in this order, at the top of a data set and in its `labels` folder.
const FILES: &[&str] =
    &["data.yaml", "data.yml", "dataset.yaml", "dataset.yml", "classes.txt", "obj.names", "labels/classes.txt"];

impl ClassNames {
    /// Names in order.
    ///
    /// # Errors
    /// When a name is empty or given twice.
    pub fn new(names: Vec<String>) -> Result<Self, NamesError> {
        Self::checked(names, "the list of classes")
    }

    fn checked(names: Vec<String>, place: &str) -> Result<Self, NamesError> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (class, name) in names.iter().enumerate() {
            if name.trim().is_empty() || class >= MAX_CLASSES {
                return Err(NamesError::Empty { place: place.to_owned(), class });
            }
            if let Some(first) = seen.insert(name, class) {
                return Err(NamesError::Twice { place: place.to_owned(), first, second: class, name: name.clone() });
            }
        }
        Ok(Self(names))
    }

    /// Reads `data.yaml` (key `names`, a list or a map from number to name) or a text file with one name a line.
    ///
    /// # Errors
    /// When the file cannot be read or holds no sound names.
    pub fn read(path: &Path) -> Result<Self, NamesError> {
        Self::parse(path, read_bounded(path, MAX_NAMES_BYTES)?)
    }

    /// As [`ClassNames::read`], from the bytes of the file called `path`.
    ///
    /// # Errors
    /// When they hold no sound names.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, NamesError> {
        let text = into_text(path, bytes)?;
        let place = path.display().to_string();
        let yaml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
        if !yaml {
            let names = text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
            let used = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
            return Self::checked(names[..used].to_vec(), &place);
        }
        let description: Description = serde_saphyr::from_str(&text)
            .map_err(|source| NamesError::Yaml { path: place.clone(), source: Box::new(source) })?;
        let names = description.names.0;
        match description.nc {
            Some(nc) if nc != names.len() => Err(NamesError::Count { path: place, nc, names: names.len() }),
            _ => Self::checked(names, &place),
        }
    }

    /// Reads the names kept in the folder of a data set, if there are any; also says in which file.
    ///
    /// # Errors
    /// When there is such a file but it holds no sound names, or when two such files give a class different names: boxes
    /// would silently change their class.
    pub fn find(folder: &Path) -> Result<Option<(String, Self)>, NamesError> {
        if is_description(folder) {
            return Ok(Some((file_of(folder), Self::read(folder)?)));
        }
        let mut found: Option<(String, Self)> = None;
        for name in FILES.iter().filter(|name| folder.join(name).is_file()) {
            let names = Self::read(&folder.join(name));
            let Some((first, known)) = &found else {
                found = Some(((*name).to_owned(), names?));
                continue;
            };
            // What is only looked at for comparison need not be sound.
            let Ok(names) = names else { continue };
            if let Some(class) = known.0.iter().zip(&names.0).position(|(one, other)| one != other) {
                return Err(NamesError::Disagree {
                    first: first.clone(),
                    second: (*name).to_owned(),
                    class,
                    name: known.0[class].clone(),
                    other: names.0[class].clone(),
                });
            }
        }
        Ok(found)
    }

    /// The name of a class.
    #[must_use]
    pub fn get(&self, class: u32) -> Option<&str> {
        self.0.get(class as usize).map(String::as_str)
    }

    /// The number of the class called `name`.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<u32> {
        self.0.iter().position(|n| n == name).map(|at| at as u32)
    }

    /// All names in order.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no classes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether `path` is a file that describes a data set (`data.yaml`), not its folder.
fn is_description(path: &Path) -> bool {
    let yaml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
    yaml && path.is_file()
}

fn file_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folder of the data set that is named by itself or by its description: the description's `path`, relative to where the
/// description lies, when there is such a folder; else the description's own folder. Never relative to where one stands.
#[must_use]
pub fn data_root(named: &Path) -> PathBuf {
    #[derive(serde::Deserialize)]
    struct DataRoot {
        path: Option<String>,
    }
    if !is_description(named) {
        return named.to_owned();
    }
    let own = named.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = read_bounded(named, MAX_NAMES_BYTES).and_then(|bytes| into_text(named, bytes)).unwrap_or_default();
    let place = serde_saphyr::from_str::<DataRoot>(&text).ok().and_then(|place| place.path);
    place.map(|path| own.join(path)).filter(|folder| folder.is_dir()).unwrap_or_else(|| own.to_owned())
}

/// What is read of `data.yaml` here; for its `path` see [`data_root`].
#[derive(serde::Deserialize)]
struct Description {
    names: NameList,
    #[serde(default)]
    nc: Option<usize>,
}

/// Names as a list, or as a map from every number `0..n` to a name.
struct NameList(Vec<String>);

impl<'de> Deserialize<'de> for NameList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = NameList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of class names, or a map from class number to name")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<NameList, A::Error> {
                let mut names = Vec::new();
                while let Some(Word(name)) = items.next_element()? {
                    names.push(name);
                    if names.len() > MAX_CLASSES {
                        return Err(de::Error::custom("too many class names"));
                    }
                }
                Ok(NameList(names))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<NameList, A::Error> {
                let mut by_number = BTreeMap::new();
                while let Some((Word(number), Word(name))) = items.next_entry()? {
                    // Some writers quote the numbers.
                    let number: usize = number.trim().parse().map_err(|_| {
                        de::Error::custom(format!(
                            "{:?} is no class number",
                            number.chars().take(40).collect::<String>()
                        ))
                    })?;
                    if by_number.insert(number, name).is_some() {
                        return Err(de::Error::custom(format!("class {number} is named twice")));
                    }
                    if by_number.len() > MAX_CLASSES {
                        return Err(de::Error::custom("too many class names"));
                    }
                }
                let count = by_number.len();
                if let Some(gap) = (0..count).find(|number| !by_number.contains_key(number)) {
                    return Err(de::Error::custom(format!("class {gap} has no name")));
                }
                Ok(NameList(by_number.into_values().collect()))
            }
        }
        deserializer.deserialize_any(Names)
    }
}

/// Text, or a number that was meant as text: the beer called 1664.
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Word, E> {
                Ok(Word(truth.to_string()))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        match ClassNames::find(folder.path()) {
            Ok(found) => Ok(found.expect("the file is there").1.0),
            Err(error) => Err(format!(
                "{error} {}",
                std::error::Error::source(&error).map_or_else(String::new, ToString::to_string)
            )),
        }
    }

    #[test]
    fn every_way_of_keeping_names() {
        let check = |name: &str, text: &str| {
            assert_eq!(read(name, text).unwrap(), ["bottle", "can"], "{name}: {text}");
        };
        check("classes.txt", "bottle\ncan\n\n");
        check("obj.names", "bottle\r\ncan");
        check("data.yaml", "train: ../train\nnc: 2\nnames: ['bottle', 'can']\n");
        check("data.yaml", "names:\n  0: bottle\n  1: can\n");
        check("dataset.yml", "path: .\nnames:\n- bottle\n- can\n");
        check("data.yaml", "\u{feff}names:\r\n  '0': bottle\r\n  '1': can\r\n");
        assert_eq!(read("data.yaml", "names: [1664, 7up]").unwrap(), ["1664", "7up"]);
    }

    #[test]
    fn a_description_stands_for_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
        std::fs::create_dir(root.path().join("set")).unwrap();
        for (text, expected) in
            [("names: [a]", ""), ("path: set\nnames: [a]", "set"), ("path: nowhere\nnames: [a]", "")]
        {
            write("data.yaml", text);
            assert_eq!(data_root(&root.path().join("data.yaml")), root.path().join(expected), "{text}");
        }
        assert_eq!(data_root(root.path()), root.path());
        assert_eq!(ClassNames::find(&root.path().join("data.yaml")).unwrap().unwrap().1.as_slice(), ["a"]);
    }

    #[test]
    fn two_files_that_disagree_are_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("data.yaml", "names: [bottle, can]");
        write("classes.txt", "bottle\ncan\nglass\n");
        assert_eq!(ClassNames::find(folder.path()).unwrap().unwrap().1.len(), 2);
        write("classes.txt", "can\nbottle\n");
        let message = ClassNames::find(folder.path()).unwrap_err().to_string();
        assert!(message.contains("data.yaml calls class 0 \"bottle\", but classes.txt calls it \"can\""), "{message}");
    }

    #[test]
    fn names_that_cannot_be() {
        let check = |name: &str, text: &str, expected: &str| {
            let message = read(name, text).unwrap_err();
            assert!(message.contains(expected), "{message}");
        };
        check("classes.txt", "bottle\n\ncan", "class 1 has no name");
        check("classes.txt", "bottle\nbottle", "classes 0 and 1 are both called \"bottle\"");
        check("data.yaml", "nc: 3\nnames: [bottle, can]", "says `nc: 3` but names 2 classes");
        check("data.yaml", "names: {0: bottle, 2: can}", "class 1 has no name");
        check("data.yaml", "names: 7", "a list of class names");
    }
}
