//! Real weights through both engines against golden vectors; loading, and what is refused while loading.

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use classifier::{EmbedderSpec, EngineChoice, LoadError, LoadOptions, NetworkError, SessionEmbedder, import, load};
use engine::{Backbone, ChoiceError, EngineError, InputShape, OrtOptions, Output, Precision, Session, SessionInfo};
use ndarray::{Array2, Array4, ArrayD, ArrayView4, Axis, IxDyn};
use serde::Deserialize;
use vision::model_card::Task;
use vision::preprocess::{Filter, Fit, Region};
use vision::{DecodeLimits, Embedder as _, ModelCard, PreprocessPlan, RgbImage, Sha256, decode};

use crate::support::{Random, close, data_folder};

/// Relative to the length of the vector.
const GOLDEN: f32 = 1e-3;
const WEIGHTS: &str = "weights/efficientnet-lite0-imagenet/efficientnet_lite0_imagenet.onnx";

/// Both engines on the shared weights, or `None` where there are none.
fn both() -> Option<[SessionEmbedder; 2]> {
    let path = data_folder(WEIGHTS)?;
    Some([EngineChoice::OnnxRuntime, EngineChoice::Candle].map(|engine| {
        let embedder = load(&path, &LoadOptions { engine, ..LoadOptions::default() }).unwrap();
        assert_eq!(embedder.dimension(), 1280);
        embedder
    }))
}

fn read(path: &Path) -> RgbImage {
    decode(&fs::read(path).unwrap(), &DecodeLimits::default()).unwrap()
}

/// What the plan makes of the images, (N, 3, H, W).
fn prepared(embedder: &SessionEmbedder, images: &[RgbImage]) -> Array4<f32> {
    let plan = embedder.plan();
    let mut input = Array4::zeros((images.len(), 3, plan.height as usize, plan.width as usize));
    for (image, plane) in images.iter().zip(input.axis_iter_mut(Axis(0))) {
        plan.apply(image, Region::whole(image), plane);
    }
    input
}

fn output(outputs: &[Output], name: &str) -> Array2<f32> {
    let found = outputs.iter().find(|output| output.name == name).unwrap();
    found.array.clone().into_dimensionality().unwrap()
}

fn norm<'a>(values: impl IntoIterator<Item = &'a f32>) -> f32 {
    values.into_iter().map(|v| v * v).sum::<f32>().sqrt()
}

#[derive(Deserialize)]
struct Golden {
    images: std::collections::BTreeMap<String, Vector>,
}

#[derive(Deserialize)]
struct Vector {
    argmax: usize,
    embedding_l2: f32,
    embedding_first8: Vec<f32>,
}

#[test]
fn golden_vectors_are_reproduced() {
    let (Some(engines), Some(data)) = (both(), data_folder("")) else { return };
    let golden = fs::read(data.join(WEIGHTS).with_file_name("golden_embeddings.json")).unwrap();
    let golden: Golden = serde_json::from_slice(&golden).unwrap();
    assert!(!golden.images.is_empty());
    for embedder in &engines {
        for (name, expected) in &golden.images {
            let image = read(&data.join(name));
            let outputs = embedder.session().run(prepared(embedder, &[image]).view()).unwrap();
            let (logits, embedding) = (output(&outputs, "logits"), output(&outputs, "embedding"));
            let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            let what = format!("{name} by {}", embedder.describe());
            assert_eq!(best, expected.argmax, "{what}");
            let length = norm(&embedding);
            close(&[length], &[expected.embedding_l2], GOLDEN * length, &what);
            let first8: Vec<f32> = embedding.iter().take(8).copied().collect();
            close(&first8, &expected.embedding_first8, GOLDEN * length, &what);
        }
    }
}

#[derive(Deserialize)]
struct SyntheticVector {
    size: (u32, u32),
    argmax: usize,
    embedding_l2: f32,
    embedding_every40th: Vec<f32>,
}

/// The image that `fixtures/synthetic_embeddings.py` draws.
fn formula_image((width, height): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let red = (x * x / 97 + y * 2) % 256;
        let green = (x * 3 + y / 20 * 37) % 256;
        let blue = (x / 16 + y / 16) % 2 * 180 + (x + y) % 60;
        image::Rgb([red as u8, green as u8, blue as u8])
    })
}

/// Without a JPEG decoder between the pixels and the answer, only resizing and arithmetic can differ.
#[test]
fn synthetic_images_are_embedded_as_by_pillow_and_python() {
    let Some(engines) = both() else { return };
    let synthetic: Vec<SyntheticVector> =
        serde_json::from_str(include_str!("fixtures/synthetic_embeddings.json")).unwrap();
    for embedder in &engines {
        for expected in &synthetic {
            let outputs = embedder.session().run(prepared(embedder, &[formula_image(expected.size)]).view()).unwrap();
            let (logits, embedding) = (output(&outputs, "logits"), output(&outputs, "embedding"));
            let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            let what = format!("{:?} by {}", expected.size, embedder.describe());
            assert_eq!(best, expected.argmax, "{what}");
            let length = norm(&embedding);
            close(&[length], &[expected.embedding_l2], 1e-3 * length, &what);
            let some: Vec<f32> = embedding.iter().step_by(40).copied().collect();
            close(&some, &expected.embedding_every40th, 1e-3 * length, &what);
        }
    }
}

/// Crops of several sizes that are no photographs.
fn synthetic(count: usize) -> Vec<RgbImage> {
    let mut random = Random::new(7);
    (0..count)
        .map(|at| {
            let color: [u8; 3] = std::array::from_fn(|_| random.below(256) as u8);
            RgbImage::from_fn(40 + 9 * at as u32, 150 - 5 * at as u32, |x, y| {
                let stripe = (x / 7 + y / (5 + at as u32)).is_multiple_of(2);
                image::Rgb(if stripe { color } else { [(x * 3 % 256) as u8, (y * 2 % 256) as u8, 90] })
            })
        })
        .collect()
}

#[test]
fn both_engines_answer_alike() {
    let Some([ort, candle]) = both() else { return };
    let images = synthetic(9);
    let input = prepared(&ort, &images);
    assert_eq!(input, prepared(&candle, &images));
    let (a, b) = (ort.session().run(input.view()).unwrap(), candle.session().run(input.view()).unwrap());
    for name in ["embedding", "logits"] {
        let (a, b) = (output(&a, name), output(&b, name));
        for (a, b) in a.outer_iter().zip(b.outer_iter()) {
            let length = norm(a);
            close(&b.to_vec(), &a.to_vec(), 1e-5 * length, name);
        }
    }
    assert_eq!(ort.fingerprint(), candle.fingerprint(), "one gallery serves both engines");
    assert!(ort.describe().contains("(ONNX Runtime "), "{}", ort.describe());
    assert!(candle.describe().contains("(candle "), "{}", candle.describe());
}

#[test]
fn a_crop_is_embedded_alike_alone_and_among_others() {
    let Some(engines) = both() else { return };
    let images = synthetic(11);
    for embedder in &engines {
        assert!(embedder.embed(&[]).unwrap().is_empty());
        let together = embedder.embed(&images).unwrap();
        assert_eq!(together.len(), images.len());
        for (image, together) in images.iter().zip(&together) {
            let alone = &embedder.embed(std::slice::from_ref(image)).unwrap()[0];
            assert!(alone.cosine(together) > 0.999_99, "{}", embedder.describe());
            assert!((norm(alone.as_slice()) - 1.0).abs() < 1e-5);
        }
        let apart = together[0].cosine(&together[10]);
        assert!(apart < 0.99, "different images differ: {apart}");
    }
}

/// Copies the shared weights to a folder where a card can be put beside them.
fn copied() -> Option<(tempfile::TempDir, PathBuf)> {
    let source = data_folder(WEIGHTS)?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embedder.onnx");
    fs::copy(source, &path).unwrap();
    Some((folder, path))
}

fn card(path: &Path) -> ModelCard {
    ModelCard {
        name: "lite0".to_owned(),
        architecture: "efficientnet_lite0".to_owned(),
        weights: path.file_name().unwrap().to_str().unwrap().to_owned(),
        sha256: Sha256::of_file(path).unwrap(),
        license: "Apache-2.0".to_owned(),
        ..ModelCard::new(Task::Embedder, "efficientnet_lite0".parse::<&dyn Backbone>().unwrap().plan())
    }
}

/// As on a machine where `make setup` was not run.
fn without_ort() -> LoadOptions {
    let ort = OrtOptions { library: Some("/nowhere/libonnxruntime.so".into()), ..OrtOptions::default() };
    LoadOptions { ort, ..LoadOptions::default() }
}

#[test]
fn candle_serves_where_onnx_runtime_is_missing() {
    let Some(path) = data_folder(WEIGHTS) else { return };
    let embedder = load(&path, &without_ort()).unwrap();
    assert!(embedder.describe().contains("candle"), "{}", embedder.describe());
    let strict = LoadOptions { engine: EngineChoice::OnnxRuntime, ..without_ort() };
    let error = load(&path, &strict).err().unwrap().to_string();
    assert!(error.contains("make setup"), "{error}");
}

#[test]
fn imported_weights_serve_with_a_card() {
    let Some(source) = data_folder(WEIGHTS) else { return };
    let imported = import(&source, None).unwrap();
    assert_eq!(imported.backbone.to_string(), "efficientnet_lite0");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lite0.safetensors");
    imported.weights.save(&path, Precision::F16).unwrap();
    let error = load(&path, &LoadOptions::default()).err().unwrap();
    assert!(matches!(error, LoadError::Network { source: NetworkError::NoCard { .. }, .. }), "{error}");
    assert!(error.to_string().contains("lite0.card.json") && error.to_string().contains("shelf models import"));

    ModelCard { embedding_dim: Some(1280), ..card(&path) }.write_beside(&path).unwrap();
    let half = load(&path, &LoadOptions::default()).unwrap();
    assert!(half.describe().starts_with("lite0@"), "{}", half.describe());
    let full = load(&source, &LoadOptions::default()).unwrap();
    assert_ne!(half.fingerprint(), full.fingerprint(), "other weights, another gallery");
    for (a, b) in half.embed(&synthetic(3)).unwrap().iter().zip(&full.embed(&synthetic(3)).unwrap()) {
        assert!(a.cosine(b) > 0.9999, "half precision keeps directions: {}", a.cosine(b));
    }
    let wrong = LoadOptions { engine: EngineChoice::OnnxRuntime, ..LoadOptions::default() };
    assert!(matches!(load(&path, &wrong), Err(LoadError::Choice(ChoiceError::NeedsCandle { .. }))));
}

#[test]
fn the_card_decides_and_the_fingerprint_follows() {
    let Some((_folder, path)) = copied() else { return };
    let fingerprint = |card: ModelCard| {
        card.write_beside(&path).unwrap();
        load(&path, &LoadOptions::default()).unwrap().fingerprint()
    };
    let plain = fingerprint(card(&path));
    assert_eq!(plain, fingerprint(ModelCard { name: "another name".to_owned(), ..card(&path) }));
    let mut darker = card(&path);
    darker.preprocess.mean = [120.0; 3];
    let crop = Some(vision::crop::CropRule { margin: 0.05 });
    let logits = Some("logits".to_owned());
    let others = [
        fingerprint(darker),
        fingerprint(ModelCard { crop, ..card(&path) }),
        fingerprint(ModelCard { embedding_output: logits.clone(), ..card(&path) }),
    ];
    assert!(others.iter().all(|other| *other != plain));
    ModelCard { embedding_output: logits, crop, ..card(&path) }.write_beside(&path).unwrap();
    let embedder = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!((embedder.dimension(), embedder.crop_rule().margin, embedder.output()), (1000, 0.05, "logits"));
}

#[test]
fn cards_that_do_not_fit_are_refused() {
    let Some((_folder, path)) = copied() else { return };
    let check = |card: ModelCard, engine, expected: &[&str]| {
        card.write_beside(&path).unwrap();
        let error = load(&path, &LoadOptions { engine, ..LoadOptions::default() }).err().unwrap();
        let text = error.to_string();
        for part in expected {
            assert!(text.contains(part), "{text:?} should contain {part:?}");
        }
    };
    let auto = EngineChoice::Auto;
    check(ModelCard { task: Task::Detector, ..card(&path) }, auto, &["the task `detector`", "an embedder is needed"]);
    check(
        ModelCard { embedding_dim: Some(512), ..card(&path) },
        auto,
        &["answers 1280", "card says 512", "embedding_dim"],
    );
    let output = Some("features".to_owned());
    check(
        ModelCard { embedding_output: output, ..card(&path) },
        auto,
        &["no output \"features\"", "embedding [1, 1280]"],
    );
    let mut small = card(&path);
    small.preprocess.width = 160;
    check(small, auto, &["224x224", "160x224", "`preprocess`"]);
    let b0 = ModelCard { architecture: "efficientnet_b0".to_owned(), ..card(&path) };
    check(b0, EngineChoice::Candle, &["says efficientnet_b0", "are efficientnet_lite0"]);
    let unknown = ModelCard { architecture: "resnet50".to_owned(), ..card(&path) };
    check(unknown.clone(), EngineChoice::Candle, &["\"resnet50\" is not known", "efficientnet_lite0"]);
    // ONNX Runtime does not care what the network is called.
    unknown.write_beside(&path).unwrap();
    assert!(load(&path, &LoadOptions::default()).is_ok());
    let other = ModelCard { sha256: Sha256::of(b"other"), ..card(&path) };
    check(other, auto, &["does not match its card", "shelf models import"]);
    fs::write(ModelCard::path_for(&path), b"{").unwrap();
    let error = load(&path, &LoadOptions::default()).err().unwrap().to_string();
    assert!(error.contains("is not a model card"), "{error}");
}

#[test]
fn files_that_are_no_embedder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let check = |path: &Path, expected: &[&str]| {
        for options in [LoadOptions::default(), without_ort()] {
            let text = load(path, &options).err().unwrap().to_string();
            for part in expected {
                assert!(text.contains(part), "{text:?} should contain {part:?}");
            }
        }
    };
    check(&write("embedder.pth", b"PK"), &["neither an .onnx, nor a .safetensors", "shelf models import"]);
    check(&folder.path().join("missing.onnx"), &["missing.onnx"]);
    check(&write("empty.onnx", b""), &["empty.onnx"]);
    check(&write("text.onnx", b"this is no network"), &["text.onnx"]);
    check(&write("text.safetensors", b"this is no network"), &["text.safetensors"]);
    let Some(source) = data_folder(WEIGHTS) else { return };
    let sound = fs::read(source).unwrap();
    check(&write("cut.onnx", &sound[..sound.len() / 2]), &["cut.onnx"]);
    let Some(detector) = data_folder("weights/yolov8n-coco") else { return };
    let onnx = fs::read_dir(detector).unwrap().map(|entry| entry.unwrap().path());
    for path in onnx.filter(|path| path.extension().is_some_and(|extension| extension == "onnx")) {
        check(&path, &["nothing says how images are prepared", "card.json"]);
    }
}

/// Name, shape and values of every output.
type Answer = fn(ArrayView4<'_, f32>) -> Vec<(&'static str, Vec<usize>, Vec<f32>)>;

/// A network of one's own making: answers what a function makes of the input.
struct Scripted {
    info: SessionInfo,
    answer: Answer,
    batches: Arc<Mutex<Vec<usize>>>,
}

impl Session for Scripted {
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    fn run(&self, input: ArrayView4<'_, f32>) -> Result<Vec<Output>, EngineError> {
        self.info.input.check(&input)?;
        self.batches.lock().unwrap().push(input.dim().0);
        let outputs = (self.answer)(input).into_iter();
        let output = |(name, shape, values): (&str, Vec<usize>, Vec<f32>)| Output {
            name: name.to_owned(),
            array: ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap(),
        };
        Ok(outputs.map(output).collect())
    }
}

fn scripted(batch: Option<usize>, preferred_batch: usize, answer: Answer) -> Scripted {
    let info = SessionInfo {
        engine: "script",
        version: "1".to_owned(),
        provider: "CPU".to_owned(),
        input: InputShape { batch, channels: 3, height: None, width: None },
        outputs: Vec::new(),
        metadata: Default::default(),
        parallelism: 3,
        preferred_batch,
    };
    Scripted { info, answer, batches: Arc::default() }
}

fn spec(output: Option<&str>) -> EmbedderSpec {
    EmbedderSpec {
        name: "script".to_owned(),
        weights: Sha256::of(b"script"),
        plan: PreprocessPlan {
            width: 4,
            height: 4,
            fit: Fit::Stretch,
            filter: Filter::Bilinear,
            pad: 0,
            mean: [0.0; 3],
            std: [255.0; 3],
        },
        crop: Default::default(),
        output: output.map(str::to_owned),
        dimension: None,
    }
}

/// The colour of the first pixel, plus one so that black has a direction.
#[expect(clippy::needless_pass_by_value, reason = "an `Answer` takes its input by value")]
fn colors(input: ArrayView4<'_, f32>) -> Vec<f32> {
    input.outer_iter().flat_map(|image| (0..3).map(move |c| image[[c, 0, 0]] + 1.0).collect::<Vec<_>>()).collect()
}

#[test]
fn crops_are_spread_over_runs_and_stay_in_order() {
    let images: Vec<RgbImage> =
        (0..23).map(|at| RgbImage::from_pixel(5, 5, image::Rgb([at * 11, 255 - at * 11, 7]))).collect();
    for (batch, preferred, largest) in [(None, 4, 4), (None, 100, 8), (Some(1), 8, 1), (Some(5), 1, 5)] {
        let session = scripted(batch, preferred, |input| vec![("v", vec![input.dim().0, 3], colors(input))]);
        let batches = Arc::clone(&session.batches);
        let embedder = SessionEmbedder::new(Box::new(session), spec(None)).unwrap();
        batches.lock().unwrap().clear();
        for (image, embedding) in images.iter().zip(embedder.embed(&images).unwrap()) {
            let expected: Vec<f32> = image[(0, 0)].0.iter().map(|&v| f32::from(v) / 255.0 + 1.0).collect();
            let length = norm(&expected);
            let expected: Vec<f32> = expected.iter().map(|v| v / length).collect();
            close(embedding.as_slice(), &expected, 1e-6, "order");
        }
        let batches = batches.lock().unwrap();
        assert_eq!(batches.iter().max(), Some(&largest), "{batch:?} {preferred}: {batches:?}");
        assert!(batch.is_none_or(|fixed| batches.iter().all(|&size| size == fixed)), "{batches:?}");
    }
}

#[test]
fn the_embedding_is_found_by_name_or_shape() {
    type Answer = fn(ArrayView4<'_, f32>) -> Vec<(&'static str, Vec<usize>, Vec<f32>)>;
    let choose = |answer: Answer, output: Option<&str>| {
        SessionEmbedder::new(Box::new(scripted(None, 1, answer)), spec(output))
            .map(|embedder| (embedder.output().to_owned(), embedder.dimension()))
            .map_err(|error| error.to_string())
    };
    let two: Answer = |_| vec![("logits", vec![1, 2], vec![1.0; 2]), ("Embeddings", vec![1, 3], vec![1.0; 3])];
    assert_eq!(choose(two, None), Ok(("Embeddings".to_owned(), 3)));
    assert_eq!(choose(two, Some("logits")), Ok(("logits".to_owned(), 2)));
    assert!(choose(two, Some("pooled")).unwrap_err().contains("no output \"pooled\""));
    let map: Answer = |_| vec![("map", vec![1, 3, 2, 2], vec![1.0; 12]), ("pooled", vec![1, 3, 1, 1], vec![1.0; 3])];
    assert_eq!(choose(map, None), Ok(("pooled".to_owned(), 3)));
    let unclear: Answer = |_| vec![("a", vec![1, 2], vec![1.0; 2]), ("b", vec![1, 3], vec![1.0; 3])];
    let error = choose(unclear, None).unwrap_err();
    assert!(error.contains("a [1, 2], b [1, 3]") && error.contains("embedding_output"), "{error}");
    let nothing: Answer = |_| vec![("map", vec![1, 3, 2, 2], vec![1.0; 12])];
    assert!(choose(nothing, None).unwrap_err().contains("map [1, 3, 2, 2]"));
    let short: Answer = |_| vec![("v", vec![2, 3], vec![1.0; 6])];
    assert!(choose(short, None).is_err(), "two vectors for one image");
}

#[test]
fn answers_that_are_no_embedding_are_errors() {
    let image = [RgbImage::from_pixel(4, 4, image::Rgb([255, 0, 0]))];
    type Answer = fn(ArrayView4<'_, f32>) -> Vec<(&'static str, Vec<usize>, Vec<f32>)>;
    let check = |answer: Answer, expected: &str| {
        let embedder = SessionEmbedder::new(Box::new(scripted(None, 1, answer)), spec(None)).unwrap();
        let error = embedder.embed(&image).unwrap_err();
        let text = format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
        assert!(text.contains(expected), "{text}");
    };
    // Grey passes the check while loading; red does not.
    check(
        |input| vec![("v", vec![1, 2], vec![1.0, if input[[0, 0, 0, 0]] > 0.5 { f32::NAN } else { 0.0 }])],
        "not a finite",
    );
    check(|input| vec![("v", vec![1, 2], vec![if input[[0, 0, 0, 0]] > 0.5 { 0.0 } else { 1.0 }; 2])], "zero length");
    check(
        |input| {
            let n = if input[[0, 0, 0, 0]] > 0.5 { 3 } else { 2 };
            vec![("v", vec![1, n], vec![1.0; n])]
        },
        "expected 1 vectors of 2 components",
    );
}
