//! A stream of bytes as UTF-8: byte-order marks go, UTF-16 is translated on the way.

use std::io::{self, Cursor, Read};

/// Bytes looked at to tell an encoding and a delimiter.
const HEAD: u64 = 1 << 16;

/// How two bytes make a unit of UTF-16.
type Order = fn([u8; 2]) -> u16;

/// The first bytes of a stream and the stream from its beginning, in UTF-8.
pub(super) fn utf8<R: Read>(mut from: R) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::new();
    from.by_ref().take(HEAD).read_to_end(&mut head)?;
    let order = utf16(&head);
    let skipped = match (order, head.as_slice()) {
        (Some(_), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => 2,
        (None, [0xef, 0xbb, 0xbf, ..]) => 3,
        _ => 0,
    };
    head.drain(..skipped);
    let start = match order {
        Some(order) => translated(&head, order),
        None => head.clone(),
    };
    let whole = Cursor::new(head).chain(from);
    Ok((start, Utf8 { from: whole, order, pending: Vec::new(), given: 0 }))
}

/// The order of UTF-16. Without a mark, text whose every other byte is zero is nothing else.
fn utf16(head: &[u8]) -> Option<Order> {
    match head {
        [0xff, 0xfe, ..] => return Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => return Some(u16::from_be_bytes),
        _ => {}
    }
    let pairs = &head[..head.len().min(256)].as_chunks::<2>().0;
    let zero = |at: usize| pairs.iter().all(|pair| pair[at] == 0 && pair[1 - at] != 0);
    if pairs.len() < 4 {
        None
    } else if zero(1) {
        Some(u16::from_le_bytes)
    } else if zero(0) {
        Some(u16::from_be_bytes)
    } else {
        None
    }
}

fn translated(bytes: &[u8], order: Order) -> Vec<u8> {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| order(*pair));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.into_bytes()
}

struct Utf8<R> {
    from: R,
    order: Option<Order>,
    pending: Vec<u8>,
    given: usize,
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(order) = self.order else { return self.from.read(buffer) };
        if self.given == self.pending.len() {
            let mut bytes = Vec::new();
            self.from.by_ref().take(HEAD).read_to_end(&mut bytes)?;
            // A character outside the first plane is two units: both are read together.
            if bytes.len() % 2 == 0 && bytes.as_chunks::<2>().0.last().is_some_and(|p| order(*p) & 0xfc00 == 0xd800) {
                self.from.by_ref().take(2).read_to_end(&mut bytes)?;
            }
            self.pending = translated(&bytes, order);
            self.given = 0;
        }
        let count = buffer.len().min(self.pending.len() - self.given);
        buffer[..count].copy_from_slice(&self.pending[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
