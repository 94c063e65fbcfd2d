//! The network without what is trained on top of it: stem and blocks.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::layers::{Build, Conv};
use super::mbconv::MbConv;

/// Stem and blocks. Input (N, 3, H, W), normalised as the weights want it.
#[derive(Debug, Clone)]
pub struct Backbone {
    stem: Conv,
    blocks: Vec<MbConv>,
}

impl Backbone {
    /// Loads stem and blocks in timm's layout: `conv_stem`, `bn1`, `blocks.S.I...`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(vb: &VarBuilder, build: Build<'_>) -> Result<Self> {
        let config = build.config;
        let stem = Conv::load(vb, ("conv_stem", "bn1"), [config.stem, 3, 3, 3], 2, build)?;
        let block = |shape: super::BlockShape| {
            MbConv::load(&vb.pp(format!("blocks.{}.{}", shape.stage, shape.place)), shape, build)
        };
        Ok(Self { stem, blocks: config.blocks().into_iter().map(block).collect::<Result<_>>()? })
    }

    /// Features of the last block: (N, 3, H, W) -> (N, C, H / 32, W / 32), rounded up. `train` makes live batch norms use
    /// and learn the statistics of the batch.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.blocks.iter().try_fold(self.stem.forward_t(x, train)?, |x, block| block.forward_t(&x, train))
    }

    /// What comes out of the blocks with the numbers `after`, which ascend, counted from zero.
    ///
    /// # Errors
    /// When candle fails.
    pub fn taps<const N: usize>(&self, x: &Tensor, after: [usize; N], train: bool) -> Result<[Tensor; N]> {
        let mut x = self.stem.forward_t(x, train)?;
        let mut taps = Vec::with_capacity(N);
        for (number, block) in self.blocks.iter().enumerate() {
            x = block.forward_t(&x, train)?;
            if after.contains(&number) {
                taps.push(x.clone());
            }
        }
        let found = taps.len();
        taps.try_into().map_err(|_| {
            candle_core::Error::Msg(format!("{found} of the blocks {after:?} among {} exist", self.blocks.len()))
        })
    }
}
