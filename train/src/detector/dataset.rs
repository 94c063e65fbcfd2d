//! The labelled images that are trained on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::dataset::files::{FileError, read_text_bounded};
use ::dataset::yolo::{self, BadLabels, LabelError, MAX_LABEL_BYTES};
use ::dataset::{ClassNames, DataFolder, FrozenSplit, LayoutChoice, LayoutKind, Part};

use super::error::DataError;
use super::targets::ClassSet;

/// A folder of labelled images in YOLO's layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The folder that holds `images` and `labels`.
    pub root: PathBuf,
    /// The frozen split that says which images belong to which part. Without it folders called `train`, `val` and `test`
    /// do, and without these every image is in every part.
    pub split: Option<PathBuf>,
    /// How many times each image counts in an epoch.
    pub repeat: u32,
    /// Classes that are to be seen in its images without being labelled: they are not learned as absent there.
    pub unlabelled: Vec<String>,
}

/// Edges `[x1, y1, x2, y2]` as fractions of the image.
pub type Edges = [f64; 4];

/// A labelled object of an image, whatever its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labelled {
    /// Number of its class in [`TrainingData::names`].
    pub class: usize,
    /// Its box.
    pub edges: Edges,
}

/// A region of an image in which classes are not labelled.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRegion {
    /// The region.
    pub edges: Edges,
    /// Which classes.
    pub classes: ClassSet,
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The synthetic shelf of a number.
    Synthetic(u64),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Synthetic(number) => write!(f, "synthetic shelf {number}"),
        }
    }
}

/// An image and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Where it comes from.
    pub origin: Origin,
    /// Its objects; a synthetic shelf knows its own.
    pub objects: Vec<Labelled>,
    /// Where objects may be that are not labelled.
    pub unlabelled: Vec<OpenRegion>,
    /// How many times it counts in an epoch.
    pub repeat: u32,
}

/// All images of one part of several folders.
#[derive(Debug, Clone)]
pub struct TrainingData {
    /// Names of the classes.
    pub names: Vec<String>,
    /// The images, folder by folder, by path.
    pub samples: Vec<Sample>,
    /// What was found.
    pub summary: Summary,
}

/// What was found in the folders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Images in all.
    pub images: usize,
    /// Those without an object.
    pub background: usize,
    /// Those among them without a label file.
    pub without_file: usize,
    /// Objects by class.
    pub objects: Vec<usize>,
    /// Boxes without width or height, left out.
    pub empty_boxes: usize,
    /// Regions marked as not labelled.
    pub ignored: usize,
    /// Lines that were not understood or name no class, and images left out because their label file cannot be read.
    pub left_out: BadLabels,
}

/// What is added to the name of a label file for the regions that are not labelled: `labels/a.ignore.txt`.
pub const IGNORE_SUFFIX: &str = ".ignore.txt";

impl TrainingData {
    /// Reads the labels of all folders. `names` are the classes; without them the first folder that names its classes does.
    /// Folders that name theirs in another order are renumbered.
    ///
    /// # Errors
    /// When a folder, split or label file cannot be used; class numbers out of range are named by file and line.
    pub fn read(sources: &[Source], part: Part, names: Option<&[String]>) -> Result<Self, DataError> {
        Self::read_with(sources, part, names, BadLabels::strict())
    }

    /// As [`TrainingData::read`], but `labels` says whether what is not understood is an error or left out and counted. An
    /// image whose label file cannot be read at all is left out: it would be learned as background.
    ///
    /// # Errors
    /// As [`TrainingData::read`].
    pub fn read_with(
        sources: &[Source],
        part: Part,
        names: Option<&[String]>,
        labels: BadLabels,
    ) -> Result<Self, DataError> {
        if sources.is_empty() {
            return Err(DataError::NoSources);
        }
        let own: Vec<Option<(String, ClassNames)>> =
            sources.iter().map(|source| ClassNames::find(&source.root)).collect::<Result<_, _>>()?;
        let names = match names {
            Some(names) => ClassNames::new(names.to_vec())?,
            None => own.iter().flatten().next().ok_or(DataError::NoNames)?.1.clone(),
        };
        let mut data = Self { names: names.as_slice().to_vec(), samples: Vec::new(), summary: Summary::default() };
        data.summary.objects = vec![0; names.len()];
        data.summary.left_out = labels;
        for (source, own) in sources.iter().zip(own) {
            let classes = Classes::of(source, own, &names)?;
            data.add(source, part, &classes)?;
        }
        if data.summary.objects.iter().all(|&count| count == 0) {
            return Err(DataError::OnlyBackground { images: data.summary.images });
        }
        Ok(data)
    }

    fn add(&mut self, source: &Source, part: Part, classes: &Classes) -> Result<(), DataError> {
        let unlabelled = (!classes.unlabelled.is_empty())
            .then(|| OpenRegion { edges: [0.0, 0.0, 1.0, 1.0], classes: ClassSet::Only(classes.unlabelled.clone()) });
        let before = self.samples.len();
        for (image, label) in images(source, part)? {
            let mut regions: Vec<OpenRegion> = unlabelled.iter().cloned().collect();
            let marks = label.with_extension("").with_added_extension("ignore.txt");
            regions.extend(ignored(&marks, classes, &mut self.summary.left_out)?);
            let mut objects = Vec::new();
            let lines = if label.is_file() { self.summary.left_out.read(&label)? } else { Some(Vec::new()) };
            let Some(lines) = lines else { continue };
            self.summary.images += 1;
            self.summary.ignored += regions.len() - usize::from(unlabelled.is_some());
            self.summary.without_file += usize::from(!label.is_file());
            for line in lines {
                let class = classes.number(&label, line.line, line.label.class);
                let Some(class) = self.summary.left_out.accept(class)? else { continue };
                let [x1, y1, x2, y2] = line.label.edges().map(|edge| edge.clamp(0.0, 1.0));
                if x2 > x1 && y2 > y1 {
                    self.summary.objects[class] += 1;
                    objects.push(Labelled { class, edges: [x1, y1, x2, y2] });
                } else {
                    self.summary.empty_boxes += 1;
                }
            }
            self.summary.background += usize::from(objects.is_empty());
            let origin = Origin::File(image);
            self.samples.push(Sample { origin, objects, unlabelled: regions, repeat: source.repeat.max(1) });
        }
        if self.samples.len() == before {
            return Err(DataError::EmptyPart { root: source.root.clone(), part, split: source.split.clone() });
        }
        Ok(())
    }
}

/// From the class numbers of a folder to those that are trained.
struct Classes {
    /// By the folder's number; `None` when it names none and its numbers are ours.
    map: Option<Vec<usize>>,
    count: usize,
    unlabelled: Arc<[usize]>,
}

impl Classes {
    fn of(source: &Source, own: Option<(String, ClassNames)>, names: &ClassNames) -> Result<Self, DataError> {
        let position = |name: &str, location: String| {
            names.position(name).map(|class| class as usize).ok_or_else(|| DataError::UnknownName {
                location,
                name: name.to_owned(),
                known: names.as_slice().to_vec(),
            })
        };
        let map = own.map(|(file, own)| {
            let location = source.root.join(file).display().to_string();
            own.as_slice().iter().map(|name| position(name, location.clone())).collect::<Result<Vec<_>, _>>()
        });
        let location = || format!("`unlabelled` of {}", source.root.display());
        let unlabelled =
            source.unlabelled.iter().map(|name| position(name, location())).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { map: map.transpose()?, count: names.len(), unlabelled: unlabelled.into() })
    }

    fn number(&self, path: &Path, line: u32, class: u32) -> Result<usize, DataError> {
        let (found, classes) = match &self.map {
            Some(map) => (map.get(class as usize).copied(), map.len()),
            None => (Some(class as usize).filter(|&class| class < self.count), self.count),
        };
        found.ok_or_else(|| DataError::Class { path: path.to_owned(), line, class, classes })
    }
}

/// Images of a part and where their label files are or would be.
fn images(source: &Source, part: Part) -> Result<Vec<(PathBuf, PathBuf)>, DataError> {
    let data = DataFolder::scan(&source.root, LayoutChoice::Is(LayoutKind::Boxes))?;
    let place = |relative: &str| data.locate(relative);
    if let Some(path) = &source.split {
        let split = FrozenSplit::read(path)?;
        let known: BTreeMap<&str, String> =
            data.images.iter().map(|image| (image.path.as_str(), image.label_path())).collect();
        return split
            .files(part)
            .map(|file| match known.get(file.path.as_str()) {
                Some(label) => Ok((place(&file.path), place(label))),
                None => Err(DataError::Missing { split: path.clone(), image: place(&file.path) }),
            })
            .collect();
    }
    let parted = data.images.iter().any(|image| image.part.is_some());
    let chosen = data.images.iter().filter(|image| !parted || image.part == Some(part));
    Ok(chosen.map(|image| (place(&image.path), place(&image.label_path()))).collect())
}

/// Regions in `labels/a.ignore.txt`: lines as in a label file, with `*` in place of the class for all classes.
fn ignored(path: &Path, classes: &Classes, left_out: &mut BadLabels) -> Result<Vec<OpenRegion>, DataError> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = read_text_bounded(path, MAX_LABEL_BYTES).map_err(|error: FileError| LabelError::from(error))?;
    let mut regions = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let all = line.trim_start().strip_prefix('*');
        let line = all.map_or_else(|| line.to_owned(), |rest| format!("0{rest}"));
        for (_, parsed) in yolo::parse(&line) {
            let parsed = parsed.map_err(|error| LabelError::Line { path: path.to_owned(), line: number, error });
            let Some(parsed) = left_out.accept(parsed)? else { continue };
            let set = match all {
                Some(_) => ClassSet::All,
                None => {
                    let class = classes.number(path, number, parsed.label.class);
                    let Some(class) = left_out.accept(class)? else { continue };
                    ClassSet::Only([class].into())
                }
            };
            regions.push(OpenRegion { edges: parsed.label.edges().map(|edge| edge.clamp(0.0, 1.0)), classes: set });
        }
    }
    Ok(regions)
}
