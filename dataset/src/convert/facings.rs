//! `facings.csv`: boxes with SKUs, one facing a row, columns `x,y,w,h,class,sku` in pixels and anything else as attributes.
//!
//! One table for one image beside it, one table whose column `file` names images, or a folder `facings/` with a table for each
//! image of `images/`, named like it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::cvat::Categories;
use super::error::{ConvertError, Fault, Location};
use super::finder::ImageFinder;
use super::model::{ImageRecord, Object, Rect};
use super::{LeftOut, Loaded};
use crate::files::{file_stem, into_text, parent, read_bounded, safe_relative, to_native};
use crate::image_file::upright_size;
use crate::layout::{DataFolder, LayoutChoice, LayoutKind};
use crate::table;

const MAX_BYTES: u64 = 64 << 20;

/// Folder of the tables of a data set.
pub const FACINGS_FOLDER: &str = "facings";

/// Reads a table, or the tables of a data set. A column `file` names the images, relative to the table or to the data set;
/// without, the image beside a lone table is meant.
pub(super) fn read(path: &Path, strict: bool) -> Result<Loaded, ConvertError> {
    if path.is_dir() && path.join(FACINGS_FOLDER).is_dir() {
        return read_folder(path, strict);
    }
    let path: PathBuf = if path.is_dir() { path.join("facings.csv") } else { path.to_owned() };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut left_out = LeftOut::new(strict);
    let mut rows = Rows::default();
    rows.add(&path, read_bounded(&path, MAX_BYTES)?, &|| only_image(&path, folder), &mut left_out)?;
    rows.finish(folder, left_out)
}

/// Reads the bytes of a table called `path` without its images: answers how many rows are facings, and what is left out.
pub(super) fn parse(path: &Path, bytes: Vec<u8>, strict: bool) -> Result<(usize, LeftOut), ConvertError> {
    let mut left_out = LeftOut::new(strict);
    let mut rows = Rows::default();
    rows.add(path, bytes, &|| Ok("image.jpg".to_owned()), &mut left_out)?;
    Ok((rows.images.values().map(Vec::len).sum(), left_out))
}

/// The table of each image: `images/a.jpg` has `facings/a.csv`; `None` where there is no such file.
#[must_use]
pub fn table_of(root: &Path, image: &str) -> Option<PathBuf> {
    let stem = file_stem(image);
    let below: Vec<&str> =
        parent(image).split('/').filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("images")).collect();
    let folder = below.iter().fold(root.join(FACINGS_FOLDER), |folder, name| folder.join(name));
    Some(folder.join(format!("{stem}.csv"))).filter(|table| table.is_file())
}

fn read_folder(root: &Path, strict: bool) -> Result<Loaded, ConvertError> {
    let data = DataFolder::scan(root, LayoutChoice::Is(LayoutKind::Boxes))?;
    let mut left_out = LeftOut::new(strict);
    let mut rows = Rows::default();
    let mut read = HashSet::new();
    for image in &data.images {
        let Some(table) = table_of(root, &image.path) else { continue };
        // `a.jpg` and `a.png` would share a table.
        if !read.insert(table.clone()) {
            return Err(ConvertError::at(&table, Location::Line(1), Fault::WhichImage(2)));
        }
        rows.add(&table, read_bounded(&table, MAX_BYTES)?, &|| Ok(image.path.clone()), &mut left_out)?;
    }
    rows.finish(root, left_out)
}

/// What was read so far.
#[derive(Default)]
struct Rows {
    categories: Categories,
    images: BTreeMap<String, Vec<Object>>,
    last_id: u64,
}

impl Rows {
    /// Adds the bytes of a table; `only` is the image it is of when it has no column `file`.
    fn add(
        &mut self,
        path: &Path,
        bytes: Vec<u8>,
        only: &dyn Fn() -> Result<String, ConvertError>,
        left_out: &mut LeftOut,
    ) -> Result<(), ConvertError> {
        let text = into_text(path, bytes)?;
        let at_line =
            |line: u64, fault| ConvertError::at(path, Location::Line(u32::try_from(line).unwrap_or(u32::MAX)), fault);
        let mut reader = table::reader(&text);
        let header = reader.headers().map_err(|e| at_line(1, Fault::Csv(e)))?.clone();
        let column = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
        let need = |name: &'static str| column(name).ok_or_else(|| at_line(1, Fault::Missing(name)));
        let columns = [need("x")?, need("y")?, need("w")?, need("h")?, need("class")?];
        let file_column = column("file");
        let only = if file_column.is_none() { Some(only()?) } else { None };
        let used: Vec<usize> = columns.into_iter().chain(file_column).collect();
        for row in reader.records() {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    left_out.fault(at_line(line, Fault::Csv(error)))?;
                    continue;
                }
            };
            let line = row.position().map_or(0, csv::Position::line);
            let file = match (file_column, &only) {
                (Some(at), _) => safe_relative(&row[at]).map_err(Fault::from),
                (None, only) => Ok(only.clone().unwrap_or_default()),
            };
            let facing = file.and_then(|file| Ok((file, rect(&row, columns)?)));
            let (file, rect) = match facing {
                Ok(facing) => facing,
                Err(fault) => {
                    left_out.fault(at_line(line, fault))?;
                    continue;
                }
            };
            let attributes = header
                .iter()
                .zip(&row)
                .enumerate()
                .filter(|(at, (_, value))| !used.contains(at) && !value.is_empty())
                .map(|(_, (name, value))| (name.to_owned(), value.to_owned()))
                .collect();
            self.last_id += 1;
            let category = self.categories.id(&row[columns[4]]);
            let object = Object { id: self.last_id, category, rect, crowd: false, area: None, attributes };
            self.images.entry(file).or_default().push(object);
        }
        Ok(())
    }

    /// With the sizes of the images, which lie below `folder`.
    fn finish(self, folder: &Path, left_out: LeftOut) -> Result<Loaded, ConvertError> {
        let mut loaded = Loaded { left_out, ..Loaded::default() };
        let finder = ImageFinder::new(folder);
        for (id, (file, objects)) in (1..).zip(self.images) {
            let image = finder.find(&file).unwrap_or_else(|| folder.join(to_native(&file)));
            match upright_size(&image) {
                Ok((width, height)) => {
                    loaded.annotations.images.push(ImageRecord { id, file, width, height, objects });
                }
                Err(error) => loaded.left_out.fault(error.into())?,
            }
        }
        loaded.annotations.categories = self.categories.list;
        Ok(loaded)
    }
}

fn rect(row: &csv::StringRecord, [x, y, w, h, class]: [usize; 5]) -> Result<Rect, Fault> {
    let number = |at: usize, element: &'static str| {
        row[at].parse::<f64>().map_err(|_| Fault::Number { element, text: row[at].chars().take(40).collect() })
    };
    let rect = Rect { x: number(x, "x")?, y: number(y, "y")?, w: number(w, "w")?, h: number(h, "h")? };
    rect.check()?;
    if row[class].is_empty() { Err(Fault::Missing("class")) } else { Ok(rect) }
}

/// The one image in the table's own folder.
fn only_image(table: &Path, folder: &Path) -> Result<String, ConvertError> {
    let data = DataFolder::scan(folder, LayoutChoice::Is(LayoutKind::Boxes))?;
    let beside: Vec<&str> = data.images.iter().map(|p| p.path.as_str()).filter(|p| !p.contains('/')).collect();
    match beside[..] {
        [one] => Ok(one.to_owned()),
        _ => Err(ConvertError::at(table, Location::Line(1), Fault::WhichImage(beside.len()))),
    }
}
