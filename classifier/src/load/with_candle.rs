//! Networks that candle runs.

use engine::{CandleSession, Device, InputShape, Session, Weights};

use super::{File, LITE0};
use crate::LoadError;
use crate::model::layout::{native_name, recognize};
use crate::model::{Architecture, EfficientNet, Heads};

impl File<'_> {
    pub(super) fn open_with_candle(&self, device: &Device) -> Result<Box<dyn Session>, LoadError> {
        let (weights, architecture) = self.native_weights()?;
        let heads = Heads::of(&weights);
        let network = weights.build(device, |vb| EfficientNet::load(vb, &architecture.config(), heads))?;
        let input = InputShape { batch: None, channels: 3, height: None, width: None };
        Ok(Box::new(CandleSession::new(Box::new(network), input, weights.metadata().clone(), device)))
    }

    /// The tensors under their native names, and the network they make.
    fn native_weights(&self) -> Result<(Weights, Architecture), LoadError> {
        let weights = Weights::open(self.path)?;
        let found = recognize(weights.iter().map(|(name, shape, _)| (name, shape)).collect::<Vec<_>>().into_iter());
        let architecture = match self.card {
            Some(card) => {
                card.architecture.parse().map_err(|source| LoadError::Architecture { path: self.path(), source })?
            }
            // Only Lite0 comes here without a card.
            None => LITE0,
        };
        match found {
            Some(found) if found == architecture.variant => {}
            Some(found) => {
                return Err(LoadError::CardArchitecture { path: self.path(), card: architecture.variant, found });
            }
            None => return Err(LoadError::Foreign { path: self.path() }),
        }
        let config = architecture.config();
        Ok((weights.renamed(|name| native_name(name, &config))?, architecture))
    }
}
