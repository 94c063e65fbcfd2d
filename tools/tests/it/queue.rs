//! `shelf queue` and `shelf gallery rebuild` over a real store: what waits goes out, labels come in, training sets come of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use classifier::EmbedderIdentity;
use classifier::gallery::{GalleryData, NewExemplar, snapshot};
use review::LiveGallery;
use serde_json::Value;
use store::model::{NewItem, NewRecognition, new_id};
use store::{Reason, Store, StoreSettings};
use vision::fakes::MeanColorEmbedder;
use vision::{BBox, Embedder, Embedding, Sha256, SkuId};

use crate::shelf::Workplace;

/// A folder with a gallery of two SKUs, and a queue of items that nobody has answered.
struct Queue {
    place: Workplace,
    items: Vec<String>,
}

fn jpeg(side: u32, shade: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_pixel(side, side, image::Rgb([shade; 3]));
    image.write_to(&mut bytes, image::ImageFormat::Jpeg).expect("a JPEG");
    bytes.into_inner()
}

impl Queue {
    fn new(count: u8) -> Self {
        let place = Workplace::empty();
        place.write_config(Path::new("detector.onnx"), Path::new("embedder.onnx"));
        let mut data = GalleryData::new("drinks", EmbedderIdentity::of(&MeanColorEmbedder));
        for (code, embedding) in [("cola", [1.0, 0.0, 0.0]), ("tea", [0.0, 1.0, 0.0])] {
            let sku = data.add_sku(code, code).expect("a new code");
            let embedding = Embedding::normalized(embedding.to_vec()).expect("a direction");
            let (origin, sha256) = (format!("{code}/1.jpg"), Sha256::of(code.as_bytes()));
            data.add(vec![NewExemplar { sku, origin, sha256, embedding }]).expect("added");
        }
        snapshot::write(&mut data, &place.path("gallery")).expect("written");
        let settings = settings(&place);
        let items = runtime().block_on(async {
            let store = Store::open(&settings).await.expect("opened");
            store.adopt(LiveGallery::enrolled(&data)).await.expect("adopted");
            let items = (0..count).map(item).collect();
            let items = store.enqueue(recognition(), items, Vec::new()).await.expect("queued").items;
            store.close().await;
            items
        });
        Self { place, items }
    }

    fn shelf(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let settings = settings(&self.place);
        let mut command = self.place.command(arguments);
        command.env("DATABASE_URL", settings.database.expose()).env("OBJECTS_URL", settings.objects);
        command
    }

    /// What it prints; it must not fail.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.shelf(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

fn settings(place: &Workplace) -> StoreSettings {
    StoreSettings {
        database: format!("sqlite:{}", place.path("shelf.db").display()).into(),
        objects: place.path("objects").display().to_string(),
        ..StoreSettings::default()
    }
}

fn recognition() -> NewRecognition {
    NewRecognition {
        request_id: "request".to_owned(),
        detector: "detector".to_owned(),
        embedder: "embedder".to_owned(),
        gallery: "gallery".to_owned(),
        width: 200,
        height: 100,
        facings: 4,
        ambiguous: 0,
        unknown: 4,
        total_ms: 1.0,
        photo: (jpeg(64, 9).into(), "image/jpeg"),
        release: None,
        arm: None,
    }
}

/// The most urgent first.
fn item(number: u8) -> NewItem {
    let left = f32::from(number) * 20.0;
    NewItem {
        id: new_id(),
        facing: u32::from(number),
        class: "bottle".to_owned(),
        confidence: 0.9,
        bbox: BBox::new(left, 10.0, left + 20.0, 60.0),
        decision: "unknown",
        sku: Some(SkuId(1)),
        similarity: 0.4,
        margin: 0.1,
        candidates: vec![(SkuId(1), 0.4), (SkuId(2), 0.3)],
        crop: jpeg(16, 20 * number).into(),
        embedder: MeanColorEmbedder.fingerprint(),
        embedding: vec![0.6, 0.8, 0.0],
        image_hash: None,
        reasons: vec![Reason::Unknown],
        uncertainty: 1.0 / (1.0 + f32::from(number)),
        facings: 1,
    }
}

/// Paths of all files below a folder, relative.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a folder").flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).expect("below").to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_waits_goes_out_and_labels_made_elsewhere_come_back_once() {
    let queue = Queue::new(4);
    let list = queue.says(&["queue", "list"]);
    let order: Vec<_> = queue.items.iter().map(|item| list.find(item.as_str()).expect("listed")).collect();
    assert!(order.is_sorted(), "the most urgent first: {list}");

    assert!(queue.says(&["queue", "export", "tasks", "--format", "tasks"]).starts_with("4 items that wait"));
    let mut expected: Vec<_> = queue.items.iter().map(|item| format!("{item}.jpg")).collect();
    expected.push("tasks.json".to_owned());
    expected.sort();
    assert_eq!(files(&queue.place.path("tasks")), expected);
    let tasks: Value =
        serde_json::from_slice(&fs::read(queue.place.path("tasks/tasks.json")).expect("there")).expect("JSON");
    assert_eq!(tasks[0]["data"]["item"], queue.items[0].as_str());

    // One program each.
    let [a, b, c, d] = queue.items.as_slice() else { panic!("four items") };
    let cvat = format!(
        r#"<annotations><image id="0" name="{a}.jpg" width="16" height="16"><tag label="tea" source="manual"/></image></annotations>"#
    );
    let studio = format!(
        r#"[{{"data": {{"item": "{b}"}}, "annotations": [{{"result": [{{"value": {{"choices": ["not_a_container"]}}}}]}}]}}]"#
    );
    let csv = format!("item,kind,sku\n{c},new_sku,Milk\n{d},sku,nowhere\n");
    for (file, text, taken) in [
        ("cvat.xml", cvat, "1 labels taken, 0 refused"),
        ("studio.json", studio, "1 labels taken, 0 refused"),
        ("lines.csv", csv, "1 labels taken, 1 refused"),
    ] {
        fs::write(queue.place.path(file), text).expect("writable");
        for _ in 0..2 {
            assert_eq!(queue.says(&["queue", "import", file]).trim(), taken, "{file}");
        }
    }
    let stats = queue.says(&["queue", "stats"]);
    assert!(stats.contains("open 1, conflict 0, labelled 3"), "{stats}");
    assert!(stats.contains("labels in the last hour: 3"), "the second time nothing was written: {stats}");
    let refused = queue.shelf(&["queue", "import", "labels.txt"]);
    assert!(!refused.status.success());
}

#[test]
fn training_sets_name_the_label_behind_each_sample_and_keep_photos_together() {
    let queue = Queue::new(4);
    let [a, b, c, _] = queue.items.as_slice() else { panic!("four items") };
    queue.says(&["queue", "label", a, "--sku", "cola", "--reviewer", "ann"]);
    queue.says(&["queue", "label", b, "--not-a-container"]);
    queue.says(&["queue", "label", c, "--new-sku", "Milk"]);
    queue.says(&["queue", "label", c, "--undo"]);
    queue.says(&["queue", "label", c, "--cannot-tell"]);

    assert!(queue.says(&["queue", "export", "crops"]).starts_with("2 labels written"));
    let crops = files(&queue.place.path("crops"));
    let part = crops.iter().find_map(|file| file.strip_suffix(&format!("/cola/{a}.jpg"))).expect("the crop").to_owned();
    assert!(crops.contains(&format!("{part}/_not_a_container/{b}.jpg")), "one photo, one part: {crops:?}");
    let provenance = fs::read_to_string(queue.place.path("crops/provenance.csv")).expect("there");
    assert!(provenance.lines().any(|line| line.starts_with(a.as_str()) && line.contains(",ann,")), "{provenance}");

    for format in ["yolo", "coco"] {
        queue.says(&["queue", "export", format, "--format", format]);
        let version = |folder: &str| {
            let text = fs::read(queue.place.path(folder).join("export.json")).expect("there");
            serde_json::from_slice::<Value>(&text).expect("JSON")["version"].clone()
        };
        assert_eq!(version(format), version("crops"), "the same labels are the same version");
    }
    let yolo = files(&queue.place.path("yolo"));
    let labels = yolo.iter().find(|file| file.starts_with("labels/")).expect("labels");
    let text = fs::read_to_string(queue.place.path("yolo").join(labels)).expect("there");
    assert_eq!(text.trim(), "0 0.050000 0.350000 0.100000 0.500000", "what is no container has no box");
    let coco = fs::read(queue.place.path("coco").join(format!("annotations_{part}.json"))).expect("there");
    let coco: Value = serde_json::from_slice(&coco).expect("JSON");
    assert_eq!(coco["annotations"][0]["sku"], "cola");
    let again = queue.shelf(&["queue", "export", "crops"]);
    assert!(!again.status.success(), "a folder that is not empty is left alone");
}

#[test]
fn the_gallery_is_built_from_labels_bit_for_bit() {
    let queue = Queue::new(3);
    let [a, b, c] = queue.items.as_slice() else { panic!("three items") };
    queue.says(&["queue", "label", a, "--sku", "tea"]);
    queue.says(&["queue", "label", b, "--new-sku", "Milk"]);
    queue.says(&["queue", "label", c, "--not-a-container"]);
    let first = queue.says(&["gallery", "rebuild", "--from-store", "--to", "one"]);
    assert!(first.contains("5 exemplars"), "{first}");
    queue.says(&["gallery", "rebuild", "--from-store", "--to", "two"]);
    for file in ["embeddings.npy", "exemplars.json"] {
        let read = |folder: &str| {
            let folder = queue.place.path(folder);
            let found = files(&folder).into_iter().find(|found| found.ends_with(file)).expect(file);
            fs::read(folder.join(found)).expect("there")
        };
        assert!(read("one") == read("two"), "{file} differs");
    }
    // What a server follows is the same.
    let settings = settings(&queue.place);
    let served = runtime().block_on(async {
        let store = Store::open(&settings).await.expect("opened");
        let mut live = LiveGallery::new(
            "drinks",
            EmbedderIdentity::of(&MeanColorEmbedder),
            classifier::gallery::IndexOptions::default(),
        );
        live.apply(&store.changes_since(0, live.embedder()).await.expect("changes")).expect("it fits");
        let mut data = live.data().clone();
        data.seal();
        data.digest().expect("sealed").to_string()
    });
    assert!(first.contains(&served), "{first} but {served} is served");
    queue.says(&["queue", "label", b, "--undo"]);
    assert!(queue.says(&["gallery", "rebuild", "--from-store", "--to", "three"]).contains("4 exemplars"));
}

/// Codes often are article numbers: a bare number is a code wherever a SKU is named, and a number has to be asked for.
#[test]
fn a_code_that_is_a_number_is_never_taken_for_another_skus_number() {
    let queue = Queue::new(6);
    let [a, b, c, d, e, f] = queue.items.as_slice() else { panic!("six items") };
    // Number 3, code 1: where cola has the number 1.
    assert!(queue.says(&["queue", "label", a, "--new-sku", "1"]).contains("(1)"));
    assert!(queue.says(&["queue", "label", b, "--sku", "1"]).contains("sku (1)"));
    assert!(queue.says(&["queue", "label", c, "--sku", "#1"]).contains("sku (cola)"));
    let refused = queue.shelf(&["queue", "label", d, "--sku", "2"]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("there is no SKU \"2\"") && said.contains("written #2"), "{said}");

    let studio = format!(
        r#"[{{"data": {{"item": "{d}"}}, "annotations": [{{"result": [{{"value": {{"choices": ["1"]}}}}]}}]}},
            {{"data": {{"item": "{f}"}}, "annotations": [{{"was_cancelled": true, "result": [{{"value": {{"choices": ["cola"]}}}}]}}]}}]"#
    );
    fs::write(queue.place.path("lines.csv"), format!("\u{feff}item;sku\r\n{e};1\r\n")).expect("writable");
    fs::write(queue.place.path("studio.json"), studio).expect("writable");
    for file in ["lines.csv", "studio.json"] {
        assert_eq!(queue.says(&["queue", "import", file]).trim(), "1 labels taken, 0 refused", "{file}");
    }
    queue.says(&["queue", "export", "crops"]);
    let crops = files(&queue.place.path("crops"));
    let of = |sku: &str| crops.iter().filter(|file| file.contains(&format!("/{sku}/"))).count();
    assert_eq!((of("1"), of("cola")), (4, 1), "{crops:?}");

    // What trainers are told is there, wherever they are started.
    queue.says(&["queue", "export", "yolo", "--format", "yolo"]);
    let yaml = fs::read_to_string(queue.place.path("yolo/data.yaml")).expect("there");
    assert!(!yaml.contains("path:"), "{yaml}");
    for line in yaml.lines().filter(|line| line.contains(": images/")) {
        let folder = line.split([' ', '#']).nth(1).expect("a folder");
        assert!(queue.place.path("yolo").join(folder).is_dir(), "{line}");
    }
}
