//! The EfficientNet family as data.
//!
//! Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), table 1 and section 5;
//! the Lite variant follows its published description: no squeeze-and-excitation, ReLU6, stem and head not scaled.

use std::fmt;

use crate::backbone::Padding;

/// Size of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// EfficientNet-B0.
    B0,
    /// EfficientNet-B1.
    B1,
    /// EfficientNet-B2.
    B2,
    /// EfficientNet-B3.
    B3,
    /// EfficientNet-B4.
    B4,
    /// EfficientNet-Lite0.
    Lite0,
}

/// All sizes, smallest first.
pub const VARIANTS: [Variant; 6] = [Variant::Lite0, Variant::B0, Variant::B1, Variant::B2, Variant::B3, Variant::B4];

/// Rows of the scale table: what differs between the sizes.
struct Scale {
    name: &'static str,
    width: f64,
    depth: f64,
    resolution: u32,
    dropout: f64,
}

impl Variant {
    fn scale(self) -> Scale {
        let row = |name, width, depth, resolution, dropout| Scale { name, width, depth, resolution, dropout };
        match self {
            Self::B0 => row("efficientnet_b0", 1.0, 1.0, 224, 0.2),
            Self::B1 => row("efficientnet_b1", 1.0, 1.1, 240, 0.2),
            Self::B2 => row("efficientnet_b2", 1.1, 1.2, 260, 0.3),
            Self::B3 => row("efficientnet_b3", 1.2, 1.4, 300, 0.3),
            Self::B4 => row("efficientnet_b4", 1.4, 1.8, 380, 0.4),
            Self::Lite0 => row("efficientnet_lite0", 1.0, 1.0, 224, 0.2),
        }
    }

    /// The name that model cards carry.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.scale().name
    }

    /// Side of the images it is meant for, in pixels.
    #[must_use]
    pub fn resolution(self) -> u32 {
        self.scale().resolution
    }

    /// Whether it is one of the variants without squeeze-and-excitation.
    #[must_use]
    pub const fn is_lite(self) -> bool {
        matches!(self, Self::Lite0)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The non-linearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(x)`
    Swish,
    /// `min(max(x, 0), 6)`
    Relu6,
}

/// A run of equal blocks; only the first has the stride and changes the number of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Stride of the first block.
    pub stride: usize,
    /// How many times a block widens its input inside.
    pub expansion: usize,
    /// Channels that come out.
    pub channels: usize,
    /// Number of blocks.
    pub repeats: usize,
}

/// Sizes of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape {
    /// Which stage it belongs to.
    pub stage: usize,
    /// Which block of its stage it is.
    pub place: usize,
    /// Channels that come in.
    pub input: usize,
    /// Channels that come out.
    pub output: usize,
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Stride of the depthwise convolution.
    pub stride: usize,
    /// How many times the input is widened.
    pub expansion: usize,
}

/// A whole network.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Side of the input in pixels.
    pub resolution: u32,
    /// Channels of the stem.
    pub stem: usize,
    /// The stages.
    pub stages: Vec<Stage>,
    /// Channels of the last convolution: the pooled features.
    pub head: usize,
    /// Share of a block's *input* channels that squeeze-and-excitation squeezes to; `None` for none.
    pub squeeze: Option<f64>,
    /// The non-linearity.
    pub activation: Activation,
    /// Where zeros go.
    pub padding: Padding,
    /// Added to variances: 1e-3 in Google's weights and their ports, 1e-5 in those timm trained.
    pub norm_epsilon: f64,
    /// Share of features dropped before the last layer while training.
    pub dropout: f64,
}

/// Stages of B0: kernel, stride, expansion, channels, repeats.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
];
const STEM: usize = 32;
const HEAD: usize = 1280;

impl Config {
    /// The published network. Lite variants pad as Google's weights want; the others as timm's do.
    #[must_use]
    pub fn of(variant: Variant) -> Self {
        let scale = variant.scale();
        let lite = variant.is_lite();
        let stages = STAGES.into_iter().map(|(kernel, stride, expansion, channels, repeats)| Stage {
            kernel,
            stride,
            expansion,
            channels: scaled_channels(channels, scale.width),
            repeats: (repeats as f64 * scale.depth).ceil() as usize,
        });
        let unscaled_in_lite = |channels| if lite { channels } else { scaled_channels(channels, scale.width) };
        Self {
            resolution: scale.resolution,
            stem: unscaled_in_lite(STEM),
            stages: stages.collect(),
            head: unscaled_in_lite(HEAD),
            squeeze: (!lite).then_some(0.25),
            activation: if lite { Activation::Relu6 } else { Activation::Swish },
            padding: if lite { Padding::Same } else { Padding::Symmetric },
            norm_epsilon: if lite { 1e-3 } else { 1e-5 },
            dropout: scale.dropout,
        }
    }

    /// All blocks, in order.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockShape> {
        let mut input = self.stem;
        let mut blocks = Vec::new();
        for (number, stage) in self.stages.iter().enumerate() {
            for place in 0..stage.repeats {
                blocks.push(BlockShape {
                    stage: number,
                    place,
                    input,
                    output: stage.channels,
                    kernel: stage.kernel,
                    stride: if place == 0 { stage.stride } else { 1 },
                    expansion: stage.expansion,
                });
                input = stage.channels;
            }
        }
        blocks
    }

    /// Channels inside the squeeze-and-excitation of a block of `input` channels.
    #[must_use]
    pub fn squeezed(&self, input: usize) -> Option<usize> {
        self.squeeze.map(|share| ((input as f64 * share) as usize).max(1))
    }

    /// The same network as Google's own weights want it.
    #[must_use]
    pub fn with_tensorflow_conventions(self) -> Self {
        Self { padding: Padding::Same, norm_epsilon: 1e-3, ..self }
    }
}

/// The nearest multiple of eight, but never more than a tenth below `channels * width`.
fn scaled_channels(channels: usize, width: f64) -> usize {
    let wanted = channels as f64 * width;
    let rounded = ((wanted + 4.0) / 8.0).floor().max(1.0) * 8.0;
    (if rounded < 0.9 * wanted { rounded + 8.0 } else { rounded }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_are_the_published_ones() {
        let check = |variant, stem, channels: [usize; 7], head, repeats: [usize; 7]| {
            let config = Config::of(variant);
            assert_eq!((config.stem, config.head), (stem, head), "{variant}");
            assert_eq!(config.stages.iter().map(|s| s.channels).collect::<Vec<_>>(), channels, "{variant}");
            assert_eq!(config.stages.iter().map(|s| s.repeats).collect::<Vec<_>>(), repeats, "{variant}");
        };
        let small = [16, 24, 40, 80, 112, 192, 320];
        check(Variant::B0, 32, small, 1280, [1, 2, 2, 3, 3, 4, 1]);
        check(Variant::B1, 32, small, 1280, [2, 3, 3, 4, 4, 5, 2]);
        check(Variant::B2, 32, [16, 24, 48, 88, 120, 208, 352], 1408, [2, 3, 3, 4, 4, 5, 2]);
        check(Variant::B3, 40, [24, 32, 48, 96, 136, 232, 384], 1536, [2, 3, 3, 5, 5, 6, 2]);
        check(Variant::B4, 48, [24, 32, 56, 112, 160, 272, 448], 1792, [2, 4, 4, 6, 6, 8, 2]);
        check(Variant::Lite0, 32, small, 1280, [1, 2, 2, 3, 3, 4, 1]);
    }
}
