//! Letters: measuring, shortening, wrapping and drawing them.

use std::borrow::Cow;
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use super::canvas::Canvas;

/// Height below which letters cannot be read.
pub const SMALLEST: f32 = 10.0;

/// More of a name is not looked at: no box is that wide.
pub const MAX_LETTERS: usize = 160;

/// DejaVu Sans in its narrow cut: more letters to a box, and most alphabets of Europe, Greek and Cyrillic included.
#[derive(Debug)]
pub struct Fonts {
    /// For text.
    pub regular: FontRef<'static>,
    /// For titles, numbers and labels.
    pub bold: FontRef<'static>,
}

impl Fonts {
    /// Those that are built in.
    #[must_use]
    pub fn get() -> &'static Self {
        static FONTS: LazyLock<Fonts> = LazyLock::new(|| {
            let font = |bytes| FontRef::try_from_slice(bytes).expect("the font that is built in is sound");
            Fonts { regular: font(dejavu::sans_condensed::regular()), bold: font(dejavu::sans_condensed::bold()) }
        });
        &FONTS
    }

    /// Whether the font has every letter of `text`.
    #[must_use]
    pub fn can_write(&self, text: &str) -> bool {
        clean(text).chars().all(|letter| self.bold.glyph_id(letter).0 != 0)
    }
}

/// A font at a height of lines.
#[derive(Debug, Clone, Copy)]
pub struct Pen {
    pub(super) font: &'static FontRef<'static>,
    /// From the lowest to the highest point of letters, in pixels.
    pub height: f32,
}

impl Pen {
    /// A pen whose lines are `height` pixels high.
    #[must_use]
    pub fn new(font: &'static FontRef<'static>, height: f32) -> Self {
        Self { font, height }
    }

    /// Width of a line in pixels.
    #[must_use]
    pub fn width(self, text: &str) -> f32 {
        self.advances(text).last().map_or(0.0, |(_, end)| end)
    }

    /// Every letter with the place where it ends.
    pub(super) fn advances(self, text: &str) -> impl Iterator<Item = (char, f32)> {
        let font = self.font.as_scaled(PxScale::from(self.height));
        let mut end = 0.0;
        let mut before = None;
        text.chars().map(move |letter| {
            let id = font.glyph_id(letter);
            end += before.map_or(0.0, |before| font.kern(before, id)) + font.h_advance(id);
            before = Some(id);
            (letter, end)
        })
    }

    /// The text, or as much of it as fits with an ellipsis behind it; nothing when not even a letter fits.
    #[must_use]
    pub fn shortened(self, text: &str, room: f32) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let room = room - self.width("…");
        let fitting: String =
            self.advances(text).take_while(|&(_, end)| end <= room).map(|(letter, _)| letter).collect();
        let fitting = fitting.trim_end();
        if fitting.is_empty() { String::new() } else { format!("{fitting}…") }
    }

    /// Words in at most `lines` lines of `room` pixels. A word wider than a line is shortened; when lines run out, the
    /// last one ends in an ellipsis.
    #[must_use]
    pub fn wrapped(self, text: &str, room: f32, lines: usize) -> Vec<String> {
        let text = clean(text);
        let mut wrapped: Vec<String> = Vec::new();
        // No-break spaces do not break.
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            let longer = wrapped.last().map(|line| format!("{line} {word}"));
            match longer {
                Some(longer) if self.width(&longer) <= room => {
                    wrapped.pop();
                    wrapped.push(longer);
                }
                // The last line takes all that is left, cut off.
                _ if wrapped.len() + 1 >= lines => {
                    let rest = std::iter::once(word).chain(words.by_ref()).collect::<Vec<_>>().join(" ");
                    match wrapped.pop() {
                        Some(last) if wrapped.len() + 1 == lines => {
                            wrapped.push(self.shortened(&format!("{last} {rest}"), room));
                        }
                        last => {
                            wrapped.extend(last);
                            wrapped.push(self.shortened(&rest, room));
                        }
                    }
                }
                _ => wrapped.push(self.shortened(word, room)),
            }
        }
        wrapped.retain(|line| !line.is_empty());
        wrapped
    }

    /// Draws a line of text whose box of letters begins at (`x`, `top`).
    pub fn draw(self, canvas: &mut Canvas, (x, top): (f32, f32), text: &str, color: [u8; 3]) {
        let font = self.font.as_scaled(PxScale::from(self.height));
        let baseline = top + font.ascent();
        let mut start = 0.0;
        for (letter, end) in self.advances(text) {
            let id = font.glyph_id(letter);
            let left = end - font.h_advance(id);
            debug_assert!(left >= start - self.height, "letters run forwards");
            start = left;
            let glyph = id.with_scale_and_position(self.height, point(x + left, baseline));
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, cover| {
                canvas.blend(corner.x as i32 + dx as i32, corner.y as i32 + dy as i32, color, cover);
            });
        }
    }
}

/// One line of at most [`MAX_LETTERS`] printable letters.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| !letter.is_control();
    if text.len() <= MAX_LETTERS && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().take(MAX_LETTERS).map(|letter| if plain(letter) { letter } else { ' ' }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pen(height: f32) -> Pen {
        Pen::new(&Fonts::get().regular, height)
    }

    #[test]
    fn shortened_text_fits() {
        let pen = pen(14.0);
        for text in ["", "a", "Absolut Vodka", "Минеральная вода", "   ", &"W".repeat(500)] {
            for room in [0.0, 3.0, 9.0, 25.0, 60.0, 1e4, f32::NAN] {
                let short = pen.shortened(text, room);
                assert!(short.is_empty() || short == text || short.ends_with('…'), "{short:?}");
                assert!(short.is_empty() || pen.width(&short) <= room, "{short:?} in {room}");
            }
        }
        assert_eq!(pen.shortened("Absolut", 1e3), "Absolut");
    }

    #[test]
    fn wrapped_text_fits_and_keeps_its_words() {
        let pen = pen(12.0);
        for text in [
            "",
            "one",
            "Coca-Cola Zero Sugar Can",
            "Donaudampfschifffahrtsgesellschaft Bier",
            "a\nb\tc",
            &"word ".repeat(99),
        ] {
            for room in [0.0, 5.0, 20.0, 45.0, 200.0] {
                for lines in 1..5 {
                    let wrapped = pen.wrapped(text, room, lines);
                    assert!(wrapped.len() <= lines, "{wrapped:?}");
                    assert!(wrapped.iter().all(|line| pen.width(line) <= room), "{wrapped:?} in {room}");
                }
            }
        }
        assert_eq!(pen.wrapped("Coca-Cola Zero Can", 60.0, 3).join(" "), "Coca-Cola Zero Can");
        let cut = pen.wrapped("Coca-Cola Zero Sugar Can", 60.0, 2);
        assert!(cut.len() == 2 && cut[1].ends_with('…'), "{cut:?}");
    }

    #[test]
    fn letters_the_font_has() {
        let fonts = Fonts::get();
        assert!(fonts.can_write("Jägermeister 0,7 l – Ålborg, Водка, Ούζο"));
        assert!(!fonts.can_write("可口可樂"));
    }
}
