//! Which colour stands for which SKU.

use std::collections::BTreeMap;

use vision::SkuId;

/// The colours of Okabe and Ito (2008) and, after them, of Tol's qualitative schemes (2021), both made to be told apart by
/// colour-blind people too; neighbours in this list differ most. Greys and dark reds are left to [`UNKNOWN`].
const COLORS: [[u8; 3]; 16] = [
    [0, 114, 178],   // blue
    [230, 159, 0],   // orange
    [0, 158, 115],   // bluish green
    [204, 121, 167], // reddish purple
    [240, 228, 66],  // yellow
    [86, 180, 233],  // sky blue
    [213, 94, 0],    // vermilion
    [51, 34, 136],   // indigo
    [153, 153, 51],  // olive
    [170, 51, 119],  // purple
    [187, 204, 51],  // pear
    [17, 119, 51],   // green
    [255, 170, 187], // pink
    [119, 170, 221], // light blue
    [136, 34, 85],   // wine
    [68, 187, 153],  // mint
];

/// Greyish red: of no enrolled SKU.
pub(super) const UNKNOWN: [u8; 3] = [168, 84, 84];

/// Colours of the SKUs of one photo. A SKU's own colour follows from its number alone; where two SKUs of the photo share
/// one, the higher number moves on to the next that is free. With more SKUs than colours, colours repeat, and the numbers
/// in the boxes tell their SKUs apart.
pub(super) fn assign(skus: &[SkuId]) -> BTreeMap<SkuId, [u8; 3]> {
    let own = |sku: SkuId| sku.0 as usize % COLORS.len();
    let mut sorted = skus.to_vec();
    sorted.sort();
    sorted.dedup();
    let mut taken = [false; COLORS.len()];
    let mut colors = BTreeMap::new();
    let mut homeless = Vec::new();
    for sku in sorted {
        if taken[own(sku)] {
            homeless.push(sku);
        } else {
            taken[own(sku)] = true;
            colors.insert(sku, COLORS[own(sku)]);
        }
    }
    for sku in homeless {
        let free = (0..COLORS.len()).map(|step| (own(sku) + step) % COLORS.len()).find(|&at| !taken[at]);
        let at = free.unwrap_or(own(sku));
        taken[at] = true;
        colors.insert(sku, COLORS[at]);
    }
    colors
}

/// Black or white, whichever is easier to read on `background`.
pub(super) fn ink(background: [u8; 3]) -> [u8; 3] {
    const BLACK: [u8; 3] = [16, 16, 16];
    const WHITE: [u8; 3] = [255; 3];
    if contrast(background, BLACK) >= contrast(background, WHITE) { BLACK } else { WHITE }
}

/// Contrast ratio, 1 to 21 (WCAG 2.1, relative luminance of sRGB).
pub(super) fn contrast(a: [u8; 3], b: [u8; 3]) -> f32 {
    let luminance = |[r, g, b]: [u8; 3]| {
        let linear = |v: u8| {
            let v = f32::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_keeps_its_color_whatever_else_is_there() {
        let alone = assign(&[SkuId(5)]);
        let ids: Vec<SkuId> = (0..16).map(SkuId).collect();
        assert_eq!(alone[&SkuId(5)], assign(&ids)[&SkuId(5)]);
        let mut turned = ids.clone();
        turned.reverse();
        assert_eq!(assign(&ids), assign(&turned));
    }

    #[test]
    fn no_two_skus_share_a_color_while_colors_last() {
        // 3, 19 and 35 all want the same one.
        let ids: Vec<SkuId> = [3, 19, 35, 4, 20, 7, 1_000_003, u32::MAX].into_iter().map(SkuId).collect();
        let colors = assign(&ids);
        let mut distinct: Vec<_> = colors.values().collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(colors[&SkuId(4)], assign(&[SkuId(4)])[&SkuId(4)], "a newcomer does not push others away");
        assert_eq!(assign(&(0..100).map(SkuId).collect::<Vec<_>>()).len(), 100);
    }

    #[test]
    fn ink_is_readable_on_every_color() {
        for color in COLORS.into_iter().chain([UNKNOWN]) {
            assert!(contrast(color, ink(color)) >= 4.5, "{color:?}");
        }
    }
}
