//! The section `review` of `pipeline.yaml`: the shipped one is sound, and every mistake is named.

use std::path::Path;

use review::ReviewConfig;

fn parse(text: &str) -> Result<ReviewConfig, String> {
    ReviewConfig::parse(text, Path::new("pipeline.yaml")).map_err(|e| e.to_string())
}

#[test]
fn the_shipped_file_is_sound_and_states_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/pipeline.yaml");
    let shipped = ReviewConfig::read(&path).expect("it parses");
    assert_eq!(shipped, parse("gallery: {path: data/gallery}").expect("the section may be left out"));
}

#[test]
fn mistakes_are_named() {
    let check = |section: &str, expected: &[&str]| {
        let error = parse(section).expect_err(section);
        for part in ["pipeline.yaml"].iter().chain(expected) {
            assert!(error.contains(part), "{section:?} should mention {part:?}, but gave: {error}");
        }
    };
    check("review: {samplers: {random_ratio: 2}}", &["review.samplers.random_ratio"]);
    check("review: {limits: {per_day: 10000000}}", &["review.limits.per_day"]);
    check("review: {claim_seconds: 1}", &["review.claim_seconds"]);
    check("review: {databse: x}", &["databse"]);
}

#[test]
fn the_old_name_of_a_key_is_understood() {
    let old = parse("review: {samplers: {random_share: 0.25}}").expect("an alias");
    assert_eq!(old, parse("review: {samplers: {random_ratio: 0.25}}").expect("the name"));
    parse("review: {samplers: {random_share: 0.25, random_ratio: 0.25}}").expect_err("both names");
}
