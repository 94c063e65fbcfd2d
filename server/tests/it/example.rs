//! The example: named by its own gallery, and nowhere else.

use std::sync::Arc;

use serde_json::Value;
use server::{Example, Loaded};
use vision::fakes::{ListIndex, MeanColorEmbedder};
use vision::{Embedder as _, RgbImage, Sku, SkuId};

use crate::harness::{Control, Problem, Server, config, loaded, recognizer};
use crate::photos;

/// A server whose example knows the white container alone.
async fn server() -> Server {
    let control = Arc::<Control>::default();
    let served = recognizer(&control);
    let load = move || {
        let example = Example::new(photos::jpeg().into(), |served| {
            let white = RgbImage::from_pixel(4, 4, image::Rgb([250; 3]));
            let sku = Sku { id: SkuId(1), code: "white_rum".to_owned(), name: "White Rum".to_owned() };
            let embedding = MeanColorEmbedder.embed(&[white])?.remove(0);
            let gallery = ListIndex { exemplars: vec![(SkuId(1), embedding)], skus: vec![Arc::new(sku)] };
            Ok(served.with_gallery(Arc::new(gallery)))
        });
        Ok(Loaded { example: Some(Arc::new(example)), ..loaded(served)? })
    };
    let server = Server::loading(config(), control, load).await;
    server.until_ready().await;
    server
}

fn names(answer: &Value) -> Vec<&str> {
    answer["counts"].as_array().expect("counts").iter().filter_map(|count| count["sku"]["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_is_named_by_its_own_gallery_alone() {
    let server = server().await;
    assert!(server.text("/").await.contains("id=\"try-example\""));
    let photo = server.get("/example.jpg").await;
    assert_eq!(photo.headers()["content-type"], "image/jpeg");
    let photo = photo.bytes().await.expect("a body").to_vec();

    let ask = async |query: &str| -> Value {
        let request = server.post(&format!("/v2/recognize{query}")).header("content-type", "image/jpeg");
        request.body(photo.clone()).send().await.expect("an answer").json().await.expect("JSON")
    };
    assert_eq!(names(&ask("?gallery=example").await), ["White Rum"]);
    for query in ["", "?gallery=served"] {
        let answer = ask(query).await;
        assert!(names(&answer).contains(&"Red Cola") && !names(&answer).contains(&"White Rum"), "{answer}");
    }
    let skus = server.text("/skus").await;
    assert!(!skus.contains("White Rum"), "{skus}");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_an_example_says_so() {
    let server = Server::start().await;
    assert!(!server.text("/").await.contains("try-example"));
    assert_eq!(Problem::of(server.get("/example.jpg").await).await.status, 404);
    let asked = server.post("/v2/recognize?gallery=example").body(photos::jpeg()).send().await.expect("an answer");
    let problem = Problem::of(asked).await;
    assert!(problem.status == 422 && problem.detail.contains("offers no example"), "{problem:?}");
    server.end().await.expect("a clean end");
}
