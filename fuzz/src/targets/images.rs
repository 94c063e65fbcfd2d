//! Photos, as a client sends them.

use std::time::Duration;

use vision::decode::heic;
use vision::{DecodeLimits, decode};

use super::{Answer, Target};
use crate::judge::MAX_TIME;

/// Small: what matters is how little it takes to go beyond.
const LIMITS: DecodeLimits =
    DecodeLimits { max_bytes: 1 << 20, max_pixels: 1 << 20, max_scans: 20, max_scan_pixels: 20 << 20 };

/// 8 bytes a pixel of a progressive CMYK JPEG, 3 of the result, 3 of the upright one; and what decoders hold besides.
const MAX_MIB: usize = 48;

/// The process that decodes HEIC is ended after 10 s.
const DECODER_TIME: Duration = Duration::from_secs(15);

const READER: Target = Target { name: "", run, words: &[], mend: None, max_mib: MAX_MIB, max_time: MAX_TIME };

pub(super) const JPEG: Target = Target {
    name: "jpeg",
    words: &[
        b"\xff\xd8",
        b"\xff\xd9",
        b"\xff\xc0",
        b"\xff\xc2",
        b"\xff\xc4",
        b"\xff\xda",
        b"\xff\xdb",
        b"\xff\xdd",
        b"\xff\xd0",
        b"\xff\xe1",
        b"\xff\xee",
        b"Exif\0\0",
        b"II*\0",
        b"MM\0*",
        b"Adobe",
        b"\xff\xff",
        b"\xff\x00",
    ],
    ..READER
};

pub(super) const PNG: Target = Target {
    name: "png",
    words: &[
        b"IHDR",
        b"IDAT",
        b"IEND",
        b"PLTE",
        b"tRNS",
        b"acTL",
        b"fcTL",
        b"fdAT",
        b"eXIf",
        b"iCCP",
        b"gAMA",
        b"zTXt",
        b"\x89PNG\r\n\x1a\n",
    ],
    mend: Some(png_checksums),
    ..READER
};

pub(super) const WEBP: Target = Target {
    name: "webp",
    words: &[
        b"RIFF",
        b"WEBP",
        b"VP8 ",
        b"VP8L",
        b"VP8X",
        b"ALPH",
        b"ANIM",
        b"ANMF",
        b"EXIF",
        b"ICCP",
        b"\x9d\x01\x2a",
        b"\x2f",
    ],
    ..READER
};

pub(super) const HEIC: Target = Target {
    name: "heic",
    run: boxes,
    words: &[
        b"ftypheic",
        b"meta",
        b"pitm",
        b"iinf",
        b"infe",
        b"iloc",
        b"iprp",
        b"ipco",
        b"ipma",
        b"ispe",
        b"irot",
        b"imir",
        b"clap",
        b"hvcC",
        b"hvc1",
        b"grid",
        b"mdat",
        b"auxC",
        b"\0\0\0\x01",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
    ],
    ..READER
};

pub(super) const HEIC_DECODER: Target =
    Target { name: "heic-decoder", run: boxes_and_image, max_time: DECODER_TIME, ..HEIC };

/// What the boxes say of the image, before it is decoded.
fn boxes(data: &[u8]) -> Answer {
    Answer::of(heic::shown_size(data), |_| "boxes".to_owned())
}

/// The boxes always; the image, by a process of its own, where the program that fuzzes has named a helper and there is a libheif.
fn boxes_and_image(data: &[u8]) -> Answer {
    if !heic::available() || heic::shown_size(data).is_err() {
        return boxes(data);
    }
    run(data)
}

fn run(data: &[u8]) -> Answer {
    let result = decode(data, &LIMITS);
    if let Ok(image) = &result {
        let pixels = u64::from(image.width()) * u64::from(image.height());
        if pixels == 0 || pixels > LIMITS.max_pixels {
            return Answer::Wrong(format!("{} x {} pixels", image.width(), image.height()));
        }
    }
    Answer::of(result, |image| format!("{} wide", if image.width() > image.height() { "more" } else { "less" }))
}

/// Length, type, content and CRC-32 of one chunk after the other (PNG 1.2, 3.2).
fn png_checksums(data: &mut [u8]) {
    let mut at = 8;
    while let Some(head) = data.get(at..at + 4) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(end) = at.checked_add(8).and_then(|begin| begin.checked_add(length)) else { return };
        let Some(covered) = data.get(at + 4..end) else { return };
        let sum = crc32(covered).to_be_bytes();
        let Some(place) = data.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&sum);
        at = end + 4;
    }
}

/// CRC-32 of ISO 3309, bit by bit: inputs are small.
fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_made_right() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(3, 2).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        let whole = bytes.into_inner();
        let mut broken = whole.clone();
        broken[29] ^= 0xff; // the checksum of IHDR
        assert!(matches!(run(&broken), Answer::Refused(_)));
        png_checksums(&mut broken);
        assert_eq!(broken, whole);
    }
}
