//! What kind of file bytes are, by their first bytes.

use std::fmt;

use super::Format;

/// A kind of file that is not a photo we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// GIF.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF, and the raw formats of cameras that are built on it.
    Tiff,
    /// HEIC or HEIF, what iPhones save unless told otherwise.
    Heic,
    /// AVIF.
    Avif,
    /// JPEG 2000.
    Jpeg2000,
    /// JPEG XL.
    JpegXl,
    /// Photoshop document.
    Photoshop,
    /// Windows icon.
    Icon,
    /// SVG drawing.
    Svg,
    /// PDF document.
    Pdf,
    /// MP4, QuickTime, WebM or AVI.
    Video,
    /// Sound.
    Audio,
    /// ZIP archive, or an office document, which is one too.
    Zip,
    /// Gzip archive.
    Gzip,
    /// HTML page: often the error page of a download.
    Html,
    /// JSON.
    Json,
    /// An image as base64 text.
    Base64,
    /// Some other text.
    Text,
    /// None of these; the first bytes.
    Unknown([u8; 4]),
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gif => "a GIF",
            Self::Bmp => "a BMP",
            Self::Tiff => "a TIFF or a camera's raw file",
            Self::Heic => "a HEIC photo",
            Self::Avif => "an AVIF image",
            Self::Jpeg2000 => "a JPEG 2000",
            Self::JpegXl => "a JPEG XL",
            Self::Photoshop => "a Photoshop document",
            Self::Icon => "an icon",
            Self::Svg => "an SVG drawing",
            Self::Pdf => "a PDF document",
            Self::Video => "a video",
            Self::Audio => "a sound file",
            Self::Zip => "a ZIP archive or an office document",
            Self::Gzip => "a gzip archive",
            Self::Html => "an HTML page",
            Self::Json => "JSON",
            Self::Base64 => "base64 text that was not decoded",
            Self::Text => "text",
            Self::Unknown([a, b, c, d]) => {
                return write!(f, "an unknown kind of file (it begins with {a:02x} {b:02x} {c:02x} {d:02x})");
            }
        })
    }
}

impl FileKind {
    /// How to come by a JPEG, where that is not plain.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Heic => {
                ". HEIC is read where libheif is installed (on the server: apt install libheif1). Phones save JPEG when told to: iPhone, Settings > Camera > Formats > Most Compatible; Samsung, Camera settings > \
                 Advanced image options > High efficiency images off. Photos taken before are converted by sharing or exporting \
                 them as JPEG"
            }
            Self::Avif | Self::Tiff | Self::Gif | Self::Bmp | Self::JpegXl | Self::Jpeg2000 => {
                ". Any image program saves it as JPEG"
            }
            _ => "",
        }
    }
}

/// First bytes that settle the question.
const MAGIC: &[(&[u8], FileKind)] = &[
    (b"GIF87a", FileKind::Gif),
    (b"GIF89a", FileKind::Gif),
    (b"II*\0", FileKind::Tiff),
    (b"MM\0*", FileKind::Tiff),
    (b"II+\0", FileKind::Tiff),
    (b"MM\0+", FileKind::Tiff),
    (b"IIU\0", FileKind::Tiff),
    (b"FUJIFILMCCD-RAW", FileKind::Tiff),
    (b"\0\0\0\x0cjP  ", FileKind::Jpeg2000),
    (b"\xff\x4f\xff\x51", FileKind::Jpeg2000),
    (b"\0\0\0\x0cJXL ", FileKind::JpegXl),
    (b"\xff\x0a", FileKind::JpegXl),
    (b"8BPS", FileKind::Photoshop),
    (b"\0\0\x01\0", FileKind::Icon),
    (b"%PDF", FileKind::Pdf),
    (b"\x1a\x45\xdf\xa3", FileKind::Video),
    (b"OggS", FileKind::Audio),
    (b"ID3", FileKind::Audio),
    (b"fLaC", FileKind::Audio),
    (b"PK\x03\x04", FileKind::Zip),
    (b"\x1f\x8b", FileKind::Gzip),
];

/// The format of a photo, or what else the bytes are.
pub(super) fn sniff(bytes: &[u8]) -> Result<Format, FileKind> {
    // Two bytes of a JPEG are enough: the next one is a marker, but a truncated file may end before it.
    if bytes.starts_with(b"\xff\xd8") {
        return Ok(Format::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(Format::Png);
    }
    if bytes.starts_with(b"RIFF") {
        return match bytes.get(8..12) {
            Some(b"WEBP") => Ok(Format::WebP),
            Some(b"AVI ") => Err(FileKind::Video),
            Some(b"WAVE") => Err(FileKind::Audio),
            _ => Err(unknown(bytes)),
        };
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Err(iso_media(bytes));
    }
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(*kind);
    }
    // "BM" alone is how many a text begins; a bitmap follows it with its size and four reserved zero bytes.
    if bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4]) {
        return Err(FileKind::Bmp);
    }
    Err(text(bytes).unwrap_or_else(|| unknown(bytes)))
}

/// The kind of an ISO base media file by the brands in its first box.
fn iso_media(bytes: &[u8]) -> FileKind {
    let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let brands = bytes.get(8..length.clamp(12, 256).min(bytes.len())).unwrap_or_default();
    let has = |wanted: &[&[u8; 4]]| brands.as_chunks::<4>().0.iter().any(|brand| wanted.contains(&brand));
    if has(&[b"avif", b"avis"]) {
        FileKind::Avif
    } else if has(&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"]) {
        FileKind::Heic
    } else if has(&[b"crx "]) {
        FileKind::Tiff
    } else if has(&[b"M4A "]) {
        FileKind::Audio
    } else {
        FileKind::Video
    }
}

/// Which text, if it is one.
fn text(bytes: &[u8]) -> Option<FileKind> {
    const SEEN: usize = 512;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = &bytes[..bytes.len().min(SEEN)];
    let head = match str::from_utf8(head) {
        Ok(text) => text,
        // The cut may have gone through a letter.
        Err(error) if head.len() == SEEN && error.valid_up_to() + 4 > SEEN => {
            str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if head.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let start = head.trim_start();
    let begins =
        |words: &[&str]| words.iter().any(|word| start.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word)));
    // base64 of the first bytes of a JPEG, a PNG and a WebP.
    Some(if begins(&["data:image/"]) || ["/9j/", "iVBORw0KGgo", "UklGR"].iter().any(|word| start.starts_with(word)) {
        FileKind::Base64
    } else if begins(&["<svg"]) || (begins(&["<?xml"]) && start.contains("<svg")) {
        FileKind::Svg
    } else if begins(&["<!doctype html", "<html"]) {
        FileKind::Html
    } else if begins(&["{", "["]) {
        FileKind::Json
    } else {
        FileKind::Text
    })
}

fn unknown(bytes: &[u8]) -> FileKind {
    let mut first = [0; 4];
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = *from;
    }
    FileKind::Unknown(first)
}
