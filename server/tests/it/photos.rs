//! Files to send, good and bad, made on the spot.

use std::io::Cursor;

use image::{ImageFormat, Rgb};
use vision::{BBox, RgbImage};

/// Where the fake detector sees containers, and the colour that stands there.
pub(crate) const FACINGS: [(BBox, [u8; 3]); 7] = [
    (BBox::new(20.0, 30.0, 70.0, 150.0), RED),
    (BBox::new(90.0, 30.0, 140.0, 150.0), RED),
    (BBox::new(160.0, 30.0, 210.0, 150.0), RED),
    (BBox::new(230.0, 40.0, 280.0, 150.0), GREEN),
    (BBox::new(300.0, 40.0, 350.0, 150.0), GREEN),
    (BBox::new(20.0, 180.0, 70.0, 300.0), WHITE),
    (BBox::new(90.0, 180.0, 140.0, 300.0), YELLOW),
];

const RED: [u8; 3] = [220, 0, 0];
const GREEN: [u8; 3] = [0, 200, 0];
/// As far from red as from green and blue, and too far from each: unknown.
const WHITE: [u8; 3] = [250, 250, 250];
/// As near to red as to green: ambiguous.
const YELLOW: [u8; 3] = [220, 220, 0];

/// Sides of [`shelf`].
pub(crate) const SIZE: (u32, u32) = (400, 320);

/// A shelf of coloured rectangles.
pub(crate) fn shelf() -> RgbImage {
    let mut image = RgbImage::from_pixel(SIZE.0, SIZE.1, Rgb([90, 84, 76]));
    for (bbox, color) in FACINGS {
        for y in bbox.y1 as u32..bbox.y2 as u32 {
            for x in bbox.x1 as u32..bbox.x2 as u32 {
                image.put_pixel(x, y, Rgb(color));
            }
        }
    }
    image
}

pub(crate) fn encode(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("the image can be encoded");
    bytes.into_inner()
}

pub(crate) fn jpeg() -> Vec<u8> {
    encode(&shelf(), ImageFormat::Jpeg)
}

pub(crate) fn png() -> Vec<u8> {
    encode(&shelf(), ImageFormat::Png)
}

/// An image that does not compress: about `kib` KiB as PNG.
pub(crate) fn noise(kib: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let width = 64;
    let image = RgbImage::from_fn(width, (kib * 1024) as u32 / (3 * width), |_, _| {
        // xorshift
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [a, b, c, ..] = state.to_le_bytes();
        Rgb([a, b, c])
    });
    encode(&image, ImageFormat::Png)
}

/// Says 30,000 x 30,000 pixels in its header and holds none.
pub(crate) fn huge_png() -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(30_000_u32.to_be_bytes());
    header.extend(30_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header.as_slice()), (b"IDAT", &[]), (b"IEND", &[])] {
        file.extend((data.len() as u32).to_be_bytes());
        let start = file.len();
        file.extend(kind);
        file.extend(data);
        let sum = crc32(&file[start..]);
        file.extend(sum.to_be_bytes());
    }
    file
}

/// CRC-32 of PNG (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// A progressive JPEG of 16 x 16 grey pixels that refines its first coefficient `scans` times.
pub(crate) fn many_scans(scans: usize) -> Vec<u8> {
    let segment = |marker: u8, data: &[u8]| {
        let mut bytes = vec![0xff, marker];
        bytes.extend((data.len() as u16 + 2).to_be_bytes());
        bytes.extend(data);
        bytes
    };
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(0xdb, &[&[0_u8][..], &[16; 64]].concat())); // quantisation
    file.extend(segment(0xc2, &[8, 0, 16, 0, 16, 1, 1, 0x11, 0])); // frame: progressive, one component
    file.extend(segment(0xc4, &[&[0_u8, 1][..], &[0; 15], &[0]].concat())); // one code: "no difference"
    file.extend(segment(0xda, &[1, 1, 0, 0, 0, 0x0d])); // first scan, to be refined 13 bits down
    file.push(0b0000_1111);
    for scan in 1..scans {
        let low = 13_u8.saturating_sub(scan.min(13) as u8);
        file.extend(segment(0xda, &[1, 1, 0, 0, 0, ((low + 1) << 4) | low]));
        file.push(0b0000_1111);
    }
    file.extend([0xff, 0xd9]);
    file
}

/// One pixel.
pub(crate) const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
