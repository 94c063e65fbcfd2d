//! The outlines of what stands on shelves. Millimetres, from the base up.

use super::profile::Profile;
use super::rng::Rng;
use super::section::Section;

/// An outline with the places of its parts.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Radius by height, millimetres.
    pub profile: Profile,
    /// Cross-section.
    pub section: Section,
    /// Where the label goes.
    pub label: (f32, f32),
    /// Where the cap, crown or lid is.
    pub cap: (f32, f32),
    /// Where a neck label or foil goes; empty when there is none.
    pub neck: (f32, f32),
    /// Normal filling height.
    pub fill: f32,
}

fn shape(points: &[(f32, f32)], label: (f32, f32), cap: (f32, f32), neck: (f32, f32), fill: f32) -> Shape {
    Shape { profile: Profile::through(points), section: Section::round(), label, cap, neck, fill }
}

/// A PET bottle for soft drinks of this height and radius: lobed foot, slight waist for the label, long shoulder.
#[must_use]
pub fn pet(h: f32, r: f32, rng: &mut Rng) -> Shape {
    let waist = r * rng.range(0.93, 0.985);
    let (low, high) = (h * rng.range(0.33, 0.38), h * rng.range(0.62, 0.68));
    let neck = 13.0;
    let hip = rng.chance(0.4);
    let belly = if hip { r * rng.range(0.92, 0.97) } else { r };
    let points = [
        (0.0, r * 0.74),
        (h * 0.008, r * 0.84),
        (h * 0.03, r * 0.94),
        (h * 0.085, r),
        (h * 0.20, if hip { belly } else { r }),
        (low - h * 0.025, r),
        (low, waist),
        (high, waist),
        (high + h * 0.02, r * 0.99),
        (h * 0.74, r * 0.93),
        (h * 0.83, r * 0.62),
        (h * 0.89, neck * 1.22),
        (h * 0.925, neck),
        (h - 18.6, neck),
        (h - 18.2, neck * 1.25),
        (h - 16.4, neck * 1.25),
        (h - 16.0, neck * 1.02),
        (h - 14.5, neck * 1.14),
        (h - 1.0, neck * 1.14),
        (h, neck * 1.02),
    ];
    shape(&points, (low + 2.0, high - 2.0), (h - 14.5, h), (0.0, 0.0), h * rng.range(0.86, 0.90))
}

/// A ribbed bottle for water.
#[must_use]
pub fn water(h: f32, r: f32, rng: &mut Rng) -> Shape {
    let (low, high) = (h * rng.range(0.42, 0.47), h * rng.range(0.64, 0.69));
    let points = [
        (0.0, r * 0.78),
        (h * 0.02, r * 0.94),
        (h * 0.05, r),
        (low - h * 0.03, r),
        (low, r * 0.96),
        (high, r * 0.96),
        (high + h * 0.03, r),
        (h * 0.76, r * 0.95),
        (h * 0.85, r * 0.58),
        (h * 0.90, 14.0),
        (h - 17.5, 13.4),
        (h - 17.0, 16.4),
        (h - 15.4, 16.4),
        (h - 15.0, 13.6),
        (h - 13.5, 15.2),
        (h - 0.8, 15.2),
        (h, 14.0),
    ];
    let mut made = shape(&points, (low + 2.0, high - 2.0), (h - 13.5, h), (0.0, 0.0), h * 0.88);
    made.profile = made.profile.ribbed((h * 0.06, low - h * 0.03), h * rng.range(0.035, 0.055), r * 0.045);
    made
}

/// A squarish juice bottle with a wide mouth.
#[must_use]
pub fn juice(h: f32, r: f32, rng: &mut Rng) -> Shape {
    let points = [
        (0.0, r * 0.86),
        (h * 0.02, r * 0.97),
        (h * 0.05, r),
        (h * 0.16, r),
        (h * 0.18, r * 0.96),
        (h * 0.60, r * 0.96),
        (h * 0.62, r),
        (h * 0.70, r * 0.96),
        (h * 0.80, r * 0.70),
        (h * 0.87, 19.5),
        (h - 20.0, 18.0),
        (h - 18.6, 21.0),
        (h - 17.0, 19.4),
        (h - 1.0, 19.4),
        (h, 18.0),
    ];
    let section = Section::new(rng.range(2.6, 4.2), 0.95);
    Shape { section, ..shape(&points, (h * 0.19, h * 0.59), (h - 17.0, h), (0.0, 0.0), h * 0.84) }
}

/// A beer bottle: long neck, stubby or something between, closed with a crown.
#[must_use]
pub fn beer(h: f32, r: f32, rng: &mut Rng) -> Shape {
    let shoulder = rng.range(0.54, 0.62);
    let neck_low = shoulder + rng.range(0.14, 0.20);
    let points = [
        (0.0, r * 0.88),
        (h * 0.012, r * 0.97),
        (h * 0.03, r),
        (h * shoulder, r),
        (h * (shoulder + 0.06), r * 0.90),
        (h * neck_low, 16.5),
        (h * 0.88, 13.3),
        (h - 12.6, 12.9),
        (h - 12.2, 14.0),
        (h - 7.5, 14.0),
        (h - 7.2, 13.2),
        (h - 6.4, 16.0),
        (h - 5.6, 16.1),
        (h - 3.0, 14.4),
        (h - 0.6, 13.6),
        (h, 12.6),
    ];
    let neck = (h * (neck_low - 0.005), h * (neck_low + 0.105));
    shape(&points, (h * 0.09, h * (shoulder - 0.04)), (h - 7.2, h), neck, h * rng.range(0.80, 0.87))
}

/// A wine bottle: 0 Bordeaux, 1 Burgundy, 2 Rhine, 3 sparkling.
#[must_use]
pub fn wine(kind: usize, rng: &mut Rng) -> Shape {
    let (h, r) = [(300.0, 37.0), (298.0, 41.0), (335.0, 37.0), (312.0, 44.0)][kind];
    let h = h * rng.range(0.97, 1.03);
    let (shoulder, high, round) =
        [(0.60, 0.70, 0.80), (0.46, 0.72, 0.60), (0.42, 0.74, 0.72), (0.44, 0.73, 0.62)][kind];
    let points = [
        (0.0, r * 0.90),
        (h * 0.012, r * 0.98),
        (h * 0.03, r),
        (h * shoulder, r),
        (h * (shoulder + (high - shoulder) * 0.55), r * round),
        (h * high, 16.5),
        (h * 0.80, 14.4),
        (h - 14.0, 13.8),
        (h - 13.5, 15.0),
        (h - 6.0, 15.0),
        (h - 5.5, 14.4),
        (h - 0.8, 14.4),
        (h, 13.4),
    ];
    let label_high = h * shoulder - h * 0.05;
    let foil = if kind == 3 { 0.64 } else { 0.79 };
    shape(&points, (label_high - h * rng.range(0.27, 0.34), label_high), (h * foil, h), (0.0, 0.0), h * 0.77)
}

/// A spirits bottle: 0 tall and round, 1 square, 2 a flat flask, 3 broad-shouldered.
#[must_use]
pub fn spirit(kind: usize, rng: &mut Rng) -> Shape {
    let (h, r) = [(310.0, 37.0), (250.0, 43.0), (190.0, 44.0), (280.0, 43.0)][kind];
    let h = h * rng.range(0.95, 1.05);
    let (shoulder, high) = [(0.66, 0.76), (0.66, 0.72), (0.68, 0.80), (0.62, 0.71)][kind];
    let points = [
        (0.0, r * 0.93),
        (h * 0.012, r * 0.99),
        (h * 0.03, r),
        (h * shoulder, r),
        (h * (shoulder + (high - shoulder) * 0.45), r * 0.88),
        (h * high, 17.0),
        (h * (high + 0.03), 14.6),
        (h - 32.0, 14.0),
        (h - 31.0, 16.5),
        (h - 28.5, 16.5),
        (h - 28.0, 15.6),
        (h - 1.2, 15.6),
        (h, 14.6),
    ];
    let section = match kind {
        1 => Section::new(5.0, 0.98),
        2 => Section::new(2.8, 0.5),
        _ => Section::round(),
    };
    let label_high = h * (shoulder - 0.03);
    let shape = shape(
        &points,
        (label_high - h * rng.range(0.38, 0.46), label_high),
        (h - 28.0, h),
        (h * (high + 0.02), h - 34.0),
        h * rng.range(0.78, 0.9),
    );
    Shape { section, ..shape }
}

/// A can: neck and rim above, bevel below.
#[must_use]
pub fn can(h: f32, r: f32) -> Shape {
    let rim = r - 5.6;
    let points = [
        (0.0, r - 8.5),
        (1.2, r - 7.8),
        (7.0, r - 1.2),
        (9.5, r),
        (h - 13.5, r),
        (h - 11.5, r - 0.4),
        (h - 4.4, rim - 0.6),
        (h - 3.6, rim - 0.6),
        (h - 3.0, rim + 0.8),
        (h - 0.4, rim + 0.8),
        (h, rim + 0.4),
    ];
    shape(&points, (7.6, h - 10.5), (h - 3.8, h), (0.0, 0.0), h)
}

/// A jar with a screw lid.
#[must_use]
pub fn jar(h: f32, r: f32, rng: &mut Rng) -> Shape {
    let lid = r * rng.range(0.84, 0.98);
    let points = [
        (0.0, r * 0.86),
        (2.0, r * 0.96),
        (6.0, r),
        (h * 0.70, r),
        (h * 0.78, r * 0.97),
        (h - 19.0, lid * 0.93),
        (h - 16.5, lid * 0.93),
        (h - 16.0, lid * 1.02),
        (h - 1.4, lid * 1.02),
        (h, lid * 0.97),
    ];
    let section = if rng.chance(0.25) { Section::new(6.0, 1.0) } else { Section::round() };
    Shape { section, ..shape(&points, (h * 0.12, h * 0.68), (h - 16.2, h), (0.0, 0.0), h * 0.86) }
}

/// A stand-up pouch.
#[must_use]
pub fn pouch(h: f32, r: f32) -> Shape {
    let points = [
        (0.0, r * 0.94),
        (4.0, r * 0.98),
        (h * 0.2, r * 0.97),
        (h * 0.6, r * 0.94),
        (h * 0.9, r * 0.97),
        (h - 1.0, r),
        (h, r),
    ];
    Shape { section: Section::new(2.6, 0.42), ..shape(&points, (0.0, h), (h - 9.0, h), (0.0, 0.0), h) }
}

/// An opaque jug or bottle for milk and detergents-like goods: round shoulders, wide cap.
#[must_use]
pub fn jug(h: f32, r: f32, rng: &mut Rng) -> Shape {
    let points = [
        (0.0, r * 0.90),
        (h * 0.02, r),
        (h * 0.55, r),
        (h * rng.range(0.64, 0.70), r * 0.93),
        (h * 0.80, r * 0.55),
        (h - 22.0, 20.0),
        (h - 19.6, 19.0),
        (h - 19.0, 22.0),
        (h - 1.2, 22.0),
        (h, 20.6),
    ];
    let section = if rng.chance(0.5) { Section::new(4.0, 1.0) } else { Section::round() };
    Shape { section, ..shape(&points, (h * 0.12, h * 0.54), (h - 19.2, h), (0.0, 0.0), h) }
}

/// A drinking glass: 0 wine, 1 tumbler, 2 mug, 3 flute, 4 highball.
#[must_use]
pub fn glass(kind: usize, rng: &mut Rng) -> Shape {
    let k = rng.range(0.93, 1.07);
    let points: Vec<(f32, f32)> = match kind {
        0 => vec![
            (0.0, 36.0),
            (1.5, 36.0),
            (4.0, 14.0),
            (9.0, 5.0),
            (40.0, 3.8),
            (86.0, 4.6),
            (95.0, 10.0),
            (112.0, 31.0),
            (140.0, 41.0),
            (165.0, 39.5),
            (205.0, 33.0),
        ],
        1 => vec![(0.0, 33.0), (2.0, 35.0), (8.0, 36.0), (60.0, 39.0), (92.0, 41.0)],
        2 => vec![(0.0, 38.0), (2.0, 41.0), (12.0, 42.0), (30.0, 40.0), (120.0, 39.0), (150.0, 41.0)],
        3 => vec![
            (0.0, 31.0),
            (1.5, 31.0),
            (4.0, 12.0),
            (9.0, 4.6),
            (40.0, 3.6),
            (78.0, 4.6),
            (95.0, 14.0),
            (125.0, 24.0),
            (165.0, 26.0),
            (225.0, 22.0),
        ],
        _ => vec![(0.0, 27.0), (2.0, 29.0), (10.0, 29.5), (80.0, 31.5), (148.0, 34.0)],
    };
    let points: Vec<(f32, f32)> = points.into_iter().map(|(y, r)| (y * k, r * k)).collect();
    let h = points[points.len() - 1].0;
    shape(&points, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), if kind < 1 || kind == 3 { 0.0 } else { h * 0.08 })
}
