//! Images in a folder and on a real S3 server: one body.

use bytes::Bytes;
use store::{Objects, S3Access, Store, StoreError, StoreSettings};
use vision::Sha256;

use crate::seaweed::Seaweed;
use crate::shelf::{item, recognition};

async fn body(objects: &Objects) {
    let image = Bytes::from(vec![7_u8; 100_000]);
    let digest = objects.put(image.clone().into()).await.expect("written");
    assert_eq!(digest, Sha256::of(&image));
    assert_eq!(objects.put(image.clone().into()).await.expect("written again"), digest);
    assert_eq!(objects.get(digest).await.expect("read"), image);
    let all = objects.list().await.expect("listed");
    let found = all.iter().find(|object| object.digest == digest).expect("it is listed");
    assert_eq!(found.bytes, 100_000);
    assert!((store::model::now() - found.written_ms).abs() < 120_000, "{found:?}");
    objects.delete(digest).await.expect("removed");
    objects.delete(digest).await.expect("removed already");
    assert!(matches!(objects.get(digest).await, Err(StoreError::NotFound { what: "image", .. })));
}

#[tokio::test]
async fn a_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let objects = Objects::open(&folder.path().display().to_string(), &S3Access::default()).expect("opened");
    body(&objects).await;
    // A damaged file is noticed.
    let digest = objects.put("whole".into()).await.expect("written");
    let name = digest.to_string();
    std::fs::write(folder.path().join("objects").join(&name[..2]).join(&name), "other").expect("writable");
    assert!(matches!(objects.get(digest).await, Err(StoreError::Damaged { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3() {
    let Some(server) = Seaweed::shared().await else { return };
    body(&Objects::open("s3://shelves/queue", &server.access).expect("opened")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_s3_server_that_goes_away_is_unavailable_and_nothing_is_queued() {
    let Some(mut server) = Seaweed::start() else { return };
    server.until_ready().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = format!("sqlite:{}", folder.path().join("shelf.db").display());
    let settings = StoreSettings {
        database: database.into(),
        objects: "s3://shelves/queue".to_owned(),
        s3: server.access.clone(),
        ..StoreSettings::default()
    };
    let store = Store::open(&settings).await.expect("opened");
    store.enqueue(recognition("photo"), vec![item(0)], Vec::new()).await.expect("queued");
    server.stop();
    let refused = store.enqueue(recognition("another"), vec![item(1)], Vec::new()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { what: "object store", .. })), "{refused:?}");
    assert_eq!(store.stats().await.expect("the database is there").open, 1);
}

/// Photos and data sets in buckets of their own.
async fn files(settings: StoreSettings) {
    let store = Store::open(&settings).await.expect("opened");
    let (photos, sets) = (store.photo_files().expect("a place"), store.artifacts().expect("a place"));
    photos.put("north/photo_1.jpg", "one".into()).await.expect("put");
    sets.put("datasets/a/1.jpg", "two".into()).await.expect("put");
    sets.put("datasets/a/1.jpg", "three".into()).await.expect("replaced");
    assert_eq!(photos.get("north/photo_1.jpg", 3).await.expect("read").as_deref(), Some(&b"one"[..]));
    assert!(photos.get("north/photo_1.jpg", 2).await.is_err(), "more than was promised");
    assert_eq!(photos.get("datasets/a/1.jpg", 9).await.expect("asked"), None, "another bucket");
    assert!(sets.copy("datasets/a/1.jpg", "datasets/b/1.jpg").await.expect("copied"));
    assert!(!sets.copy("datasets/a/2.jpg", "datasets/b/2.jpg").await.expect("asked"), "it is not there");
    assert_eq!(sets.size("datasets/b/1.jpg").await.expect("asked"), Some(5));
    let mut names = Vec::new();
    let mut listed = std::pin::pin!(sets.list("datasets"));
    while let Some(file) = futures_util::StreamExt::next(&mut listed).await {
        names.push(file.expect("listed").name);
    }
    names.sort();
    assert_eq!(names, ["datasets/a/1.jpg", "datasets/b/1.jpg"]);
    for _ in 0..2 {
        sets.delete("datasets/a/1.jpg").await.expect("gone");
    }
    assert_eq!(sets.size("datasets/a/1.jpg").await.expect("asked"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_lie_in_places_of_their_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = |name: &str| format!("sqlite:{}", folder.path().join(name).display()).into();
    let objects = folder.path().join("objects").display().to_string();
    files(StoreSettings { database: database("a.db"), objects, ..StoreSettings::default() }).await;
    assert!(folder.path().join("objects/shelf-photos/north/photo_1.jpg").exists());
    let Some(server) = Seaweed::shared().await else { return };
    let buckets = store::Buckets { photos: "style-photos".into(), artifacts: "artifacts2".into() };
    let (objects, s3) = ("s3://shelves/queue".to_owned(), server.access.clone());
    files(StoreSettings { database: database("b.db"), objects, s3, buckets }).await;
}

#[tokio::test]
async fn settings_that_are_not_understood_are_named() {
    let check = async |database: &str, objects: &str, expected: &str| {
        let settings =
            StoreSettings { database: database.into(), objects: objects.to_owned(), ..StoreSettings::default() };
        let error = Store::open(&settings).await.expect_err(database).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().display().to_string();
    check("mysql://user:secret@host/db", &folder, "DATABASE_URL").await;
    check("sqlite::memory:", &folder, "must name a file").await;
    check("postgres://user:secret@:x/", &folder, "DATABASE_URL").await;
    check("sqlite:x.db", "gs://bucket", "OBJECTS_URL").await;
    check("sqlite:x.db", "ftp://user:secret@bucket", "OBJECTS_URL").await;
    check("secret", &folder, "DATABASE_URL").await;
    check("secret:more", &folder, "DATABASE_URL").await;
}
