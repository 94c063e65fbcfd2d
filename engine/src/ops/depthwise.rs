//! Depthwise convolution: each channel has a filter of its own, so there is nothing to multiply matrices for.
//!
//! Small images of a batch share a strip: a plane of 5 x 5 alone would be mostly beginnings and ends.

use std::cell::RefCell;

use rayon::prelude::*;

use super::kernel::{Isa, LANES, multiversion};
use super::shape::Geometry;
use super::storage::Shared;
use super::strip::{Layout, Lengths, Planes, Segment};

/// Results are computed so many at a time, in registers.
const RUN: usize = 64;

/// Taps whose weight gradients are summed at once.
const SUMS: usize = 5;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    plane: Vec<f32>,
    sums: Vec<f32>,
    segments: Vec<Segment>,
    taps: Vec<Tap>,
}

/// One weight, and how far from an output pixel its input lies.
#[derive(Clone, Copy)]
struct Tap {
    offset: usize,
    weight: f32,
}

/// What is done to results of a channel before they are stored.
pub(super) trait FinishRow: Sync {
    /// In place.
    fn apply(&self, isa: Isa, values: &mut [f32], channel: usize);
}

impl FinishRow for () {
    fn apply(&self, _: Isa, _: &mut [f32], _: usize) {}
}

/// A batch of images of one channel.
fn single(g: &Geometry) -> Geometry {
    Geometry { inputs: 1, outputs: 1, ..*g }
}

/// One channel of a batch.
fn channel_of<'a>(images: &Planes<'a>, channel: usize, plane: usize) -> Planes<'a> {
    Planes { data: &images.data[channel * plane..], image_stride: images.image_stride }
}

/// `y = conv(x, w)`, finished; `w` is (C, 1, K, L).
pub(super) fn forward<F: FinishRow>(isa: Isa, g: &Geometry, x: Planes<'_>, w: &[f32], finish: &F) -> Vec<f32> {
    let layout = Layout::forward(&single(g), 1, Lengths::PLANES);
    let (plane, out) = (g.size.0 * g.size.1, g.out.0 * g.out.1);
    let mut y = vec![0.0; g.batch * g.inputs * out];
    if y.is_empty() {
        return y;
    }
    let (units, window, shared) = (layout.units(g.batch), g.taps(), Shared::new(&mut y));
    (0..units.len() * g.inputs).into_par_iter().for_each(|task| {
        let (unit, channel) = (&units[task / g.inputs], task % g.inputs);
        SCRATCH.with_borrow_mut(|scratch| {
            let weights = &w[channel * window..][..window];
            scratch.taps.clear();
            scratch.taps.extend(
                weights
                    .iter()
                    .enumerate()
                    .map(|(at, &weight)| Tap { offset: layout.tap(at / g.kernel.1, at % g.kernel.1), weight }),
            );
            layout.fill(channel_of(&x, channel, plane), 0..1, unit, &mut scratch.plane);
            layout.segments(unit, (0, layout.run(unit)), false, &mut scratch.segments);
            scratch.accumulate(isa, layout.run(unit));
            finish.apply(isa, &mut scratch.sums, channel);
            for s in &scratch.segments {
                let start = (s.image * g.inputs + channel) * out + s.row * g.out.1 + s.column;
                // SAFETY: these pixels of this channel belong to this unit, and unit and channel to this task.
                unsafe { shared.slice(start, s.length) }.copy_from_slice(&scratch.sums[s.at..][..s.length]);
            }
        });
    });
    y
}

/// The gradient of `x`.
pub(super) fn input_gradient(isa: Isa, g: &Geometry, w: &[f32], gradient: Planes<'_>) -> Vec<f32> {
    let layout = Layout::backward(&single(g), 1, Lengths::PLANES);
    let ((k, l), s, padding) = (g.kernel, g.conv.stride, g.conv.padding);
    let (plane, out) = (g.size.0 * g.size.1, g.out.0 * g.out.1);
    let mut dx = vec![0.0; g.batch * g.inputs * plane];
    if dx.is_empty() || out == 0 {
        return dx;
    }
    let (units, window, shared) = (layout.units(g.batch), g.taps(), Shared::new(&mut dx));
    (0..units.len() * g.inputs).into_par_iter().for_each(|task| {
        let (unit, channel) = (&units[task / g.inputs], task % g.inputs);
        let weights = &w[channel * window..][..window];
        SCRATCH.with_borrow_mut(|scratch| {
            layout.fill(channel_of(&gradient, channel, out), 0..1, unit, &mut scratch.plane);
            layout.segments(unit, (0, layout.run(unit)), false, &mut scratch.segments);
            for (py, px) in (0..s.min(k)).flat_map(|py| (0..s.min(l)).map(move |px| (py, px))) {
                scratch.taps.clear();
                for (u, v) in (py..k).step_by(s).flat_map(|u| (px..l).step_by(s).map(move |v| (u, v))) {
                    let offset = layout.shift((k - 1) / s - u / s, (l - 1) / s - v / s);
                    scratch.taps.push(Tap { offset, weight: weights[u * l + v] });
                }
                scratch.accumulate(isa, layout.run(unit));
                for segment in &scratch.segments {
                    let y = (padding.top / s + segment.row) * s + py;
                    let Some(y) = y.checked_sub(padding.top).filter(|&y| y < g.size.0) else { continue };
                    let x = (padding.left / s + segment.column) * s + px;
                    let skipped = padding.left.saturating_sub(x).div_ceil(s);
                    let Some(x) = (x + skipped * s).checked_sub(padding.left).filter(|&x| x < g.size.1) else {
                        continue;
                    };
                    let from = scratch.sums[segment.at..][..segment.length].get(skipped..).unwrap_or_default();
                    let start = (segment.image * g.inputs + channel) * plane + y * g.size.1 + x;
                    // SAFETY: a row of the image belongs to one row of the grid, that to this unit, and unit and channel
                    // to this task.
                    let row = unsafe { shared.slice(start, g.size.1 - x) };
                    if s == 1 {
                        let length = from.len().min(row.len());
                        row[..length].copy_from_slice(&from[..length]);
                    } else {
                        row.iter_mut().step_by(s).zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        });
    });
    dx
}

/// The gradient of the filters. A channel's sums go over the images in order, whatever the number of threads.
pub(super) fn weight_gradient(isa: Isa, g: &Geometry, x: Planes<'_>, gradient: Planes<'_>) -> Vec<f32> {
    let layout = Layout::forward(&single(g), 1, Lengths::PLANES);
    let (plane, out, window) = (g.size.0 * g.size.1, g.out.0 * g.out.1, g.taps());
    let units = layout.units(g.batch);
    let offsets: Vec<usize> = (0..window).map(|at| layout.tap(at / g.kernel.1, at % g.kernel.1)).collect();
    let mut dw = vec![0.0; g.inputs * window];
    dw.par_chunks_mut(window).enumerate().for_each(|(channel, dw)| {
        let mut totals = vec![0.0_f64; window];
        SCRATCH.with_borrow_mut(|scratch| {
            for unit in &units {
                layout.fill(channel_of(&x, channel, plane), 0..1, unit, &mut scratch.plane);
                layout.segments(unit, (0, layout.run(unit)), false, &mut scratch.segments);
                scratch.spread(channel_of(&gradient, channel, out), g.out.1, layout.run(unit));
                for (offsets, totals) in offsets.chunks(SUMS).zip(totals.chunks_mut(SUMS)) {
                    let mut taps = [offsets[0]; SUMS];
                    taps[..offsets.len()].copy_from_slice(offsets);
                    let dots = correlations(isa, &scratch.sums, &scratch.plane, &taps);
                    totals.iter_mut().zip(dots).for_each(|(total, dot)| *total += f64::from(dot));
                }
            }
        });
        dw.iter_mut().zip(totals).for_each(|(dw, total)| *dw = total as f32);
    });
    dw
}

impl Scratch {
    /// Sums over taps for a whole run, into `self.sums`.
    fn accumulate(&mut self, isa: Isa, run: usize) {
        let length = run.next_multiple_of(RUN);
        self.sums.resize(length, 0.0);
        let reach = self.taps.iter().map(|tap| tap.offset).max().unwrap_or(0);
        if self.plane.len() < reach + length {
            self.plane.resize(reach + length, 0.0);
        }
        accumulate(isa, &self.plane, &self.taps, &mut self.sums);
    }

    /// The output's gradient as a run, zero between rows, into `self.sums`.
    fn spread(&mut self, gradient: Planes<'_>, width: usize, run: usize) {
        self.sums.clear();
        self.sums.resize(run.next_multiple_of(LANES), 0.0);
        for s in &self.segments {
            let from = s.image * gradient.image_stride + s.row * width + s.column;
            self.sums[s.at..][..s.length].copy_from_slice(&gradient.data[from..][..s.length]);
        }
    }
}

multiversion! {
    /// `sums[i] = sum over taps of weight * values[offset + i]`; as many sums as a multiple of [`RUN`].
    fn accumulate(values: &[f32], taps: &[Tap], sums: &mut [f32]) = fused accumulate_body
}

multiversion! {
    /// `sum over i of left[i] * values[offset + i]` for every offset; as many as a multiple of [`LANES`].
    fn correlations(left: &[f32], values: &[f32], offsets: &[usize; SUMS]) -> [f32; SUMS] = fused correlations_body
}

#[inline(always)]
fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

#[inline(always)]
fn accumulate_body<const FUSED: bool>(values: &[f32], taps: &[Tap], sums: &mut [f32]) {
    for (run, sums) in sums.as_chunks_mut::<RUN>().0.iter_mut().enumerate() {
        let mut lanes = [0.0_f32; RUN];
        for tap in taps {
            let from: &[f32; RUN] = values[run * RUN + tap.offset..][..RUN].try_into().expect("a slice of RUN values");
            for (sum, value) in lanes.iter_mut().zip(from) {
                *sum = multiply_add::<FUSED>(tap.weight, *value, *sum);
            }
        }
        *sums = lanes;
    }
}

#[inline(always)]
fn correlations_body<const FUSED: bool>(left: &[f32], values: &[f32], offsets: &[usize; SUMS]) -> [f32; SUMS] {
    let mut lanes = [[0.0_f32; LANES]; SUMS];
    for (at, left) in left.as_chunks::<LANES>().0.iter().enumerate() {
        for (lanes, offset) in lanes.iter_mut().zip(offsets) {
            let from: &[f32; LANES] =
                values[at * LANES + offset..][..LANES].try_into().expect("a slice of LANES values");
            for (lane, (left, value)) in lanes.iter_mut().zip(left.iter().zip(from)) {
                *lane = multiply_add::<FUSED>(*left, *value, *lane);
            }
        }
    }
    lanes.map(|lanes| lanes.iter().sum())
}
