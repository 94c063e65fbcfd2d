//! Does the size of a plan fit what a network takes?

use engine::InputShape;
use thiserror::Error;

use crate::infer::YoloSpec;

/// A plan whose size a network does not take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SizeError {
    /// The network takes one size only, and it is another.
    #[error(
        "the network takes {side}s of {network} pixels, the model card says {plan}: \
         correct `preprocess.{side}` in the card, or export the model for that size"
    )]
    Fixed {
        /// `width` or `height`.
        side: &'static str,
        /// Of the network.
        network: usize,
        /// Of the plan.
        plan: u32,
    },
    /// The feature maps would not fit each other.
    #[error("the {side} of the input is {plan} pixels, but must be a multiple of {stride}")]
    Stride {
        /// `width` or `height`.
        side: &'static str,
        /// Of the plan.
        plan: u32,
        /// Of the network.
        stride: u32,
    },
    /// No network has this stride.
    #[error("a stride of {0} pixels makes no sense: it must be 1 to {MAX_STRIDE}")]
    NoStride(u32),
}

/// Largest stride of any network of this kind.
const MAX_STRIDE: u32 = 256;

impl SizeError {
    pub(crate) fn check(spec: &YoloSpec, input: InputShape) -> Result<(), Self> {
        let stride = spec.stride;
        if !(1..=MAX_STRIDE).contains(&stride) {
            return Err(Self::NoStride(stride));
        }
        for (side, plan, network) in
            [("width", spec.plan.width, input.width), ("height", spec.plan.height, input.height)]
        {
            match network {
                Some(network) if network != plan as usize => return Err(Self::Fixed { side, network, plan }),
                None if plan % stride != 0 => return Err(Self::Stride { side, plan, stride }),
                _ => {}
            }
        }
        Ok(())
    }
}
