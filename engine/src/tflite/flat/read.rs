//! Reading bytes of any origin. Offsets lead forward, so nothing goes in circles; what many offsets share is paid for each
//! time, so a small file cannot ask for much.

use std::cell::Cell;

/// Why bytes are no flatbuffer of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tflite) enum Broken {
    /// Something lies outside of the file.
    Outside { at: usize },
    /// One and the same part is used over and over.
    TooMuch,
    /// Text that is no UTF-8.
    NotText { at: usize },
}

/// The bytes of a file.
#[derive(Debug)]
pub(in crate::tflite) struct Reader<'a> {
    bytes: &'a [u8],
    /// Bytes that may still be made into values.
    budget: Cell<usize>,
}

/// A table in a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::tflite) struct View<'a> {
    reader: &'a Reader<'a>,
    at: usize,
    vtable: usize,
    slots: usize,
}

impl<'a> Reader<'a> {
    pub(in crate::tflite) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, budget: Cell::new(bytes.len().saturating_mul(4).saturating_add(1 << 16)) }
    }

    pub(in crate::tflite) fn root(&'a self) -> Result<View<'a>, Broken> {
        self.table(self.target(0)?)
    }

    fn take<const N: usize>(&self, at: usize) -> Result<[u8; N], Broken> {
        let part = self.bytes.get(at..at.saturating_add(N)).and_then(|part| part.try_into().ok());
        part.ok_or(Broken::Outside { at })
    }

    fn u16(&self, at: usize) -> Result<usize, Broken> {
        Ok(usize::from(u16::from_le_bytes(self.take(at)?)))
    }

    fn u32(&self, at: usize) -> Result<usize, Broken> {
        // Never more than 32 bits: it fits wherever a file of that length can be.
        Ok(u32::from_le_bytes(self.take(at)?) as usize)
    }

    /// Where the offset at `at` leads.
    fn target(&self, at: usize) -> Result<usize, Broken> {
        let offset = self.u32(at)?;
        let target = at.saturating_add(offset);
        if offset == 0 || target >= self.bytes.len() { Err(Broken::Outside { at }) } else { Ok(target) }
    }

    fn table(&'a self, at: usize) -> Result<View<'a>, Broken> {
        self.pay(16)?;
        let back = i64::from(i32::from_le_bytes(self.take(at)?));
        let vtable = usize::try_from(at as i64 - back).map_err(|_| Broken::Outside { at })?;
        let size = self.u16(vtable)?;
        if size < 4 || vtable.saturating_add(size) > self.bytes.len() {
            return Err(Broken::Outside { at: vtable });
        }
        Ok(View { reader: self, at, vtable, slots: (size - 4) / 2 })
    }

    /// Counts what is made of the bytes.
    pub(in crate::tflite) fn pay(&self, bytes: usize) -> Result<(), Broken> {
        let left = self.budget.get().checked_sub(bytes).ok_or(Broken::TooMuch)?;
        self.budget.set(left);
        Ok(())
    }
}

impl<'a> View<'a> {
    /// Where the field lies, when it is there.
    fn place(&self, slot: usize) -> Result<Option<usize>, Broken> {
        if slot >= self.slots {
            return Ok(None);
        }
        let offset = self.reader.u16(self.vtable + 4 + 2 * slot)?;
        Ok((offset > 0).then_some(self.at + offset))
    }

    pub(in crate::tflite) fn has(&self, slot: usize) -> Result<bool, Broken> {
        Ok(self.place(slot)?.is_some())
    }

    pub(in crate::tflite) fn byte(&self, slot: usize) -> Result<u8, Broken> {
        Ok(match self.place(slot)? {
            Some(at) => self.reader.take::<1>(at)?[0],
            None => 0,
        })
    }

    pub(in crate::tflite) fn flag(&self, slot: usize) -> Result<bool, Broken> {
        Ok(self.byte(slot)? != 0)
    }

    pub(in crate::tflite) fn int(&self, slot: usize, default: i32) -> Result<i32, Broken> {
        self.place(slot)?.map_or(Ok(default), |at| Ok(i32::from_le_bytes(self.reader.take(at)?)))
    }

    pub(in crate::tflite) fn float(&self, slot: usize) -> Result<f32, Broken> {
        self.place(slot)?.map_or(Ok(0.0), |at| Ok(f32::from_le_bytes(self.reader.take(at)?)))
    }

    pub(in crate::tflite) fn table(&self, slot: usize) -> Result<Option<View<'a>>, Broken> {
        let Some(at) = self.place(slot)? else { return Ok(None) };
        Ok(Some(self.reader.table(self.reader.target(at)?)?))
    }

    pub(in crate::tflite) fn tables(&self, slot: usize) -> Result<Vec<View<'a>>, Broken> {
        let Some((start, count)) = self.vector(slot, 4)? else { return Ok(Vec::new()) };
        self.reader.pay(count.saturating_mul(size_of::<View<'_>>()))?;
        (0..count).map(|number| self.reader.table(self.reader.target(start + 4 * number)?)).collect()
    }

    /// Start and length of a vector whose elements have `width` bytes, all of them in the file.
    fn vector(&self, slot: usize, width: usize) -> Result<Option<(usize, usize)>, Broken> {
        let Some(at) = self.place(slot)? else { return Ok(None) };
        let target = self.reader.target(at)?;
        let (count, start) = (self.reader.u32(target)?, target + 4);
        let end = count.checked_mul(width).and_then(|bytes| bytes.checked_add(start));
        if end.is_none_or(|end| end > self.reader.bytes.len()) {
            return Err(Broken::Outside { at: target });
        }
        Ok(Some((start, count)))
    }

    fn numbers<T, const N: usize>(&self, slot: usize, number: fn([u8; N]) -> T) -> Result<Vec<T>, Broken> {
        let Some((start, count)) = self.vector(slot, N)? else { return Ok(Vec::new()) };
        self.reader.pay(count * N)?;
        (0..count).map(|at| Ok(number(self.reader.take(start + at * N)?))).collect()
    }

    pub(in crate::tflite) fn ints(&self, slot: usize) -> Result<Vec<i32>, Broken> {
        self.numbers(slot, i32::from_le_bytes)
    }

    pub(in crate::tflite) fn longs(&self, slot: usize) -> Result<Vec<i64>, Broken> {
        self.numbers(slot, i64::from_le_bytes)
    }

    pub(in crate::tflite) fn floats(&self, slot: usize) -> Result<Vec<f32>, Broken> {
        self.numbers(slot, f32::from_le_bytes)
    }

    /// The bytes themselves; nothing is paid for them.
    pub(in crate::tflite) fn bytes(&self, slot: usize) -> Result<&'a [u8], Broken> {
        Ok(self.vector(slot, 1)?.map_or(&[], |(start, count)| &self.reader.bytes[start..start + count]))
    }

    pub(in crate::tflite) fn text(&self, slot: usize) -> Result<String, Broken> {
        let bytes = self.bytes(slot)?;
        self.reader.pay(bytes.len())?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Broken::NotText { at: self.at })
    }

    /// Counts what is made of the bytes of a field.
    pub(in crate::tflite) fn pay(&self, bytes: usize) -> Result<(), Broken> {
        self.reader.pay(bytes)
    }
}
