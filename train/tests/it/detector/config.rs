//! `detector.yaml`: the shipped one is sound, and every mistake is named.

use std::path::Path;

use train::core::Optimiser;
use train::detector::augment::Augment;
use train::detector::{LossConfig, TrainConfig};
use vision::config::ConfigError;

const MINIMAL: &str = "data: [{root: a}]\n";

fn parse(text: &str) -> Result<TrainConfig, String> {
    let variables = |name: &str| (name == "SHELF_DATA").then(|| "/data".to_owned());
    TrainConfig::parse(text, Path::new("detector.yaml"), &variables).map_err(|error| error.to_string())
}

#[test]
fn the_shipped_file_is_sound_and_states_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/detector.yaml");
    let shipped = TrainConfig::read(&path, &|_| None).expect("it parses");
    assert_eq!(shipped.design.to_string(), "efficientnet_lite0-yolov8n");
    assert_eq!(shipped.data[1].root, Path::new("../shared/data/ayesha-bottle-detection/dev"));
    assert_eq!(shipped.data[1].unlabelled, ["can", "glass", "unknown_container"]);
    assert_eq!(shipped.synthetic.as_ref().map(|synthetic| synthetic.ratio), Some(0.3));
    let minimal = parse(MINIMAL).expect("keys may be left out");
    assert_eq!(shipped.optimiser, Optimiser::default());
    assert_eq!((shipped.augment, shipped.loss), (Augment::default(), LossConfig::default()));
    assert_eq!(shipped.cache, minimal.cache);
    let rest = |c: &TrainConfig| (c.side, c.epochs, c.rules.batch, c.close_mosaic, c.patience, c.workers, c.ahead);
    assert_eq!(rest(&shipped), rest(&minimal));
    assert_eq!((shipped.design, &shipped.device), (minimal.design, &minimal.device));
}

#[test]
fn paths_take_variables() {
    let root = |text: &str| parse(&format!("data: [{{root: \"{text}\"}}]")).map(|c| c.data[0].root.clone());
    assert_eq!(root("${SHELF_DATA}/x").unwrap(), Path::new("/data/x"));
    assert_eq!(root("a/${OTHER:-b}/c").unwrap(), Path::new("a/b/c"));
    assert_eq!(root("plain$").unwrap(), Path::new("plain$"));
    let error = root("${OTHER}/x").unwrap_err();
    assert!(error.contains("data[0].root") && error.contains("environment variable OTHER"), "{error}");
    assert!(root("${SHELF_DATA").unwrap_err().contains("not closed"));
}

#[test]
fn mistakes_are_named() {
    let check = |section: &str, expected: &[&str]| {
        let error = parse(&format!("{MINIMAL}{section}")).expect_err(section);
        for part in ["detector.yaml"].iter().chain(expected) {
            assert!(error.contains(part), "{section:?} should mention {part:?}, but gave: {error}");
        }
    };
    check("imgz: 320", &["no key `imgz`", "did you mean `imgsz`?"]);
    check("augment: {mosiac: 1}", &["no key `mosiac`", "did you mean `mosaic`?"]);
    check("optimizer: {learning_rate: 1}", &["no key `learning_rate`"]);
    check("synthetic: {ratio: 0.5, shelves: 3, look: {facing: [1, 2]}}", &["did you mean `facings`?"]);
    check("imgsz: 650", &["`imgsz` is 650", "multiple of 32"]);
    check("imgsz: 0", &["`imgsz` is 0"]);
    check("epochs: 0", &["`epochs` is 0"]);
    check("batch: 0", &["`batch` is 0"]);
    check("model: resnet", &["`model` is resnet", "yolov8n"]);
    check("name: ../x", &["`name`", "folder"]);
    check("augment: {hsv_s: .nan}", &["`augment.hsv_s` is NaN"]);
    check("augment: {scale: 1}", &["`augment.scale` is 1"]);
    check("optimizer: {lr0: -1}", &["`optimizer.lr0` is -1"]);
    check("optimizer: {name: lion}", &["lion"]);
    check("synthetic: {ratio: 1.5, shelves: 3}", &["`synthetic.ratio` is 1.5"]);
    check("synthetic: {ratio: 0.5, shelves: 0}", &["`synthetic.shelves` is 0"]);
    check("synthetic: {ratio: 0.5, shelves: 2, look: {yaw_deg: 90}}", &["synthetic.look", "yaw_deg is 90"]);
    assert!(parse("data: []").unwrap_err().contains("at least one folder"));
    assert!(parse("epochs: 3").unwrap_err().contains("data"));
    assert!(parse("data: [{root: a, unlabeled: [can]}]").unwrap_err().contains("did you mean `unlabelled`?"));
    let missing = TrainConfig::read(Path::new("nowhere.yaml"), &|_| None);
    assert!(matches!(missing, Err(ConfigError::File(_))));
}

#[test]
fn keys_are_understood_by_their_old_names() {
    let old = "drawn: {share: 0.5, shelves: 3, look: {paste_share: 0.25}}";
    let new = "synthetic: {ratio: 0.5, shelves: 3, look: {paste_ratio: 0.25}}";
    assert_eq!(parse(&format!("{MINIMAL}{old}")).unwrap(), parse(&format!("{MINIMAL}{new}")).unwrap());
    let both = parse(&format!("{MINIMAL}synthetic: {{ratio: 0.5, share: 0.5, shelves: 3}}")).unwrap_err();
    assert!(both.contains("duplicate field"), "{both}");
}

#[test]
fn the_last_epochs_have_no_mosaics() {
    let config = parse(&format!("{MINIMAL}epochs: 5\nclose_mosaic: 2\nworkers: 3\n")).unwrap();
    let mosaic: Vec<bool> = (0..5).map(|epoch| config.loader_options(epoch).mosaic).collect();
    assert_eq!(mosaic, [true, true, true, false, false]);
    assert_eq!(config.loader_options(0).threads, 3);
}
