//! `classifier.yaml`: the shipped one is sound, and every mistake is named.

use std::path::Path;

use train::classifier::{MarginKind, TrainConfig};

fn parse(text: &str) -> Result<TrainConfig, String> {
    let text = format!("data: [{{root: a}}]\n{text}");
    TrainConfig::parse(&text, Path::new("classifier.yaml"), &|_| None).map_err(|error| error.to_string())
}

#[test]
fn the_shipped_configuration_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/classifier.yaml");
    let config = TrainConfig::read(&path, &|_| None).unwrap();
    assert_eq!(config.head.kind, MarginKind::ArcFace);
    assert_eq!(config.dimension, 512);
    assert_eq!(
        (config.data_sets[0].name.as_str(), config.data_sets[0].license.as_str()),
        ("grocerystore-packages", "MIT")
    );
}

#[test]
fn the_keys_of_the_first_release_are_understood() {
    let config = parse(
        "backbone: efficientnet_b2\nembedding_dim: 512\nmetric_head: {type: arcface, margin: 0.5, scale: 64}\n\
         min_images_per_sku: 300\nhard_negative_mining: {enabled: true}\ntargets: {top1_accuracy_min: 0.93}\n",
    )
    .unwrap();
    assert_eq!((config.backbone.to_string().as_str(), config.side), ("efficientnet_b2", 260));
    assert!(config.hard_negatives && !config.min_images_gate);
    assert_eq!((config.head.margin, config.head.scale, config.head.sub_centers), (0.5, 64.0, 1));
    let config = parse("metric_head: {type: subcenter_arcface, sub_centers: 4}").unwrap();
    assert_eq!((config.head.kind, config.head.sub_centers), (MarginKind::ArcFace, 4));
    assert_eq!(parse("metric_head: {type: cosface, margin: 0.35}").unwrap().head.kind, MarginKind::CosFace);
}

#[test]
fn keys_are_understood_by_their_old_names() {
    let old = "start_share: 0.2\nheld_out: {share: 0.25}\nhard_negative_mining: {share: 0.75, rivals: 7}";
    let new = "start_ratio: 0.2\nheld_out: {ratio: 0.25}\nhard_negative_mining: {ratio: 0.75, negatives: 7}";
    assert_eq!(parse(old).unwrap(), parse(new).unwrap());
}

#[test]
fn mistakes_name_file_and_key() {
    for (text, parts) in [
        ("backbone: resnet50", ["`backbone`", "resnet50"]),
        ("embedding_dim: 1", ["`embedding_dim`", "within"]),
        ("metric_head: {margin: .nan}", ["`metric_head.margin`", "NaN"]),
        ("metric_head: {scale: 0}", ["`metric_head.scale`", "within"]),
        ("epocs: 3", ["`epocs`", "`epochs`"]),
        ("sampler: {skus: 1, images: 1}", ["`sampler.images`", "two images"]),
        ("held_out: {ratio: 1.0}", ["`held_out.ratio`", "within"]),
        ("augment: {fliplr: 0.5}", ["fliplr", "there is no key"]),
        ("weights: ${NOWHERE}/a.pth", ["`weights`", "NOWHERE"]),
        ("weights: hf://timm/../secret", ["`weights`", "hf://OWNER/REPO"]),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains("classifier.yaml") && parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
    let none = TrainConfig::parse("epochs: 1", Path::new("c.yaml"), &|_| None).unwrap_err().to_string();
    assert!(none.contains("`data`"), "{none}");
}

#[test]
fn images_grow() {
    let config =
        parse("image_size: 128\nepochs: 10\ngrowing: [{until: 0.5, size: 96}, {until: 0.8, size: 112}]").unwrap();
    let sides: Vec<u32> = [0, 4, 5, 7, 8, 9].map(|epoch| config.side_at(epoch)).to_vec();
    assert_eq!(sides, [96, 96, 112, 112, 128, 128]);
}
