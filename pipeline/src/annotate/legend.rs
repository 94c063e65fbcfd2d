//! The panel below the photo: which number and colour is which SKU, and how many there are.

use std::collections::BTreeMap;

use vision::draw::text::clean;
use vision::draw::{Canvas, Fonts, Pen, Rect, Stroke};
use vision::{Recognition, SkuId, SkuStatus};

use super::{Shown, palette, sane};

/// Photos narrower than this get no legend: it could not be read.
const NARROWEST: u32 = 160;

const INK: [u8; 3] = [33, 37, 41];
const FAINT: [u8; 3] = [108, 117, 125];
const RULE: [u8; 3] = [206, 212, 218];
const GROUND: [u8; 3] = [248, 249, 250];

/// A legend that knows its size and is yet to be drawn.
pub(super) struct Legend {
    title: String,
    entries: Vec<Entry>,
    columns: usize,
    rows: usize,
    letters: f32,
    /// Of the photo, and so of the legend.
    width: u32,
    /// Where the photo ends.
    top: u32,
}

struct Entry {
    /// `None` is the remark that entries were left out.
    key: Option<Key>,
    name: String,
    count: String,
}

enum Key {
    Sku { number: usize, color: [u8; 3] },
    Unknown,
    Ambiguous,
}

/// Lays the legend out. Half the photo's height is the most it takes (but always room for a few lines); SKUs beyond that
/// are summed up in a last entry.
pub(super) fn plan(
    (width, height): (u32, u32),
    recognition: &Recognition,
    shown: &BTreeMap<SkuId, Shown<'_>>,
    scale: f32,
) -> Option<Legend> {
    if width < NARROWEST {
        return None;
    }
    let letters = (width as f32 / 68.0 * sane(scale)).clamp(13.0, 90.0);
    let pen = Pen::new(&Fonts::get().regular, letters);
    let mut entries: Vec<Entry> = recognition
        .counts
        .iter()
        .filter_map(|count| {
            let shown = shown.get(&count.sku.id)?;
            let key = Key::Sku { number: shown.number, color: shown.color };
            Some(Entry { key: Some(key), name: shown.name.to_owned(), count: count.count.to_string() })
        })
        .collect();
    let ambiguous = recognition.items.iter().filter(|item| item.decision.status == SkuStatus::Ambiguous).count();
    let mut remarks = Vec::new();
    if recognition.unknown_count > 0 {
        let count = recognition.unknown_count.to_string();
        remarks.push(Entry { key: Some(Key::Unknown), name: "unknown".to_owned(), count });
    }
    if ambiguous > 0 {
        let name = "ambiguous, counted under the best guess".to_owned();
        remarks.push(Entry { key: Some(Key::Ambiguous), name, count: ambiguous.to_string() });
    }

    let widest = entries.iter().chain(&remarks).map(|e| pen.width(&e.name) + pen.width(&e.count)).fold(0.0, f32::max);
    let column = (widest + letters * 4.5).clamp(letters * 10.0, letters * 22.0);
    let columns = ((width as f32 - letters) / column).floor().max(1.0) as usize;
    let max_rows = ((height as f32 / 2.0 / row_height(letters)) as usize).max(6);
    let room = (columns * max_rows).saturating_sub(remarks.len()).max(1);
    if entries.len() > room {
        let left_out = entries.split_off(room - 1);
        let facings: u64 = left_out.iter().filter_map(|e| e.count.parse::<u64>().ok()).sum();
        entries.push(Entry {
            key: None,
            name: format!("and {} more SKUs", left_out.len()),
            count: facings.to_string(),
        });
    }
    entries.append(&mut remarks);
    let rows = entries.len().div_ceil(columns);
    // Few entries spread over fewer, wider columns.
    let columns = if rows == 0 { 1 } else { entries.len().div_ceil(rows) };
    Some(Legend { title: title(recognition), entries, columns, rows, letters, width, top: height })
}

fn title(recognition: &Recognition) -> String {
    let plural = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    format!("{}  ·  {}", plural(recognition.items.len(), "facing"), plural(recognition.counts.len(), "SKU"))
}

fn row_height(letters: f32) -> f32 {
    (letters * 1.5).round()
}

impl Legend {
    /// Rows of pixels it takes.
    pub(super) fn height(&self) -> u32 {
        let margins = self.letters * 1.6;
        (margins + row_height(self.letters) * (self.rows as f32 + 1.2)).ceil() as u32
    }

    pub(super) fn draw(&self, canvas: &mut Canvas) {
        let (width, top) = (self.width as i32, self.top as i32);
        let bottom = top + self.height() as i32;
        canvas.fill(Rect { left: 0, top, right: width, bottom }, GROUND, 1.0);
        let rule = (self.letters / 10.0).ceil() as i32;
        canvas.fill(Rect { left: 0, top, right: width, bottom: top + rule }, RULE, 1.0);

        let fonts = Fonts::get();
        let margin = self.letters * 0.8;
        let bold = Pen::new(&fonts.bold, self.letters * 1.15);
        let title = bold.shortened(&self.title, self.width as f32 - 2.0 * margin);
        bold.draw(canvas, (margin, top as f32 + margin), &title, INK);

        let column = (self.width as f32 - 2.0 * margin) / self.columns as f32;
        let first = top as f32 + margin + row_height(self.letters) * 1.2;
        for (at, entry) in self.entries.iter().enumerate() {
            // Down the columns, as lists are read.
            let (row, place) = (at % self.rows, at / self.rows);
            let corner = (margin + column * place as f32, first + row_height(self.letters) * row as f32);
            self.draw_entry(canvas, entry, corner, column - margin);
        }
    }

    fn draw_entry(&self, canvas: &mut Canvas, entry: &Entry, (left, top): (f32, f32), width: f32) {
        let fonts = Fonts::get();
        let (regular, bold) = (Pen::new(&fonts.regular, self.letters), Pen::new(&fonts.bold, self.letters));
        let swatch = Rect {
            left: left as i32,
            top: top as i32,
            right: (left + self.letters * 1.9) as i32,
            bottom: (top + self.letters * 1.12) as i32,
        };
        self.draw_key(canvas, entry.key.as_ref(), swatch);
        let start = swatch.right as f32 + self.letters * 0.45;
        let count = bold.width(&entry.count);
        let room = width - (start - left) - count - self.letters * 0.6;
        let name = regular.shortened(&clean(&entry.name), room);
        let color = if entry.key.is_some() { INK } else { FAINT };
        regular.draw(canvas, (start, top), &name, color);
        bold.draw(canvas, (start + regular.width(&name) + self.letters * 0.6, top), &entry.count, color);
    }

    fn draw_key(&self, canvas: &mut Canvas, key: Option<&Key>, swatch: Rect) {
        let pen = Pen::new(&Fonts::get().bold, self.letters * 0.92);
        let middle = |text: &str| {
            let left = swatch.left as f32 + (swatch.width() as f32 - pen.width(text)) / 2.0;
            (left, swatch.top as f32 + (swatch.height() as f32 - pen.height) / 2.0)
        };
        match key {
            None => {}
            Some(Key::Sku { number, color }) => {
                canvas.plate(swatch, self.letters * 0.25, *color, 1.0);
                let number = number.to_string();
                pen.draw(canvas, middle(&number), &number, palette::ink(*color));
            }
            Some(Key::Unknown) => {
                let dash = Some(self.letters * 0.35);
                canvas.hatch(swatch, palette::UNKNOWN, 0.6, self.letters * 0.4);
                canvas.outline(swatch, Stroke { width: self.letters / 9.0, dash, color: palette::UNKNOWN });
            }
            Some(Key::Ambiguous) => {
                let dash = Some(self.letters * 0.55);
                canvas.outline(swatch, Stroke { width: self.letters / 9.0, dash, color: FAINT });
                pen.draw(canvas, middle("?"), "?", INK);
            }
        }
    }
}
