//! Which way up a photo is, as its metadata say: the one reading of the project.
//!
//! | form | Pillow 11 and tools on it | browsers | here |
//! |---|---|---|---|
//! | EXIF, tag 0x0112 as SHORT, in the first EXIF block that has it | read | read | read |
//! | the same as LONG or SLONG | read | not | read, with a word |
//! | the same as BYTE | not | not | read, with a word |
//! | only in XMP (`tiff:Orientation`) | read | not | read, with a word |
//! | any number but 1 to 8 | not | not | not |
//!
//! Whoever labels in a tool that does not turn a photo draws boxes on another image than ours: hence the word.

use std::fmt;

use image::metadata::Orientation;

/// A form of orientation that not all programs read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnusualForm {
    /// As a 32-bit number.
    Long,
    /// As a byte.
    Byte,
    /// Only in XMP.
    Xmp,
}

impl fmt::Display for UnusualForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, blind) = match self {
            Self::Long => ("as a 32-bit number", "browsers do"),
            Self::Byte => ("as a byte", "most programs do"),
            Self::Xmp => ("only in its XMP", "browsers do"),
        };
        write!(
            f,
            "the photo was turned upright by an orientation that is written {form}, which {blind} not read: boxes drawn \
             elsewhere may lie on the image as it is stored"
        )
    }
}

/// What the metadata of an image say, collected block by block.
#[derive(Default)]
pub(super) struct Metadata<'a> {
    exif: Vec<&'a [u8]>,
    xmp: Option<&'a [u8]>,
}

/// EXIF blocks looked at: cameras write one, editors sometimes a second.
const MAX_BLOCKS: usize = 8;

/// Entries of a TIFF directory looked at.
const MAX_ENTRIES: usize = 1024;

const MARKER: &[u8] = b"Exif\0\0";
const XMP_MARKER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

impl<'a> Metadata<'a> {
    /// The content of a JPEG's APP1 segment.
    pub(super) fn app1(&mut self, body: &'a [u8]) {
        if body.starts_with(MARKER) {
            self.exif(body);
        } else if let Some(packet) = body.strip_prefix(XMP_MARKER) {
            self.xmp(packet);
        }
    }

    /// A TIFF structure, with or without the marker that some writers put before it.
    pub(super) fn exif(&mut self, block: &'a [u8]) {
        if self.exif.len() < MAX_BLOCKS {
            self.exif.push(block.strip_prefix(MARKER).unwrap_or(block));
        }
    }

    pub(super) fn xmp(&mut self, packet: &'a [u8]) {
        self.xmp.get_or_insert(packet);
    }

    /// The orientation, and its form where that is unusual. Metadata that make no sense say nothing: the image is taken as it
    /// is stored.
    pub(super) fn orientation(&self) -> (Orientation, Option<UnusualForm>) {
        let written = self.exif.iter().find_map(|tiff| in_tiff(tiff));
        let written = written.or_else(|| Some((in_xmp(self.xmp?)?, Some(UnusualForm::Xmp))));
        let found = written.and_then(|(number, form)| Some((Orientation::from_exif(number)?, form)));
        match found {
            // Who does not read it sees the same image.
            None | Some((Orientation::NoTransforms, _)) => (Orientation::NoTransforms, None),
            Some(found) => found,
        }
    }
}

/// The number under tag 0x0112 of the first directory (TIFF 6.0, section 2), when it is one of 1 to 8.
fn in_tiff(tiff: &[u8]) -> Option<(u8, Option<UnusualForm>)> {
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = [*tiff.get(at)?, *tiff.get(at.checked_add(1)?)?];
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk::<4>()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let entries = usize::from(short(directory)?).min(MAX_ENTRIES);
    let places = (0..entries).map_while(|number| directory.checked_add(2 + 12 * number));
    let (number, form) = places.filter(|&at| short(at) == Some(0x0112)).find_map(|at| {
        let value = at + 8;
        match short(at + 2)? {
            1 | 6 => Some((u32::from(*tiff.get(value)?), Some(UnusualForm::Byte))),
            3 | 8 => Some((u32::from(short(value)?), None)),
            4 | 9 => Some((long(value)?, Some(UnusualForm::Long))),
            _ => None,
        }
    })?;
    (1..=8).contains(&number).then_some((number as u8, form))
}

/// The digit of `tiff:Orientation="6"` or `<tiff:Orientation>6<`.
fn in_xmp(packet: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = packet.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let rest = packet[at..].trim_ascii_start();
    let value = match rest {
        [b'=', quoted @ ..] => {
            quoted.trim_ascii_start().strip_prefix(b"\"").or_else(|| quoted.trim_ascii_start().strip_prefix(b"'"))?
        }
        [b'>', text @ ..] => text.trim_ascii_start(),
        _ => return None,
    };
    match value {
        [digit @ b'1'..=b'8', b'"' | b'\'' | b'<' | b' ', ..] => Some(digit - b'0'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of one entry, little endian.
    fn tiff(kind: u8, value: [u8; 4]) -> Vec<u8> {
        let mut tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01".to_vec();
        tiff.extend([kind, 0, 1, 0, 0, 0]);
        tiff.extend(value);
        tiff
    }

    fn read(exif: &[&[u8]], xmp: Option<&[u8]>) -> (Orientation, Option<UnusualForm>) {
        let mut metadata = Metadata::default();
        exif.iter().for_each(|block| metadata.exif(block));
        xmp.into_iter().for_each(|packet| metadata.xmp(packet));
        metadata.orientation()
    }

    #[test]
    fn forms() {
        let turned = Orientation::Rotate90;
        let none = (Orientation::NoTransforms, None);
        let (short, long, byte) = (tiff(3, [6, 0, 0, 0]), tiff(4, [6, 0, 0, 0]), tiff(1, [6, 0, 0, 0]));
        assert_eq!(read(&[&short], None), (turned, None));
        assert_eq!(read(&[&[MARKER, &short].concat()], None), (turned, None));
        assert_eq!(read(&[b"", &short], None), (turned, None), "an empty block says nothing");
        assert_eq!(read(&[&tiff(3, [9, 0, 0, 0]), &short], None), (turned, None), "nor does one that makes no sense");
        assert_eq!(read(&[&long], None), (turned, Some(UnusualForm::Long)));
        assert_eq!(read(&[&byte], None), (turned, Some(UnusualForm::Byte)));
        assert_eq!(read(&[&tiff(4, [1, 0, 0, 0])], None), none, "upright is upright in any form");
        assert_eq!(read(&[&tiff(5, [6, 0, 0, 0])], None), none);
        assert_eq!(read(&[&tiff(3, [0, 0, 0, 0])], None), none);
        for packet in [
            &b"<a tiff:Orientation=\"6\"/>"[..],
            b"<a tiff:Orientation = '6' />",
            b"<tiff:Orientation>6</tiff:Orientation>",
        ] {
            assert_eq!(read(&[], Some(packet)), (turned, Some(UnusualForm::Xmp)));
            assert_eq!(
                read(&[&tiff(3, [8, 0, 0, 0])], Some(packet)),
                (Orientation::Rotate270, None),
                "EXIF goes first"
            );
        }
        for packet in
            [&b"tiff:Orientation"[..], b"tiff:Orientation=\"66\"", b"tiff:Orientation=\"9\"", b"tiff:Orientation=6"]
        {
            assert_eq!(read(&[], Some(packet)), none);
        }
    }

    #[test]
    fn no_cut_or_changed_byte_makes_it_panic() {
        let sound = tiff(3, [6, 0, 0, 0]);
        for at in 0..sound.len() {
            let _ = read(&[&sound[..at]], None);
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = sound.clone();
                broken[at] = value;
                let _ = read(&[&broken], None);
            }
        }
    }
}
