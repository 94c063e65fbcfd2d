//! How fast a photo becomes network input, and network output becomes boxes: `cargo bench -p vision`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use image::codecs::jpeg::JpegEncoder;
use ndarray::Array3;
use vision::preprocess::Region;
use vision::{BBox, ClassId, DecodeLimits, Detection, NmsOptions, PreprocessPlan, RgbImage, decode, nms};

const WIDTH: u32 = 4000;
const HEIGHT: u32 = 3000;

/// An image with edges, gradients and noise in about the amounts a shelf photo has.
fn test_image() -> RgbImage {
    let mut noise = 0x2545_f491_u32;
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        let facing = (x / 90 + y / 260 * 7) % 11;
        let shade = (x % 90).abs_diff(45) * 2;
        let level = |k: u32| (40 + (facing * k) % 170 + shade + noise % 12).min(255) as u8;
        image::Rgb([level(37), level(91), level(53)])
    })
}

fn encoded(image: &RgbImage) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 88).encode_image(image).expect("memory takes any image");
    file
}

/// As many boxes as a YOLOv8 head gives at 640 x 640, three of them around each of 2,800 objects.
fn detections() -> Vec<Detection> {
    (0..8400_u32)
        .map(|i| {
            let (object, shift) = (i / 3, (i % 3) as f32);
            let (x, y) = ((object % 70) as f32 * 9.0 + shift, (object / 70) as f32 * 16.0);
            let confidence = (i.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32;
            Detection { bbox: BBox::new(x, y, x + 20.0, y + 40.0), class: ClassId((i % 4) as u16), confidence }
        })
        .collect()
}

fn benches(c: &mut Criterion) {
    let image = test_image();
    let file = encoded(&image);
    let limits = DecodeLimits::default();
    c.bench_function("decode a 12 MP JPEG", |b| b.iter(|| decode(black_box(&file), &limits)));

    let plan = PreprocessPlan::yolo(640, 640);
    let whole = Region { x: 0, y: 0, width: WIDTH, height: HEIGHT };
    let mut input = Array3::zeros((3, 640, 640));
    c.bench_function("12 MP -> 640 x 640 input", |b| {
        b.iter(|| plan.apply(black_box(&image), whole, input.view_mut()));
    });

    let boxes = detections();
    let options = NmsOptions { iou: 0.7, class_agnostic: true, max_detections: 300 };
    c.bench_function("NMS of 8,400 boxes", |b| {
        b.iter_batched(|| boxes.clone(), |boxes| nms(boxes, &options), BatchSize::SmallInput);
    });
}

criterion_group! {
    name = group;
    config = Criterion::default().sample_size(20);
    targets = benches
}
criterion_main!(group);
