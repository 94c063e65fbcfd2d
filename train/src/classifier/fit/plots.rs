//! Plots of what the network takes for what.

use std::path::Path;

use vision::draw::sheet::sheet;
use vision::draw::{Canvas, Rect};
use vision::preprocess::Region;
use vision::{Embedding, PreprocessPlan, RgbImage};

use crate::classifier::SkuImages;
use crate::classifier::validate::{Embedded, EmbeddedParts};

/// Side of a crop on a sheet, in pixels.
const CELL: u32 = 128;
/// Pairs on a sheet.
const PAIRS: usize = 12;
/// Side of the map, in pixels, and of a dot on it.
const MAP: u32 = 768;
const DOT: u32 = 5;
/// Rounds of power iteration: the map is for looking at.
const ROUNDS: usize = 30;

/// The nearest crops of SKUs that look alike, side by side: `pairs` names the SKUs.
#[must_use]
pub fn look_alikes(gallery: &Embedded, pairs: &[(usize, usize)], plan: &PreprocessPlan) -> RgbImage {
    let nearest = |(a, b): &(usize, usize)| {
        let of = |wanted: usize| gallery.crops.iter().filter(move |(sku, ..)| *sku == wanted);
        of(*a)
            .flat_map(|one| of(*b).map(move |other| (one.2.cosine(&other.2), &one.1, &other.1)))
            .max_by(|x, y| x.0.total_cmp(&y.0))
    };
    let found = pairs.iter().take(PAIRS).filter_map(nearest);
    sheet(&found.flat_map(|(_, a, b)| [cell(a, plan), cell(b, plan)]).collect::<Vec<_>>(), CELL, 4)
}

/// Validation images that were taken for another SKU, each beside the enrolled image that misled.
#[must_use]
pub fn mistakes(parts: &EmbeddedParts, plan: &PreprocessPlan) -> (usize, RgbImage) {
    let mut wrong: Vec<(f32, &Path, &Path)> = Vec::new();
    for (sku, path, embedding) in &parts.val.crops {
        let best = parts.train.crops.iter().max_by(|a, b| embedding.cosine(&a.2).total_cmp(&embedding.cosine(&b.2)));
        if let Some((found, other, enrolled)) = best.filter(|(found, ..)| found != sku) {
            debug_assert_ne!(found, sku);
            wrong.push((embedding.cosine(enrolled), path, other));
        }
    }
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
    let cells = wrong.iter().take(PAIRS).flat_map(|(_, a, b)| [cell(a, plan), cell(b, plan)]);
    (wrong.len(), sheet(&cells.collect::<Vec<_>>(), CELL, 4))
}

/// All embeddings in the plane of their two principal components, a colour a SKU.
#[must_use]
pub fn map(parts: &EmbeddedParts, data: &SkuImages) -> RgbImage {
    let all: Vec<(usize, &Embedding)> = [&parts.train, &parts.val, &parts.held_out]
        .into_iter()
        .flat_map(|part| part.crops.iter().map(|(sku, _, embedding)| (*sku, embedding)))
        .collect();
    let mut plot = Canvas::blank(MAP, MAP, [250; 3]);
    let Some(dimension) = all.first().map(|(_, embedding)| embedding.dimension()) else { return plot.into_image() };
    let mut mean = vec![0.0_f64; dimension];
    for (_, embedding) in &all {
        mean.iter_mut().zip(embedding.as_slice()).for_each(|(m, v)| *m += f64::from(*v) / all.len() as f64);
    }
    let mut rows: Vec<Vec<f64>> = all
        .iter()
        .map(|(_, embedding)| embedding.as_slice().iter().zip(&mean).map(|(v, m)| f64::from(*v) - m).collect())
        .collect();
    let axes: [Vec<f64>; 2] = std::array::from_fn(|_| {
        let axis = principal(&rows);
        let along: Vec<f64> = rows.iter().map(|row| dot(row, &axis)).collect();
        for (row, along) in rows.iter_mut().zip(&along) {
            row.iter_mut().zip(&axis).for_each(|(value, axis)| *value -= along * axis);
        }
        along
    });
    let reach = axes.iter().flatten().fold(1e-9_f64, |largest, value| largest.max(value.abs())) * 1.05;
    for (at, (sku, _)) in all.iter().enumerate() {
        let place = |value: f64| ((value / reach + 1.0) / 2.0 * f64::from(MAP - DOT)) as i32;
        let (left, top) = (place(axes[0][at]), place(axes[1][at]));
        let dot = Rect { left, top, right: left + DOT as i32, bottom: top + DOT as i32 };
        plot.fill(dot, color(*sku, data.skus.len()), 1.0);
    }
    plot.into_image()
}

/// The direction along which rows spread most, by power iteration.
fn principal(rows: &[Vec<f64>]) -> Vec<f64> {
    let dimension = rows.first().map_or(0, Vec::len);
    let mut axis: Vec<f64> = (0..dimension).map(|at| 1.0 + (at % 7) as f64 / 7.0).collect();
    for _ in 0..ROUNDS {
        let mut next = vec![0.0; dimension];
        for row in rows {
            let along = dot(row, &axis);
            next.iter_mut().zip(row).for_each(|(next, value)| *next += along * value);
        }
        let length = dot(&next, &next).sqrt().max(1e-12);
        axis = next.into_iter().map(|value| value / length).collect();
    }
    axis
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Hues around the circle.
fn color(sku: usize, skus: usize) -> [u8; 3] {
    let hue = sku as f32 / skus.max(1) as f32 * 6.0;
    let channel = |offset: f32| ((((hue + offset).rem_euclid(6.0) - 3.0).abs() - 1.0).clamp(0.0, 1.0) * 200.0) as u8;
    [channel(0.0), channel(4.0), channel(2.0)]
}

fn cell(path: &Path, plan: &PreprocessPlan) -> RgbImage {
    match dataset::image_file::load(path) {
        Ok(image) => plan.pixels(&image, Region::whole(&image), (CELL, CELL)),
        Err(_) => RgbImage::new(CELL, CELL),
    }
}
