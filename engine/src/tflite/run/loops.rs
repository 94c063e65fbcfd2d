//! Windows over images, broadcasting, joining: the loops of operators, whatever the numbers are.

use crate::tflite::graph::Window;
use crate::tflite::shape::side;

/// Images a window moves over: (N, H, W, C) to (N, h, w, C').
#[derive(Debug, Clone, Copy)]
pub(super) struct Sweep<'a> {
    pub(super) input: &'a [usize],
    pub(super) output: &'a [usize],
    pub(super) kernel: [usize; 2],
    pub(super) window: Window,
}

impl Sweep<'_> {
    /// Calls `at` for every output pixel with its number and, for every place of the kernel that lies on the image, the
    /// number of the input pixel and of the place.
    pub(super) fn pixels(&self, mut at: impl FnMut(usize, &[(usize, usize)])) {
        let ([n, height, width, _], [_, rows, columns, _]) = (self.input, self.output) else { return };
        let [kernel_height, kernel_width] = self.kernel;
        let [down, right] = self.window.stride;
        let top = side(*height, kernel_height, down, self.window.padding).1;
        let left = side(*width, kernel_width, right, self.window.padding).1;
        let mut taps = Vec::new();
        for image in 0..*n {
            for row in 0..*rows {
                for column in 0..*columns {
                    taps.clear();
                    // Places outside are not walked over one by one: a kernel may be far larger than the image.
                    let first = |start: usize, pad: usize| pad.saturating_sub(start);
                    let (y0, x0) = (row * down, column * right);
                    for u in first(y0, top)..kernel_height.min((height + top).saturating_sub(y0)) {
                        for v in first(x0, left)..kernel_width.min((width + left).saturating_sub(x0)) {
                            let pixel = (image * height + y0 + u - top) * width + x0 + v - left;
                            taps.push((pixel, u * kernel_width + v));
                        }
                    }
                    at((image * rows + row) * columns + column, &taps);
                }
            }
        }
    }

    /// All channels with all: weights (O, h, w, I). `start` gives the sum of a channel to begin with, `dot` adds products of
    /// channels, `finish` makes it a number.
    pub(super) fn dense<T: Copy, A>(
        &self,
        (x, weights): (&[T], &[T]),
        start: impl Fn(usize) -> A,
        dot: impl Fn(A, &[T], &[T]) -> A,
        finish: impl Fn(A, usize) -> T,
    ) -> Vec<T> {
        let (depth, outputs) = (self.input[3], self.output[3]);
        let area = self.kernel[0] * self.kernel[1];
        let mut out = Vec::with_capacity(self.output.iter().product());
        self.pixels(|_, taps| {
            for channel in 0..outputs {
                let filter = &weights[channel * area * depth..];
                let sum = taps.iter().fold(start(channel), |sum, (pixel, place)| {
                    dot(sum, &x[pixel * depth..][..depth], &filter[place * depth..][..depth])
                });
                out.push(finish(sum, channel));
            }
        });
        out
    }

    /// Each channel with its own filter: weights (1, h, w, C).
    pub(super) fn depthwise<T: Copy, A: Copy>(
        &self,
        (x, weights): (&[T], &[T]),
        start: impl Fn(usize) -> A,
        add: impl Fn(A, T, T) -> A,
        finish: impl Fn(A, usize) -> T,
    ) -> Vec<T> {
        let channels = self.input[3];
        let mut out = Vec::with_capacity(self.output.iter().product());
        self.pixels(|_, taps| {
            let mut sums: Vec<A> = (0..channels).map(&start).collect();
            for (pixel, place) in taps {
                let (x, w) = (&x[pixel * channels..][..channels], &weights[place * channels..][..channels]);
                for ((sum, x), w) in sums.iter_mut().zip(x).zip(w) {
                    *sum = add(*sum, *x, *w);
                }
            }
            out.extend(sums.into_iter().enumerate().map(|(channel, sum)| finish(sum, channel)));
        });
        out
    }

    /// One number of what the window sees of a channel; `finish` gets the count as well.
    pub(super) fn pool<T: Copy, A: Copy>(
        &self,
        x: &[T],
        start: A,
        add: impl Fn(A, T) -> A,
        finish: impl Fn(A, usize) -> T,
    ) -> Vec<T> {
        let channels = self.input[3];
        let mut out = Vec::with_capacity(self.output.iter().product());
        self.pixels(|_, taps| {
            for channel in 0..channels {
                let sum = taps.iter().fold(start, |sum, (pixel, _)| add(sum, x[pixel * channels + channel]));
                out.push(finish(sum, taps.len()));
            }
        });
        out
    }
}

/// Two tensors element by element, each repeated along axes of length 1.
pub(super) fn broadcast<T: Copy>(
    (a, a_shape): (&[T], &[usize]),
    (b, b_shape): (&[T], &[usize]),
    shape: &[usize],
    combine: impl Fn(T, T) -> T,
) -> Vec<T> {
    let steps = |of: &[usize]| -> Vec<usize> {
        let mut steps = vec![0; shape.len()];
        let mut step = 1;
        for (at, length) in of.iter().enumerate().rev() {
            let axis = at + shape.len() - of.len();
            steps[axis] = if *length == 1 { 0 } else { step };
            step *= length;
        }
        steps
    };
    let (a_steps, b_steps) = (steps(a_shape), steps(b_shape));
    let count: usize = shape.iter().product();
    let mut index = vec![0_usize; shape.len()];
    let mut out = Vec::with_capacity(count);
    let (mut at_a, mut at_b) = (0, 0);
    for _ in 0..count {
        out.push(combine(a[at_a], b[at_b]));
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at_a += a_steps[axis];
            at_b += b_steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at_a -= a_steps[axis] * shape[axis];
            at_b -= b_steps[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}

/// Sums over the axes that are marked; `start` where nothing is.
pub(super) fn reduce<T: Copy, A: Copy>(
    x: &[T],
    shape: &[usize],
    reduced: &[bool],
    start: A,
    add: impl Fn(A, T) -> A,
) -> Vec<A> {
    let kept: usize = shape.iter().zip(reduced).filter(|(_, gone)| !**gone).map(|(length, _)| *length).product();
    let mut sums = vec![start; kept];
    let mut index = vec![0_usize; shape.len()];
    for value in x {
        let place = index.iter().zip(shape).zip(reduced).fold(
            0,
            |place, ((at, length), gone)| {
                if *gone { place } else { place * length + at }
            },
        );
        sums[place] = add(sums[place], *value);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    sums
}

/// Joins along an axis.
pub(super) fn concat<T: Copy>(parts: &[(&[T], &[usize])], axis: usize) -> Vec<T> {
    let outer: usize = parts.first().map_or(0, |(_, shape)| shape[..axis].iter().product());
    let mut out = Vec::with_capacity(parts.iter().map(|(values, _)| values.len()).sum());
    for row in 0..outer {
        for (values, shape) in parts {
            let run: usize = shape[axis..].iter().product();
            out.extend_from_slice(&values[row * run..(row + 1) * run]);
        }
    }
    out
}

/// The tensor with `fill` around it; `paddings` before and after each axis.
pub(super) fn pad<T: Copy>(x: &[T], shape: &[usize], paddings: &[i32], out_shape: &[usize], fill: T) -> Vec<T> {
    let mut out = vec![fill; out_shape.iter().product()];
    let mut index = vec![0_usize; shape.len()];
    for value in x {
        let place = (0..shape.len())
            .fold(0, |place, axis| place * out_shape[axis] + index[axis] + paddings[2 * axis].unsigned_abs() as usize);
        out[place] = *value;
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

/// A part of the tensor with its axes in another order: axis `i` of the result is axis `order[i]` of the tensor, from
/// `begins[order[i]]` on.
pub(in crate::tflite) fn part<T: Copy>(
    x: &[T],
    shape: &[usize],
    out_shape: &[usize],
    (order, begins): (&[usize], &[usize]),
) -> Vec<T> {
    let mut strides = vec![1; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * shape[axis + 1];
    }
    let mut place: usize = begins.iter().zip(&strides).map(|(begin, stride)| begin * stride).sum();
    let mut index = vec![0_usize; out_shape.len()];
    let count = out_shape.iter().product();
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        out.push(x[place]);
        for axis in (0..out_shape.len()).rev() {
            index[axis] += 1;
            place += strides[order[axis]];
            if index[axis] < out_shape[axis] {
                break;
            }
            place -= strides[order[axis]] * out_shape[axis];
            index[axis] = 0;
        }
    }
    out
}

/// Images of another size, each pixel the nearest.
pub(super) fn resize<T: Copy>(x: &[T], input: &[usize], output: &[usize], (aligned, centred): (bool, bool)) -> Vec<T> {
    let ([n, height, width, channels], [_, rows, columns, _]) = (input, output) else { return Vec::new() };
    let nearest = |at: usize, from: usize, to: usize| {
        let scale = if aligned && to > 1 { (from - 1) as f32 / (to - 1) as f32 } else { from as f32 / to as f32 };
        let offset = if centred { 0.5 } else { 0.0 };
        let place = (at as f32 + offset) * scale;
        (if aligned { place.round() } else { place.floor() } as usize).min(from - 1)
    };
    let mut out = Vec::with_capacity(output.iter().product());
    for image in 0..*n {
        for row in 0..*rows {
            for column in 0..*columns {
                let (y, x_at) = (nearest(row, *height, *rows), nearest(column, *width, *columns));
                let pixel = (image * height + y) * width + x_at;
                out.extend_from_slice(&x[pixel * channels..][..*channels]);
            }
        }
    }
    out
}
