//! `shelf release`, `keys`, `tenant` and `audit`, with the models of the repository and a store in a temporary folder.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eval::report::document::Parts;
use eval::report::{DataSet, Kind};
use eval::{Bootstrap, Gate, GatedMetric, Report, Targets};

use crate::shelf::{Workplace, stderr, stdout};

/// The models of the repository, and a gallery of two colours.
fn place() -> Workplace {
    let place = Workplace::shipped();
    for (sku, color) in [("cola", [200, 20, 20]), ("tea", [20, 160, 40])] {
        for shade in 0..2 {
            let folder = place.path("skus").join(sku);
            fs::create_dir_all(&folder).expect("writable");
            let image = image::RgbImage::from_fn(64, 128, |x, y| {
                image::Rgb(color.map(|c: u8| c + (x % 8 + y / 16 + shade) as u8))
            });
            image.save(folder.join(format!("{shade}.png"))).expect("writable");
        }
    }
    says(&place, &["gallery", "build", "skus"]);
    place
}

/// A folder of photos of noise, one for each seed, and its digest.
fn photos(place: &Workplace, name: &str, seeds: &[u64]) -> String {
    let folder = place.path(name).join(if name == "learned" { "train" } else { "test" });
    fs::create_dir_all(&folder).expect("writable");
    for &seed in seeds {
        let mut state = seed;
        let blocks: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(64)
        .collect();
        let image = image::GrayImage::from_fn(128, 128, |x, y| image::Luma([blocks[(y / 16 * 8 + x / 16) as usize]]));
        image.save(folder.join(format!("{seed}.png"))).expect("writable");
        fs::write(folder.join(format!("{seed}.txt")), "0 0.5 0.5 0.5 0.5\n").expect("writable");
    }
    says(place, &["dataset", "hash", name]).split_whitespace().next().expect("a digest").to_owned()
}

/// What it prints; it must not fail.
fn says(place: &Workplace, arguments: &[&str]) -> String {
    let output = place.shelf(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// Why it is refused.
fn refuses(place: &Workplace, arguments: &[&str]) -> String {
    let output = place.shelf(arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", stdout(&output));
    stderr(&output)
}

/// A report in which every gate has a value.
fn report(place: &Workplace, name: &str, change: impl FnOnce(&mut Report)) -> String {
    let data_set = DataSet { name: "coolers".to_owned(), digest: "bb".repeat(32), synthetic: false };
    let mut report = Report::new(Parts {
        kind: Kind::ShelfCounts,
        data_set,
        predictions: "shelf-v3 (onnxruntime 1.23, cpu)".to_owned(),
        bootstrap: Bootstrap::default(),
        targets: Targets::default(),
        required: Vec::new(),
        detection: None,
        identification: None,
        counts: None,
        robustness: Vec::new(),
        worst: Vec::new(),
        confusions: Vec::new(),
        warnings: Vec::new(),
    });
    let gate = |metric: GatedMetric| {
        let value = Some(if metric == GatedMetric::CountMae { 0.1 } else { 0.99 });
        Gate { metric, bound: metric.bound(&Targets::default()), value, interval: None, evidence: 100, passed: true }
    };
    report.gates = GatedMetric::ALL.map(gate).into();
    change(&mut report);
    fs::write(place.path(name), report.to_json()).expect("writable");
    name.to_owned()
}

/// A server of what is in production, as it says when it is ready or has failed.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: String,
}

impl Served {
    pub(crate) fn start(place: &Workplace, arguments: &[&str]) -> Self {
        let mut child = place.command(arguments).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("listening on http://")?.to_owned()));
        // Read on, or the server waits for its log to be read.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, address: address.expect("it listens") }
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !holds(self) {
            assert!(begin.elapsed() < Duration::from_secs(120), "{what}: it never came to be; {}", self.get("/health"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// SIGHUP.
    fn hang_up(&self) {
        let told = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
    }

    /// Its `/health`, when it has loaded or failed.
    fn settled(&self) -> String {
        let begin = Instant::now();
        loop {
            let answer = self.get("/health");
            if !answer.contains("\"loading\"") && !answer.contains("\"warming_up\"") {
                return answer;
            }
            assert!(begin.elapsed() < Duration::from_secs(300), "{answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn a_release_is_registered_promoted_served_and_rolled_back() {
    let place = place();
    let learned = photos(&place, "learned", &[1, 2, 3]);
    let judged = photos(&place, "judged", &[4, 5]);
    let data_set = format!("dev={learned}");
    let register =
        |version: &str| says(&place, &["release", "register", &format!("shelf@{version}"), "--dataset", &data_set]);
    let first = register("1");
    assert!(first.contains("shelf@1") && first.contains("staged"), "{first}");
    assert_eq!(register("1"), first, "the same is the same");
    let refused = refuses(&place, &["release", "promote", "shelf@1"]);
    assert!(refused.contains("recall was not measured"), "{refused}");
    let failing = report(&place, "failing.json", |report| report.gates[0].value = Some(0.5));
    let refused = refuses(&place, &["release", "promote", "shelf@1", "--report", &failing]);
    assert!(
        refused.contains("recall is 0.5000, and must be >= 0.98"),
        "what it says it passed does not count: {refused}"
    );
    let other = report(&place, "other.json", |report| report.predictions = "yolov8n".to_owned());
    let refused = refuses(&place, &["release", "promote", "shelf@1", "--report", &other]);
    assert!(refused.contains("was measured with \"yolov8n\""), "{refused}");
    let synthetic = report(&place, "synthetic.json", |report| report.data_set.synthetic = true);
    assert!(refuses(&place, &["release", "promote", "shelf@1", "--report", &synthetic]).contains("synthetic"));
    fs::write(place.path("broken.json"), "{}").expect("writable");
    refuses(&place, &["release", "promote", "shelf@1", "--report", "broken.json"]);
    refuses(&place, &["release", "promote", "shelf@1", "--force"]);
    // What was judged on must be apart from what was learned from.
    let sound = report(&place, "sound.json", |report| report.data_set.digest.clone_from(&judged));
    let promote = |apart: &str| {
        let command = ["release", "promote", "shelf@1", "--report", &sound, "--apart", apart];
        command.map(str::to_owned)
    };
    let refused = refuses(&place, &["release", "promote", "shelf@1", "--report", &sound]);
    assert!(refused.contains("shared_images was not measured"), "{refused}");
    let apart = says(&place, &["dataset", "apart", "learned", "judged", "--output", "apart.json"]);
    assert!(apart.contains("2 images compared with 3: 0 the same"), "{apart}");
    let refused = refuses(&place, &promote("sound.json").each_ref().map(String::as_str));
    assert!(refused.contains("is no document of `shelf dataset apart`"), "{refused}");
    let leaky = photos(&place, "leaky", &[3, 5]);
    let found = place.shelf(&["dataset", "apart", "learned", "leaky", "--output", "leaky.json"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(stdout(&found).contains("the same photo: test/3.png is train/3.png"), "{}", stdout(&found));
    let refused = refuses(&place, &promote("leaky.json").each_ref().map(String::as_str));
    assert!(refused.contains(&format!("no --apart compares \"coolers\" ({judged})")), "{refused}");
    let leak = report(&place, "leak.json", |report| report.data_set.digest.clone_from(&leaky));
    let refused = refuses(&place, &["release", "promote", "shelf@1", "--report", &leak, "--apart", "leaky.json"]);
    assert!(refused.contains("shared_images is 1.0000, and must be <= 0"), "{refused}");
    let promoted = says(&place, &promote("apart.json").each_ref().map(String::as_str));
    assert_eq!(promoted, "shelf@1 is in production\n");

    // Another threshold is another release.
    let config = fs::read_to_string(place.path("pipeline.yaml")).expect("there");
    fs::write(place.path("pipeline.yaml"), config.replace("gallery: {", "gallery: {threshold: 0.9, "))
        .expect("writable");
    let taken = refuses(&place, &["release", "register", "shelf@1"]);
    assert!(taken.contains("has a version \"1\" already"), "{taken}");
    register("2");
    let forced = says(&place, &["release", "promote", "shelf@2", "--force", "--reason", "the old one counts twice"]);
    assert_eq!(forced, "shelf@2 is in production; shelf@1 is archived\n");
    let compared = says(&place, &["release", "compare", "shelf@1", "shelf@2"]);
    assert!(compared.contains("same") && compared.contains("count_mae"), "{compared}");
    assert_eq!(says(&place, &["release", "rollback", "shelf"]), "shelf@1 is in production; shelf@2 is archived\n");
    refuses(&place, &["release", "rollback", "shelf"]);
    let shown = says(&place, &["release", "show", "shelf@1"]);
    for part in [
        "production",
        "passed, on coolers",
        "detector/shelf-v3-fp16.onnx",
        "gallery/gallery.json",
        "rollback by terminal",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    // What was configured may be gone: the release has it all.
    fs::remove_dir_all(place.path("gallery")).expect("removed");
    let serve = ["serve", "--release", "shelf", "--listen", "127.0.0.1:0"];
    let served = Served::start(&place, &serve);
    let health = served.settled();
    assert!(health.contains("\"ready\":true") && health.contains("\"version\":\"shelf@1\""), "{health}");
    assert!(served.get("/skus").contains("cola"), "the gallery of the release answers");
    // It goes over to what another process puts into production, and back, and loads anew when it is told to.
    says(&place, &["release", "rollback", "shelf", "--to-version", "2"]);
    served.until("it follows", |served| served.get("/health").contains("\"version\":\"shelf@2\""));
    assert!(served.get("/skus").contains("cola"));
    says(&place, &["release", "rollback", "shelf", "--to-version", "1"]);
    served.until("it goes back", |served| served.get("/health").contains("\"version\":\"shelf@1\""));
    served.hang_up();
    let swapped = "shelf_swaps_total{outcome=\"swapped\"} 3";
    served.until("it loads anew", |served| served.get("/metrics").contains(swapped));
    // A version whose files were altered is refused, and the one before goes on.
    says(&place, &["gallery", "build", "skus"]);
    register("3");
    let objects = files(&place.path("data/active_learning_queue/models"));
    let kept: Vec<_> = objects.iter().map(|object| fs::read(object).expect("there")).collect();
    for (object, bytes) in objects.iter().zip(&kept) {
        fs::write(object, &bytes[1..]).expect("writable");
    }
    let folder = place.path("data/releases");
    fs::rename(&folder, place.path("aside")).expect("moved");
    says(&place, &["release", "promote", "shelf@3", "--force", "--reason", "to see it refused"]);
    served.until("it is refused", |served| served.get("/health").contains("\"degraded\""));
    let health = served.get("/health");
    assert!(health.contains("\"release\":\"shelf@3\"") && health.contains("\"version\":\"shelf@1\""), "{health}");
    for (object, bytes) in objects.iter().zip(&kept) {
        fs::write(object, bytes).expect("writable");
    }
    served.hang_up();
    served.until("it was repaired", |served| served.get("/health").contains("\"version\":\"shelf@3\""));
    says(&place, &["release", "rollback", "shelf"]);
    served.until("it goes back", |served| served.get("/health").contains("\"version\":\"shelf@1\""));
    drop(served);
    // What is configured is loaded anew, too.
    let served = Served::start(&place, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(served.settled().contains("\"ready\":true"));
    served.hang_up();
    served.until("it loads anew", |served| served.get("/metrics").contains("shelf_swaps_total{outcome=\"swapped\"} 1"));
    drop(served);
    fs::remove_dir_all(place.path("data/releases")).expect("removed");
    assert!(Served::start(&place, &serve).settled().contains("\"ready\":true"));
    // A file that was altered where releases are put is put right; one that was altered among the objects is refused.
    let put: Vec<_> = files(&place.path("data/releases"));
    let weights = put.iter().find(|file| file.ends_with("detector/shelf-v3-fp16.onnx")).expect("there");
    let mut altered = fs::read(weights).expect("there");
    *altered.last_mut().expect("bytes") ^= 1;
    fs::write(weights, &altered).expect("writable");
    assert!(Served::start(&place, &serve).settled().contains("\"ready\":true"));
    assert!(fs::read(weights).expect("there") != altered);
    for object in files(&place.path("data/active_learning_queue/models")) {
        let mut bytes = fs::read(&object).expect("there");
        bytes[0] ^= 1;
        fs::write(&object, bytes).expect("writable");
    }
    fs::remove_dir_all(place.path("data/releases")).expect("removed");
    assert!(Served::start(&place, &serve).settled().contains("\"failed\""), "what was altered is not served");

    let log = says(&place, &["audit", "export"]);
    assert!(log.lines().last().is_some_and(|line| line.contains("model.rollback")), "{log}");
    assert!(log.contains("the old one counts twice"), "{log}");
}

#[test]
fn what_is_not_whole_is_not_registered() {
    let place = place();
    for wrong in ["../shelf@1", "a/b@1", "@1", ".hidden@1", "shelf@", "shelf@1/2"] {
        let refused = refuses(&place, &["release", "register", wrong]);
        assert!(refused.contains("letters, digits"), "{wrong:?}: {refused}");
    }
    refuses(&place, &["release", "register", "shelf@1", "--parent", "nobody"]);
    // A gallery of another embedder.
    let other = crate::shelf::data("weights/efficientnet-lite0-imagenet/efficientnet_lite0_imagenet.onnx");
    if let Some(other) = other {
        let mut command = place.command(&["release", "register", "shelf@1"]);
        let refused = command.env("AI_V2_CLASSIFIER_MODEL", other).output().expect("the binary runs");
        assert!(!refused.status.success() && stderr(&refused).contains("embedder"), "{}", stderr(&refused));
    }
    fs::remove_dir_all(place.path("gallery")).expect("removed");
    let refused = refuses(&place, &["release", "register", "shelf@1"]);
    assert!(refused.contains("there is no gallery"), "{refused}");
    assert_eq!(says(&place, &["release", "list"]).lines().count(), 1, "nothing was written down");
}

#[test]
fn keys_are_shown_once_and_the_network_needs_one() {
    let place = Workplace::empty();
    place.write_config(Path::new("detector.onnx"), Path::new("embedder.onnx"));
    let refused = refuses(&place, &["serve", "--listen", "0.0.0.0:0"]);
    assert!(
        refused.contains("shelf keys create NAME --role admin") && refused.contains("--listen 127.0.0.1"),
        "{refused}"
    );
    assert!(says(&place, &["tenant", "create", "brand"]).contains("brand"));
    let created = place.shelf(&["keys", "create", "ci", "--role", "engineer", "--org", "brand", "--expires", "90d"]);
    let key = stdout(&created);
    assert!(key.starts_with("shelf_") && key.trim().len() == 70, "the key alone, for scripts: {key:?}");
    assert!(!stderr(&created).contains("shelf_"));
    let listed = says(&place, &["keys", "list", "--org", "brand"]);
    assert!(listed.contains("engineer") && listed.contains("live") && !listed.contains(key.trim()), "{listed}");
    assert_eq!(says(&place, &["keys", "list"]).lines().count(), 1, "keys of others are theirs");
    assert!(says(&place, &["keys", "revoke", "ci", "--org", "brand"]).contains("revoked"));
    assert!(says(&place, &["keys", "list", "--all"]).contains("revoked"));
    for wrong in [
        ["keys", "create", "x", "--role", "king"],
        ["keys", "create", "a/b", "--role", "viewer"],
        ["keys", "revoke", "ci", "--org", "nobody"],
    ] {
        refuses(&place, &wrong);
    }
    let verified = says(&place, &["audit", "verify"]);
    assert!(verified.starts_with("3:"), "{verified}");
    says(&place, &["keys", "create", "home", "--role", "viewer"]);
    says(&place, &["audit", "verify", "--since", verified.trim()]);
    refuses(&place, &["audit", "verify", "--since", "3:0000"]);
    refuses(&place, &["audit", "verify", "--since", "soon"]);
    // With a key, the network is answered; without models, it says so to who shows it.
    let mut served = Served::start(&place, &["serve", "--listen", "0.0.0.0:0"]);
    served.address = served.address.replace("0.0.0.0", "127.0.0.1");
    assert!(served.get("/livez").contains(" 200 "));
    assert!(served.get("/skus").contains(" 401 "));
    // One altered byte is found.
    drop(served);
    // Closed in order, everything is in the one file.
    says(&place, &["audit", "verify"]);
    let database = place.path("data/shelf.db");
    let mut bytes = fs::read(&database).expect("there");
    let word = b"tenant.create";
    let found: Vec<_> = (0..bytes.len() - word.len()).filter(|&at| &bytes[at..at + word.len()] == word).collect();
    assert!(!found.is_empty(), "the row is in the file");
    found.iter().for_each(|&at| bytes[at] = b'T');
    fs::write(&database, bytes).expect("writable");
    let output = place.shelf(&["audit", "verify"]);
    assert!(
        !output.status.success() && stdout(&output).contains("row 1 is not what was written"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_version_travels_in_one_file_and_its_organisation_can_go() {
    let place = place();
    let registered = says(&place, &["release", "register", "shelf@1", "--dataset", "dev=aa", "--tag", "first"]);
    let digest = registered.split_whitespace().last().expect("a digest").to_owned();
    let exported = says(&place, &["release", "export", "shelf@1", "shelf.version"]);
    assert!(exported.contains(&digest), "{exported}");
    says(&place, &["tenant", "create", "brand"]);
    // Whatever is altered, nothing of it is registered.
    let whole = fs::read(place.path("shelf.version")).expect("written");
    let refused = |bytes: &[u8], words: &str| {
        fs::write(place.path("other.version"), bytes).expect("writable");
        let refused = refuses(&place, &["release", "import", "other.version", "--org", "brand"]);
        assert!(refused.contains("cannot be imported") && refused.contains(words), "{words}: {refused}");
    };
    for (at, words) in [
        (0, "does not begin"),
        (30, "header was altered"),
        (60, "header"),
        (200, "header was altered"),
        (whole.len() - 1, "digest"),
    ] {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        refused(&altered, words);
    }
    refused(&whole[..whole.len() - 1], "breaks off");
    refused(&whole[..40], "breaks off");
    refused(b"", "breaks off");
    refused(&[&whole[..], b"x"].concat(), "something follows");
    refuses(&place, &["release", "import", "nowhere", "--org", "brand"]);
    assert_eq!(says(&place, &["release", "list", "--org", "brand"]).lines().count(), 1, "nothing was written down");
    let imported = says(&place, &["release", "import", "shelf.version", "--org", "brand"]);
    assert!(imported.contains("shelf@1  staged") && imported.contains(&digest), "{imported}");
    assert_eq!(
        says(&place, &["release", "import", "shelf.version", "--org", "brand"]),
        imported,
        "the same is the same"
    );
    assert!(
        says(&place, &["release", "import", "shelf.version", "--org", "brand", "--as", "other@2"]).contains("other@2")
    );
    says(&place, &["release", "export", "shelf@1", "again.version", "--org", "brand"]);
    assert!(fs::read(place.path("again.version")).expect("written") == whole, "to the byte");
    refuses(&place, &["release", "promote", "shelf@1", "--org", "brand"]);

    // Two versions beside each other.
    says(&place, &["release", "promote", "shelf@1", "--force", "--reason", "it is the first"]);
    let config = fs::read_to_string(place.path("pipeline.yaml")).expect("there");
    fs::write(place.path("pipeline.yaml"), config.replace("gallery: {", "gallery: {threshold: 0.9, "))
        .expect("writable");
    says(&place, &["release", "register", "shelf@2"]);
    says(&place, &["release", "ab", "begin", "t", "shelf@1", "shelf@2", "--split-ratio", "0.9"]);
    let refused = refuses(&place, &["release", "ab", "begin", "u", "shelf@1", "shelf@2", "--mode", "shadow"]);
    assert!(refused.contains("end it before another one begins"), "{refused}");
    let shown = says(&place, &["release", "ab", "show", "t"]);
    assert!(shown.contains("runs") && shown.contains("not yet"), "{shown}");
    assert!(says(&place, &["release", "compare", "shelf@1", "shelf@2"]).contains("not yet"));
    assert!(says(&place, &["release", "ab", "end", "t"]).contains("ended"));
    assert!(
        says(&place, &["release", "ab", "list"]).contains("ended")
            || says(&place, &["release", "ab", "list"]).contains("t ")
    );
    says(&place, &["release", "ab", "begin", "u", "shelf@1", "shelf@2", "--mode", "shadow", "--split-ratio", "1"]);
    assert!(says(&place, &["release", "ab", "show", "u"]).contains("0 photos"));

    // Everything of the organisation is written out, and then gone.
    let told = says(&place, &["tenant", "export", "brand", "brand"]);
    assert!(told.contains("model_versions") && told.contains("2 rows"), "{told}");
    let rows = fs::read_to_string(place.path("brand/model_versions.jsonl")).expect("written");
    assert!(rows.lines().count() == 2 && rows.contains("\"other\""), "{rows}");
    let objects = files(&place.path("brand/objects/models"));
    assert!(
        !objects.is_empty()
            && objects.iter().all(|file| vision::Sha256::of_file(file).expect("readable").to_string()
                == file.file_name().expect("a name").to_string_lossy())
    );
    assert!(refuses(&place, &["tenant", "export", "brand", "brand"]).contains("not empty"));
    refuses(&place, &["tenant", "delete", "brand"]);
    assert!(refuses(&place, &["tenant", "delete", "brand", "--confirm", "other"]).contains("--confirm"));
    refuses(&place, &["tenant", "delete", "default", "--confirm", "default"]);
    assert!(
        says(&place, &["tenant", "delete", "brand", "--confirm", "brand"]).contains("no row and no file of it is left")
    );
    refuses(&place, &["tenant", "export", "brand", "again"]);
    assert!(says(&place, &["release", "show", "shelf@1"]).contains("production"), "others keep what is theirs");
    says(&place, &["audit", "verify"]);
    assert!(says(&place, &["audit", "export"]).contains("tenant.delete"));
}
