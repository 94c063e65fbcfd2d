//! From RGB pixels to a network's input. The plan is data that travels with the weights.

use std::cell::RefCell;

use fast_image_resize as fir;
use fir::ImageView as _;
use fir::pixels::U8x3;
use ndarray::ArrayViewMut3;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use crate::region::Region;
use crate::{Letterbox, RgbImage, bilinear};

/// How a photo is fitted into the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Keep the aspect ratio, pad the rest.
    Letterbox,
    /// Ignore the aspect ratio.
    Stretch,
}

/// How pixels are interpolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Two taps per axis whatever the scale: what OpenCV calls `INTER_LINEAR`, bit for bit. YOLO models are trained with it.
    Bilinear,
    /// Triangle filter widened when shrinking: what Pillow calls `BILINEAR`.
    BilinearAntialias,
    /// Catmull-Rom widened when shrinking: what Pillow calls `BICUBIC`.
    BicubicAntialias,
}

/// Everything between an upright RGB photo and the network's input tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessPlan {
    /// Input width in pixels.
    pub width: u32,
    /// Input height in pixels.
    pub height: u32,
    /// How the photo is fitted in.
    pub fit: Fit,
    /// How pixels are interpolated.
    pub filter: Filter,
    /// Grey level of the padding before normalisation.
    #[serde(default = "default_pad")]
    pub pad: u8,
    /// Subtracted per channel, in grey levels 0..=255.
    pub mean: [f32; 3],
    /// Divided by per channel, in grey levels.
    pub std: [f32; 3],
}

const fn default_pad() -> u8 {
    114
}

/// A plan that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PlanError {
    /// A side is zero or absurd.
    #[error("input size {width}x{height} is outside 1..={MAX_SIDE} pixels")]
    Size {
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
    },
    /// A divisor is zero or not finite.
    #[error("`{field}` must hold finite numbers{}", if *.field == "std" { " above zero" } else { "" })]
    Number {
        /// Name of the key.
        field: &'static str,
    },
}

/// Longest network input side accepted from a model card.
pub const MAX_SIDE: u32 = 4096;

thread_local! {
    // The resizer keeps its scratch buffers between calls.
    static RESIZER: RefCell<fir::Resizer> = RefCell::new(fir::Resizer::new());
}

impl PreprocessPlan {
    /// The plan of YOLO detectors: letterbox, bilinear, grey 114, `rgb / 255`.
    #[must_use]
    pub fn yolo(width: u32, height: u32) -> Self {
        Self { width, height, fit: Fit::Letterbox, filter: Filter::Bilinear, pad: 114, mean: [0.0; 3], std: [255.0; 3] }
    }

    /// Refuses plans that cannot be carried out.
    ///
    /// # Errors
    /// When a size is outside `1..=MAX_SIDE` or a number is not usable.
    pub fn validate(&self) -> Result<(), PlanError> {
        if !(1..=MAX_SIDE).contains(&self.width) || !(1..=MAX_SIDE).contains(&self.height) {
            return Err(PlanError::Size { width: self.width, height: self.height });
        }
        if !self.mean.iter().all(|v| v.is_finite()) {
            return Err(PlanError::Number { field: "mean" });
        }
        if !self.std.iter().all(|v| v.is_finite() && *v > 0.0) {
            return Err(PlanError::Number { field: "std" });
        }
        Ok(())
    }

    /// The placement of a `source` (width, height) on a `canvas` under this plan.
    ///
    /// On a canvas that is cut down to the content ([`Letterbox::rectangular_canvas`]) the content keeps the size it has on
    /// the plan's own canvas: fitting it anew could shave off a pixel, and with it the agreement with the square input.
    #[must_use]
    pub fn placement(&self, source: (u32, u32), canvas: (u32, u32)) -> Letterbox {
        if self.fit == Fit::Stretch {
            return Letterbox::stretch(source, canvas);
        }
        if canvas.0 <= self.width && canvas.1 <= self.height {
            let own = Letterbox::fit(source, (self.width, self.height));
            if own.content.0 <= canvas.0 && own.content.1 <= canvas.1 {
                return own.centered_on(canvas);
            }
        }
        Letterbox::fit(source, canvas)
    }

    /// Resizes, pads and normalises a region of `image` into `out` (3, height, width), RGB planes. This is the only
    /// resize of the project. `out` may differ in size from the plan's (rectangular inference).
    ///
    /// Returns where the content lies, in photo coordinates. Pixels beside the region take part along its border, as far as
    /// the filter reaches: the seam of a tile shows what is really there.
    ///
    /// # Panics
    /// When the region is empty or outside the image, or `out` is empty or has not three planes: errors of the caller.
    pub fn apply(&self, image: &RgbImage, region: Region, mut out: ArrayViewMut3<'_, f32>) -> Letterbox {
        let (planes, height, width) = out.dim();
        assert_eq!(planes, 3, "a network input has three planes");
        let placement = self
            .placement((region.width, region.height), (width as u32, height as u32))
            .with_origin(region.x as f32, region.y as f32);
        let content = self.resize(image, region, placement.content);

        let tables = self.normalisation_tables();
        let (left, top) = (placement.pad.0 as usize, placement.pad.1 as usize);
        let (content_width, content_height) = (placement.content.0 as usize, placement.content.1 as usize);
        for (channel, (mut plane, table)) in out.outer_iter_mut().zip(&tables).enumerate() {
            let pad = table[usize::from(self.pad)];
            for (y, mut row) in plane.outer_iter_mut().enumerate() {
                let Some(inside) = y.checked_sub(top).filter(|&v| v < content_height) else {
                    row.fill(pad);
                    continue;
                };
                let pixels = &content[inside * content_width * 3..][..content_width * 3];
                match row.as_slice_mut() {
                    Some(row) => {
                        row[..left].fill(pad);
                        row[left + content_width..].fill(pad);
                        for (value, pixel) in row[left..].iter_mut().zip(pixels.as_chunks::<3>().0) {
                            *value = table[usize::from(pixel[channel])];
                        }
                    }
                    None => {
                        row.fill(pad);
                        for (x, pixel) in pixels.as_chunks::<3>().0.iter().enumerate() {
                            row[left + x] = table[usize::from(pixel[channel])];
                        }
                    }
                }
            }
        }
        placement
    }

    /// Normalises an image that has been made ready, by [`PreprocessPlan::pixels`] and whatever training does to it then, into
    /// `planes`: as many numbers as it has, red, green and blue one after the other. The numbers are those of
    /// [`PreprocessPlan::apply`], bit for bit.
    ///
    /// # Panics
    /// When `planes` has not three numbers a pixel: an error of the caller.
    pub fn normalise(&self, image: &RgbImage, planes: &mut [f32]) {
        let pixels = image.as_raw().as_chunks::<3>().0;
        assert_eq!(planes.len(), 3 * pixels.len(), "three numbers a pixel");
        if pixels.is_empty() {
            return;
        }
        for (channel, (plane, table)) in
            planes.chunks_exact_mut(pixels.len()).zip(&self.normalisation_tables()).enumerate()
        {
            for (value, pixel) in plane.iter_mut().zip(pixels) {
                *value = table[usize::from(pixel[channel])];
            }
        }
    }

    /// A region of `image` as an image of `size` (width, height), by the filter of this plan: what training keeps in memory.
    ///
    /// # Panics
    /// When the region is empty or outside the image, or `size` is empty: errors of the caller.
    #[must_use]
    pub fn pixels(&self, image: &RgbImage, region: Region, size: (u32, u32)) -> RgbImage {
        let pixels = self.resize(image, region, size);
        RgbImage::from_raw(size.0, size.1, pixels).expect("as many pixels as asked for")
    }

    /// Resized pixels, rows of RGB triples.
    fn resize(&self, image: &RgbImage, region: Region, size: (u32, u32)) -> Vec<u8> {
        let source = view(image.width(), image.height(), image.as_raw());
        match self.filter {
            Filter::Bilinear => bilinear::resize(image, region, size),
            Filter::BilinearAntialias => {
                pass(&source, region, size, fir::ResizeAlg::Convolution(fir::FilterType::Bilinear))
            }
            Filter::BicubicAntialias => bicubic(&source, region, size),
        }
    }

    /// `(grey - mean) / std` for every grey level: 3 x 256 values instead of a division per pixel.
    fn normalisation_tables(&self) -> [[f32; 256]; 3] {
        std::array::from_fn(|c| std::array::from_fn(|grey| (grey as f32 - self.mean[c]) / self.std[c]))
    }
}

/// Pixels of a type that is known when this is compiled: the resizer's code for the twelve others is not even built.
type View<'a> = fir::images::TypedImageRef<'a, U8x3>;

fn view(width: u32, height: u32, bytes: &[u8]) -> View<'_> {
    View::from_buffer(width, height, bytes).expect("there are width * height * 3 bytes")
}

fn pass(source: &View<'_>, region: Region, (width, height): (u32, u32), alg: fir::ResizeAlg) -> Vec<u8> {
    let mut resized = vec![0; width as usize * height as usize * 3];
    let mut target = fir::images::TypedImage::<U8x3>::from_buffer(width, height, &mut resized)
        .expect("there are width * height * 3 bytes");
    let options = fir::ResizeOptions::new().resize_alg(alg).crop(
        f64::from(region.x),
        f64::from(region.y),
        f64::from(region.width),
        f64::from(region.height),
    );
    RESIZER
        .with_borrow_mut(|resizer| resizer.resize_typed(source, &mut target, &options))
        .expect("the region lies within the image");
    resized
}

/// Columns first, then rows, as Pillow does it (up to version 12; from 13 on it takes whichever is cheaper). The resizer by itself takes rows first; since a bicubic filter overshoots
/// at edges and what lies between the two steps is clipped to 0..=255, the order shows: up to ten grey levels.
fn bicubic(source: &View<'_>, region: Region, (width, height): (u32, u32)) -> Vec<u8> {
    const RADIUS: f64 = 2.0;
    let alg = fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom);
    // Rows beside the region that the second step reaches into.
    let reach = (RADIUS * (f64::from(region.height) / f64::from(height)).max(1.0)).ceil() as u32 + 1;
    let top = region.y.saturating_sub(reach);
    let bottom = region.y.saturating_add(region.height).saturating_add(reach).min(source.height());
    let rows = Region { y: top, height: bottom.saturating_sub(top), ..region };
    let narrow = pass(source, rows, (width, rows.height), alg);
    let narrow = view(width, rows.height, &narrow);
    let rest = Region { x: 0, y: region.y - top, width, height: region.height };
    pass(&narrow, rest, (width, height), alg)
}
