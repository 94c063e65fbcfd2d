//! Depthwise convolution: each channel has a filter of its own, so there is nothing to multiply matrices for.

use std::cell::RefCell;

use rayon::prelude::*;

use super::kernel::{Isa, multiversion};
use super::shape::Geometry;
use super::strip::{Layout, Planes, Segment, Unit};

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
}

/// One weight, and how far from an output pixel its input lies.
#[derive(Clone, Copy)]
struct Tap {
    offset: usize,
    weight: f32,
}

/// What is done to a row of results of a channel before it is stored.
pub(super) trait FinishRow: Sync {
    /// In place.
    fn apply(&self, isa: Isa, values: &mut [f32], channel: usize);
}

impl FinishRow for () {
    fn apply(&self, _: Isa, _: &mut [f32], _: usize) {}
}

/// One plane seen as a picture of its own.
fn single(g: &Geometry) -> Geometry {
    Geometry { batch: 1, inputs: 1, outputs: 1, ..*g }
}

fn plane_of<'a>(pictures: &Planes<'a>, (image, channel): (usize, usize), plane: usize) -> Planes<'a> {
    let start = image * pictures.image_stride + channel * plane;
    Planes { data: &pictures.data[start..start + plane], image_stride: plane }
}

/// `y = conv(x, w)`, finished; `w` is (C, 1, K, L).
pub(super) fn forward<F: FinishRow>(isa: Isa, g: &Geometry, x: Planes<'_>, w: &[f32], finish: &F) -> Vec<f32> {
    let layout = Layout::forward(&single(g), 1);
    let (plane, out) = (g.size.0 * g.size.1, g.out.0 * g.out.1);
    let mut y = vec![0.0; g.batch * g.inputs * out];
    if y.is_empty() {
        return y;
    }
    let (units, window) = (layout.units(1), g.taps());
    y.par_chunks_mut(out).enumerate().for_each(|(at, y)| {
        let (image, channel) = (at / g.inputs, at % g.inputs);
        let weights = &w[channel * window..][..window];
        let tap = |(at, &weight)| Tap { offset: layout.tap(at / g.kernel.1, at % g.kernel.1), weight };
        let taps: Vec<Tap> = weights.iter().enumerate().map(tap).collect();
        let x = plane_of(&x, (image, channel), plane);
        SCRATCH.with_borrow_mut(|scratch| {
            for unit in &units {
                scratch.run(isa, &layout, x, unit, &taps);
                for s in &scratch.segments {
                    y[s.row * g.out.1 + s.column..][..s.length].copy_from_slice(&scratch.sums[s.at..][..s.length]);
                }
            }
        });
        finish.apply(isa, y, channel);
    });
    y
}

/// The gradient of `x`.
pub(super) fn input_gradient(isa: Isa, g: &Geometry, w: &[f32], gradient: Planes<'_>) -> Vec<f32> {
    let layout = Layout::backward(&single(g), 1);
    let ((k, l), s, padding) = (g.kernel, g.conv.stride, g.conv.padding);
    let (plane, out) = (g.size.0 * g.size.1, g.out.0 * g.out.1);
    let mut dx = vec![0.0; g.batch * g.inputs * plane];
    if dx.is_empty() || out == 0 {
        return dx;
    }
    let (units, window) = (layout.units(1), g.taps());
    dx.par_chunks_mut(plane).enumerate().for_each(|(at, dx)| {
        let (image, channel) = (at / g.inputs, at % g.inputs);
        let weights = &w[channel * window..][..window];
        let gradient = plane_of(&gradient, (image, channel), out);
        let mut taps = Vec::with_capacity(window);
        SCRATCH.with_borrow_mut(|scratch| {
            for unit in &units {
                for (py, px) in (0..s.min(k)).flat_map(|py| (0..s.min(l)).map(move |px| (py, px))) {
                    taps.clear();
                    for (u, v) in (py..k).step_by(s).flat_map(|u| (px..l).step_by(s).map(move |v| (u, v))) {
                        let offset = layout.shift((k - 1) / s - u / s, (l - 1) / s - v / s);
                        taps.push(Tap { offset, weight: weights[u * l + v] });
                    }
                    scratch.run(isa, &layout, gradient, unit, &taps);
                    for segment in &scratch.segments {
                        let y = (padding.top / s + segment.row) * s + py;
                        let Some(y) = y.checked_sub(padding.top).filter(|&y| y < g.size.0) else { continue };
                        let x = (padding.left / s + segment.column) * s + px;
                        let skipped = padding.left.saturating_sub(x).div_ceil(s);
                        let from = &scratch.sums[segment.at..][..segment.length];
                        let from = from.get(skipped..).unwrap_or_default();
                        let Some(x) = (x + skipped * s).checked_sub(padding.left).filter(|&x| x < g.size.1) else {
                            continue;
                        };
                        let row = &mut dx[y * g.size.1..][..g.size.1][x..];
                        if s == 1 {
                            let length = from.len().min(row.len());
                            row[..length].copy_from_slice(&from[..length]);
                        } else {
                            row.iter_mut().step_by(s).zip(from).for_each(|(to, from)| *to = *from);
                        }
                    }
                }
            }
        });
    });
    dx
}

/// The gradient of the filters. A channel's sums go over the pictures in order, whatever the number of threads.
pub(super) fn weight_gradient(isa: Isa, g: &Geometry, x: Planes<'_>, gradient: Planes<'_>) -> Vec<f32> {
    let layout = Layout::forward(&single(g), 1);
    let (plane, out, window) = (g.size.0 * g.size.1, g.out.0 * g.out.1, g.taps());
    let units = layout.units(1);
    let offsets: Vec<usize> = (0..window).map(|at| layout.tap(at / g.kernel.1, at % g.kernel.1)).collect();
    let mut dw = vec![0.0; g.inputs * window];
    dw.par_chunks_mut(window).enumerate().for_each(|(channel, dw)| {
        let mut totals = vec![0.0_f64; window];
        for image in 0..g.batch {
            let x = plane_of(&x, (image, channel), plane);
            let gradient = plane_of(&gradient, (image, channel), out);
            SCRATCH.with_borrow_mut(|Scratch { plane, sums, segments }| {
                for unit in &units {
                    layout.fill(x, 0..1, unit, plane);
                    let run = layout.run(unit);
                    layout.segments(unit, (0, run), layout.is_flat(), segments);
                    sums.clear();
                    sums.resize(run.next_multiple_of(LANES), 0.0);
                    for s in &*segments {
                        let from = s.row * g.out.1 + s.column;
                        sums[s.at..][..s.length].copy_from_slice(&gradient.data[from..][..s.length]);
                    }
                    for (offsets, totals) in offsets.chunks(SUMS).zip(totals.chunks_mut(SUMS)) {
                        let mut taps = [offsets[0]; SUMS];
                        taps[..offsets.len()].copy_from_slice(offsets);
                        let dots = correlations(isa, sums, plane, &taps);
                        totals.iter_mut().zip(dots).for_each(|(total, dot)| *total += f64::from(dot));
                    }
                }
            });
        }
        dw.iter_mut().zip(totals).for_each(|(dw, total)| *dw = total as f32);
    });
    dw
}

impl Scratch {
    /// The results of one unit, in `self.sums`, and where they belong, in `self.segments`.
    fn run(&mut self, isa: Isa, layout: &Layout, plane: Planes<'_>, unit: &Unit, taps: &[Tap]) {
        layout.fill(plane, 0..1, unit, &mut self.plane);
        let run = layout.run(unit);
        layout.segments(unit, (0, run), false, &mut self.segments);
        let length = run.next_multiple_of(RUN);
        self.sums.resize(length, 0.0);
        let reach = taps.iter().map(|tap| tap.offset).max().unwrap_or(0);
        if self.plane.len() < reach + length {
            self.plane.resize(reach + length, 0.0);
        }
        accumulate(isa, &self.plane, taps, &mut self.sums);
    }
}

const LANES: usize = 16;

multiversion! {
    /// `sums[i] = sum over taps of weight * values[offset + i]`; as many sums as a multiple of [`RUN`].
    fn accumulate(values: &[f32], taps: &[Tap], sums: &mut [f32]) = accumulate_body
}

multiversion! {
    /// `sum over i of left[i] * values[offset + i]` for every offset; as many as a multiple of [`LANES`].
    fn correlations(left: &[f32], values: &[f32], offsets: &[usize; SUMS]) -> [f32; SUMS] = correlations_body
}

#[inline(always)]
fn accumulate_body(values: &[f32], taps: &[Tap], sums: &mut [f32]) {
    for (run, sums) in sums.as_chunks_mut::<RUN>().0.iter_mut().enumerate() {
        let mut lanes = [0.0_f32; RUN];
        for tap in taps {
            let from: &[f32; RUN] = values[run * RUN + tap.offset..][..RUN].try_into().expect("a slice of RUN values");
            for (sum, value) in lanes.iter_mut().zip(from) {
                *sum += tap.weight * *value;
            }
        }
        *sums = lanes;
    }
}

#[inline(always)]
fn correlations_body(left: &[f32], values: &[f32], offsets: &[usize; SUMS]) -> [f32; SUMS] {
    let mut lanes = [[0.0_f32; LANES]; SUMS];
    for (at, left) in left.as_chunks::<LANES>().0.iter().enumerate() {
        for (lanes, offset) in lanes.iter_mut().zip(offsets) {
            let from: &[f32; LANES] =
                values[at * LANES + offset..][..LANES].try_into().expect("a slice of LANES values");
            for (lane, (left, value)) in lanes.iter_mut().zip(left.iter().zip(from)) {
                *lane += left * value;
            }
        }
    }
    lanes.map(|lanes| lanes.iter().sum())
}
