//! Networks that candle runs.

use engine::backbone::recognize;
use engine::{Backbone, CandleSession, Device, InputShape, Session, Weights};

use super::{File, KNOWN};
use crate::LoadError;
use crate::model::{EmbedderNetwork, Heads};

impl File<'_> {
    pub(super) fn open_with_candle(&self, device: &Device) -> Result<Box<dyn Session>, LoadError> {
        let (weights, backbone) = self.native_weights()?;
        let heads = Heads::of(&weights);
        let network = weights.build(device, |vb| EmbedderNetwork::load(vb, backbone, heads))?;
        let input = InputShape { batch: None, channels: 3, height: None, width: None };
        Ok(Box::new(CandleSession::new(Box::new(network), input, weights.metadata().clone(), device)))
    }

    /// The tensors under their native names, and the network they make.
    fn native_weights(&self) -> Result<(Weights, &'static dyn Backbone), LoadError> {
        let weights = Weights::open(self.path)?;
        let shapes: Vec<(&str, &[usize])> = weights.iter().map(|(name, shape, _)| (name, shape)).collect();
        let found = recognize(shapes.into_iter());
        let stated = self.card.map_or(KNOWN, |card| &card.architecture);
        let card: &dyn Backbone =
            stated.parse().map_err(|source| LoadError::Architecture { path: self.path(), source })?;
        match found {
            Some(found) if found.is_twin_of(card) => {}
            Some(found) => return Err(LoadError::CardArchitecture { path: self.path(), card, found }),
            None => return Err(LoadError::Foreign { path: self.path() }),
        }
        Ok((weights.renamed(|name| card.native_name(name))?, card))
    }
}
