//! Labelled images, independent of any format.
//!
//! **What a round trip keeps.** Let `m` be sound ([`Annotations::check`]) and sorted ([`Annotations::sort`]).
//!
//! - COCO: reading what was written gives `m` again, bit for bit.
//! - Pascal VOC: the same, but coordinates only within 1e-6 pixels, because VOC keeps edges, not sizes. Ids, crowd flags,
//!   areas and attributes travel in elements other readers skip, categories in `categories.json` beside the files.
//! - YOLO with [`super::WriteOptions::keep_ids`]: the same, coordinates within 1e-6 pixels for images of up to 100,000 pixels a
//!   side; the rest travels in comments, which this project reads and others may not. Boxes must have their centre inside.
//! - plain YOLO: file names, image sizes (from the images), class names and coordinates as above. Ids are numbered anew in
//!   order; crowd flags, areas and attributes are gone. From YOLO through another format and back, numbers with at most 12 decimals
//!   come back as they were.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::{Fault, Location, MAX_SIDE};
use crate::files::safe_relative;

/// A labelled set of images.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Annotations {
    /// Classes, in the order of YOLO's class numbers.
    pub categories: Vec<Category>,
    /// Images with their boxes.
    pub images: Vec<ImageRecord>,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Category {
    /// Unique number.
    pub id: u64,
    /// Unique name.
    pub name: String,
    /// COCO's group of classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supercategory: Option<String>,
}

/// An image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// Unique number.
    pub id: u64,
    /// File, relative, with `/`.
    pub file: String,
    /// Width of the upright image.
    pub width: u32,
    /// Height of the upright image.
    pub height: u32,
    /// What is marked on it.
    pub objects: Vec<Object>,
}

/// A marked object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Unique number.
    pub id: u64,
    /// Id of its category.
    pub category: u64,
    /// Box in pixels.
    pub rect: Rect,
    /// COCO's `iscrowd`, Pascal VOC's `difficult`: not counted against a detector.
    pub crowd: bool,
    /// COCO's `area`, when it is not width times height (because it was a mask's).
    pub area: Option<f64>,
    /// All else, as text: `truncated`, `sku`.
    pub attributes: BTreeMap<String, String>,
}

/// A box in pixels of the upright image; `(x, y)` is the upper left corner, edges are continuous (no "+ 1").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// From the edges.
    pub(super) fn from_corners(x1: f64, y1: f64, x2: f64, y2: f64) -> Result<Self, Fault> {
        if ![x1, y1, x2, y2].iter().all(|v| v.is_finite()) {
            return Err(Fault::NotFinite);
        }
        if x2 < x1 || y2 < y1 {
            return Err(Fault::Inverted { x1, y1, x2, y2 });
        }
        Ok(Self { x: x1, y: y1, w: x2 - x1, h: y2 - y1 })
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        let Self { x, y, w, h } = *self;
        // An overflowing edge is as bad as an infinite corner.
        if ![x, y, w, h, x + w, y + h, w * h].iter().all(|v| v.is_finite()) {
            return Err(Fault::NotFinite);
        }
        if w < 0.0 || h < 0.0 { Err(Fault::NegativeSize { w, h }) } else { Ok(()) }
    }

    /// As the project's box type.
    #[must_use]
    pub fn to_bbox(&self) -> vision::BBox {
        vision::BBox::new(self.x as f32, self.y as f32, (self.x + self.w) as f32, (self.y + self.h) as f32)
    }

    /// Whether the box reaches more than a pixel beyond an image of this size.
    fn pokes_out(&self, width: u32, height: u32) -> bool {
        self.x < -1.0
            || self.y < -1.0
            || self.x + self.w > f64::from(width) + 1.0
            || self.y + self.h > f64::from(height) + 1.0
    }
}

impl Annotations {
    /// Sorts categories and images by id and objects by id: two sets that say the same are then equal.
    pub fn sort(&mut self) {
        self.images.sort_by_key(|image| image.id);
        for image in &mut self.images {
            image.objects.sort_by_key(|object| object.id);
        }
    }

    /// Number of boxes.
    #[must_use]
    pub fn boxes(&self) -> usize {
        self.images.iter().map(|image| image.objects.len()).sum()
    }

    /// The category with this id.
    #[must_use]
    pub fn category(&self, id: u64) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// Refuses what no format can keep: ids or names given twice, references that lead nowhere, names that lead out,
    /// coordinates that are no numbers or in the wrong convention.
    ///
    /// # Errors
    /// The place as position in the lists of this model, and the fault.
    pub fn check(&self) -> Result<(), (Location, Fault)> {
        self.check_categories()?;
        let categories: HashSet<u64> = self.categories.iter().map(|c| c.id).collect();
        let (mut ids, mut files, mut objects) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut number = 0;
        for (at, image) in self.images.iter().enumerate() {
            let place = |member| Location::Item("images", at, member);
            if !ids.insert(image.id) {
                return Err((place("id"), Fault::DuplicateId { kind: "image", id: image.id.to_string() }));
            }
            check_image(image).map_err(|(member, fault)| (place(member), fault))?;
            if !files.insert(image.file.as_str()) {
                return Err((place("file_name"), Fault::DuplicateName { kind: "image", name: image.file.clone() }));
            }
            for object in &image.objects {
                let place = |member| Location::Item("annotations", number, member);
                if !objects.insert(object.id) {
                    return Err((place("id"), Fault::DuplicateId { kind: "annotation", id: object.id.to_string() }));
                }
                if !categories.contains(&object.category) {
                    return Err((
                        place("category_id"),
                        Fault::UnknownId { kind: "category", id: object.category.to_string() },
                    ));
                }
                object.rect.check().map_err(|fault| (place("bbox"), fault))?;
                check_attributes(object).map_err(|fault| (place("attributes"), fault))?;
                number += 1;
            }
        }
        self.check_convention().map_err(|fault| (Location::Whole, fault))
    }

    fn check_categories(&self) -> Result<(), (Location, Fault)> {
        let (mut ids, mut names) = (HashSet::new(), HashSet::new());
        for (at, category) in self.categories.iter().enumerate() {
            let place = |member| Location::Item("categories", at, member);
            if !ids.insert(category.id) {
                return Err((place("id"), Fault::DuplicateId { kind: "category", id: category.id.to_string() }));
            }
            check_name("category", &category.name).map_err(|fault| (place("name"), fault))?;
            if !names.insert(category.name.as_str()) {
                let name = category.name.clone();
                return Err((place("name"), Fault::DuplicateName { kind: "category", name }));
            }
        }
        Ok(())
    }

    /// One slip that silently halves every published score: corners read as sizes, or fractions read as pixels. A single odd box
    /// may be a mistake in the labels; when the whole set makes sense only in the other convention, it is refused.
    fn check_convention(&self) -> Result<(), Fault> {
        let boxes = self.boxes();
        if boxes == 0 {
            return Ok(());
        }
        let all = || self.images.iter().flat_map(|i| i.objects.iter().map(move |o| (i, o.rect)));
        let fraction = |(image, r): (&ImageRecord, Rect)| {
            let inside = |v: f64| (0.0..=1.0).contains(&v);
            image.width > 2 && image.height > 2 && [r.x, r.y, r.w, r.h].into_iter().all(inside)
        };
        if all().all(|(image, r)| fraction((image, r))) && all().any(|(_, r)| r.w > 0.0 && r.w.fract() != 0.0) {
            return Err(Fault::Normalised { boxes });
        }
        let outside = all().filter(|(image, r)| r.pokes_out(image.width, image.height)).count();
        let as_corners = |r: Rect| Rect { x: r.x, y: r.y, w: r.w - r.x, h: r.h - r.y };
        let fits_as_corners = all().all(|(image, r)| {
            let r = as_corners(r);
            r.w >= 0.0 && r.h >= 0.0 && !r.pokes_out(image.width, image.height)
        });
        if outside * 4 > boxes && fits_as_corners { Err(Fault::Corners { outside, boxes }) } else { Ok(()) }
    }

    /// Positions of category ids in the list: YOLO's class numbers.
    pub(super) fn class_numbers(&self) -> HashMap<u64, u32> {
        self.categories.iter().map(|c| c.id).zip(0..).collect()
    }
}

fn check_image(image: &ImageRecord) -> Result<(), (&'static str, Fault)> {
    let safe = safe_relative(&image.file).map_err(|fault| ("file_name", fault.into()))?;
    debug_assert_eq!(safe, image.file, "readers normalise file names");
    check_size(u64::from(image.width), u64::from(image.height)).map(|_| ()).map_err(|fault| ("width", fault))
}

pub(super) fn check_size(width: u64, height: u64) -> Result<(u32, u32), Fault> {
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        // Both are below MAX_SIDE.
        Ok((width as u32, height as u32))
    } else {
        Err(Fault::ImageSize { width, height })
    }
}

fn check_name(kind: &'static str, name: &str) -> Result<(), Fault> {
    let bad = name.trim().is_empty() || name.trim() != name || name.chars().any(char::is_control);
    if bad { Err(Fault::BadName { kind, name: name.to_owned() }) } else { Ok(()) }
}

fn check_attributes(object: &Object) -> Result<(), Fault> {
    for (key, value) in &object.attributes {
        check_name("attribute", key)?;
        if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(Fault::BadName { kind: "attribute", name: value.clone() });
        }
    }
    match object.area {
        Some(area) if !(area >= 0.0 && area.is_finite()) => Err(Fault::NotFinite),
        _ => Ok(()),
    }
}
