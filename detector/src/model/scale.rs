//! The five sizes of YOLOv8.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A size of YOLOv8: one architecture, stretched in depth and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scale {
    /// Nano: 3.2 M parameters.
    N,
    /// Small: 11.2 M.
    S,
    /// Medium: 25.9 M.
    M,
    /// Large: 43.7 M.
    L,
    /// Extra large: 68.2 M.
    X,
}

impl Scale {
    /// All sizes, smallest first.
    pub const ALL: [Self; 5] = [Self::N, Self::S, Self::M, Self::L, Self::X];

    /// Factor on the number of repeated blocks.
    #[must_use]
    pub const fn depth(self) -> f64 {
        match self {
            Self::N | Self::S => 0.33,
            Self::M => 0.67,
            Self::L | Self::X => 1.0,
        }
    }

    /// Factor on the number of channels.
    #[must_use]
    pub const fn width(self) -> f64 {
        match self {
            Self::N => 0.25,
            Self::S => 0.5,
            Self::M => 0.75,
            Self::L => 1.0,
            Self::X => 1.25,
        }
    }

    /// Channels before `width` is applied are cut to this.
    #[must_use]
    pub const fn max_channels(self) -> usize {
        match self {
            Self::N | Self::S => 1024,
            Self::M => 768,
            Self::L | Self::X => 512,
        }
    }

    /// `ceil8(min(base, max_channels) * width)`.
    #[must_use]
    pub fn channels(self, base: usize) -> usize {
        let exact = base.min(self.max_channels()) as f64 * self.width();
        ((exact / 8.0).ceil() as usize) * 8
    }

    /// `max(round(base * depth), 1)`.
    #[must_use]
    pub fn repeats(self, base: usize) -> usize {
        ((base as f64 * self.depth()).round() as usize).max(1)
    }

    fn letter(self) -> char {
        match self {
            Self::N => 'n',
            Self::S => 's',
            Self::M => 'm',
            Self::L => 'l',
            Self::X => 'x',
        }
    }
}

/// As people write it: `yolov8n`.
impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "yolov8{}", self.letter())
    }
}

/// Text that names no size of YOLOv8.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("architecture {0:?} is not known: use yolov8n, yolov8s, yolov8m, yolov8l or yolov8x")]
pub struct ParseScaleError(String);

impl FromStr for Scale {
    type Err = ParseScaleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scale| scale.to_string() == text)
            .ok_or_else(|| ParseScaleError(text.chars().take(40).collect()))
    }
}
