//! The five sizes of YOLOv8.

use std::fmt;

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

    /// As people write it: `yolov8n`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::N => "yolov8n",
            Self::S => "yolov8s",
            Self::M => "yolov8m",
            Self::L => "yolov8l",
            Self::X => "yolov8x",
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
