//! What has been exposed so far. Things are drawn front to back: each pixel knows how much light still comes through what
//! lies before it, so hidden pixels cost nothing, glass tints what stands behind it, and the visible share of an item is
//! counted exactly while it is drawn.

use super::color::Rgb;

/// A pixel through which less than this comes is finished.
const OPAQUE: f32 = 0.012;

/// What is behind counts as seen when at least this much of its light reaches the camera.
const SEEN: f32 = 0.3;

/// Share of a pixel that a thing must cover to be what the pixel shows.
const HALF: f32 = 0.5;

/// What is known of a pixel, as bits. An untouched one needs no clearing: what its other numbers hold does not count.
mod state {
    /// Something was laid on it.
    pub(super) const TOUCHED: u8 = 1;
    /// Something opaque covers at least half of it: nothing behind is seen there, though a little of its light may pass
    /// beside the edge.
    pub(super) const CLOSED: u8 = 2;
    /// Nothing more can be seen through it.
    pub(super) const DONE: u8 = 4;
}

use state::{CLOSED, DONE, TOUCHED};

/// An accumulator of linear light.
#[derive(Debug)]
pub struct Film {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Nobody will look at it: only what hides what counts, and opaque things need no colour.
    pub sketch: bool,
    /// Linear light collected.
    light: Vec<Rgb>,
    /// Share of the light behind that still gets through; kept only while it matters, for pixels touched and not done.
    through: Vec<Rgb>,
    owner: Vec<u16>,
    state: Vec<u8>,
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
        let mut film = Self {
            width: 0,
            height: 0,
            sketch: false,
            light: Vec::new(),
            through: Vec::new(),
            owner: Vec::new(),
            state: Vec::new(),
        };
        film.reset(width, height);
        film
    }

    /// Makes it unexposed again.
    pub fn reset(&mut self, width: usize, height: usize) {
        let count = width * height;
        (self.width, self.height, self.sketch) = (width, height, false);
        self.light.resize(count.max(self.light.len()), [0.0; 3]);
        self.through.resize(count.max(self.through.len()), [1.0; 3]);
        self.owner.clear();
        self.owner.resize(count, NOBODY);
        self.state.clear();
        self.state.resize(count, 0);
    }

    /// The first pixels in a stretch of a row, from column `from` on and before `to`, at which anything behind can still be
    /// seen: from, to; empty at `to` when there are none.
    #[inline]
    #[must_use]
    pub fn open_run(&self, y: usize, from: usize, to: usize) -> (usize, usize) {
        let row = &self.state[y * self.width..y * self.width + to];
        let mut x = from.min(to);
        // What stands behind is mostly hidden: that is passed over by eight pixels at a time.
        while let Some(eight) = row.get(x..).and_then(|rest| rest.first_chunk::<8>()) {
            const ALL: u64 = u64::from_le_bytes([DONE; 8]);
            if row[x] & DONE == 0 || u64::from_le_bytes(*eight) & ALL != ALL {
                break;
            }
            x += 8;
        }
        let done = |state: &u8| state & DONE != 0;
        x += row[x..].iter().take_while(|state| done(state)).count();
        (x, x + row[x..].iter().take_while(|state| !done(state)).count())
    }

    /// Whether anything behind can still be seen within columns `x.0..x.1` and rows `y.0..y.1` of the picture.
    #[must_use]
    pub fn open_within(&self, x: (usize, usize), y: (usize, usize)) -> bool {
        (y.0..y.1).any(|y| {
            let row = &self.state[y * self.width + x.0..y * self.width + x.1.max(x.0)];
            // All of a row at once is quicker than stopping at the first.
            row.iter().fold(DONE, |all, state| all & state) == 0
        })
    }

    /// Lays something behind what is there: `color` covers `cover` of the pixel and lets `through` of what is behind pass.
    #[inline]
    pub fn put(&mut self, x: usize, y: usize, cover: f32, (color, through): (Rgb, Rgb)) {
        let at = y * self.width + x;
        let mut state = self.state[at];
        if state == 0 && cover >= 1.0 && through == [0.0; 3] {
            // Most pixels: all of it, and nothing was there before.
            self.light[at] = color;
            self.state[at] = TOUCHED | CLOSED | DONE;
            return;
        }
        let left: Rgb = if state & TOUCHED == 0 {
            self.light[at] = color.map(|v| v * cover);
            through.map(|v| 1.0 - cover * (1.0 - v))
        } else {
            let before = self.through[at];
            let light = &mut self.light[at];
            for i in 0..3 {
                light[i] += before[i] * cover * color[i];
            }
            std::array::from_fn(|i| before[i] * (1.0 - cover * (1.0 - through[i])))
        };
        state |= TOUCHED;
        if cover >= HALF && through[0].max(through[1]).max(through[2]) < SEEN {
            state |= CLOSED;
        }
        if left[0].max(left[1]).max(left[2]) <= OPAQUE {
            state |= DONE;
        } else {
            self.through[at] = left;
        }
        self.state[at] = state;
    }

    /// Notes that an item covers this open pixel; call it before [`Film::put`].
    ///
    /// The item is *seen* at the pixel when it covers at least half of it, nothing opaque before it does so too, and glass
    /// before it lets at least 30 % of the light through. Its box is the tight bound of the pixels where it is seen; a
    /// pixel's owner is the first item seen there.
    #[inline]
    pub fn note(&mut self, x: usize, y: usize, cover: f32, (id, print): (u16, &mut Footprint)) {
        let at = y * self.width + x;
        let state = self.state[at];
        let open = if state & TOUCHED == 0 {
            1.0
        } else {
            let t = self.through[at];
            (t[0] + t[1] + t[2]) * (1.0 / 3.0)
        };
        // Squared: what shines through a glass is not seen as well as what stands before it.
        print.seen += cover * open * open;
        // Parts of one item, such as the faces of a carton, do not hide one another.
        if cover >= HALF && (self.owner[at] == id || (state & CLOSED == 0 && open >= SEEN)) {
            print.touch(x, y);
            if self.owner[at] == NOBODY {
                self.owner[at] = id;
            }
        }
    }

    /// [`Film::note`] and [`Film::put`] for an open pixel.
    #[inline]
    pub fn show(&mut self, (x, y): (usize, usize), cover: f32, paint: (Rgb, Rgb), (id, print): (u16, &mut Footprint)) {
        let at = y * self.width + x;
        if self.state[at] == 0 && cover >= 1.0 && paint.1 == [0.0; 3] {
            print.seen += 1.0;
            print.touch(x, y);
            self.owner[at] = id;
            self.light[at] = paint.0;
            self.state[at] = TOUCHED | CLOSED | DONE;
            return;
        }
        self.note(x, y, cover, (id, print));
        self.put(x, y, cover, paint);
    }

    /// Which item is seen at each pixel, row by row; [`NOBODY`] where there is none.
    #[must_use]
    pub fn owners(&self) -> &[u16] {
        &self.owner
    }

    /// Linear light of a row, three numbers a pixel, into a slice of as many.
    pub fn row(&self, y: usize, out: &mut [f32]) {
        let at = y * self.width..(y + 1) * self.width;
        out.copy_from_slice(self.light[at.clone()].as_flattened());
        let states = &self.state[at];
        if states.iter().fold(TOUCHED, |all, state| all & state) == 0 {
            for (pixel, _) in out.chunks_exact_mut(3).zip(states).filter(|(_, state)| **state & TOUCHED == 0) {
                pixel.fill(0.0);
            }
        }
    }

    /// How much of the background still shows at a pixel.
    #[inline]
    #[must_use]
    pub fn through(&self, x: usize, y: usize) -> Rgb {
        let at = y * self.width + x;
        match self.state[at] {
            state if state & TOUCHED == 0 => [1.0; 3],
            state if state & DONE != 0 => [0.0; 3],
            _ => self.through[at],
        }
    }
}
