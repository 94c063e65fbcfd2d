//! Writing: parents first, children behind them, so every offset leads forward and is known when its child is written.

use std::collections::BTreeMap;

/// A table under construction. Fields are written by slot; those left out have the default of the schema.
#[derive(Debug, Default)]
pub(in crate::tflite) struct Table {
    /// Little-endian, one, two or four bytes each.
    scalars: Vec<(usize, Vec<u8>)>,
    children: Vec<(usize, Child)>,
}

/// What a field points to.
#[derive(Debug)]
pub(in crate::tflite) enum Child {
    Table(Table),
    Tables(Vec<Table>),
    /// Numbers, little-endian, of `width` bytes each; the first lies at a multiple of `align`.
    Scalars {
        bytes: Vec<u8>,
        width: usize,
        align: usize,
    },
    Text(String),
}

impl Child {
    pub(in crate::tflite) fn ints(values: impl IntoIterator<Item = i32>) -> Self {
        Self::Scalars { bytes: values.into_iter().flat_map(i32::to_le_bytes).collect(), width: 4, align: 4 }
    }

    pub(in crate::tflite) fn longs(values: impl IntoIterator<Item = i64>) -> Self {
        Self::Scalars { bytes: values.into_iter().flat_map(i64::to_le_bytes).collect(), width: 8, align: 8 }
    }

    pub(in crate::tflite) fn floats(values: impl IntoIterator<Item = f32>) -> Self {
        Self::Scalars { bytes: values.into_iter().flat_map(f32::to_le_bytes).collect(), width: 4, align: 4 }
    }

    /// Bytes at a multiple of 16, as kernels want weights.
    pub(in crate::tflite) fn aligned(bytes: Vec<u8>) -> Self {
        Self::Scalars { bytes, width: 1, align: 16 }
    }
}

impl Table {
    pub(in crate::tflite) fn byte(mut self, slot: usize, value: u8) -> Self {
        self.scalars.push((slot, vec![value]));
        self
    }

    pub(in crate::tflite) fn int(mut self, slot: usize, value: i32) -> Self {
        self.scalars.push((slot, value.to_le_bytes().to_vec()));
        self
    }

    pub(in crate::tflite) fn float(mut self, slot: usize, value: f32) -> Self {
        self.scalars.push((slot, value.to_le_bytes().to_vec()));
        self
    }

    pub(in crate::tflite) fn child(mut self, slot: usize, value: Child) -> Self {
        self.children.push((slot, value));
        self
    }

    /// The file with this root.
    pub(in crate::tflite) fn finish(self, identifier: [u8; 4]) -> Vec<u8> {
        let mut out = Out { bytes: vec![0; 4], vtables: BTreeMap::new() };
        out.bytes.extend(identifier);
        out.table(0, self);
        out.align(4, 0);
        out.bytes
    }
}

struct Out {
    bytes: Vec<u8>,
    /// Tables of the same fields share the list of their places.
    vtables: BTreeMap<Vec<u8>, usize>,
}

impl Out {
    /// Fills up so that what follows `ahead` more bytes lies at a multiple of `to`.
    fn align(&mut self, to: usize, ahead: usize) {
        while !(self.bytes.len() + ahead).is_multiple_of(to) {
            self.bytes.push(0);
        }
    }

    /// The next byte is what the offset at `from` points to.
    fn point(&mut self, from: usize) {
        // Files stay below 2 GiB: weights are refused beyond.
        let offset = (self.bytes.len() - from) as u32;
        self.bytes[from..from + 4].copy_from_slice(&offset.to_le_bytes());
    }

    fn table(&mut self, from: usize, mut table: Table) {
        table.scalars.sort_by_key(|(slot, bytes)| (std::cmp::Reverse(bytes.len()), *slot));
        let slots =
            table.scalars.iter().map(|(slot, _)| slot + 1).chain(table.children.iter().map(|(slot, _)| slot + 1));
        let slots = slots.max().unwrap_or(0);
        let mut places = vec![0_u16; slots];
        let mut at = 4_usize;
        for (slot, _) in &table.children {
            places[*slot] = at as u16;
            at += 4;
        }
        for (slot, bytes) in &table.scalars {
            places[*slot] = at as u16;
            at += bytes.len();
        }
        let size = at.next_multiple_of(4);
        let mut vtable = Vec::with_capacity(4 + 2 * slots);
        vtable.extend(((4 + 2 * slots) as u16).to_le_bytes());
        vtable.extend((size as u16).to_le_bytes());
        vtable.extend(places.iter().flat_map(|place| place.to_le_bytes()));
        let vtable_at = match self.vtables.get(&vtable) {
            Some(at) => *at,
            None => {
                self.align(4, vtable.len());
                let at = self.bytes.len();
                self.bytes.extend(&vtable);
                self.vtables.insert(vtable, at);
                at
            }
        };
        self.align(4, 0);
        self.point(from);
        let start = self.bytes.len();
        self.bytes.extend((start as i32 - vtable_at as i32).to_le_bytes());
        self.bytes.resize(start + 4 + 4 * table.children.len(), 0);
        table.scalars.iter().for_each(|(_, bytes)| self.bytes.extend(bytes));
        self.bytes.resize(start + size, 0);
        for (number, (_, child)) in table.children.into_iter().enumerate() {
            self.child(start + 4 + 4 * number, child);
        }
    }

    fn child(&mut self, from: usize, child: Child) {
        match child {
            Child::Table(table) => self.table(from, table),
            Child::Tables(tables) => {
                self.align(4, 0);
                self.point(from);
                self.bytes.extend((tables.len() as u32).to_le_bytes());
                let first = self.bytes.len();
                self.bytes.resize(first + 4 * tables.len(), 0);
                for (number, table) in tables.into_iter().enumerate() {
                    self.table(first + 4 * number, table);
                }
            }
            Child::Scalars { bytes, width, align } => {
                self.align(align.max(4), 4);
                self.point(from);
                self.bytes.extend(((bytes.len() / width) as u32).to_le_bytes());
                self.bytes.extend(bytes);
            }
            Child::Text(text) => {
                self.align(4, 0);
                self.point(from);
                self.bytes.extend((text.len() as u32).to_le_bytes());
                self.bytes.extend(text.as_bytes());
                self.bytes.push(0);
            }
        }
    }
}
