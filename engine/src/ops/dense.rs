//! Convolution of all channels with all: products of tiles over strips of the image, threaded by strip.
//!
//! The sum of an output is taken in the same order whatever the number of threads, so results are the same bit for bit.

use std::cell::RefCell;

use rayon::prelude::*;

use super::kernel::{COLUMNS, DOT_COLUMNS, DOT_ROWS, Dots, Isa, LANES, ROWS, Taps, Tile};
use super::shape::Geometry;
use super::storage::Shared;
use super::strip::{Layout, Lengths, Planes, Segment, Unit};

/// Pixels that the sums of a weight gradient take at once, so that the gradient's rows stay in the first-level cache.
const CHUNK: usize = 1536;

/// How many independent parts the gradient of weights has at least, where the batch allows: threads beyond are idle.
const GRADIENT_PARTS: usize = 8;

/// Bytes of filters whose gradient had better not be held once per strip.
const LARGE: usize = 256 << 10;

/// Output channels that are worth filling a strip for.
const MIN_BAND: usize = 32;

/// Bytes that the partial sums of a weight gradient may take together.
const PARTIAL_BYTES: usize = 16 << 20;

thread_local! {
    /// At most a few megabytes per thread, kept from call to call.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    images: Vec<f32>,
    gradient: Vec<f32>,
    segments: Vec<Segment>,
}

/// What is done to a tile of results, channel by channel, before it is stored.
pub(super) trait Finish: Sync {
    /// `channel` is that of the first row; `rows` of the tile count.
    fn apply(&self, isa: Isa, tile: &mut Tile, channel: usize, rows: usize);
}

/// Nothing is.
impl Finish for () {
    fn apply(&self, _: Isa, _: &mut Tile, _: usize, _: usize) {}
}

/// Filters of the outputs that lie a step apart, and where the first of them lies.
struct Phase {
    panels: Vec<[f32; ROWS]>,
    taps: Taps,
    origin: (isize, isize),
}

/// Where results go: images of `channels` planes of this size, the pixels of a grid `step` apart.
struct Target {
    channels: usize,
    size: (usize, usize),
    step: usize,
    merge: bool,
}

/// `y = conv(x, w)`, finished.
pub(super) fn forward<F: Finish>(isa: Isa, g: &Geometry, x: Planes<'_>, w: &[f32], finish: &F) -> Vec<f32> {
    let layout = Layout::forward(g, g.inputs, Lengths::TILES);
    let (k, l) = g.kernel;
    let window: Vec<usize> = (0..k * l).collect();
    let taps = (0..g.inputs).flat_map(|c| window.iter().map(move |at| (c, at / l, at % l)));
    let taps = Taps::new(taps.map(|(c, u, v)| c * layout.channel_stride() + layout.tap(u, v)));
    let depth = g.inputs * k * l;
    let panels = pack(w, (g.outputs, g.inputs), &window, |output, input| output * depth + input * k * l);
    let target = Target { channels: g.outputs, size: g.out, step: 1, merge: layout.is_flat() };
    correlate(isa, &layout, g.batch, x, &[Phase { panels, taps, origin: (0, 0) }], &target, finish)
}

/// The gradient of `x`: every pixel of the output's gradient goes back along the weights it came by.
///
/// For a stride `s` the input pixels of each of the `s x s` remainders see a filter of their own, a part of the whole.
pub(super) fn input_gradient(isa: Isa, g: &Geometry, w: &[f32], gradient: Planes<'_>) -> Vec<f32> {
    let layout = Layout::backward(g, g.outputs, Lengths::TILES);
    let ((k, l), s) = (g.kernel, g.conv.stride);
    let (max_u, max_v) = ((k - 1) / s, (l - 1) / s);
    let (steps_top, steps_left) = (g.conv.padding.top / s, g.conv.padding.left / s);
    let mut phases = Vec::new();
    for (py, px) in (0..s.min(k)).flat_map(|py| (0..s.min(l)).map(move |px| (py, px))) {
        let window: Vec<(usize, usize)> =
            (py..k).step_by(s).flat_map(|u| (px..l).step_by(s).map(move |v| (u, v))).collect();
        let taps = (0..g.outputs).flat_map(|o| window.iter().map(move |&(u, v)| (o, u / s, v / s)));
        let taps = taps.map(|(o, u, v)| o * layout.channel_stride() + layout.shift(max_u - u, max_v - v));
        let window: Vec<usize> = window.iter().map(|(u, v)| u * l + v).collect();
        let panels = pack(w, (g.inputs, g.outputs), &window, |input, output| (output * g.inputs + input) * k * l);
        let origin = |steps: usize, phase: usize, pad: usize| (steps * s + phase) as isize - pad as isize;
        phases.push(Phase {
            panels,
            taps: Taps::new(taps),
            origin: (origin(steps_top, py, g.conv.padding.top), origin(steps_left, px, g.conv.padding.left)),
        });
    }
    let target = Target { channels: g.inputs, size: g.size, step: s, merge: layout.is_flat() && s == 1 };
    correlate(isa, &layout, g.batch, gradient, &phases, &target, &())
}

/// Weights as the tiles read them: for every eight rows, for every channel and tap, the eight weights.
fn pack(
    weights: &[f32],
    (rows, channels): (usize, usize),
    window: &[usize],
    at: impl Fn(usize, usize) -> usize + Sync,
) -> Vec<[f32; ROWS]> {
    let depth = channels * window.len();
    let mut panels = vec![[0.0; ROWS]; rows.div_ceil(ROWS) * depth];
    if depth == 0 {
        return panels;
    }
    panels.par_chunks_mut(depth).enumerate().for_each(|(block, panel)| {
        let first = block * ROWS;
        for (channel, panel) in panel.chunks_exact_mut(window.len()).enumerate() {
            for r in 0..ROWS.min(rows - first) {
                let from = &weights[at(first + r, channel)..];
                for (to, &tap) in panel.iter_mut().zip(window) {
                    to[r] = from[tap];
                }
            }
        }
    });
    panels
}

#[expect(clippy::too_many_arguments, reason = "what is convolved, how it lies, where it goes")]
fn correlate<F: Finish>(
    isa: Isa,
    layout: &Layout,
    batch: usize,
    images: Planes<'_>,
    phases: &[Phase],
    target: &Target,
    finish: &F,
) -> Vec<f32> {
    let plane = target.size.0 * target.size.1;
    let mut out = vec![0.0; batch * target.channels * plane];
    if out.is_empty() {
        return out;
    }
    let units = layout.units(batch);
    let blocks = target.channels.div_ceil(ROWS);
    // Few strips: share out the channels as well, although each part then fills the strip for itself.
    let wanted = 2 * rayon::current_num_threads();
    let parts = if units.len() >= wanted { 1 } else { wanted.div_ceil(units.len()).min(blocks.div_ceil(2)) };
    let per_part = blocks.div_ceil(parts);
    let pointer = Shared::new(&mut out);
    (0..units.len() * parts).into_par_iter().for_each(|task| {
        let (unit, part) = (&units[task / parts], task % parts);
        SCRATCH.with_borrow_mut(|scratch| {
            layout.fill(images, 0..layout.channels(), unit, &mut scratch.images);
            let mut tile: Tile = [[0.0; COLUMNS]; ROWS];
            for (start, length) in layout.tiles(unit, COLUMNS) {
                layout.segments(unit, (start, length), target.merge, &mut scratch.segments);
                for phase in phases {
                    let depth = phase.taps.len();
                    for block in part * per_part..((part + 1) * per_part).min(blocks) {
                        let panel = &phase.panels[block * depth..][..depth];
                        isa.tile(panel, &phase.taps, &scratch.images, start, length.div_ceil(LANES), &mut tile);
                        let rows = ROWS.min(target.channels - block * ROWS);
                        finish.apply(isa, &mut tile, block * ROWS, rows);
                        for (row, values) in tile.iter().enumerate().take(rows) {
                            let channel = block * ROWS + row;
                            for segment in &scratch.segments {
                                target.store(&pointer, channel, phase.origin, segment, &values[segment.at..]);
                            }
                        }
                    }
                }
            }
        });
    });
    out
}

impl Target {
    /// Stores the pixels of a segment that lie in the image.
    #[expect(clippy::too_many_arguments, reason = "called from one place")]
    fn store(&self, out: &Shared<f32>, channel: usize, origin: (isize, isize), segment: &Segment, values: &[f32]) {
        let (height, width) = self.size;
        let step = self.step as isize;
        let y = segment.row as isize * step + origin.0;
        let x = segment.column as isize * step + origin.1;
        // A merged segment goes on into the rows below.
        let room = if self.merge { height as isize - y } else { 1 } * width as isize;
        if y < 0 || y >= height as isize || room <= x {
            return;
        }
        let first = if x < 0 { (-x).unsigned_abs().div_ceil(self.step) } else { 0 };
        let last = (room - x).unsigned_abs().div_ceil(self.step).min(segment.length);
        let Some(values) = values.get(first..last) else { return };
        if values.is_empty() {
            return;
        }
        let plane = (segment.image * self.channels + channel) * height * width;
        let start = plane + y as usize * width + (x + first as isize * step) as usize;
        // SAFETY: `start + (len - 1) * step` lies in the plane of this image and channel, hence in the memory: rows and
        // columns were clipped to it just above. No other thread writes there: a pixel belongs to one row and column of the
        // grid and one phase, each (image, row of the grid) to one unit, and each (unit, channel) to one task.
        unsafe {
            let to = out.pointer().add(start);
            if step == 1 {
                std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len());
            } else {
                for (at, &value) in values.iter().enumerate() {
                    *to.add(at * self.step) = value;
                }
            }
        }
    }
}

/// The gradient of the filters: for every pair of channels and every tap, products of the output's gradient and the shifted
/// input, summed over all pixels.
///
/// The batch is cut into parts, a number that depends on the sizes alone; their sums are added in order.
pub(super) fn weight_gradient(isa: Isa, g: &Geometry, x: Planes<'_>, gradient: Planes<'_>) -> Vec<f32> {
    let layout = Layout::forward(g, g.inputs, Lengths::SUMS);
    let window = g.taps();
    let depth = g.inputs * window;
    let mut offsets: Vec<u32> = Vec::with_capacity(depth.next_multiple_of(DOT_COLUMNS));
    for c in 0..g.inputs {
        for at in 0..window {
            offsets.push((c * layout.channel_stride() + layout.tap(at / g.kernel.1, at % g.kernel.1)) as u32);
        }
    }
    offsets.resize(depth.next_multiple_of(DOT_COLUMNS), 0);
    if depth == 0 || g.outputs == 0 {
        return Vec::new();
    }

    let units = layout.units(g.batch);
    let bytes = g.outputs * depth * size_of::<f32>();
    // Large filters are cut by output channel, small ones by strips, whose sums have to be added up.
    let by_channel = |parts: usize| GRADIENT_PARTS.div_ceil(parts).min(g.outputs.div_ceil(MIN_BAND)).max(1);
    let by_strip = |bands: usize| GRADIENT_PARTS.div_ceil(bands).min(units.len()).max(1);
    let bands = by_channel(if bytes > LARGE { 1 } else { by_strip(1) });
    let band = g.outputs.div_ceil(bands).next_multiple_of(DOT_ROWS);
    let bands = g.outputs.div_ceil(band);
    let parts = by_strip(bands).min((PARTIAL_BYTES / bytes).max(1));
    let per_part = units.len().div_ceil(parts);
    let padded = offsets.len();
    let sums: Vec<Vec<f32>> = (0..bands * parts)
        .into_par_iter()
        .map(|task| {
            let (from, part) = (task % bands * band, task / bands);
            let outputs = from..(from + band).min(g.outputs);
            let mut sums = vec![0.0; outputs.len().next_multiple_of(DOT_ROWS) * padded];
            SCRATCH.with_borrow_mut(|scratch| {
                for unit in units.iter().skip(part * per_part).take(per_part) {
                    layout.fill(x, 0..g.inputs, unit, &mut scratch.images);
                    let run = layout.run(unit).next_multiple_of(LANES);
                    spread(&layout, g, gradient, outputs.clone(), unit, run, &mut scratch.gradient);
                    products(isa, (&scratch.gradient, run), &scratch.images, &offsets, &mut sums);
                }
            });
            sums
        })
        .collect();
    let mut result = vec![0.0; g.outputs * depth];
    result.par_chunks_mut(depth).enumerate().for_each(|(output, result)| {
        for part in 0..parts {
            let sums = &sums[part * bands + output / band][output % band * padded..];
            for (result, sum) in result.iter_mut().zip(sums) {
                *result += sum;
            }
        }
    });
    result
}

/// The output's gradient as a run of the strip, zero where the run is between rows; whole groups of rows.
#[expect(clippy::too_many_arguments, reason = "called from one place")]
fn spread(
    layout: &Layout,
    g: &Geometry,
    gradient: Planes<'_>,
    outputs: std::ops::Range<usize>,
    unit: &Unit,
    run: usize,
    into: &mut Vec<f32>,
) {
    let plane = g.out.0 * g.out.1;
    into.clear();
    into.resize(outputs.len().next_multiple_of(DOT_ROWS) * run, 0.0);
    let mut segments = Vec::new();
    layout.segments(unit, (0, layout.run(unit)), layout.is_flat(), &mut segments);
    for (into, output) in into.chunks_exact_mut(run).zip(outputs) {
        for s in &segments {
            let from = s.image * gradient.image_stride + output * plane + s.row * g.out.1 + s.column;
            into[s.at..s.at + s.length].copy_from_slice(&gradient.data[from..from + s.length]);
        }
    }
}

fn products(isa: Isa, (gradient, run): (&[f32], usize), images: &[f32], offsets: &[u32], sums: &mut [f32]) {
    let padded = offsets.len();
    for start in (0..run).step_by(CHUNK) {
        let length = CHUNK.min(run - start);
        for (rows, sums) in gradient.chunks_exact(DOT_ROWS * run).zip(sums.chunks_exact_mut(DOT_ROWS * padded)) {
            for (at, offsets) in offsets.as_chunks::<DOT_COLUMNS>().0.iter().enumerate() {
                let mut tile: Dots = [[0.0; DOT_COLUMNS]; DOT_ROWS];
                isa.dots((&rows[start..], run), (images, start), offsets, length, &mut tile);
                for (row, tile) in tile.iter().enumerate() {
                    let sums = &mut sums[row * padded + at * DOT_COLUMNS..][..DOT_COLUMNS];
                    sums.iter_mut().zip(tile).for_each(|(sum, value)| *sum += value);
                }
            }
        }
    }
}
