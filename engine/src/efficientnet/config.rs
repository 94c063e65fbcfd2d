//! The EfficientNet family as data.
//!
//! Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), table 1 and section 5;
//! the Lite variant follows its published description: no squeeze-and-excitation, ReLU6, stem and head not scaled.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

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

/// A network as model cards name it: `efficientnet_b0` with timm's conventions, `tf_efficientnet_b0` with those of
/// Google's weights. `efficientnet_lite0` has Google's under either name: nobody else's weights are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Architecture {
    /// Its size.
    pub variant: Variant,
    /// Whether it pads and normalises as TensorFlow does.
    pub tensorflow: bool,
}

/// Text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "architecture {0:?} is not known; known are efficientnet_lite0 and efficientnet_b0 to efficientnet_b4, and \
     tf_efficientnet_b0 to tf_efficientnet_b4 for weights that pad as TensorFlow does"
)]
pub struct ParseArchitectureError(String);

impl Architecture {
    /// The network.
    #[must_use]
    pub fn config(self) -> Config {
        let config = Config::of(self.variant);
        if self.tensorflow { config.with_tensorflow_conventions() } else { config }
    }

    /// How its published weights want colours: `(RGB - 127) / 128` for Lite0, the mean and deviation of ImageNet for the
    /// others.
    #[must_use]
    pub const fn normalisation(self) -> Normalisation {
        if self.variant.is_lite() {
            Normalisation { mean: [127.0; 3], std: [128.0; 3] }
        } else {
            // .485 .456 .406 and .229 .224 .225 of 255
            Normalisation { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] }
        }
    }
}

/// `(RGB - mean) / std` per channel, of bytes 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by.
    pub std: [f32; 3],
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.tensorflow && !self.variant.is_lite() { "tf_" } else { "" };
        write!(f, "{prefix}{}", self.variant)
    }
}

impl FromStr for Architecture {
    type Err = ParseArchitectureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tensorflow, name) = text.strip_prefix("tf_").map_or((false, text), |name| (true, name));
        let variant = VARIANTS.into_iter().find(|variant| variant.as_str() == name);
        let variant = variant.ok_or_else(|| ParseArchitectureError(text.chars().take(80).collect()))?;
        Ok(Self { variant, tensorflow: tensorflow || variant.is_lite() })
    }
}

/// Where the zeros around an image go. Weights learned under one do not fit the other: on even sizes a stride of two
/// samples other pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// `(k - 1) / 2` on every side: PyTorch, timm's `efficientnet_b*`.
    #[default]
    Symmetric,
    /// As few as give `ceil(size / stride)`, the odd one right and below: TensorFlow's "SAME", ONNX's `SAME_UPPER`, the
    /// ports of Google's own weights.
    Same,
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
    /// Fraction of a block's *input* channels that squeeze-and-excitation squeezes to; `None` for none.
    pub squeeze: Option<f64>,
    /// The non-linearity.
    pub activation: Activation,
    /// Where zeros go.
    pub padding: Padding,
    /// Added to variances: 1e-3 in Google's weights and their ports, 1e-5 in those timm trained.
    pub norm_epsilon: f64,
    /// Fraction of features dropped before the last layer while training.
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
        self.squeeze.map(|fraction| ((input as f64 * fraction) as usize).max(1))
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

    #[test]
    fn names_parse_and_display() {
        for (text, variant, padding) in [
            ("efficientnet_b0", Variant::B0, Padding::Symmetric),
            ("efficientnet_b4", Variant::B4, Padding::Symmetric),
            ("tf_efficientnet_b2", Variant::B2, Padding::Same),
            ("efficientnet_lite0", Variant::Lite0, Padding::Same),
        ] {
            let architecture: Architecture = text.parse().unwrap();
            assert_eq!((architecture.variant, architecture.config().padding), (variant, padding));
            assert_eq!(architecture.to_string(), text);
        }
        assert_eq!("tf_efficientnet_lite0".parse(), "efficientnet_lite0".parse::<Architecture>());
        for text in ["", "efficientnet_b9", "tf_", "resnet50", "Efficientnet_b0"] {
            assert!(text.parse::<Architecture>().unwrap_err().to_string().contains("efficientnet_lite0"), "{text}");
        }
    }
}
