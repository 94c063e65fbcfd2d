//! The best symmetric outline about a nearly upright axis, by dynamic programming over its rows.

use std::ops::Range;

use super::canvas::Bounds;

/// An axis, and half the width in each row; 0 where there is nothing.
#[derive(Debug, Clone)]
pub struct Outline {
    /// Where the axis crosses the middle row.
    center: f32,
    /// Columns by which the axis moves a row.
    pub tilt: f32,
    /// Half the width, row by row.
    pub half: Vec<f32>,
}

/// What a pixel on an edge is worth against one more pixel of the right colour.
const EDGE: f32 = 5.0;

/// Price of one pixel by which the width changes from row to row, and the maximum for a jump: a shoulder or a lid
/// may be flat.
const STEP: f32 = 1.6;
const JUMP: f32 = 22.0;

impl Outline {
    /// The axis in a row.
    #[must_use]
    pub fn middle(&self, y: usize) -> f32 {
        self.center + self.tilt * (y as f32 - self.half.len() as f32 / 2.0)
    }

    /// The rows from the first to the last that hold anything.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        let used = |half: &f32| *half > 0.0;
        let first = self.half.iter().position(used).unwrap_or(0);
        first..self.half.iter().rposition(used).map_or(first, |last| last + 1)
    }

    /// Columns within the outline in a row.
    #[must_use]
    pub fn span(&self, y: usize) -> Range<usize> {
        let (middle, half) = (self.middle(y), self.half[y]);
        ((middle - half).max(0.0).ceil() as usize)..((middle + half).max(0.0) as usize)
    }

    /// Without the jitter of single rows: the mean of the middle of nine.
    #[must_use]
    pub fn smoothed(&self) -> Self {
        let rows = self.rows();
        let mut half = self.half.clone();
        for y in rows.clone() {
            // Towards the ends the window shrinks, so that base and mouth keep their curves.
            let reach = (y - rows.start).min(rows.end - 1 - y).min(4);
            let mut near = self.half[y - reach..=y + reach].to_vec();
            near.sort_by(f32::total_cmp);
            let part = &near[near.len() / 4..near.len() - near.len() / 4];
            half[y] = part.iter().sum::<f32>() / part.len() as f32;
        }
        Self { half, ..*self }
    }
}

/// Finds the outline that gathers the highest `odds` (log odds of each pixel, row by row) and runs along `edges` (0 to 1).
/// `inner` is the labelled box; the axis is sought near its middle, or near that of an earlier outline.
#[must_use]
pub fn find(
    (width, height): (usize, usize),
    odds: &[f32],
    edges: &[f32],
    [x1, _, x2, _]: Bounds,
    near: Option<&Outline>,
) -> Outline {
    let mut sums = vec![0.0_f32; (width + 1) * height];
    for y in 0..height {
        for x in 0..width {
            sums[y * (width + 1) + x + 1] = sums[y * (width + 1) + x] + odds[y * width + x];
        }
    }
    let field = Field { width, height, sums, edges, max_half: ((x2 - x1) / 2.0 * 1.04).ceil().max(2.0) as usize };
    let (center, tilt, spread) = match near {
        Some(o) => (o.center, o.tilt, (0.012 * (x2 - x1), 0.02)),
        None => (f32::midpoint(x1, x2), 0.0, (0.035 * (x2 - x1), 0.05)),
    };
    let reach = if near.is_some() { 1 } else { 2 };
    let mut best: Option<(f32, Outline)> = None;
    for t in -reach..=reach {
        for c in -1..=1 {
            let (center, tilt) = (center + spread.0 * c as f32, tilt + spread.1 * t as f32);
            let (mut score, half) = field.solve(center, tilt);
            // Of two that fit alike, the upright one.
            score -= 60.0 * tilt.abs();
            if best.as_ref().is_none_or(|(highest, _)| score > *highest) {
                best = Some((score, Outline { center, tilt, half }));
            }
        }
    }
    best.map_or_else(|| Outline { center, tilt, half: vec![0.0; height] }, |(_, outline)| outline)
}

struct Field<'a> {
    width: usize,
    height: usize,
    /// Sums of the odds of each row up to each column.
    sums: Vec<f32>,
    edges: &'a [f32],
    /// Largest half width, in pixels.
    max_half: usize,
}

impl Field<'_> {
    /// The best half widths for one axis, and what they score.
    fn solve(&self, center: f32, tilt: f32) -> (f32, Vec<f32>) {
        let states = self.max_half + 1;
        let mut from = vec![0_u16; states * self.height];
        let mut score = vec![0.0_f32; states];
        let mut reached = vec![(0.0_f32, 0_u16); states];
        for y in 0..self.height {
            let middle = center + tilt * (y as f32 - self.height as f32 / 2.0);
            if y > 0 {
                spread(&score, &mut reached);
            }
            for (half, score) in score.iter_mut().enumerate() {
                *score = reached[half].0 + self.gain(y, middle, half);
                from[y * states + half] = reached[half].1;
            }
        }
        let last = (0..states).max_by(|&a, &b| score[a].total_cmp(&score[b])).unwrap_or(0);
        let mut half = vec![0.0; self.height];
        let mut state = last;
        for y in (0..self.height).rev() {
            half[y] = state as f32;
            state = usize::from(from[y * states + state]);
        }
        (score[last], half)
    }

    /// What a half width gathers in a row.
    fn gain(&self, y: usize, middle: f32, half: usize) -> f32 {
        if half == 0 {
            return 0.0;
        }
        let column = |v: f32| (v.round().max(0.0) as usize).min(self.width);
        let (left, right) = (column(middle - half as f32), column(middle + half as f32));
        let row = &self.sums[y * (self.width + 1)..(y + 1) * (self.width + 1)];
        let edge = |x: usize| self.edges[y * self.width + x.min(self.width - 1)];
        row[right] - row[left] + EDGE * (edge(left) + edge(right))
    }
}

/// For each state the best earlier one, less the price of getting there: straight on, by single steps, or by one jump.
fn spread(score: &[f32], reached: &mut [(f32, u16)]) {
    let top = (0..score.len()).max_by(|&a, &b| score[a].total_cmp(&score[b])).unwrap_or(0);
    let jump = (score[top] - JUMP, top as u16);
    let mut best = jump;
    for (at, slot) in reached.iter_mut().enumerate() {
        best.0 -= STEP;
        if score[at] > best.0 {
            best = (score[at], at as u16);
        }
        *slot = if best.0 > jump.0 { best } else { jump };
    }
    let mut best = jump;
    for at in (0..score.len()).rev() {
        best.0 -= STEP;
        if score[at] > best.0 {
            best = (score[at], at as u16);
        }
        if best.0 > reached[at].0 {
            reached[at] = best;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaning_shape_is_followed() {
        let (width, height) = (80, 120);
        let half = |y: usize| if y < 40 { 8.0 } else { 22.0 };
        let odds: Vec<f32> = (0..width * height)
            .map(|at| {
                let (x, y) = (at % width, at / width);
                let middle = 40.0 + 0.05 * (y as f32 - 60.0);
                let within = (x as f32 + 0.5 - middle).abs() < half(y) && (10..110).contains(&y);
                if within { 1.0 } else { -1.0 }
            })
            .collect();
        let found = find((width, height), &odds, &vec![0.0; width * height], [16.0, 10.0, 64.0, 110.0], None);
        assert_eq!(found.rows(), 10..110);
        assert!((found.tilt - 0.05).abs() < 0.011, "{}", found.tilt);
        for y in [20, 60, 100] {
            assert!((found.half[y] - half(y)).abs() < 1.6, "{y}: {}", found.half[y]);
        }
    }
}
