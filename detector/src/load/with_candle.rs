//! Networks that candle runs.

use engine::load::WeightsFile;
use engine::{CandleSession, Device, Session, Weights};

use super::ARCHITECTURE_KEY;
use crate::model::fold::fold_all;
use crate::model::{Architecture, Design, DetectorNetwork};
use crate::{LoadError, NetworkError};

pub(super) fn open_with_candle(
    file: &WeightsFile<'_>,
    device: &Device,
) -> Result<(Box<dyn Session>, Architecture), LoadError> {
    let weights = Weights::open(file.path)?;
    let architecture = Architecture::infer(|name| weights.shape(name).map(<[usize]>::to_vec))
        .map_err(|source| file.lacks(NetworkError::Architecture(source)))?;
    let stated = weights.metadata().get(ARCHITECTURE_KEY).and_then(|name| name.parse().ok());
    let architecture = check_card(file, stated.map_or(architecture, |design| architecture.named(design)))?;
    let weights = fold_all(&weights, architecture.backbone)?;
    let network = weights.build(device, |vb| DetectorNetwork::load(vb, architecture))?;
    if let Some(name) = weights.unused().into_iter().find(|name| is_foreign(name)) {
        return Err(file.lacks(NetworkError::Foreign { name: name.to_owned() }));
    }
    let session = CandleSession::of_images(Box::new(network), weights.metadata().clone(), device);
    Ok((Box::new(session), architecture))
}

/// The architecture found, as the card names it.
fn check_card(file: &WeightsFile<'_>, found: Architecture) -> Result<Architecture, LoadError> {
    let Some(card) = &file.card else { return Ok(found) };
    let named = match card.architecture.parse::<Design>() {
        Ok(design) if !found.design().has_tensors_of(design) => {
            return Err(file.card_names(&design, &found.design()));
        }
        Ok(design) => found.named(design),
        // A name of the user's own: the shapes fit, so the weights are YOLOv8's whatever it is called.
        Err(_) => found,
    };
    if !card.classes.is_empty() && card.classes.len() != found.classes {
        let (card, found) = (card.classes.len(), found.classes);
        return Err(file.lacks(NetworkError::CardClasses { card, found }));
    }
    Ok(named)
}

/// Tensors named like a layer that YOLOv8 has not: another head, another architecture. The bins of the box distribution
/// are constants and need no tensor; batch counters only serve training; exporters number their own constants, or name them
/// after nodes.
fn is_foreign(name: &str) -> bool {
    name.starts_with("model.")
        && !name.contains('/')
        && name != "model.22.dfl.conv.weight"
        && !name.ends_with(".num_batches_tracked")
}
