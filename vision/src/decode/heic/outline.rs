//! What the boxes of a HEIF file say of its primary picture (ISO/IEC 14496-12 and 23008-12), without decoding it.

use super::super::{DecodeError, Format};

/// The primary picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Outline {
    /// Width as it is shown, in pixels.
    pub(in super::super) width: u32,
    /// Height as it is shown, in pixels.
    pub(in super::super) height: u32,
    /// Whether it is stored turned or mirrored.
    pub(in super::super) turned: bool,
    /// Width and height of the largest picture in the file: it may be decoded on the way to the primary one.
    pub(in super::super) largest: (u32, u32),
}

/// Reads the outline of a file that begins with `ftyp`.
///
/// # Errors
/// When the file lacks its end, holds no still picture coded by HEVC, or contradicts itself.
pub(in super::super) fn read(bytes: &[u8]) -> Result<Outline, DecodeError> {
    let mut meta = None;
    for part in Boxes(bytes) {
        if part.cut && matches!(part.kind, b"meta" | b"mdat" | b"idat") {
            return Err(DecodeError::Truncated { format: Format::Heic });
        }
        if part.kind == b"meta" {
            meta.get_or_insert(part.content);
        }
    }
    // Every box below `meta` stands behind its version and flags.
    let meta = meta.and_then(|content| content.get(4..)).ok_or_else(|| unsupported("a sequence of pictures"))?;
    let (mut primary, mut items, mut properties) = (None, &[][..], &[][..]);
    for part in Boxes(meta) {
        match part.kind {
            b"pitm" => primary = id(&mut Reader(part.content.get(4..).unwrap_or_default()), version(part.content)),
            b"iinf" => items = part.content,
            b"iprp" => properties = part.content,
            _ => {}
        }
    }
    let primary = primary.ok_or_else(|| damaged("it names no primary picture"))?;
    match kind_of(primary, items) {
        Some(b"hvc1" | b"grid") => {}
        Some(_) => return Err(unsupported("a picture that is not coded by HEVC")),
        None => return Err(damaged("its primary picture is missing")),
    }
    picture(primary, properties)
}

/// Size and turns of an item by its properties, in the order in which they are to be applied.
fn picture(item: u32, properties: &[u8]) -> Result<Outline, DecodeError> {
    let list: Vec<Part<'_>> =
        Boxes(properties).filter(|part| part.kind == b"ipco").flat_map(|p| Boxes(p.content)).collect();
    let size = |part: &Part<'_>| {
        let mut fields = Reader(part.content.get(4..)?);
        Some((fields.u32()?, fields.u32()?))
    };
    let area = |(width, height): &(u32, u32)| u64::from(*width) * u64::from(*height);
    let largest = list.iter().filter(|part| part.kind == b"ispe").filter_map(size).max_by_key(area);
    let (mut shown, mut turned) = (None, false);
    for index in properties_of(item, properties) {
        let Some(part) = list.get(index) else { return Err(damaged("a property of its picture is missing")) };
        match (part.kind, shown) {
            (b"ispe", None) => shown = size(part),
            (b"clap", Some(whole)) => {
                shown = Some(clean(part.content, whole).ok_or_else(|| damaged("its crop makes no sense"))?);
            }
            (b"irot", Some((width, height))) => {
                let quarters = part.content.first().copied().unwrap_or_default() & 3;
                turned |= quarters != 0;
                shown = Some(if quarters % 2 == 1 { (height, width) } else { (width, height) });
            }
            (b"imir", _) => turned = true,
            _ => {}
        }
    }
    let (Some((width, height)), Some(largest)) = (shown, largest) else {
        return Err(damaged("it does not say how large its picture is"));
    };
    if width == 0 || height == 0 {
        return Err(damaged("its width or height is 0"));
    }
    Ok(Outline { width, height, turned, largest })
}

/// Size of the clean aperture: two fractions, rounded.
fn clean(content: &[u8], (width, height): (u32, u32)) -> Option<(u32, u32)> {
    let mut fields = Reader(content);
    let mut side = |whole: u32| {
        let (over, under) = (fields.u32()?, fields.u32()?);
        let side = u32::try_from((u64::from(over) + u64::from(under) / 2).checked_div(under.into())?).ok()?;
        (side <= whole).then_some(side)
    };
    Some((side(width)?, side(height)?))
}

/// Four letters that say how an item is coded.
fn kind_of(item: u32, items: &[u8]) -> Option<&[u8; 4]> {
    let entries = items.get(if version(items) == 0 { 6.. } else { 8.. })?;
    Boxes(entries).filter(|part| part.kind == b"infe").find_map(|part| {
        let version = version(part.content);
        let mut fields = Reader(part.content.get(4..)?);
        let found = match version {
            2 => fields.u16()?.into(),
            3 => fields.u32()?,
            _ => return None,
        };
        fields.u16()?;
        (found == item).then(|| fields.0.first_chunk::<4>())?
    })
}

/// Places in the list of properties, from 0, of those that belong to an item.
fn properties_of(item: u32, properties: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    for part in Boxes(properties).filter(|part| part.kind == b"ipma") {
        let wide = part.content.get(3).is_some_and(|flags| flags & 1 == 1);
        let mut fields = Reader(part.content.get(4..).unwrap_or_default());
        let entries = fields.u32().unwrap_or_default();
        for _ in 0..entries {
            let (Some(owner), Some(count)) = (id(&mut fields, version(part.content)), fields.u8()) else { break };
            for _ in 0..count {
                let index =
                    if wide { fields.u16().map(|n| n & 0x7fff) } else { fields.u8().map(|n| u16::from(n & 0x7f)) };
                // 0 stands for none.
                let Some(index) = index else { break };
                if owner == item && index > 0 {
                    places.push(usize::from(index) - 1);
                }
            }
        }
    }
    places
}

fn version(content: &[u8]) -> u8 {
    content.first().copied().unwrap_or_default()
}

/// An item's number: 16 bits in the first version of its box, 32 in later ones.
fn id(fields: &mut Reader<'_>, version: u8) -> Option<u32> {
    if version == 0 { fields.u16().map(u32::from) } else { fields.u32() }
}

/// A box.
struct Part<'a> {
    kind: &'a [u8; 4],
    content: &'a [u8],
    /// Whether its end is missing.
    cut: bool,
}

/// The boxes of a stretch of bytes, until one makes no sense.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let mut fields = Reader(self.0);
        let short = fields.u32()?;
        let kind = fields.take::<4>()?;
        // 1: a length of 64 bits follows; 0: to the end.
        let length = match short {
            0 => self.0.len() as u64,
            1 => u64::from_be_bytes(*fields.take::<8>()?),
            length => length.into(),
        };
        let head = self.0.len() - fields.0.len();
        let inside = usize::try_from(length).unwrap_or(usize::MAX).checked_sub(head)?;
        let cut = inside > fields.0.len();
        let (content, rest) = fields.0.split_at(inside.min(fields.0.len()));
        self.0 = rest;
        Some(Part { kind, content, cut })
    }
}

/// Numbers in the order of their bytes, highest first.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| *byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().copied().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().copied().map(u32::from_be_bytes)
    }
}

fn damaged(what: &'static str) -> DecodeError {
    DecodeError::damaged(Format::Heic, what)
}

fn unsupported(feature: &'static str) -> DecodeError {
    DecodeError::Unsupported { format: Format::Heic, feature }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    /// A file whose primary item of this kind has these properties.
    fn file(kind: &[u8; 4], properties: &[Vec<u8>]) -> Vec<u8> {
        let pitm = boxed(b"pitm", &[0, 0, 0, 0, 0, 7]);
        let infe = boxed(b"infe", &[&[2, 0, 0, 0, 0, 7, 0, 0][..], kind, b"\0"].concat());
        let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0, 1][..], &infe].concat());
        let mut ipma = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 7, properties.len() as u8];
        ipma.extend((1..).take(properties.len()).map(|index: u8| 0x80 | index));
        let iprp = boxed(b"iprp", &[boxed(b"ipco", &properties.concat()), boxed(b"ipma", &ipma)].concat());
        let meta = boxed(b"meta", &[&[0; 4][..], &pitm, &iinf, &iprp].concat());
        [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), meta, boxed(b"mdat", b"picture")].concat()
    }

    fn numbers(kind: &[u8; 4], fields: &[u32]) -> Vec<u8> {
        boxed(kind, &fields.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>())
    }

    #[test]
    fn the_primary_picture_as_it_is_shown() {
        let check = |properties: &[Vec<u8>], expected: (u32, u32, bool)| {
            let outline = read(&file(b"hvc1", properties)).unwrap();
            assert_eq!((outline.width, outline.height, outline.turned), expected);
            assert_eq!(outline.largest, (640, 480));
        };
        let size = numbers(b"ispe", &[0, 640, 480]);
        let turn = |quarters: u8| boxed(b"irot", &[quarters]);
        check(std::slice::from_ref(&size), (640, 480, false));
        check(&[size.clone(), turn(0)], (640, 480, false));
        check(&[size.clone(), turn(1)], (480, 640, true));
        check(&[size.clone(), turn(2)], (640, 480, true));
        check(&[size.clone(), boxed(b"imir", &[1])], (640, 480, true));
        let crop = numbers(b"clap", &[1001, 2, 300, 1, 0, 1, 0, 1]);
        check(&[size.clone(), crop, turn(3)], (300, 501, true));
        let other = read(&file(b"av01", std::slice::from_ref(&size))).unwrap_err().to_string();
        assert!(other.contains("not coded by HEVC"), "{other}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let size = numbers(b"ispe", &[0, 640, 480]);
        let check = |file: &[u8], part: &str| {
            let error = read(file).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        let whole = file(b"hvc1", std::slice::from_ref(&size));
        check(&whole[..whole.len() - 3], "truncated");
        check(&whole[..40], "truncated");
        check(&file(b"hvc1", &[]), "how large");
        check(&file(b"hvc1", &[numbers(b"ispe", &[0, 0, 480])]), "is 0");
        check(&file(b"hvc1", &[size.clone(), numbers(b"clap", &[9, 0, 1, 1, 0, 1, 0, 1])]), "crop");
        check(&file(b"hvc1", &[size, numbers(b"clap", &[900, 1, 1, 1, 0, 1, 0, 1])]), "crop");
        check(&boxed(b"ftyp", b"hevc\0\0\0\0msf1hevc"), "sequence");
    }
}
