//! How much there is of everything, and what is missing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::checked_image::CheckedImage;
use super::finding::{Finding, Issue, Unit};
use crate::layout::{DataFolder, LayoutKind};
use crate::names::ClassNames;
use crate::split::Part;

/// Counts over the data set.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    /// Images that are read.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// Of them, images in each part (`none`: in no part).
    pub parts: BTreeMap<String, usize>,
    /// Sound boxes.
    pub boxes: usize,
    /// Boxes by area in pixels of the image, as COCO divides them: below 32 x 32, below 96 x 96, and larger.
    pub box_sizes: BoxSizes,
    /// Maximum number of boxes on one image.
    #[serde(rename = "most_boxes")]
    pub max_boxes: usize,
    /// For each class or SKU: boxes (or images) in all and by part.
    pub classes: BTreeMap<String, ClassCount>,
    /// The ten most frequent image sizes.
    pub sizes: Vec<SizeCount>,
}

/// How many images have a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizeCount {
    /// `WIDTHxHEIGHT`.
    pub size: String,
    /// How many.
    #[serde(rename = "pictures")]
    pub images: usize,
}

/// Boxes by area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BoxSizes {
    /// Below 32 x 32 pixels.
    pub small: usize,
    /// Below 96 x 96 pixels.
    pub medium: usize,
    /// 96 x 96 pixels and more.
    pub large: usize,
}

/// How much there is of a class or SKU.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ClassCount {
    /// Boxes; for SKU folders, images.
    pub count: usize,
    /// Images on which there is any.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// `count` by part.
    pub parts: BTreeMap<String, usize>,
}

/// Largest ratio of boxes between classes that goes without a word.
const IMBALANCE: usize = 100;

/// Counts, and says what is missing. `known` are the class names, when there are any.
pub(super) fn balance(
    data: &DataFolder,
    images: &[CheckedImage<'_>],
    known: Option<&ClassNames>,
    min_images_per_sku: usize,
    findings: &mut Vec<Finding>,
) -> Summary {
    let summary = count(data, images, known);
    let unit = match data.kind {
        LayoutKind::Boxes => Unit::Boxes,
        LayoutKind::Folders => Unit::Images,
    };
    let mut report = |issue| findings.push(Finding::of("", issue));
    if let Some(known) = known {
        for name in known.as_slice().iter().filter(|name| !summary.classes.contains_key(*name)) {
            report(Issue::ClassMissing { name: name.clone() });
        }
    } else if data.kind == LayoutKind::Boxes
        && let Some(highest) = images.iter().flat_map(|p| &p.observed.lines).map(|l| l.label.class).max()
    {
        report(Issue::NoClassNames { highest });
    }
    let present: Vec<Part> = Part::ALL.into_iter().filter(|p| summary.parts.contains_key(p.as_str())).collect();
    // A class number without a name is told where it stands; that it is rare is no news.
    let named = |name: &String| known.is_none_or(|known| known.position(name).is_some());
    for (name, class) in summary.classes.iter().filter(|(name, _)| data.kind == LayoutKind::Folders || named(name)) {
        // A SKU's train and query images are counted apart from "too few": that is said once.
        let few = data.kind == LayoutKind::Folders && class.images < min_images_per_sku;
        if few {
            let (sku, count) = (name.clone(), class.images);
            report(Issue::FewImages { sku, count, wanted: min_images_per_sku });
        }
        for &part in present.iter().filter(|part| !few && !class.parts.contains_key(part.as_str())) {
            report(Issue::MissingInPart { name: name.clone(), total: class.count, unit, part });
        }
    }
    let by_count = |(name, class): (&String, &ClassCount)| (class.count, name.clone());
    if data.kind == LayoutKind::Boxes
        && let Some((max_count, largest)) = summary.classes.iter().map(by_count).max()
        && let Some((min_count, smallest)) = summary.classes.iter().map(by_count).min()
        && max_count > min_count * IMBALANCE
    {
        report(Issue::Imbalance { largest, max_count, smallest, min_count });
    }
    summary
}

fn count(data: &DataFolder, images: &[CheckedImage<'_>], known: Option<&ClassNames>) -> Summary {
    let mut summary = Summary { images: images.len(), ..Summary::default() };
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for CheckedImage { image, part, observed } in images {
        let part = part.map_or("none", Part::as_str);
        *summary.parts.entry(part.to_owned()).or_default() += 1;
        if let Some((width, height)) = observed.size {
            *sizes.entry(format!("{width}x{height}")).or_default() += 1;
        }
        let mut on_this: BTreeMap<String, usize> = BTreeMap::new();
        match data.kind {
            LayoutKind::Folders => on_this.extend(image.sku.clone().map(|sku| (sku, 1))),
            LayoutKind::Boxes => {
                for line in &observed.lines {
                    let class = line.label.class;
                    let name = known.and_then(|k| k.get(class)).map_or_else(|| class.to_string(), str::to_owned);
                    *on_this.entry(name).or_default() += 1;
                    if let Some((width, height)) = observed.size {
                        let area = line.label.w * f64::from(width) * line.label.h * f64::from(height);
                        let sizes = &mut summary.box_sizes;
                        match area {
                            a if a < 32.0 * 32.0 => sizes.small += 1,
                            a if a < 96.0 * 96.0 => sizes.medium += 1,
                            _ => sizes.large += 1,
                        }
                    }
                }
                summary.boxes += observed.lines.len();
                summary.max_boxes = summary.max_boxes.max(observed.lines.len());
            }
        }
        for (name, count) in on_this {
            let class = summary.classes.entry(name).or_default();
            class.count += count;
            class.images += 1;
            *class.parts.entry(part.to_owned()).or_default() += count;
        }
    }
    let mut frequent: Vec<(String, usize)> = sizes.into_iter().collect();
    frequent.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    frequent.truncate(10);
    summary.sizes = frequent.into_iter().map(|(size, images)| SizeCount { size, images }).collect();
    summary
}
