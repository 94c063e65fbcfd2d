//! Undoes a rotation that an augmentation has made: the black wedges it leaves in the corners tell its angle.

use image::RgbImage;
use vision::BBox;

/// The angle by which an image was turned anticlockwise about its middle, in radians, by the black wedges in its corners;
/// 0 when there are none.
#[must_use]
pub fn angle(image: &RgbImage) -> f32 {
    let (w, h) = (image.width() as i32, image.height() as i32);
    let run = |corner: (i32, i32), step: (i32, i32)| {
        let limit = if step.0 == 0 { h } else { w };
        (0..limit)
            .take_while(|k| {
                let (x, y) = (corner.0 + step.0 * k, corner.1 + step.1 * k);
                image.get_pixel(x as u32, y as u32).0.iter().all(|v| *v < 24)
            })
            .count() as f32
    };
    // Every corner shows the same wedge, turned: along the upper edge from the left is like down the right edge from above.
    let corners = [
        (run((0, 0), (1, 0)), run((0, 0), (0, 1))),
        (run((w - 1, 0), (0, 1)), run((w - 1, 0), (-1, 0))),
        (run((w - 1, h - 1), (-1, 0)), run((w - 1, h - 1), (0, -1))),
        (run((0, h - 1), (0, -1)), run((0, h - 1), (1, 0))),
    ];
    let mut angles: Vec<f32> = corners
        .into_iter()
        .map(|(ahead, aside)| {
            let (long, short) = (ahead.max(aside), ahead.min(aside));
            // The long leg reaches nearly to the middle of its edge; else it is a dark corner of the image itself.
            if !(long > 0.3 * w.min(h) as f32 && long < 0.62 * w.max(h) as f32 && short >= 2.0) {
                return 0.0;
            }
            if ahead > aside { (aside / ahead).atan() } else { -(ahead / aside).atan() }
        })
        .collect();
    angles.sort_by(f32::total_cmp);
    let middle = f32::midpoint(angles[1], angles[2]);
    let agree = angles.iter().filter(|a| (**a - middle).abs() < 0.02).count() >= 3;
    if agree && middle.abs() < 0.5 { middle } else { 0.0 }
}

/// The image turned clockwise by `angle` about its middle.
#[must_use]
pub fn turned_back(image: &RgbImage, angle: f32) -> RgbImage {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let (sin, cos) = angle.sin_cos();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let (dx, dy) = (x as f32 + 0.5 - w / 2.0, y as f32 + 0.5 - h / 2.0);
        // Where this pixel lies in the turned image (y points down).
        let (sx, sy) = (w / 2.0 + dx * cos + dy * sin - 0.5, h / 2.0 - dx * sin + dy * cos - 0.5);
        let (sx, sy) = (sx.clamp(0.0, w - 1.001), sy.clamp(0.0, h - 1.001));
        let (ix, iy, ax, ay) = (sx as u32, sy as u32, sx.fract(), sy.fract());
        let at = |dx: u32, dy: u32| {
            image.get_pixel((ix + dx).min(image.width() - 1), (iy + dy).min(image.height() - 1)).0.map(f32::from)
        };
        let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
        image::Rgb(std::array::from_fn(|i| {
            ((a[i] * (1.0 - ax) + b[i] * ax) * (1.0 - ay) + (c[i] * (1.0 - ax) + d[i] * ax) * ay + 0.5) as u8
        }))
    })
}

/// The box before the rotation, of which `bbox` is the bound after it.
#[must_use]
pub fn box_turned_back(bbox: &BBox, angle: f32, (width, height): (u32, u32)) -> BBox {
    let (w, h) = (width as f32, height as f32);
    let (sin, cos) = angle.sin_cos();
    let (dx, dy) = (f32::midpoint(bbox.x1, bbox.x2) - w / 2.0, f32::midpoint(bbox.y1, bbox.y2) - h / 2.0);
    let (cx, cy) = (w / 2.0 + dx * cos - dy * sin, h / 2.0 + dx * sin + dy * cos);
    // w' = w cos + h sin, h' = h cos + w sin, solved for w and h.
    let (s, det) = (sin.abs(), cos * cos - sin * sin);
    let half_w = (bbox.width() * cos - bbox.height() * s) / det / 2.0;
    let half_h = (bbox.height() * cos - bbox.width() * s) / det / 2.0;
    BBox::new(cx - half_w, cy - half_h, cx + half_w, cy + half_h)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_image_is_turned_back() {
        let original = RgbImage::from_fn(200, 200, |x, y| {
            let within = (80..120).contains(&x) && (60..150).contains(&y);
            image::Rgb(if within { [200, 40, 40] } else { [150, 160, 170] })
        });
        for degrees in [-14.0_f32, -6.0, 9.0, 13.0] {
            let angle = degrees.to_radians();
            // The other way, with black where nothing was.
            let turned = RgbImage::from_fn(200, 200, |x, y| {
                let (sin, cos) = angle.sin_cos();
                let (dx, dy) = (x as f32 + 0.5 - 100.0, y as f32 + 0.5 - 100.0);
                let (sx, sy) = (100.0 + dx * cos - dy * sin, 100.0 + dx * sin + dy * cos);
                let inside = (0.0..200.0).contains(&sx) && (0.0..200.0).contains(&sy);
                if inside { *original.get_pixel(sx as u32, sy as u32) } else { image::Rgb([0; 3]) }
            });
            let found = super::angle(&turned);
            assert!((found - angle).abs() < 0.015, "{degrees}: {}", found.to_degrees());
            let back = turned_back(&turned, found);
            for (x, y) in [(84, 66), (116, 144), (75, 100), (100, 56)] {
                let apart = (0..3).map(|i| back.get_pixel(x, y).0[i].abs_diff(original.get_pixel(x, y).0[i])).max();
                assert!(apart < Some(60), "{degrees}: {x} {y}");
            }
            let mut bound = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
            for (x, y) in [(80.0, 60.0), (120.0, 60.0), (120.0, 150.0), (80.0, 150.0)] {
                let (sin, cos) = angle.sin_cos();
                let (dx, dy): (f32, f32) = (x - 100.0, y - 100.0);
                let (tx, ty) = (100.0 + dx * cos + dy * sin, 100.0 - dx * sin + dy * cos);
                bound = [bound[0].min(tx), bound[1].min(ty), bound[2].max(tx), bound[3].max(ty)];
            }
            let bbox = box_turned_back(&BBox::new(bound[0], bound[1], bound[2], bound[3]), angle, (200, 200));
            for (is, was) in [(bbox.x1, 80.0), (bbox.y1, 60.0), (bbox.x2, 120.0), (bbox.y2, 150.0)] {
                assert!((is - was).abs() < 0.1, "{degrees}: {bbox}");
            }
        }
        assert_eq!(super::angle(&original), 0.0);
    }
}
