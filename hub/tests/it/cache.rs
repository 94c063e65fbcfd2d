//! What is kept, where, and when it is enough.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hub::{HubError, HubOptions};
use vision::Sha256;

use super::{Bench, COMMIT, Reply, content, fetch_with, read};

#[test]
fn a_file_lies_where_the_hubs_own_tools_look() {
    let bytes = content(300_000);
    let bench = Bench::sound(bytes.clone());
    let path = bench.fetch("hf://o/r").0.unwrap();
    let root = bench.cache().join("models--o--r");
    assert_eq!(path, root.join("snapshots").join(COMMIT).join("model.safetensors"));
    assert_eq!(read(&path), bytes);
    assert_eq!(read(&root.join("refs/main")), COMMIT.as_bytes());
    let blob = format!("blobs/{}", Sha256::of(&bytes));
    assert_eq!(
        bench.visible(),
        [blob.clone(), "refs/main".to_owned(), format!("snapshots/{COMMIT}/model.safetensors")]
    );
    #[cfg(unix)]
    assert_eq!(fs::read_link(&path).unwrap().to_str(), Some(format!("../../{blob}").as_str()));
    assert_eq!(bench.hub.asked(), ["HEAD /o/r/resolve/main/model.safetensors"]);
    assert_eq!(bench.cdn.asked(), ["GET /bytes?Signature=secret"]);
    // Asked again, the hub says that nothing has changed.
    assert_eq!(bench.fetch("hf://o/r").0.unwrap(), path);
    assert_eq!((bench.hub.asked().len(), bench.cdn.asked().len()), (2, 1));
    // Another name of the same bytes brings them no second time.
    let deep = bench.fetch("hf://o/r@v1/fp32/again.safetensors").0.unwrap();
    assert_eq!(deep, root.join("snapshots").join(COMMIT).join("fp32/again.safetensors"));
    assert_eq!((read(&deep), bench.cdn.asked().len()), (bytes, 1));
    assert_eq!(bench.hub.asked()[2], "HEAD /o/r/resolve/v1/fp32/again.safetensors");
}

#[test]
fn without_a_name_the_usual_files_are_tried() {
    let bytes = content(1000);
    let told = bytes.clone();
    let hub = move |request: &super::Request, at: &str| {
        if request.path.ends_with("bin") { Reply::linked(&told, at) } else { Reply::status(404) }
    };
    let bench = Bench::new(hub, move |request| Reply::part(&bytes, request));
    assert!(bench.fetch("hf://o/r").0.unwrap().ends_with("pytorch_model.bin"));
    let error = bench.fetch("hf://o/r/model.safetensors").0.unwrap_err();
    assert!(matches!(error, HubError::NotFound { .. }), "{error}");

    let bench = Bench::new(|_, _| Reply::status(404), |_| Reply::status(404));
    let error = bench.fetch("hf://o/r").0.unwrap_err();
    assert!(matches!(error, HubError::NoWeights { .. }) && error.to_string().contains("hf://o/r/FILE"), "{error}");
}

#[test]
fn offline_the_cache_is_all_there_is() {
    let bench = Bench::sound(content(1000));
    let offline = || HubOptions { offline: true, ..bench.options() };
    let error = fetch_with(offline(), "hf://o/r").0.unwrap_err().to_string();
    for part in ["hf://o/r", "HF_HUB_OFFLINE", &bench.cache().display().to_string()] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(bench.hub.asked(), [""; 0]);
    let path = bench.fetch("hf://o/r").0.unwrap();
    assert_eq!(fetch_with(offline(), "hf://o/r").0.unwrap(), path);
    assert_eq!(fetch_with(offline(), &format!("hf://o/r@{COMMIT}")).0.unwrap(), path);
    assert!(fetch_with(offline(), "hf://o/r@other").0.is_err());
    assert_eq!(bench.hub.asked().len(), 1);
}

#[test]
fn a_commit_is_asked_for_once() {
    let bench = Bench::sound(content(1000));
    let name = format!("hf://o/r@{COMMIT}/model.safetensors");
    let path = bench.fetch(&name).0.unwrap();
    assert_eq!(bench.fetch(&name).0.unwrap(), path);
    assert_eq!(bench.hub.asked(), [format!("HEAD /o/r/resolve/{COMMIT}/model.safetensors")]);
    assert!(!bench.cache().join("models--o--r/refs").exists());
}

#[test]
fn a_branch_that_moved_on_is_followed_and_a_silent_hub_is_not() {
    let bytes: Arc<Mutex<Vec<u8>>> = Arc::new(Mutex::new(content(1000)));
    let commit = Arc::new(Mutex::new(COMMIT.to_owned()));
    let (told, sent, at_commit) = (Arc::clone(&bytes), Arc::clone(&bytes), Arc::clone(&commit));
    let mut bench = Bench::new(
        move |_, at| match at_commit.lock().unwrap().as_str() {
            "down" => Reply::status(503),
            commit => Reply::linked_but(&told.lock().unwrap(), at, "X-Repo-Commit", Some(commit)),
        },
        move |request| Reply::part(&sent.lock().unwrap(), request),
    );
    let first = bench.fetch("hf://o/r").0.unwrap();
    let moved = COMMIT.replace('0', "f");
    (*bytes.lock().unwrap(), *commit.lock().unwrap()) = (content(2000), moved.clone());
    let second = bench.fetch("hf://o/r").0.unwrap();
    assert!(second.to_string_lossy().contains(&moved) && first != second);
    assert_eq!((read(&first), read(&second)), (content(1000), content(2000)));

    *commit.lock().unwrap() = "down".to_owned();
    bench.limits.tries = 1;
    let (path, told) = bench.fetch("hf://o/r");
    assert_eq!((path.unwrap(), told), (second, vec!["stale".to_owned()]));
    assert!(bench.fetch("hf://o/other").0.is_err());
}

#[test]
fn two_at_once_transfer_once() {
    let bytes = content(200_000);
    let (told, sent) = (bytes.clone(), bytes.clone());
    let slowly = move |request: &super::Request| {
        let head = Reply::head(200, &[("Content-Length", &sent.len().to_string())]).then(&sent[..100_000]);
        assert_eq!(request.from(), 0);
        head.pause(Duration::from_millis(100)).then(&sent[100_000..])
    };
    let bench = Bench::new(move |_, at| Reply::linked(&told, at), slowly);
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| bench.fetch("hf://o/r").0.unwrap()));
        for path in both.map(|one| one.join().unwrap()) {
            assert_eq!(read(&path), bytes);
        }
    });
    assert_eq!(bench.cdn.asked().len(), 1);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let bench = Bench::sound(content(1000));
    fs::write(bench.cache(), "a file").unwrap();
    let error = bench.fetch("hf://o/r").0.unwrap_err();
    assert!(matches!(error, HubError::Cache { .. }) && error.to_string().contains("HF_HUB_CACHE"), "{error}");
}
