//! A network that cannot err: it finds rectangles by their colour. What comes out wrong is the fault of everything around it.

use std::collections::BTreeMap;

use detector::anchors::anchor_count;
use detector::{AutoTiling, ClassMap, YoloDetector, YoloSpec};
use ndarray::{ArrayD, ArrayView4, Axis, Ix3};
use vision::{BBox, PreprocessPlan, RgbImage};

use crate::support::StubSession;

/// Side of the network's input.
pub(crate) const SIDE: usize = 320;

/// Rectangles with a side below this, in pixels of the input, are too small to be seen.
pub(crate) const MIN_SIDE: usize = 10;

/// Colours that stay apart from each other and from the grey of the background when their edges blur.
fn color(i: usize) -> [u8; 3] {
    let level = |digit: usize| [0, 85, 170, 255][digit % 4];
    // 61 is coprime to 64: neighbours in the list are far apart in colour.
    let code = (i * 61 + 3) % 64;
    [level(code), level(code / 4), level(code / 16)]
}

/// A photo of rectangles on grey, at most 60.
pub(crate) fn draw(width: u32, height: u32, boxes: &[BBox]) -> RgbImage {
    assert!(boxes.len() <= 60, "colours run out");
    let mut image = RgbImage::from_pixel(width, height, image::Rgb([114; 3]));
    for (i, b) in boxes.iter().enumerate() {
        for y in b.y1 as u32..b.y2 as u32 {
            for x in b.x1 as u32..b.x2 as u32 {
                image.put_pixel(x, y, image::Rgb(color(i)));
            }
        }
    }
    image
}

/// A detector of one class, `box`, that sees what [`draw`] drew. `batch` and `any_size` are what its network takes.
pub(crate) fn detector(batch: Option<usize>, any_size: bool, tiling: AutoTiling) -> YoloDetector {
    let session = StubSession::new(batch, (!any_size).then_some(SIDE), see);
    let spec = YoloSpec {
        name: "oracle@0".to_owned(),
        plan: PreprocessPlan::yolo(SIDE as u32, SIDE as u32),
        stride: 32,
        classes: ClassMap::all(vec!["box".to_owned()]).unwrap(),
        tiling,
    };
    YoloDetector::new(Box::new(session), spec).unwrap()
}

/// What is seen of each colour becomes a box; larger ones are surer.
#[expect(clippy::needless_pass_by_value, reason = "what a stub session asks for")]
fn see(input: ArrayView4<'_, f32>) -> ArrayD<f32> {
    let (batch, _, height, width) = input.dim();
    let anchors = anchor_count(height, width);
    let mut output = ndarray::Array3::<f32>::zeros((batch, 5, anchors));
    for (image, mut out) in input.outer_iter().zip(output.outer_iter_mut()) {
        let at = |y: usize, x: usize| [0, 1, 2].map(|c| (image[[c, y, x]] * 255.0).round() as u8);
        let mut seen: BTreeMap<[u8; 3], [usize; 4]> = BTreeMap::new();
        for y in 0..height {
            for x in 0..width {
                let color = at(y, x);
                let plain = color.iter().all(|level| level % 85 == 0);
                // Colours of blurred edges have no equal around them.
                let inner = plain
                    && [
                        (y.saturating_sub(1), x),
                        ((y + 1).min(height - 1), x),
                        (y, x.saturating_sub(1)),
                        (y, (x + 1).min(width - 1)),
                    ]
                    .into_iter()
                    .filter(|&(v, u)| at(v, u) == color)
                    .count()
                        >= 3;
                if inner {
                    let b = seen.entry(color).or_insert([x, y, x + 1, y + 1]);
                    *b = [b[0].min(x), b[1].min(y), b[2].max(x + 1), b[3].max(y + 1)];
                }
            }
        }
        let mut column = 0;
        for [x1, y1, x2, y2] in seen.into_values() {
            let (w, h) = (x2 - x1, y2 - y1);
            if w < MIN_SIDE || h < MIN_SIDE || column == anchors {
                continue;
            }
            let confidence = 0.5 + 0.4 * ((w * h) as f32).sqrt() / SIDE as f32;
            let (x1, y1, w, h) = (x1 as f32, y1 as f32, w as f32, h as f32);
            for (row, value) in [x1 + w / 2.0, y1 + h / 2.0, w, h, confidence].into_iter().enumerate() {
                out[[row, column]] = value;
            }
            column += 1;
        }
    }
    debug_assert_eq!(output.len_of(Axis(1)), 5);
    output.into_dimensionality::<Ix3>().expect("three axes").into_dyn()
}
