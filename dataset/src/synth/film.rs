//! What has been exposed so far. Things are drawn front to back: each pixel knows how much light still comes through what
//! lies before it, so hidden pixels cost nothing, glass tints what stands behind it, and the visible share of an item is
//! counted exactly while it is drawn.

use super::color::Rgb;

/// One pixel: linear light collected, and the share of the light behind that still gets through.
#[derive(Debug, Clone, Copy)]
struct Cell {
    light: Rgb,
    through: Rgb,
}

/// A pixel through which less than this comes is finished.
const OPAQUE: f32 = 0.006;

/// What is behind counts as seen when at least this much of its light reaches the camera.
const SEEN: f32 = 0.3;

/// Share of a pixel that a thing must cover to be what the pixel shows.
const HALF: f32 = 0.5;

/// An accumulator of linear light.
#[derive(Debug)]
pub struct Film {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    cells: Vec<Cell>,
    owner: Vec<u16>,
    /// Pixels at least half of which something opaque covers: nothing behind it is seen there, though a little of its light
    /// may pass beside the edge.
    closed: Vec<bool>,
    /// Pixels through which nothing more can be seen.
    done: Vec<bool>,
}

/// Nobody's pixel in [`Film::owners`].
pub const NOBODY: u16 = u16::MAX;

/// What was seen of an item while it was drawn, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Footprint {
    /// Its area, hidden and cut-off parts included.
    pub area: f32,
    /// The area that reaches the camera.
    pub seen: f32,
    /// First and last column, first and last row of pixels that show it; empty when `right < left`.
    pub extent: [i32; 4],
}

impl Default for Footprint {
    fn default() -> Self {
        Self { area: 0.0, seen: 0.0, extent: [i32::MAX, i32::MAX, i32::MIN, i32::MIN] }
    }
}

impl Footprint {
    #[inline]
    fn touch(&mut self, x: usize, y: usize) {
        let (x, y) = (x as i32, y as i32);
        let [left, top, right, bottom] = &mut self.extent;
        (*left, *top) = ((*left).min(x), (*top).min(y));
        (*right, *bottom) = ((*right).max(x), (*bottom).max(y));
    }

    /// Visible share, `0..=1`.
    #[must_use]
    pub fn visible(&self) -> f32 {
        if self.area > 0.0 { (self.seen / self.area).min(1.0) } else { 0.0 }
    }
}

impl Film {
    /// An unexposed film.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let cell = Cell { light: [0.0; 3], through: [1.0; 3] };
        let count = width * height;
        Self {
            width,
            height,
            cells: vec![cell; count],
            owner: vec![NOBODY; count],
            closed: vec![false; count],
            done: vec![false; count],
        }
    }

    /// Makes it unexposed again.
    pub fn reset(&mut self, width: usize, height: usize) {
        let cell = Cell { light: [0.0; 3], through: [1.0; 3] };
        (self.width, self.height) = (width, height);
        self.cells.clear();
        self.cells.resize(width * height, cell);
        self.owner.clear();
        self.owner.resize(width * height, NOBODY);
        self.closed.clear();
        self.closed.resize(width * height, false);
        self.done.clear();
        self.done.resize(width * height, false);
    }

    /// Whether anything behind can still be seen at a pixel.
    #[inline]
    #[must_use]
    pub fn open(&self, x: usize, y: usize) -> bool {
        !self.done[y * self.width + x]
    }

    /// Whether anything behind can still be seen within columns `x.0..x.1` and rows `y.0..y.1` of the picture.
    #[must_use]
    pub fn open_within(&self, x: (usize, usize), y: (usize, usize)) -> bool {
        (y.0..y.1).any(|y| {
            let row = &self.done[y * self.width + x.0..y * self.width + x.1.max(x.0)];
            // All of a row at once is quicker than stopping at the first.
            !row.iter().fold(true, |all, done| all & done)
        })
    }

    /// Lays something behind what is there: `color` covers `cover` of the pixel and lets `through` of what is behind pass.
    #[inline]
    pub fn put(&mut self, x: usize, y: usize, cover: f32, (color, through): (Rgb, Rgb)) {
        let at = y * self.width + x;
        if cover >= HALF && through[0].max(through[1]).max(through[2]) < SEEN {
            self.closed[at] = true;
        }
        let cell = &mut self.cells[at];
        for i in 0..3 {
            cell.light[i] += cell.through[i] * cover * color[i];
            cell.through[i] *= 1.0 - cover * (1.0 - through[i]);
        }
        let left = cell.through;
        self.done[at] = left[0].max(left[1]).max(left[2]) <= OPAQUE;
    }

    /// Notes that an item covers this open pixel; call it before [`Film::put`].
    ///
    /// The item is *seen* at the pixel when it covers at least half of it, nothing opaque before it does so too, and glass
    /// before it lets at least 30 % of the light through. Its box is the tight bound of the pixels where it is seen; a
    /// pixel's owner is the first item seen there.
    #[inline]
    pub fn note(&mut self, x: usize, y: usize, cover: f32, (id, print): (u16, &mut Footprint)) {
        let at = y * self.width + x;
        let t = self.cells[at].through;
        let share = cover * (t[0] + t[1] + t[2]) / 3.0;
        // Squared: what shines through a glass is not seen as well as what stands before it.
        print.seen += share * share / cover;
        // Parts of one item, such as the faces of a carton, do not hide one another.
        if cover >= HALF && (self.owner[at] == id || (!self.closed[at] && share >= SEEN * cover)) {
            print.touch(x, y);
            if self.owner[at] == NOBODY {
                self.owner[at] = id;
            }
        }
    }

    /// Which item is seen at each pixel, row by row; [`NOBODY`] where there is none.
    #[must_use]
    pub fn owners(&self) -> &[u16] {
        &self.owner
    }

    /// Linear light of a row.
    #[inline]
    pub fn row(&self, y: usize) -> impl Iterator<Item = Rgb> + '_ {
        self.cells[y * self.width..(y + 1) * self.width].iter().map(|cell| cell.light)
    }

    /// How much of the background still shows at a pixel.
    #[inline]
    #[must_use]
    pub fn through(&self, x: usize, y: usize) -> Rgb {
        self.cells[y * self.width + x].through
    }
}
