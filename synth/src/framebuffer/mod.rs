//! What has been rendered so far. Things are drawn front to back: each pixel knows how much light still comes through what
//! lies before it, so hidden pixels cost nothing, glass tints what stands behind it, and the visible fraction of an item is
//! counted exactly while it is drawn.

mod done;
mod ground;
mod lay;

use super::color::Rgb;
use super::rasterizer::RowScratch;
use super::simd::{ABREAST, thick, thin};
use done::Done;
use ground::Ground;
pub(super) use lay::Coat;

/// A pixel through which less than this comes is finished.
const OPAQUE: f32 = 0.012;

/// What is behind counts as seen when at least this much of its light reaches the camera.
const SEEN: f32 = 0.3;

/// Fraction of a pixel that a thing must cover to be what the pixel shows.
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
pub struct Framebuffer {
    /// Columns of pixels.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Nobody will look at it: only what hides what counts, and opaque things need no colour.
    pub sketch: bool,
    /// Linear light collected ([`thin`]): of each row the red of all pixels, then the green, then the blue.
    light: Vec<u16>,
    /// Fraction of the light behind that still gets through, laid out likewise; kept only while it matters, for pixels touched
    /// and not done.
    through: Vec<u16>,
    owner: Vec<u16>,
    state: Vec<u8>,
    /// Where [`DONE`] is set.
    done: Done,
    /// Scratch space.
    ground: Box<Ground>,
    pub(super) scratch: Option<Box<RowScratch>>,
}

/// Nobody's pixel in [`Framebuffer::owners`].
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

    /// Visible fraction, `0..=1`.
    #[must_use]
    pub fn visible(&self) -> f32 {
        if self.area > 0.0 { (self.seen / self.area).min(1.0) } else { 0.0 }
    }
}

impl Framebuffer {
    /// An empty framebuffer of `width` x `height` pixels.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let mut frame = Self {
            width: 0,
            height: 0,
            sketch: false,
            light: Vec::new(),
            through: Vec::new(),
            owner: Vec::new(),
            state: Vec::new(),
            done: Done::default(),
            ground: Box::new(Ground::new()),
            scratch: None,
        };
        frame.reset(width, height);
        frame
    }

    /// Empties it, at another size.
    pub fn reset(&mut self, width: usize, height: usize) {
        // Pixels are laid by so many at once, those of the last row, too.
        let count = width * height + ABREAST;
        (self.width, self.height, self.sketch) = (width, height, false);
        self.light.resize((count * 3).max(self.light.len()), 0);
        self.through.resize((count * 3).max(self.through.len()), 0);
        self.owner.clear();
        self.owner.resize(count, NOBODY);
        self.state.clear();
        self.state.resize(count, 0);
        self.done.reset((width, height));
    }

    /// The first pixels in a stretch of a row, from column `from` on and before `to`, at which anything behind can still be
    /// seen: from, to; empty at `to` when there are none.
    #[inline]
    #[must_use]
    pub fn open_run(&self, y: usize, from: usize, to: usize) -> (usize, usize) {
        self.done.open_run(y, from, to)
    }

    /// Whether anything behind can still be seen within columns `x.0..x.1` and rows `y.0..y.1` of the image.
    #[must_use]
    pub fn open_within(&self, x: (usize, usize), y: (usize, usize)) -> bool {
        (y.0..y.1).any(|y| self.done.open_within(y, x.0, x.1))
    }

    /// Lays a coat behind what is there, on `count` pixels (at most 64) of row `y` from column `x` on. Those that are finished are left alone.
    ///
    /// An item is *seen* at a pixel when it covers at least half of it, nothing opaque before it does so too, and glass
    /// before it lets at least 30 % of the light through. Its box is the tight bound of the pixels where it is seen; a
    /// pixel's owner is the first item seen there.
    #[inline]
    pub(super) fn lay(
        &mut self,
        (x, y): (usize, usize),
        count: usize,
        coat: &Coat<'_>,
        item: Option<(u16, &mut Footprint)>,
    ) {
        debug_assert!(x + count <= self.width && y < self.height, "a coat lies within the framebuffer");
        lay::lay(self, (x, y), count, coat, item);
    }

    /// [`Framebuffer::lay`] for one open pixel of an item: `color` covers `cover` of it and lets `through` of what is behind pass.
    #[inline]
    pub(super) fn show(
        &mut self,
        place: (usize, usize),
        cover: f32,
        paint: (Rgb, Rgb),
        (id, print): (u16, &mut Footprint),
    ) {
        self.note(place, cover, (id, print));
        self.put(place, cover, paint);
    }

    /// Notes that an item covers this open pixel, before it is put there.
    #[inline]
    fn note(&mut self, (x, y): (usize, usize), cover: f32, (id, print): (u16, &mut Footprint)) {
        let at = y * self.width + x;
        let state = self.state[at];
        let open = if state & TOUCHED == 0 {
            1.0
        } else {
            let [r, g, b] = [0, 1, 2].map(|c| thick(self.through[self.lane(c, y) + x]));
            (r + g + b) * (1.0 / 3.0)
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

    /// Lays something on an open pixel.
    #[inline]
    fn put(&mut self, (x, y): (usize, usize), cover: f32, (color, through): (Rgb, Rgb)) {
        let at = y * self.width + x;
        let mut state = self.state[at];
        let mut left = through.map(|v| 1.0 - cover * (1.0 - v));
        for c in 0..3 {
            let lane = self.lane(c, y) + x;
            if state & TOUCHED == 0 {
                self.light[lane] = thin(color[c] * cover);
            } else {
                let before = thick(self.through[lane]);
                self.light[lane] = thin(thick(self.light[lane]) + before * cover * color[c]);
                left[c] *= before;
            }
        }
        state |= TOUCHED;
        if cover >= HALF && through[0].max(through[1]).max(through[2]) < SEEN {
            state |= CLOSED;
        }
        if left[0].max(left[1]).max(left[2]) <= OPAQUE {
            state |= DONE;
            self.done.set((x, y), 1);
        } else {
            (0..3).for_each(|c| {
                let lane = self.lane(c, y) + x;
                self.through[lane] = thin(left[c]);
            });
        }
        self.state[at] = state;
    }

    /// Where a channel of a row begins.
    #[inline]
    fn lane(&self, channel: usize, y: usize) -> usize {
        (y * 3 + channel) * self.width
    }

    /// Which item is seen at each pixel, row by row; [`NOBODY`] where there is none.
    #[must_use]
    pub fn owners(&self) -> &[u16] {
        &self.owner[..self.width * self.height]
    }

    /// Makes black what nothing was laid on, before [`Framebuffer::row`] is asked.
    pub fn darken(&mut self) {
        for (states, rows) in self.state.chunks_exact(self.width).zip(self.light.chunks_exact_mut(self.width * 3)) {
            if states.iter().fold(TOUCHED, |all, state| all & state) != 0 {
                continue;
            }
            for lane in rows.chunks_exact_mut(self.width) {
                for (light, _) in lane.iter_mut().zip(states).filter(|(_, state)| **state & TOUCHED == 0) {
                    *light = thin(0.0);
                }
            }
        }
    }

    /// Linear light of a row ([`thick`] tells it): the red of all its pixels, then the green, then the blue.
    #[must_use]
    pub(super) fn row(&self, y: usize) -> &[u16] {
        &self.light[y * 3 * self.width..(y + 1) * 3 * self.width]
    }

    /// How much of the background still shows at a pixel.
    #[inline]
    #[must_use]
    pub fn through(&self, x: usize, y: usize) -> Rgb {
        let at = y * self.width + x;
        match self.state[at] {
            state if state & TOUCHED == 0 => [1.0; 3],
            state if state & DONE != 0 => [0.0; 3],
            _ => [0, 1, 2].map(|c| thick(self.through[self.lane(c, y) + x])),
        }
    }
}
