//! What a split needs to know of each image.

use std::collections::{BTreeMap, BTreeSet};

use vision::Sha256;

use crate::hash::{HashError, hash_files};
use crate::layout::{DataFolder, LayoutKind};
use crate::progress::Progress;
use crate::yolo::{self, BadLabels, LabelError};

/// An image with its digests and what it shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) path: String,
    pub(super) sha256: Sha256,
    pub(super) label: Option<(String, Sha256)>,
    pub(super) content: Content,
}

/// How much of each class or SKU an image shows. An image without objects shows one of the stratum `""`.
pub(super) type Content = BTreeMap<String, u32>;

/// Digest of an image; path and digest of its label file.
pub(super) type Digests = (Sha256, Option<(String, Sha256)>);

/// Hashes all images and labels.
pub(super) fn digests(data: &DataFolder, progress: &dyn Progress) -> Result<Vec<Digests>, HashError> {
    let labels: BTreeSet<&str> = data.images.iter().filter_map(|p| p.label.as_deref()).collect();
    let paths: Vec<&str> = data.images.iter().map(|p| p.path.as_str()).chain(labels.iter().copied()).collect();
    let hashed = hash_files(&data.root, &paths, progress)?;
    let (images, label_digests) = hashed.split_at(data.images.len());
    let by_label: BTreeMap<&str, Sha256> = labels.into_iter().zip(label_digests.iter().map(|d| d.sha256)).collect();
    Ok(data
        .images
        .iter()
        .zip(images)
        .map(|(image, digest)| {
            let label = image.label.as_deref().map(|label| (label.to_owned(), by_label[label]));
            (digest.sha256, label)
        })
        .collect())
}

/// Hashes everything and, when `strata` are wanted, reads the labels; what is not understood counts for no class.
pub(super) fn samples(
    data: &DataFolder,
    strata: bool,
    labels: &mut BadLabels,
    progress: &dyn Progress,
) -> Result<Vec<Sample>, SampleError> {
    let digests = digests(data, progress)?;
    data.images
        .iter()
        .zip(digests)
        .map(|(image, (sha256, label))| {
            let content = match data.kind {
                _ if !strata => Content::new(),
                LayoutKind::Folders => Content::from([(image.sku.clone().unwrap_or_default(), 1)]),
                LayoutKind::Boxes => match &image.label {
                    Some(label) => classes(&labels.read(&data.locate(label))?.unwrap_or_default()),
                    None => Content::from([(String::new(), 1)]),
                },
            };
            Ok(Sample { path: image.path.clone(), sha256, label, content })
        })
        .collect()
}

fn classes(lines: &[yolo::LabelLine]) -> Content {
    let mut content = Content::new();
    for line in lines {
        *content.entry(line.label.class.to_string()).or_default() += 1;
    }
    if content.is_empty() {
        content.insert(String::new(), 1);
    }
    content
}

#[derive(Debug, thiserror::Error)]
pub(super) enum SampleError {
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Label(#[from] LabelError),
}
