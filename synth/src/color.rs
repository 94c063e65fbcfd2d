//! Colours. Artwork is painted in sRGB; light is computed in linear numbers.

/// Red, green, blue as painted (sRGB, `0..=1`), or linear light where the name says so.
pub type Rgb = [f32; 3];

/// `0xrrggbb` as a colour.
#[must_use]
pub const fn hex(rgb: u32) -> Rgb {
    [(rgb >> 16 & 255) as f32 / 255.0, (rgb >> 8 & 255) as f32 / 255.0, (rgb & 255) as f32 / 255.0]
}

/// Between two colours.
#[must_use]
pub fn mix(a: Rgb, b: Rgb, fraction: f32) -> Rgb {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * fraction)
}

/// Every channel times a factor.
#[inline]
#[must_use]
pub fn scale(a: Rgb, factor: f32) -> Rgb {
    a.map(|v| v * factor)
}

/// Channel by channel.
#[inline]
#[must_use]
pub fn times(a: Rgb, b: Rgb) -> Rgb {
    std::array::from_fn(|i| a[i] * b[i])
}

/// Perceived brightness of a painted colour.
#[must_use]
pub fn luma(c: Rgb) -> f32 {
    0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]
}

/// sRGB -> linear light (IEC 61966-2-1).
#[must_use]
pub fn to_linear(v: f32) -> f32 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// A painted colour as linear light.
#[must_use]
pub fn linear(c: Rgb) -> Rgb {
    c.map(to_linear)
}

/// Linear light -> sRGB.
#[must_use]
pub fn to_srgb(v: f32) -> f32 {
    if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

/// From hue (turns), saturation and value.
#[must_use]
pub fn hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    let channel = |shift: f32| {
        let k = (shift + hue.rem_euclid(1.0) * 6.0).rem_euclid(6.0);
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// 0 below `low`, 1 above `high`, smooth between; also falls when `high < low`.
#[inline(always)]
#[must_use]
pub fn smoothstep(low: f32, high: f32, v: f32) -> f32 {
    // Between constants, the division is done while compiling.
    let t = ((v - low) * (1.0 / (high - low))).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srgb_round_trip() {
        for step in 0..=100 {
            let v = step as f32 / 100.0;
            assert!((to_srgb(to_linear(v)) - v).abs() < 1e-4, "{v}");
        }
    }

    #[test]
    fn hues() {
        assert_eq!(hsv(0.0, 1.0, 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(hsv(1.0 / 3.0, 1.0, 1.0).map(f32::round), [0.0, 1.0, 0.0]);
        assert_eq!(hsv(0.3, 0.0, 0.5), [0.5; 3]);
        assert_eq!(hex(0xff8000), [1.0, 128.0 / 255.0, 0.0]);
    }
}
