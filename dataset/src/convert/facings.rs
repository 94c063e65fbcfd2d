//! `facings.csv`: boxes with SKUs, one facing a row, columns `x,y,w,h,class,sku` in pixels and anything else as attributes.
//!
//! One table for one image beside it, one table whose column `file` names images, or a folder `facings/` with a table for each
//! image of `images/`, named like it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::Loaded;
use super::cvat::Categories;
use super::error::{ConvertError, Fault, Place};
use super::model::{ImageRecord, Object, Rect};
use crate::files::{file_stem, parent, read_text_bounded, safe_relative, to_native};
use crate::layout::{DataFolder, LayoutChoice, LayoutKind};
use crate::picture::upright_size;

const MAX_BYTES: u64 = 64 << 20;

/// Folder of the tables of a data set.
pub const FACINGS_FOLDER: &str = "facings";

/// Reads a table, or the tables of a data set.
pub(super) fn read(path: &Path) -> Result<Loaded, ConvertError> {
    if path.is_dir() && path.join(FACINGS_FOLDER).is_dir() {
        return read_folder(path);
    }
    let path: PathBuf = if path.is_dir() { path.join("facings.csv") } else { path.to_owned() };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut tables = Tables::default();
    tables.read(&path, &|| only_picture(&path, folder))?;
    tables.finish(folder)
}

/// The table of each image: `images/a.jpg` has `facings/a.csv`; `None` where there is no such file.
#[must_use]
pub fn table_of(root: &Path, image: &str) -> Option<PathBuf> {
    let stem = file_stem(image);
    let below: Vec<&str> = parent(image).split('/').filter(|name| !name.is_empty() && *name != "images").collect();
    let folder = below.iter().fold(root.join(FACINGS_FOLDER), |folder, name| folder.join(name));
    Some(folder.join(format!("{stem}.csv"))).filter(|table| table.is_file())
}

fn read_folder(root: &Path) -> Result<Loaded, ConvertError> {
    let data = DataFolder::scan(root, LayoutChoice::Is(LayoutKind::Boxes))?;
    let mut tables = Tables::default();
    let mut read = HashSet::new();
    for picture in &data.pictures {
        let Some(table) = table_of(root, &picture.path) else { continue };
        // `a.jpg` and `a.png` would share a table.
        if !read.insert(table.clone()) {
            return Err(ConvertError::at(&table, Place::Line(1), Fault::WhichPicture(2)));
        }
        tables.read(&table, &|| Ok(picture.path.clone()))?;
    }
    tables.finish(root)
}

/// What was read so far.
#[derive(Default)]
struct Tables {
    categories: Categories,
    images: BTreeMap<String, Vec<Object>>,
    rows: u64,
}

impl Tables {
    /// Adds a table; `only` is the image it is of when it has no column `file`.
    fn read(&mut self, path: &Path, only: &dyn Fn() -> Result<String, ConvertError>) -> Result<(), ConvertError> {
        let text = read_text_bounded(path, MAX_BYTES)?;
        let at_line =
            |line: u64, fault| ConvertError::at(path, Place::Line(u32::try_from(line).unwrap_or(u32::MAX)), fault);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|e| at_line(1, Fault::Csv(e)))?.clone();
        let column = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
        let need = |name: &'static str| column(name).ok_or_else(|| at_line(1, Fault::Missing(name)));
        let [x, y, w, h, class] = [need("x")?, need("y")?, need("w")?, need("h")?, need("class")?];
        let file_column = column("file");
        let only = if file_column.is_none() { only()? } else { String::new() };
        for row in reader.records() {
            let row = row.map_err(|error| {
                let line = error.position().map_or(0, csv::Position::line);
                at_line(line, Fault::Csv(error))
            })?;
            let line = row.position().map_or(0, csv::Position::line);
            let number = |at: usize, element: &'static str| {
                let wrong = || Fault::Number { element, text: row[at].chars().take(40).collect() };
                row[at].parse::<f64>().map_err(|_| at_line(line, wrong()))
            };
            let rect = Rect { x: number(x, "x")?, y: number(y, "y")?, w: number(w, "w")?, h: number(h, "h")? };
            rect.check().map_err(|fault| at_line(line, fault))?;
            let file = match file_column {
                Some(at) => safe_relative(&row[at]).map_err(|fault| at_line(line, fault.into()))?,
                None => only.clone(),
            };
            let used = [Some(x), Some(y), Some(w), Some(h), Some(class), file_column];
            let attributes = header
                .iter()
                .zip(&row)
                .enumerate()
                .filter(|(at, (_, value))| !used.contains(&Some(*at)) && !value.is_empty())
                .map(|(_, (name, value))| (name.to_owned(), value.to_owned()))
                .collect();
            self.rows += 1;
            let (id, category) = (self.rows, self.categories.id(&row[class]));
            self.images.entry(file).or_default().push(Object {
                id,
                category,
                rect,
                crowd: false,
                area: None,
                attributes,
            });
        }
        Ok(())
    }

    fn finish(self, folder: &Path) -> Result<Loaded, ConvertError> {
        let mut loaded = Loaded::default();
        for (id, (file, objects)) in (1..).zip(self.images) {
            let (width, height) = upright_size(&folder.join(to_native(&file)))?;
            loaded.annotations.images.push(ImageRecord { id, file, width, height, objects });
        }
        loaded.annotations.categories = self.categories.list;
        Ok(loaded)
    }
}

/// The one picture in the table's own folder.
fn only_picture(table: &Path, folder: &Path) -> Result<String, ConvertError> {
    let data = DataFolder::scan(folder, LayoutChoice::Is(LayoutKind::Boxes))?;
    let beside: Vec<&str> = data.pictures.iter().map(|p| p.path.as_str()).filter(|p| !p.contains('/')).collect();
    match beside[..] {
        [one] => Ok(one.to_owned()),
        _ => Err(ConvertError::at(table, Place::Line(1), Fault::WhichPicture(beside.len()))),
    }
}
