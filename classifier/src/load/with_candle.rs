//! Networks that candle runs.

use engine::backbones::recognize;
use engine::load::WeightsFile;
use engine::{Backbone, CandleSession, Device, Session, Weights};

use super::KNOWN;
use crate::model::{EmbedderNetwork, Heads};
use crate::{LoadError, NetworkError};

pub(super) fn open_with_candle(file: &WeightsFile<'_>, device: &Device) -> Result<Box<dyn Session>, LoadError> {
    let (weights, backbone) = native_weights(file)?;
    let heads = Heads::of(&weights);
    let network = weights.build(device, |vb| EmbedderNetwork::load(vb, backbone, heads))?;
    Ok(Box::new(CandleSession::of_images(Box::new(network), weights.metadata().clone(), device)))
}

/// The tensors under their native names, and the network they make.
fn native_weights(file: &WeightsFile<'_>) -> Result<(Weights, &'static dyn Backbone), LoadError> {
    let weights = Weights::open(file.path)?;
    let shapes: Vec<(&str, &[usize])> = weights.iter().map(|(name, shape, _)| (name, shape)).collect();
    let found = recognize(shapes.into_iter());
    let stated = file.card.as_ref().map_or(KNOWN, |card| &card.architecture);
    let card: &dyn Backbone = stated.parse().map_err(|source| file.lacks(NetworkError::Architecture(source)))?;
    match found {
        Some(found) if found.is_twin_of(card) => {}
        Some(found) => return Err(file.card_names(&card, &found)),
        None => return Err(file.lacks(NetworkError::Foreign)),
    }
    Ok((weights.renamed(|name| card.native_name(name))?, card))
}
