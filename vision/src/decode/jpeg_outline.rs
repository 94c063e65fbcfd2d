//! What the markers of a JPEG say, read before anything is decoded.
//!
//! One pass over the file finds its size, counts its scans, tells whether it is whole, and writes the stream that the
//! decoder gets: the tables and the scans, without the metadata (which a decoder need not copy), without stray bytes
//! between segments (which cameras write and strict decoders refuse), and with unambiguous component numbers.

use super::orientation::Metadata;
use super::stored::Stored;
use super::{DecodeError, DecodeLimits, Format, check_pixels};

/// What the decoder gets and what it needs to know.
pub(super) struct Outline<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Number of scans.
    pub(super) scans: usize,
    /// What stands before the first scan.
    pub(super) metadata: Metadata<'a>,
    /// Whether the end marker is there.
    pub(super) ended: bool,
    /// The cleaned stream.
    pub(super) stream: Vec<u8>,
}

/// Marker codes of ITU-T T.81, table B.1, and their places in files.
mod code {
    pub(super) const TEM: u8 = 0x01;
    pub(super) const SOF0: u8 = 0xc0;
    pub(super) const SOF2: u8 = 0xc2;
    pub(super) const SOF3: u8 = 0xc3;
    pub(super) const DHT: u8 = 0xc4;
    pub(super) const DAC: u8 = 0xcc;
    pub(super) const SOF15: u8 = 0xcf;
    pub(super) const RST0: u8 = 0xd0;
    pub(super) const RST7: u8 = 0xd7;
    pub(super) const SOI: u8 = 0xd8;
    pub(super) const EOI: u8 = 0xd9;
    pub(super) const SOS: u8 = 0xda;
    pub(super) const DQT: u8 = 0xdb;
    pub(super) const DRI: u8 = 0xdd;
    pub(super) const APP0: u8 = 0xe0;
    pub(super) const APP1: u8 = 0xe1;
    pub(super) const APP14: u8 = 0xee;
}

struct Component {
    id: u8,
    horizontal: u32,
    vertical: u32,
    /// How many low bits of each coefficient are still missing: all of them until a scan brings it.
    missing: [u8; 64],
}

struct Frame {
    width: u32,
    height: u32,
    progressive: bool,
    components: Vec<Component>,
    /// Where its component numbers lie in the cleaned stream.
    at: usize,
}

#[derive(Default)]
struct Colors {
    jfif: bool,
    /// The transform of the Adobe segment.
    adobe: Option<u8>,
}

/// Reads the markers and holds the size against the limits as soon as it is known.
pub(super) fn read<'a>(bytes: &'a [u8], limits: &DecodeLimits) -> Result<Outline<'a>, DecodeError> {
    let mut stream = Vec::with_capacity(bytes.len() + 2);
    stream.extend([0xff, code::SOI]);
    let (mut frame, mut metadata, mut colors) = (None::<Frame>, Metadata::default(), Colors::default());
    let (mut scans, mut entropy_bytes, mut scanned) = (0, 0, 0);
    let mut at = 2;
    let ended = loop {
        let Some((place, marker)) = next_marker(bytes, at) else { break false };
        match marker {
            code::EOI => break true,
            // A second image begins though the first has not ended; before the first scan it is a stutter.
            code::SOI if scans > 0 => break false,
            code::SOI => {
                at = place + 2;
                continue;
            }
            _ => {}
        }
        let Some(body) = segment(bytes, place)? else { break false };
        at = place + 4 + body.len();
        let segment = &bytes[place..at];
        match marker {
            code::SOF0..=code::SOF2 => {
                if frame.is_some() {
                    return Err(damaged("it has two frame headers"));
                }
                let place_of_components = stream.len() + 10;
                let read = frame_header(body, marker == code::SOF2, place_of_components)?;
                check_pixels(read.width, read.height, limits)?;
                stream.extend(segment);
                frame = Some(read);
            }
            code::DHT | code::DQT | code::DRI => stream.extend(segment),
            code::DAC => return Err(unsupported("arithmetic coding")),
            code::SOF3..=code::SOF15 => return Err(unsupported("lossless, hierarchical or arithmetic coding")),
            code::SOS => {
                let frame = frame.as_mut().ok_or_else(|| damaged("a scan comes before the frame header"))?;
                if scans == 0 {
                    number_components(frame, &colors, &mut stream);
                }
                scans += 1;
                scanned += scan_header(frame, body, segment, &mut stream)?;
                if frame.progressive && scanned > limits.max_scan_pixels {
                    return Err(DecodeError::TooMuchScanning { actual: scanned, limit: limits.max_scan_pixels });
                }
                let end = next_marker(bytes, at).map_or(bytes.len(), |(next, _)| next);
                stream.extend(&bytes[at..end]);
                entropy_bytes += end - at;
                at = end;
            }
            code::APP0 => {
                colors.jfif |= body.starts_with(b"JFIF\0");
                // Frames of a motion JPEG say by this segment that they use the standard tables.
                if body.starts_with(b"AVI1") {
                    stream.extend(segment);
                }
            }
            code::APP1 if scans == 0 => metadata.app1(body),
            code::APP14 => {
                if let Some(transform) = body.strip_prefix(b"Adobe").and_then(|rest| rest.get(6)) {
                    colors.adobe = Some(*transform);
                }
            }
            _ => {}
        }
    };
    let Some(frame) = frame.filter(|_| scans > 0) else {
        return Err(if ended { damaged("it holds no image") } else { truncated() });
    };
    check_scans(&frame, scans, ended, limits)?;
    if (entropy_bytes as u64) < min_bits(&frame).div_ceil(8) {
        return Err(truncated());
    }
    stream.extend([0xff, code::EOI]);
    Ok(Outline { width: frame.width, height: frame.height, scans, metadata, ended, stream })
}

/// Size and metadata by the segments before the first scan. A file that ends among them has no header.
pub(super) fn header(bytes: &[u8]) -> Result<Stored<'_>, DecodeError> {
    let (mut size, mut metadata) = (None, Metadata::default());
    let mut at = 2;
    while let Some((place, marker)) = next_marker(bytes, at) {
        match marker {
            code::EOI | code::SOS => break,
            code::SOI => {
                at = place + 2;
                continue;
            }
            _ => {}
        }
        let body = segment(bytes, place)?.ok_or_else(truncated)?;
        at = place + 4 + body.len();
        match marker {
            code::DHT | code::DAC => {}
            code::SOF0..=code::SOF15 => {
                let frame = frame_header(body, marker == code::SOF2, 0)?;
                size = size.or(Some((frame.width, frame.height)));
            }
            code::APP1 => metadata.app1(body),
            _ => {}
        }
    }
    let (width, height) = size.ok_or_else(truncated)?;
    Ok(Stored { width, height, metadata })
}

/// Place and code of the first marker at or after `from`. Stuffed zero bytes and restart markers belong to the scan they
/// lie in; any number of 0xff may precede a marker.
fn next_marker(bytes: &[u8], from: usize) -> Option<(usize, u8)> {
    // `contains` looks at many bytes at a time, `position` at one.
    const STEP: usize = 128;
    let mut at = from;
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let step = &rest[..rest.len().min(STEP)];
        if !step.contains(&0xff) {
            at += step.len();
            continue;
        }
        at += step.iter().position(|&byte| byte == 0xff)?;
        while bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        match *bytes.get(at + 1)? {
            0 | code::TEM | code::RST0..=code::RST7 => at += 2,
            marker => return Some((at, marker)),
        }
    }
}

/// The content of the segment whose marker is at `place`; `None` when the file ends within it.
fn segment(bytes: &[u8], place: usize) -> Result<Option<&[u8]>, DecodeError> {
    let Some(length) = bytes.get(place + 2..place + 4) else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length < 2 {
        return Err(damaged("a segment has an impossible length"));
    }
    Ok(bytes.get(place + 4..place + 2 + length))
}

fn frame_header(body: &[u8], progressive: bool, at: usize) -> Result<Frame, DecodeError> {
    let &[bits, h1, h0, w1, w0, count, ref components @ ..] = body else {
        return Err(damaged("its frame header is too short"));
    };
    if bits != 8 {
        return Err(unsupported("12 bits a channel"));
    }
    let (width, height) = (u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0])));
    if width == 0 || height == 0 {
        return Err(damaged("its width or height is 0"));
    }
    if !matches!(count, 1 | 3 | 4) || components.len() != usize::from(count) * 3 {
        return Err(damaged("it has neither 1, 3 nor 4 components"));
    }
    let components: Vec<Component> = components
        .as_chunks::<3>()
        .0
        .iter()
        .map(|&[id, sampling, _]| Component {
            id,
            horizontal: u32::from(sampling >> 4),
            vertical: u32::from(sampling & 15),
            missing: [u8::MAX; 64],
        })
        .collect();
    let repeated = components.iter().enumerate().any(|(at, c)| components[..at].iter().any(|other| other.id == c.id));
    if repeated || components.iter().any(|c| !(1..=4).contains(&c.horizontal) || !(1..=4).contains(&c.vertical)) {
        return Err(damaged("its frame header contradicts itself"));
    }
    Ok(Frame { width, height, progressive, components, at })
}

/// Gives the components the numbers by which the decoder tells RGB from YCbCr, after libjpeg's rules (JFIF is always
/// YCbCr, then Adobe's word counts, then the letters R, G, B), and keeps Adobe's segment only where it means something.
fn number_components(frame: &Frame, colors: &Colors, stream: &mut Vec<u8>) {
    let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
    let numbers: &[u8] = match (colors, ids.as_slice()) {
        (Colors { jfif: false, adobe: Some(0) }, [_, _, _]) => b"RGB",
        (Colors { jfif: false, adobe: None }, b"RGB") => b"RGB",
        _ => &[1, 2, 3, 4],
    };
    for (component, number) in (0..ids.len()).zip(numbers) {
        stream[frame.at + component * 3] = *number;
    }
    if ids.len() == 4 {
        let transform = if matches!(colors.adobe, None | Some(0)) { 0 } else { 2 };
        stream.extend([0xff, code::APP14, 0, 14]);
        stream.extend(b"Adobe\0\x64\0\0\0\0");
        stream.push(transform);
    }
}

/// Copies the scan header under the new component numbers and notes which coefficients the scan brings. Gives the pixels of
/// the components that it passes over.
fn scan_header(frame: &mut Frame, body: &[u8], segment: &[u8], stream: &mut Vec<u8>) -> Result<u64, DecodeError> {
    let wrong = || damaged("a scan header contradicts the frame header");
    let count = usize::from(*body.first().ok_or_else(wrong)?);
    if body.len() != 4 + 2 * count {
        return Err(wrong());
    }
    let (first, last, low) = (body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count] & 15);
    let start = stream.len();
    stream.extend(segment);
    let mut pixels = 0;
    for at in (1..).step_by(2).take(count) {
        let index = frame.components.iter().position(|c| c.id == body[at]).ok_or_else(wrong)?;
        stream[start + 4 + at] = stream[frame.at + index * 3];
        pixels += frame.pixels_of(index);
        let missing = &mut frame.components[index].missing;
        if frame.progressive {
            missing.get_mut(usize::from(first)..=usize::from(last)).ok_or_else(wrong)?.fill(low);
        } else {
            missing.fill(0);
        }
    }
    Ok(pixels)
}

impl Frame {
    /// Pixels of one component, which may be smaller than the image.
    fn pixels_of(&self, index: usize) -> u64 {
        let max = |side: fn(&Component) -> u32| self.components.iter().map(side).max().unwrap_or(1);
        let side = |length: u32, sampling: u32, max: u32| u64::from((length * sampling).div_ceil(max));
        let component = &self.components[index];
        side(self.width, component.horizontal, max(|c| c.horizontal))
            * side(self.height, component.vertical, max(|c| c.vertical))
    }
}

/// Width, height, and whether it is progressive, by the frame header; nothing else is looked at.
pub(super) fn frame_of(bytes: &[u8]) -> Option<(u32, u32, bool)> {
    let mut at = 2;
    loop {
        let (place, marker) = next_marker(bytes, at)?;
        let body = segment(bytes, place).ok()??;
        match marker {
            code::SOF0..=code::SOF2 => {
                let frame = frame_header(body, marker == code::SOF2, 0).ok()?;
                return Some((frame.width, frame.height, frame.progressive));
            }
            code::SOS | code::EOI => return None,
            _ => at = place + 4 + body.len(),
        }
    }
}

fn check_scans(frame: &Frame, scans: usize, ended: bool, limits: &DecodeLimits) -> Result<(), DecodeError> {
    if scans > limits.max_scans {
        return Err(DecodeError::TooManyScans { actual: scans, limit: limits.max_scans });
    }
    if !frame.progressive && scans > frame.components.len() {
        return Err(damaged("it has more scans than components"));
    }
    // A cut between or within scans of a progressive file leaves a blurred image, not a short one. Every encoder sends
    // every bit of every coefficient in the end, so what is missing tells. Without an end marker nobody knows whether
    // the last scan is whole.
    let whole = frame.components.iter().all(|c| c.missing == [0; 64]);
    if !whole || (frame.progressive && !ended) {
        return Err(truncated());
    }
    Ok(())
}

/// Bits that the smallest file of this size has: a block takes two Huffman codes, or one in the first scan of a
/// progressive file. A bomb that claims 50 megapixels in a kilobyte ends here, before its pixels are allocated.
fn min_bits(frame: &Frame) -> u64 {
    let max = |side: fn(&Component) -> u32| frame.components.iter().map(side).max().unwrap_or(1);
    let (horizontal, vertical) = (max(|c| c.horizontal), max(|c| c.vertical));
    let blocks = |length: u32, sampling: u32, max: u32| u64::from((length * sampling).div_ceil(max).div_ceil(8));
    let all: u64 = frame
        .components
        .iter()
        .map(|c| blocks(frame.width, c.horizontal, horizontal) * blocks(frame.height, c.vertical, vertical))
        .sum();
    if frame.progressive { all } else { 2 * all }
}

fn damaged(what: &'static str) -> DecodeError {
    DecodeError::damaged(Format::Jpeg, what)
}

fn unsupported(feature: &'static str) -> DecodeError {
    DecodeError::Unsupported { format: Format::Jpeg, feature }
}

fn truncated() -> DecodeError {
    DecodeError::Truncated { format: Format::Jpeg }
}
