//! Strips: parts of padded images in scratch memory, laid out so that every tap of a filter is a constant distance.
//!
//! A strip holds some rows of some images with their padding. For a stride `s` the padded image is split into `s x s`
//! interleaved ones ("phases"): among those, a tap `(u, v)` of a filter reads, for every output pixel, at a constant distance
//! from that pixel. Convolution then needs no im2col matrix, which would hold every pixel `k x k` times; all outputs of a
//! strip are one run over contiguous numbers, with some to be thrown away where rows end.

use std::ops::Range;

use super::kernel::LANES;
use super::shape::Geometry;

/// How much goes into a strip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    /// Numbers it may hold.
    budget: usize,
    /// It should be at least so many pixels long all the same.
    shortest: usize,
    /// What is longer has its rows or images split.
    longest: usize,
}

impl Lengths {
    /// For tiles of results, each of which reads all channels: a strip stays in half of a common second-level cache.
    pub(super) const TILES: Self = Self { budget: 96 << 10, shortest: 192, longest: 2048 };

    /// For sums along pixels, which read one channel after the other and take the longer to finish the shorter they are.
    pub(super) const SUMS: Self = Self { budget: 256 << 10, shortest: 1024, longest: 4096 };

    /// For a single channel.
    pub(super) const PLANES: Self = Self { budget: 4096, shortest: 64, longest: 2048 };
}

/// Numbers after the last channel that vectors may read.
const SLACK: usize = 64;

/// Images of contiguous planes: channel `c` of image `n` begins at `n * image_stride + c * height * width`.
#[derive(Clone, Copy)]
pub(super) struct Planes<'a, T = f32> {
    pub(super) data: &'a [T],
    pub(super) image_stride: usize,
}

/// How images lie in strips: `grid` output pixels per image, each of which reads from `halo` further rows and columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Height and width of the image.
    size: (usize, usize),
    /// Where the first pixel of the grid lies within the padding; negative when outside the image's padding.
    lead: (isize, isize),
    stride: usize,
    phases: (usize, usize),
    grid: (usize, usize),
    halo: (usize, usize),
    /// Images and rows of the grid in one strip. More than one image only with all rows.
    pub(super) images: usize,
    pub(super) rows: usize,
    channels: usize,
    phase_stride: usize,
    channel_stride: usize,
}

/// The part of a batch that one strip holds.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) images: Range<usize>,
    pub(super) rows: Range<usize>,
}

/// Part of a run that is contiguous in the grid of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where in the tile.
    pub(super) at: usize,
    pub(super) image: usize,
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) length: usize,
}

impl Layout {
    /// For a convolution: the grid is its output.
    pub(super) fn forward(g: &Geometry, channels: usize, lengths: Lengths) -> Self {
        let (stride, padding) = (g.conv.stride, g.conv.padding);
        Self {
            size: g.size,
            lead: (padding.top as isize, padding.left as isize),
            stride,
            phases: (stride.min(g.kernel.0), stride.min(g.kernel.1)),
            grid: g.out,
            halo: ((g.kernel.0 - 1) / stride, (g.kernel.1 - 1) / stride),
            ..Self::empty(channels)
        }
        .sized(g.batch, lengths)
    }

    /// For the gradient of a convolution's input: the image is the gradient of its output, and the grid is the padded
    /// input in steps of the stride, without leading steps that are padding altogether.
    pub(super) fn backward(g: &Geometry, channels: usize, lengths: Lengths) -> Self {
        let (stride, padding) = (g.conv.stride, g.conv.padding);
        let span = |size: usize, before: usize| (before / stride, (before + size - 1) / stride + 1);
        let (rows, columns) = (span(g.size.0, padding.top), span(g.size.1, padding.left));
        let halo = ((g.kernel.0 - 1) / stride, (g.kernel.1 - 1) / stride);
        Self {
            size: g.out,
            lead: (halo.0 as isize - rows.0 as isize, halo.1 as isize - columns.0 as isize),
            stride: 1,
            phases: (1, 1),
            grid: (rows.1 - rows.0, columns.1 - columns.0),
            halo,
            ..Self::empty(channels)
        }
        .sized(g.batch, lengths)
    }

    fn empty(channels: usize) -> Self {
        Self {
            size: (0, 0),
            lead: (0, 0),
            stride: 1,
            phases: (1, 1),
            grid: (0, 0),
            halo: (0, 0),
            images: 1,
            rows: 1,
            channels,
            phase_stride: 0,
            channel_stride: 0,
        }
    }

    /// Chooses how much goes into a strip.
    fn sized(mut self, batch: usize, lengths: Lengths) -> Self {
        let width = self.grid.1 + self.halo.1;
        let plane = (self.grid.0 + self.halo.0) * width;
        let per_pixel = self.channels * self.phases.0 * self.phases.1;
        let longest = (lengths.budget / per_pixel.max(1)).clamp(lengths.shortest, lengths.longest);
        if plane <= longest {
            self.images = (longest / plane.max(1)).clamp(1, batch.max(1));
            self.rows = self.grid.0;
        } else {
            let rows = (longest / width).saturating_sub(self.halo.0).clamp(1, self.grid.0);
            self.rows = self.grid.0.div_ceil(self.grid.0.div_ceil(rows));
        }
        self.strided()
    }

    fn strided(mut self) -> Self {
        self.phase_stride = self.images * (self.rows + self.halo.0) * self.width();
        // An odd number of cache lines: channels that begin a power of two apart would all fall into the same few sets.
        let lines = (self.phases.0 * self.phases.1 * self.phase_stride).div_ceil(LANES);
        self.channel_stride = (lines | 1) * LANES;
        self
    }

    fn width(&self) -> usize {
        self.grid.1 + self.halo.1
    }

    /// Whether the run is the image itself: nothing to throw away.
    pub(super) fn is_flat(&self) -> bool {
        self.halo == (0, 0)
    }

    /// Channels of an image.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Numbers between channels.
    pub(super) fn channel_stride(&self) -> usize {
        self.channel_stride
    }

    /// All strips of a batch, in order.
    pub(super) fn units(&self, batch: usize) -> Vec<Unit> {
        let mut units = Vec::new();
        for first in (0..batch).step_by(self.images) {
            for row in (0..self.grid.0).step_by(self.rows) {
                units.push(Unit {
                    images: first..(first + self.images).min(batch),
                    rows: row..(row + self.rows).min(self.grid.0),
                });
            }
        }
        units
    }

    /// Distance from an output pixel to what tap `(u, v)` of a forward filter reads.
    pub(super) fn tap(&self, u: usize, v: usize) -> usize {
        let phase = u % self.stride * self.phases.1 + v % self.stride;
        phase * self.phase_stride + self.shift(u / self.stride, v / self.stride)
    }

    /// Distance of pixels that lie so many rows and columns further on.
    pub(super) fn shift(&self, rows: usize, columns: usize) -> usize {
        rows * self.width() + columns
    }

    /// Length of the run of a unit.
    pub(super) fn run(&self, unit: &Unit) -> usize {
        let rows = (unit.images.len() - 1) * (self.rows + self.halo.0) + unit.rows.len() - 1;
        rows * self.width() + self.grid.1
    }

    /// Parts of the run, each at most `longest` pixels, start and length. Rows are kept apart when nothing is wasted so.
    pub(super) fn tiles(&self, unit: &Unit, longest: usize) -> Vec<(usize, usize)> {
        let run = self.run(unit);
        let cut = |start: usize, length: usize| {
            (0..length).step_by(longest).map(move |at| (start + at, longest.min(length - at)))
        };
        if self.halo.1 > 0 && self.grid.1.is_multiple_of(LANES) && self.grid.1 >= longest {
            let height = self.rows + self.halo.0;
            let rows =
                (0..unit.images.len()).flat_map(|image| (0..unit.rows.len()).map(move |row| image * height + row));
            return rows.flat_map(|row| cut(row * self.width(), self.grid.1)).collect();
        }
        cut(0, run).collect()
    }

    /// What of the run's part `part` (start, length) belongs to the grid. `merge`: rows that follow each other in the run
    /// do so where they go as well, and become one segment.
    pub(super) fn segments(&self, unit: &Unit, part: (usize, usize), merge: bool, segments: &mut Vec<Segment>) {
        segments.clear();
        let (start, length) = part;
        let (width, height) = (self.width(), self.rows + self.halo.0);
        let mut at = 0;
        while at < length {
            let (row, column) = ((start + at) / width, (start + at) % width);
            let left = (width - column).min(length - at);
            let (image, row) = (row / height, row % height);
            if row < unit.rows.len() && column < self.grid.1 {
                let length = left.min(self.grid.1 - column);
                let image = unit.images.start + image;
                match segments.last_mut() {
                    Some(last) if merge && last.image == image && last.at + last.length == at => last.length += length,
                    _ => segments.push(Segment { at, image, row: unit.rows.start + row, column, length }),
                }
            }
            at += left;
        }
    }

    /// Copies `channels` of a unit into scratch memory. Channel `channels.start` comes first.
    pub(super) fn fill(&self, images: Planes<'_>, channels: Range<usize>, unit: &Unit, scratch: &mut Vec<f32>) {
        let needed = channels.len() * self.channel_stride + SLACK;
        if scratch.len() < needed {
            scratch.resize(needed, 0.0);
        }
        let plane = self.size.0 * self.size.1;
        for (at, channel) in channels.enumerate() {
            let into = &mut scratch[at * self.channel_stride..][..self.channel_stride + SLACK];
            for phase in 0..self.phases.0 * self.phases.1 {
                let into = &mut into[phase * self.phase_stride..];
                for (slot, image) in unit.images.clone().enumerate() {
                    let from = &images.data[image * images.image_stride + channel * plane..][..plane];
                    let into = &mut into[slot * (self.rows + self.halo.0) * self.width()..];
                    self.fill_image(from, (phase / self.phases.1, phase % self.phases.1), &unit.rows, into);
                }
                // What follows is read by the last vector of the run, and multiplied by zero in some sums: it must be a
                // number. The next phase and the next channel are written later.
                into[self.used(unit)..][..LANES].fill(0.0);
            }
        }
    }

    /// Numbers of a phase that belong to a unit.
    fn used(&self, unit: &Unit) -> usize {
        let rows = (unit.images.len() - 1) * (self.rows + self.halo.0) + unit.rows.len() + self.halo.0;
        rows * self.width()
    }

    fn fill_image(&self, from: &[f32], phase: (usize, usize), rows: &Range<usize>, into: &mut [f32]) {
        let (height, width) = self.size;
        // A grid of gradients may be higher than what they are of: steps of a stride into the padding below it.
        let same = self.halo == (0, 0) && self.stride == 1 && self.lead == (0, 0) && self.grid.1 == width;
        if same && rows.end <= height {
            into[..rows.len() * width].copy_from_slice(&from[rows.start * width..rows.end * width]);
            return;
        }
        // The columns `first..last` of a row lie in the image.
        let (stride, lead) = (self.stride as isize, self.lead.1 - phase.1 as isize);
        let first = lead.max(0).div_ceil_positive(stride).min(self.width());
        let last = (width as isize + lead).max(0).div_ceil_positive(stride).clamp(first, self.width());
        let column = (first as isize * stride - lead) as usize;
        for (row, into) in into.chunks_exact_mut(self.width()).take(rows.len() + self.halo.0).enumerate() {
            let y = ((rows.start + row) * self.stride + phase.0) as isize - self.lead.0;
            if y < 0 || y >= height as isize {
                into.fill(0.0);
                continue;
            }
            into[..first].fill(0.0);
            into[last..].fill(0.0);
            let into = &mut into[first..last];
            if into.is_empty() {
                continue;
            }
            let from = &from[y as usize * width + column..][..(into.len() - 1) * self.stride + 1];
            match self.stride {
                1 => into.copy_from_slice(from),
                2 => every_second(from, into),
                step => into.iter_mut().zip(from.iter().step_by(step)).for_each(|(to, from)| *to = *from),
            }
        }
    }
}

fn every_second(from: &[f32], into: &mut [f32]) {
    let (pairs, rest) = from.as_chunks::<2>();
    for (to, pair) in into.iter_mut().zip(pairs) {
        *to = pair[0];
    }
    if let (Some(last), [value]) = (into.get_mut(pairs.len()), rest) {
        *last = *value;
    }
}

trait DivCeil {
    /// Of a number that is not negative.
    fn div_ceil_positive(self, by: isize) -> usize;
}

impl DivCeil for isize {
    fn div_ceil_positive(self, by: isize) -> usize {
        ((self + by - 1) / by) as usize
    }
}
