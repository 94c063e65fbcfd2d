//! Drawing that mixes with the photo below it. Whatever lies outside the image is left out.

use crate::RgbImage;

/// Whole pixels; right and bottom edges are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// First column.
    pub left: i32,
    /// First row.
    pub top: i32,
    /// Behind the last column.
    pub right: i32,
    /// Behind the last row.
    pub bottom: i32,
}

impl Rect {
    /// In pixels.
    #[must_use]
    pub fn width(self) -> i32 {
        self.right - self.left
    }

    /// In pixels.
    #[must_use]
    pub fn height(self) -> i32 {
        self.bottom - self.top
    }

    /// Number of pixels.
    #[must_use]
    pub fn area(self) -> i64 {
        i64::from(self.width()) * i64::from(self.height())
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Stroke {
    /// In pixels.
    pub width: f32,
    /// Length of dashes and of the gaps between them.
    pub dash: Option<f32>,
    /// Red, green, blue.
    pub color: [u8; 3],
}

/// The image being drawn.
#[derive(Debug)]
pub struct Canvas {
    image: RgbImage,
}

impl Canvas {
    /// The photo, with so many white rows below it.
    #[must_use]
    pub fn new(photo: &RgbImage, rows_below: u32) -> Self {
        let (width, height) = photo.dimensions();
        let size = width as usize * (height + rows_below) as usize * 3;
        let mut pixels = Vec::with_capacity(size);
        pixels.extend_from_slice(photo.as_raw());
        pixels.resize(size, 255);
        let image = RgbImage::from_raw(width, height + rows_below, pixels).expect("rows of whole pixels");
        Self { image }
    }

    /// Nothing but a colour.
    #[must_use]
    pub fn blank(width: u32, height: u32, color: [u8; 3]) -> Self {
        Self { image: RgbImage::from_pixel(width, height, color.into()) }
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn dimensions(&self) -> (u32, u32) {
        self.image.dimensions()
    }

    /// What was drawn.
    #[must_use]
    pub fn into_image(self) -> RgbImage {
        self.image
    }

    /// Mixes a colour into one pixel.
    pub fn blend(&mut self, x: i32, y: i32, color: [u8; 3], opacity: f32) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        let Some(pixel) = self.image.get_pixel_mut_checked(x, y) else { return };
        let opacity = opacity.clamp(0.0, 1.0);
        for (below, above) in pixel.0.iter_mut().zip(color) {
            *below = (f32::from(*below) + (f32::from(above) - f32::from(*below)) * opacity).round() as u8;
        }
    }

    /// The part of a rectangle that lies on the canvas.
    fn on_canvas(&self, rect: Rect) -> Rect {
        let (width, height) = (self.image.width() as i32, self.image.height() as i32);
        Rect {
            left: rect.left.clamp(0, width),
            top: rect.top.clamp(0, height),
            right: rect.right.clamp(0, width),
            bottom: rect.bottom.clamp(0, height),
        }
    }

    /// Mixes a colour into a rectangle.
    pub fn fill(&mut self, rect: Rect, color: [u8; 3], opacity: f32) {
        let rect = self.on_canvas(rect);
        for y in rect.top..rect.bottom {
            for x in rect.left..rect.right {
                self.blend(x, y, color, opacity);
            }
        }
    }

    /// A filled rectangle with round corners.
    pub fn plate(&mut self, rect: Rect, radius: f32, color: [u8; 3], opacity: f32) {
        let seen = self.on_canvas(rect);
        let radius = radius.min(rect.width().min(rect.height()) as f32 / 2.0).max(0.0);
        // Distance to the edge of the middle part, from which the corners are drawn as quarter circles.
        let beyond = |at: f32, low: f32, high: f32| (low + radius - at).max(at - high + radius).max(0.0);
        for y in seen.top..seen.bottom {
            let dy = beyond(y as f32 + 0.5, rect.top as f32, rect.bottom as f32);
            for x in seen.left..seen.right {
                let dx = beyond(x as f32 + 0.5, rect.left as f32, rect.right as f32);
                let cover = if dx > 0.0 && dy > 0.0 { radius + 0.5 - dx.hypot(dy) } else { 1.0 };
                self.blend(x, y, color, cover.clamp(0.0, 1.0) * opacity);
            }
        }
    }

    /// A frame along the inner edge of `rect`, with a dark seam on both sides so that it shows on any background.
    pub fn outline(&mut self, rect: Rect, stroke: Stroke) {
        const SEAM: f32 = 0.55;
        let width = stroke.width.round().max(1.0) as i32;
        let seen = self.on_canvas(rect);
        let band = width + 2;
        for y in seen.top..seen.bottom {
            let from_edge_y = (y - rect.top).min(rect.bottom - 1 - y);
            let mut x = seen.left;
            while x < seen.right {
                let from_edge = (x - rect.left).min(rect.right - 1 - x).min(from_edge_y);
                if from_edge >= band {
                    // Inside: on to the band at the right.
                    x = (rect.right - band).max(x + 1);
                    continue;
                }
                // Along the horizontal edges dashes are counted in x, along the vertical ones in y.
                let horizontal = from_edge_y <= (x - rect.left).min(rect.right - 1 - x);
                let along = if horizontal { x - rect.left } else { y - rect.top };
                let gap = stroke.dash.is_some_and(|dash| (along as f32 / dash) as i64 % 2 == 1);
                if !gap {
                    match from_edge {
                        0 if width > 1 => self.blend(x, y, [0; 3], SEAM),
                        edge if edge > width => self.blend(x, y, [0; 3], SEAM * 0.7),
                        _ => self.blend(x, y, stroke.color, 1.0),
                    }
                }
                x += 1;
            }
        }
    }

    /// Slanted lines, `step` pixels apart.
    pub fn hatch(&mut self, rect: Rect, color: [u8; 3], opacity: f32, step: f32) {
        let step = step.round().max(2.0) as i32;
        let seen = self.on_canvas(rect);
        for y in seen.top..seen.bottom {
            for x in seen.left..seen.right {
                let offset = (x + y).rem_euclid(step);
                if offset < (step / 5).max(1) {
                    self.blend(x, y, color, opacity);
                }
            }
        }
    }
}
