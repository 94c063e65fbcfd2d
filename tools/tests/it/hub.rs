//! Weights named `hf://...` on the command line. The hub itself is stood in for in `engine/tests/it/hub`; here the cache is all
//! there is.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};

use crate::shelf::{Workplace, data, stderr, stdout};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// `shelf arguments` where the hub may not be asked.
fn offline(place: &Workplace, arguments: &[&str]) -> Output {
    let mut command: Command = place.command(arguments);
    command.env("HF_HUB_CACHE", place.path("hub")).env("HF_HUB_OFFLINE", "1").env_remove("HF_ENDPOINT");
    command.output().expect("the binary runs")
}

/// Puts a copy of `file` into the cache as `hf://o/r/name`.
fn keep(place: &Workplace, file: &Path, name: &str) {
    let repository = place.path("hub/models--o--r");
    let snapshot = repository.join("snapshots").join(COMMIT);
    for folder in [&snapshot, &repository.join("refs")] {
        fs::create_dir_all(folder).expect("writable");
    }
    fs::copy(file, snapshot.join(name)).expect("writable");
    fs::write(repository.join("refs/main"), COMMIT).expect("writable");
}

/// Two SKUs of one colour each, in images of a little noise.
fn images(place: &Workplace) {
    for (sku, colour) in [("red", [200, 30, 30]), ("blue", [30, 30, 200])] {
        let folder = place.path("skus").join(sku);
        fs::create_dir_all(&folder).expect("writable");
        for number in 0..4_u32 {
            let image = RgbImage::from_fn(48, 48, |x, y| {
                Rgb(colour.map(|value: u8| value + ((x * 7) ^ (y * 3) ^ (number * 11)) as u8 % 24))
            });
            image.save(folder.join(format!("{number}.png"))).expect("writable");
        }
    }
}

fn config(place: &Workplace, backbone: &str, weights: &str) {
    let text = format!("backbone: {backbone}\nweights: {weights}\nimage_size: 64\ndata: [{{root: skus, val: 0.5}}]\n");
    fs::write(place.path("c.yaml"), text).expect("writable");
}

#[test]
fn what_cannot_be_had_is_told_with_its_remedy() {
    let place = Workplace::empty();
    images(&place);
    let cached = ["train", "classifier", "--config", "c.yaml", "--validate", "start"];
    let exported =
        ["train", "classifier", "--export-embeddings", "--data-path", "skus", "--output-dir", "gallery", "--weights"];
    for (backbone, weights, part) in [
        ("efficientnet_b2", "hf://timm/efficientnet_b2.ra_in1k", "HF_HUB_OFFLINE"),
        ("efficientnet_b2", "hf://timm/tf_efficientnet_b2.in1k", "take tf_efficientnet_b2 as the backbone"),
        ("tf_efficientnet_b2", "hf://timm/efficientnet_b2.ra_in1k", "begins with tf_"),
        ("efficientnet_b2", "hf://timm/../../b2", "hf://OWNER/REPO"),
    ] {
        config(&place, backbone, weights);
        let output = offline(&place, &cached);
        let message = stderr(&output);
        assert!(!output.status.success() && message.contains(weights) && message.contains(part), "{message}");
    }
    for (weights, part) in [("hf://o/r", "HF_HUB_OFFLINE"), ("hf://o", "hf://OWNER/REPO")] {
        let message = stderr(&offline(&place, &[&exported[..], &[weights]].concat()));
        assert!(message.contains(weights) && message.contains(part), "{message}");
        let message = stderr(&offline(&place, &["models", "import", weights, "--license", "Apache-2.0"]));
        assert!(message.contains(weights) && message.contains(part), "{message}");
    }
    keep(&place, &place.path("skus/red/0.png"), "model.safetensors");
    let message = stderr(&offline(&place, &[&exported[..], &["hf://o/r"]].concat()));
    assert!(message.contains("shelf models import hf://o/r"), "{message}");
}

#[test]
fn weights_in_the_cache_are_started_from_and_brought_in() {
    let Some(weights) = data("weights/efficientnet-lite0-imagenet/efficientnet-lite0-57934424.pth") else { return };
    let place = Workplace::empty();
    images(&place);
    keep(&place, &weights, "pytorch_model.bin");
    config(&place, "efficientnet_lite0", "hf://o/r");
    let output = offline(&place, &["train", "classifier", "--config", "c.yaml", "--validate", "start"]);
    assert!(stdout(&output).contains("top1,1.0000"), "{}{}", stdout(&output), stderr(&output));

    let output = offline(&place, &["models", "import", "hf://o/r", "--license", "Apache-2.0"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        place.path("models/classifier/r.safetensors").is_file()
            && place.path("models/classifier/r.card.json").is_file()
    );
}
