//! Sizes of a convolution or a pool, checked once.

use candle_core::{Result, bail};

/// Rows and columns around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns before.
    pub left: usize,
    /// Columns after.
    pub right: usize,
}

impl Padding {
    /// As many on every side.
    #[must_use]
    pub const fn all(around: usize) -> Self {
        Self { top: around, bottom: around, left: around, right: around }
    }
}

/// How a convolution moves over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Step, both ways.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: Padding,
    /// Channels are split into so many groups, each with its own filters; as many as channels makes it depthwise.
    pub groups: usize,
}

impl Default for Conv2d {
    fn default() -> Self {
        Self { stride: 1, padding: Padding::default(), groups: 1 }
    }
}

/// All sizes of one convolution over (batch, inputs, height, width) with filters (outputs, inputs / groups, kernel).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) batch: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) size: (usize, usize),
    pub(super) kernel: (usize, usize),
    pub(super) out: (usize, usize),
    pub(super) conv: Conv2d,
}

impl Geometry {
    pub(super) fn new(x: &[usize], weight: &[usize], conv: Conv2d) -> Result<Self> {
        let (&[batch, inputs, height, width], &[outputs, depth, k, l]) = (x, weight) else {
            bail!("a convolution takes (N, C, H, W) and filters (O, C / groups, K, L), not {x:?} and {weight:?}");
        };
        let groups = conv.groups;
        if groups == 0 || depth * groups != inputs || !outputs.is_multiple_of(groups) {
            bail!("filters {weight:?} in {groups} groups do not fit images of {inputs} channels");
        }
        let out = out_size((height, width), (k, l), conv.stride, conv.padding)?;
        Ok(Self { batch, inputs, outputs, size: (height, width), kernel: (k, l), out, conv })
    }

    /// Shape of the result.
    pub(super) fn out_shape(&self) -> (usize, usize, usize, usize) {
        (self.batch, self.outputs, self.out.0, self.out.1)
    }

    /// Shape of the input.
    pub(super) fn in_shape(&self) -> (usize, usize, usize, usize) {
        (self.batch, self.inputs, self.size.0, self.size.1)
    }

    /// Shape of the filters.
    pub(super) fn weight_shape(&self) -> (usize, usize, usize, usize) {
        (self.outputs, self.inputs / self.conv.groups, self.kernel.0, self.kernel.1)
    }

    /// Weights of one filter for one channel.
    pub(super) fn taps(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }
}

/// Rows and columns that a window of `kernel` visits.
pub(super) fn out_size(
    (height, width): (usize, usize),
    (k, l): (usize, usize),
    stride: usize,
    padding: Padding,
) -> Result<(usize, usize)> {
    if stride == 0 {
        bail!("a window must move by one pixel at least");
    }
    let (rows, columns) = (height + padding.top + padding.bottom, width + padding.left + padding.right);
    if k == 0 || l == 0 || rows < k || columns < l {
        bail!("a window of {k}x{l} does not fit into {rows}x{columns} padded pixels");
    }
    Ok(((rows - k) / stride + 1, (columns - l) / stride + 1))
}
