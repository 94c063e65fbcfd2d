//! Small images for labels: fruit, bubbles, mountains, crests, ears of grain, barcodes, small print.

use std::f32::consts::{PI, TAU};

use super::canvas::{Bounds, Canvas, polygon, rounded};
use super::color::{Rgb, mix};
use super::rng::Rng;
use super::words::Fruit;

const WHITE: Rgb = [1.0; 3];

/// The fruit of a flavour, `size` pixels high.
pub fn fruit(canvas: &mut Canvas, fruit: Fruit, center: (f32, f32), size: f32, color: Rgb) {
    match fruit {
        Fruit::Citrus => citrus(canvas, center, size / 2.0, color),
        Fruit::Berry => berries(canvas, center, size, color),
        Fruit::Leaf => {
            leaf(canvas, center, size, -0.6, mix(color, [0.1, 0.5, 0.15], 0.6));
            leaf(
                canvas,
                (center.0 + size * 0.12, center.1 + size * 0.1),
                size * 0.8,
                0.7,
                mix(color, [0.2, 0.6, 0.1], 0.4),
            );
        }
        Fruit::Drop => drop(canvas, center, size, color),
        Fruit::None => {}
    }
}

/// A slice: rind, pith and segments.
pub fn citrus(canvas: &mut Canvas, (cx, cy): (f32, f32), radius: f32, color: Rgb) {
    canvas.ellipse((cx, cy), (radius, radius), mix(color, [0.4, 0.2, 0.0], 0.12));
    canvas.ellipse((cx, cy), (radius * 0.9, radius * 0.9), mix(color, WHITE, 0.75));
    let flesh = mix(color, WHITE, 0.12);
    canvas.paint([cx - radius, cy - radius, cx + radius, cy + radius], |x, y| {
        let (dx, dy) = (x - cx, y - cy);
        let (r, angle) = (dx.hypot(dy), dy.atan2(dx) + 0.3);
        let in_segment = (angle * 8.0 / TAU).rem_euclid(1.0);
        let to_side = (in_segment.min(1.0 - in_segment)) * TAU / 8.0 * r - radius * 0.05;
        let cover = to_side.min(radius * 0.8 - r).min(r - radius * 0.08) + 0.5;
        let fibre = 0.06 * (angle * 47.0).sin();
        (cover > 0.0).then(|| (mix(flesh, WHITE, 0.1 + fibre + 0.15 * r / radius), cover))
    });
}

/// Three berries with a shine and a leaf.
pub fn berries(canvas: &mut Canvas, (cx, cy): (f32, f32), size: f32, color: Rgb) {
    leaf(canvas, (cx + size * 0.22, cy - size * 0.34), size * 0.5, 0.5, [0.16, 0.5, 0.14]);
    let r = size * 0.27;
    for (dx, dy) in [(-0.24, -0.08), (0.22, -0.04), (0.0, 0.24)] {
        let (x, y) = (cx + dx * size, cy + dy * size);
        canvas.ellipse((x, y), (r, r), mix(color, [0.0; 3], 0.35));
        canvas.ellipse((x - r * 0.08, y - r * 0.1), (r * 0.86, r * 0.86), color);
        canvas.ellipse((x - r * 0.35, y - r * 0.38), (r * 0.24, r * 0.2), mix(color, WHITE, 0.7));
    }
}

/// A leaf with its vein.
pub fn leaf(canvas: &mut Canvas, (cx, cy): (f32, f32), size: f32, turn: f32, color: Rgb) {
    let (sin, cos) = turn.sin_cos();
    let half = size / 2.0;
    canvas.paint([cx - half, cy - half, cx + half, cy + half], |x, y| {
        let (along, across) = ((x - cx) * cos + (y - cy) * sin, (y - cy) * cos - (x - cx) * sin);
        let t = along / half;
        let edge = half * 0.42 * (1.0 - t * t) * (1.0 - 0.3 * t);
        let cover = edge - across.abs() + 0.5;
        let vein = across.abs() < size * 0.025;
        (cover > 0.0).then(|| {
            (
                if vein { mix(color, WHITE, 0.45) } else { mix(color, [0.0; 3], 0.12 * (across > 0.0) as u8 as f32) },
                cover,
            )
        })
    });
}

/// A drop with a shine.
pub fn drop(canvas: &mut Canvas, (cx, cy): (f32, f32), size: f32, color: Rgb) {
    let r = size * 0.32;
    let low = cy + size * 0.18;
    let body = move |x: f32, y: f32| {
        let up = ((low - y) / (size * 0.68)).clamp(0.0, 1.0);
        let half = if y > low {
            (r * r - (y - low) * (y - low)).max(0.0).sqrt()
        } else {
            r * (1.0 - up * up).max(0.0) * (1.0 - 0.25 * up)
        };
        (x - cx).abs() - half
    };
    canvas.fill([cx - r - 1.0, cy - size / 2.0, cx + r + 1.0, cy + size / 2.0], color, body);
    canvas.ellipse((cx - r * 0.36, low - r * 0.1), (r * 0.16, r * 0.36), mix(color, WHITE, 0.75));
}

/// Rising bubbles.
pub fn bubbles(canvas: &mut Canvas, [x1, y1, x2, y2]: Bounds, color: Rgb, rng: &mut Rng) {
    for _ in 0..((x2 - x1) * (y2 - y1) / 260.0) as u32 {
        let r = rng.range(0.8, 1.0 + (y2 - y1) * 0.035);
        let center = (rng.range(x1, x2), rng.range(y1, y2));
        canvas.ring(center, (r, r), (r * 0.35).max(0.8), color);
    }
}

/// A star.
pub fn star(canvas: &mut Canvas, (cx, cy): (f32, f32), radius: f32, color: Rgb) {
    let corners: Vec<(f32, f32)> = (0..10)
        .map(|k| {
            let (r, a) = (if k % 2 == 0 { radius } else { radius * 0.42 }, k as f32 * PI / 5.0 - PI / 2.0);
            (cx + r * a.cos(), cy + r * a.sin())
        })
        .collect();
    canvas.polygon(&corners, color);
}

/// A crown with three points.
pub fn crown(canvas: &mut Canvas, (cx, cy): (f32, f32), size: f32, color: Rgb) {
    let at = |x: f32, y: f32| (cx + x * size, cy + y * size);
    canvas.polygon(
        &[
            at(-0.5, 0.35),
            at(-0.55, -0.2),
            at(-0.25, 0.05),
            at(0.0, -0.4),
            at(0.25, 0.05),
            at(0.55, -0.2),
            at(0.5, 0.35),
        ],
        color,
    );
    for (x, y) in [(-0.55, -0.25), (0.0, -0.45), (0.55, -0.25)] {
        canvas.ellipse(at(x, y), (size * 0.08, size * 0.08), color);
    }
}

/// A shield, filled, with a lighter border.
pub fn shield(canvas: &mut Canvas, (cx, cy): (f32, f32), size: f32, color: Rgb, border: Rgb) {
    let outline = |grow: f32| -> Vec<(f32, f32)> {
        (0..=24)
            .map(|k| {
                let t = k as f32 / 12.0 - 1.0;
                let down = 0.55 * (1.0 - t.abs().powf(2.4)).max(0.0).powf(0.6) + 0.02;
                (cx + t * size * 0.42 * grow, cy + size * (down * grow - 0.02))
            })
            .chain([
                (cx + size * 0.42 * grow, cy - size * 0.45 * grow),
                (cx - size * 0.42 * grow, cy - size * 0.45 * grow),
            ])
            .collect()
    };
    canvas.polygon(&outline(1.0), border);
    canvas.polygon(&outline(0.88), color);
}

/// Mountains from side to side.
pub fn mountains(canvas: &mut Canvas, [x1, y1, x2, y2]: Bounds, color: Rgb, rng: &mut Rng) {
    let (w, h) = (x2 - x1, y2 - y1);
    for (fraction, tone) in [(1.0, 0.45), (0.72, 0.0)] {
        let peaks: Vec<(f32, f32)> =
            (0..3).map(|k| (x1 + w * (0.2 + 0.3 * k as f32 + rng.range(-0.1, 0.1)), rng.range(0.6, 1.0))).collect();
        let tone = mix(color, WHITE, tone);
        for &(px, peak) in &peaks {
            let top = y2 - h * peak * fraction;
            let half = h * peak * fraction * rng.range(0.8, 1.2);
            canvas.polygon(&[(px - half, y2), (px, top), (px + half, y2)], tone);
            if fraction < 1.0 {
                let cap = h * 0.16;
                let tip = cap / (y2 - top) * half;
                canvas
                    .polygon(&[(px - tip, top + cap), (px, top), (px + tip, top + cap), (px, top + cap * 0.7)], WHITE);
            }
        }
    }
}

/// An ear of grain.
pub fn grain(canvas: &mut Canvas, (cx, cy): (f32, f32), size: f32, lean: f32, color: Rgb) {
    let steps = 6;
    for k in 0..steps {
        let t = k as f32 / steps as f32;
        let (x, y) = (cx + lean * size * t * t, cy + size * (0.5 - 0.85 * t));
        leaf(canvas, (x - size * 0.09, y), size * 0.26, 0.9, color);
        leaf(canvas, (x + size * 0.09, y), size * 0.26, -0.9 - PI, color);
    }
}

/// A band that swings up and down: `y` of its centre at the left, height, swing and phase.
pub fn swoosh(canvas: &mut Canvas, (y, thick): (f32, f32), (swing, phase): (f32, f32), color: Rgb) {
    let w = canvas.width as f32;
    let reach = thick + swing.abs() + 1.0;
    canvas.fill([0.0, y - reach, w, y + reach], color, |px, py| {
        let a = px / w * TAU * 2.0 + phase;
        let middle = y + swing * a.sin();
        let half = thick * (0.55 + 0.45 * (a * 0.5 + phase).cos().abs());
        (py - middle).abs() - half / 2.0
    });
}

/// Rays from a point, every second one painted.
pub fn rays(canvas: &mut Canvas, bounds: Bounds, (cx, cy): (f32, f32), count: f32, (color, alpha): (Rgb, f32)) {
    canvas.paint(bounds, |x, y| {
        let angle = (y - cy).atan2(x - cx);
        let across = ((angle * count / TAU).rem_euclid(1.0) - 0.5).abs() - 0.25;
        let distance = across * TAU / count * (x - cx).hypot(y - cy);
        Some((color, alpha * (0.5 - distance).clamp(0.0, 1.0)))
    });
}

/// A barcode on its white field.
pub fn barcode(canvas: &mut Canvas, bounds: Bounds, rng: &mut Rng) {
    let [x1, y1, x2, y2] = bounds;
    canvas.rect(bounds, 1.0, WHITE);
    let mut x = x1 + 2.0;
    while x < x2 - 3.0 {
        let bar = rng.int(1, 3) as f32 * 0.8;
        canvas.rect([x, y1 + 2.0, (x + bar).min(x2 - 2.0), y2 - 4.0], 0.0, [0.05; 3]);
        x += bar + rng.int(1, 3) as f32 * 0.8;
    }
}

/// Lines of print too small to read.
pub fn small_print(canvas: &mut Canvas, [x1, y1, x2, y2]: Bounds, pitch: f32, color: Rgb, rng: &mut Rng) {
    let mut y = y1;
    while y + pitch * 0.55 <= y2 {
        let mut x = x1;
        let end = x2 - if rng.chance(0.25) { rng.range(0.0, (x2 - x1) * 0.5) } else { rng.range(0.0, 3.0) };
        while x < end {
            let word = rng.range(2.0, 9.0).min(end - x);
            let bounds = [x, y, x + word, y + pitch * 0.5];
            let edge = rounded(bounds, 0.5);
            canvas.paint([x - 1.0, y - 1.0, x + word + 1.0, y + pitch], |px, py| {
                Some((color, 0.75 * (0.5 - edge(px, py)).clamp(0.0, 1.0)))
            });
            x += word + 1.6;
        }
        y += pitch;
    }
}

/// Table of what is in it.
pub fn nutrition(canvas: &mut Canvas, bounds: Bounds, color: Rgb, rng: &mut Rng) {
    let [x1, y1, x2, y2] = bounds;
    canvas.frame(bounds, 0.0, 0.8, color);
    let rows = ((y2 - y1) / 5.0) as u32;
    for row in 1..rows {
        let y = y1 + (y2 - y1) * row as f32 / rows as f32;
        canvas.rect([x1, y - 0.3, x2, y + 0.3], 0.0, color);
        canvas.rect([x1 + 2.0, y - 3.2, x1 + rng.range(8.0, (x2 - x1) * 0.55), y - 1.6], 0.0, color);
        canvas.rect([x2 - rng.range(5.0, 9.0), y - 3.2, x2 - 2.0, y - 1.6], 0.0, color);
    }
}

/// A ribbon with swallow tails.
pub fn ribbon(canvas: &mut Canvas, (cx, cy): (f32, f32), (width, height): (f32, f32), color: Rgb) {
    let (hw, hh) = (width / 2.0, height / 2.0);
    let dark = mix(color, [0.0; 3], 0.3);
    for side in [-1.0, 1.0] {
        let x = |t: f32| cx + side * t;
        canvas.polygon(
            &[
                (x(hw * 0.86), cy - hh * 0.5),
                (x(hw * 1.18), cy - hh * 0.5),
                (x(hw * 1.06), cy + hh * 0.4),
                (x(hw * 1.18), cy + hh * 1.35),
                (x(hw * 0.86), cy + hh * 1.35),
            ],
            dark,
        );
    }
    canvas.rect([cx - hw, cy - hh, cx + hw, cy + hh], 0.0, color);
}

/// Blobs such as those of a cow.
pub fn patches(canvas: &mut Canvas, bounds: Bounds, color: Rgb, rng: &mut Rng) {
    let [x1, y1, x2, y2] = bounds;
    for _ in 0..7 {
        let (cx, cy) = (rng.range(x1, x2), rng.range(y1, y2));
        let size = (y2 - y1) * rng.range(0.1, 0.26);
        let phases = [rng.range(0.0, TAU), rng.range(0.0, TAU)];
        canvas.fill([cx - size * 1.5, cy - size * 1.5, cx + size * 1.5, cy + size * 1.5], color, |x, y| {
            let a = (y - cy).atan2(x - cx);
            (x - cx).hypot(y - cy)
                - size * (0.8 + 0.22 * (2.0 * a + phases[0]).sin() + 0.13 * (3.0 * a + phases[1]).sin())
        });
    }
}

/// A diamond pattern of fine lines.
pub fn lattice(canvas: &mut Canvas, bounds: Bounds, pitch: f32, color: Rgb, alpha: f32) {
    canvas.paint(bounds, |x, y| {
        let line = |v: f32| (v.rem_euclid(pitch) - pitch / 2.0).abs() * 0.7;
        let distance = line(x + y).min(line(x - y)) - 0.4;
        Some((color, alpha * (0.5 - distance).clamp(0.0, 1.0)))
    });
}

/// A scalloped seal.
pub fn seal(canvas: &mut Canvas, (cx, cy): (f32, f32), radius: f32, teeth: f32, color: Rgb) {
    canvas.fill([cx - radius * 1.1, cy - radius * 1.1, cx + radius * 1.1, cy + radius * 1.1], color, |x, y| {
        (x - cx).hypot(y - cy) - radius * (0.95 + 0.05 * ((y - cy).atan2(x - cx) * teeth).cos())
    });
}

/// A line drawing of a building on a hill, as wine labels have it.
pub fn manor(canvas: &mut Canvas, (cx, cy): (f32, f32), size: f32, color: Rgb) {
    let at = |x: f32, y: f32| (cx + x * size, cy + y * size);
    canvas.polygon(&[at(-0.75, 0.35), at(-0.3, 0.2), at(0.3, 0.2), at(0.75, 0.35)], color);
    canvas.polygon(&[at(-0.42, 0.22), at(-0.42, -0.02), at(0.42, -0.02), at(0.42, 0.22)], color);
    for x in [-0.38, 0.38] {
        canvas.polygon(
            &[at(x - 0.09, 0.1), at(x - 0.09, -0.12), at(x, -0.34), at(x + 0.09, -0.12), at(x + 0.09, 0.1)],
            color,
        );
    }
    canvas.polygon(&[at(-0.3, -0.02), at(0.0, -0.2), at(0.3, -0.02)], color);
    for k in -2..=2 {
        let (x, y) = at(k as f32 * 0.13, 0.1);
        canvas.rect([x - size * 0.02, y - size * 0.05, x + size * 0.02, y + size * 0.05], 0.0, WHITE);
    }
}

/// Signed distance helper kept beside the shapes that need it: a stripe from corner to corner.
pub fn diagonal(canvas: &mut Canvas, bounds: Bounds, (fraction, thick): (f32, f32), color: Rgb) {
    let [x1, y1, x2, y2] = bounds;
    let (w, h) = (x2 - x1, y2 - y1);
    let corners = [
        (x1, y2 - h * fraction * 0.2),
        (x1, y2 - h * (fraction * 0.2 + thick)),
        (x2, y1 + h * (fraction * 0.2)),
        (x2, y1 + h * (fraction * 0.2 + thick)),
    ];
    let _ = w;
    canvas.fill(bounds, color, |x, y| polygon(&corners, x, y));
}
