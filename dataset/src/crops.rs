//! SKU crops cut out of labelled photos by the pipeline's own crop rule.

use std::collections::{BTreeMap, HashSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder as _, ImageFormat};
use rayon::prelude::*;
use thiserror::Error;
use vision::RgbImage;
use vision::crop::{CropRule, crop};

use crate::convert::{Annotations, ConvertError, ImageFinder, ImageRecord, Object};
use crate::files::{FileError, FolderDraft, safe_component};
use crate::image_file::{ImageFileError, load};
use crate::progress::Progress;

/// How crops are cut and kept.
#[derive(Debug, Clone, PartialEq)]
pub struct CropOptions {
    /// The rule of the pipeline; must be that of the embedder the crops are for.
    pub rule: CropRule,
    /// The attribute that names the SKU; objects without it go by their category. `None`: always by category.
    pub sku_attribute: Option<String>,
    /// Objects without that attribute are left out instead.
    pub only_named: bool,
    /// Boxes with a side below this many pixels are left out.
    pub min_side: f64,
    /// Objects whose `truncated` attribute is set are left out.
    pub skip_truncated: bool,
    /// File format of the crops.
    pub encoding: CropEncoding,
}

/// File format of crops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CropEncoding {
    /// Lossless.
    Png,
    /// Smaller; quality 1 to 100.
    Jpeg(u8),
}

impl Default for CropOptions {
    fn default() -> Self {
        Self {
            rule: CropRule::default(),
            sku_attribute: Some("sku".to_owned()),
            only_named: false,
            min_side: 8.0,
            skip_truncated: false,
            encoding: CropEncoding::Png,
        }
    }
}

/// What was cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CropReport {
    /// Crops by folder (SKU).
    pub skus: BTreeMap<String, usize>,
    /// Boxes left out because they are too small.
    pub too_small: usize,
    /// Objects left out because they are truncated.
    pub truncated: usize,
    /// Boxes left out because they do not touch their image.
    pub outside: usize,
    /// Crowd regions, which show many objects, left out.
    pub crowds: usize,
    /// Objects left out because nothing names their SKU.
    pub unnamed: usize,
}

/// Why no crops were cut.
#[derive(Debug, Error)]
pub enum CropError {
    /// An image is missing.
    #[error("the image {file} is not in {folder}: name the folder of the images")]
    NoImage {
        /// As the labels call it.
        file: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// An image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageFileError),
    /// The labels are of another image.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// A crop cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Two SKUs whose names become the same folder.
    #[error("the SKUs {first:?} and {second:?} would share the folder {folder:?}: rename one")]
    SameFolder {
        /// One SKU.
        first: String,
        /// The other.
        second: String,
        /// The folder.
        folder: String,
    },
    /// A crop cannot be encoded.
    #[error("a crop of {file} cannot be encoded")]
    Encode {
        /// Of which image.
        file: String,
        /// Cause.
        source: image::ImageError,
    },
}

/// Cuts every labelled object out of its image (below `images`) into `output/SKU/IMAGE-ID.png`. `output` must be new and
/// appears only when complete.
///
/// # Errors
/// When an image is missing, unreadable, or of another size than its labels say.
pub fn cut(
    annotations: &Annotations,
    photos: &Path,
    output: &Path,
    options: &CropOptions,
    progress: &dyn Progress,
) -> Result<CropReport, CropError> {
    let folders = folders(annotations, options)?;
    let draft = FolderDraft::begin(output)?;
    let report = Mutex::new(CropReport::default());
    let finder = ImageFinder::new(photos);
    progress.begin("cutting crops", annotations.images.len() as u64);
    annotations.images.par_iter().try_for_each(|image| {
        let wanted: Vec<&Object> = image.objects.iter().filter(|o| wanted(o, image, options, &report)).collect();
        if !wanted.is_empty() {
            let pixels = open(&finder, photos, image)?;
            for object in wanted {
                let sku = sku_of(annotations, object, options);
                let folder = &folders[sku];
                let cut = crop(&pixels, &object.rect.to_bbox(), options.rule);
                let (bytes, extension) = encode(&cut, options.encoding)
                    .map_err(|source| CropError::Encode { file: image.file.clone(), source })?;
                // The whole path keeps crops of a/1.jpg and b/1.jpg apart; the id keeps crops of one image apart.
                let stem = image.file.rsplit_once('.').map_or(image.file.as_str(), |(stem, _)| stem);
                let name = format!("{folder}/{}-{}.{extension}", safe_component(&stem.replace('/', "__")), object.id);
                draft.write(&name, &bytes)?;
                *report.lock().expect("no thread panics while it counts").skus.entry(folder.clone()).or_default() += 1;
            }
        }
        progress.advance(1);
        Ok::<(), CropError>(())
    })?;
    draft.commit()?;
    Ok(report.into_inner().expect("no thread panics while it counts"))
}

fn sku_of<'a>(annotations: &'a Annotations, object: &'a Object, options: &CropOptions) -> &'a str {
    let of_category = || annotations.category(object.category).map_or("", |category| category.name.as_str());
    named_sku(object, options).unwrap_or_else(of_category)
}

/// What the attribute says.
fn named_sku<'a>(object: &'a Object, options: &CropOptions) -> Option<&'a str> {
    let attribute = options.sku_attribute.as_ref().and_then(|name| object.attributes.get(name))?;
    Some(attribute.trim()).filter(|sku| !sku.is_empty())
}

/// Folder names of all SKUs; two SKUs never share one.
fn folders<'a>(annotations: &'a Annotations, options: &CropOptions) -> Result<BTreeMap<&'a str, String>, CropError> {
    let mut folders = BTreeMap::new();
    let mut by_folder: BTreeMap<String, &str> = BTreeMap::new();
    let objects = annotations.images.iter().flat_map(|image| &image.objects);
    let skus: HashSet<&str> = objects.map(|object| sku_of(annotations, object, options)).collect();
    for sku in skus {
        let folder = safe_component(sku);
        if let Some(first) = by_folder.insert(folder.clone(), sku) {
            let (first, second) = (first.to_owned(), sku.to_owned());
            return Err(CropError::SameFolder { first, second, folder });
        }
        folders.insert(sku, folder);
    }
    Ok(folders)
}

/// Whether an object is cut; counts why not.
fn wanted(object: &Object, image: &ImageRecord, options: &CropOptions, report: &Mutex<CropReport>) -> bool {
    let mut report = report.lock().expect("no thread panics while it counts");
    let r = object.rect;
    let outside =
        r.x >= f64::from(image.width) || r.y >= f64::from(image.height) || r.x + r.w <= 0.0 || r.y + r.h <= 0.0;
    let truncated = matches!(object.attributes.get("truncated").map(String::as_str), Some("1" | "true"));
    let counter = match () {
        () if object.crowd => &mut report.crowds,
        () if options.only_named && named_sku(object, options).is_none() => &mut report.unnamed,
        () if outside => &mut report.outside,
        () if r.w < options.min_side || r.h < options.min_side => &mut report.too_small,
        () if truncated && options.skip_truncated => &mut report.truncated,
        () => return true,
    };
    *counter += 1;
    false
}

fn open(finder: &ImageFinder, photos: &Path, image: &ImageRecord) -> Result<RgbImage, CropError> {
    let path = finder
        .find(&image.file)
        .ok_or_else(|| CropError::NoImage { file: image.file.clone(), folder: photos.to_owned() })?;
    let pixels = load(&path)?;
    let (said, found) = ((image.width, image.height), pixels.dimensions());
    if said == found { Ok(pixels) } else { Err(ConvertError::other_size(&path, said, found).into()) }
}

fn encode(crop: &RgbImage, encoding: CropEncoding) -> Result<(Vec<u8>, &'static str), image::ImageError> {
    let mut bytes = Vec::new();
    match encoding {
        CropEncoding::Png => {
            crop.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
            Ok((bytes, "png"))
        }
        CropEncoding::Jpeg(quality) => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
            encoder.write_image(crop.as_raw(), crop.width(), crop.height(), image::ExtendedColorType::Rgb8)?;
            Ok((bytes, "jpg"))
        }
    }
}
