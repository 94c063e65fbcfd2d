//! `shelf factory train` against a real server: from a table to a staged model; killed at every step; and what is refused.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use vision::Random;

use crate::registry::Served;
use crate::shelf::{Workplace, stderr, stdout};

const FEATURES: [&str; 10] = [
    "planned_facings",
    "counted_facings",
    "fill_ratio",
    "empty_gaps",
    "foreign_facings",
    "unknown_facings",
    "mean_confidence",
    "blocked_ratio",
    "depth_ratio",
    "hours_since_restock",
];
const STATES: [&str; 7] = ["blocked", "empty", "full", "low", "misplaced", "ok", "unknown"];

/// Synthetic counts of shelves and the state that follows from them.
fn counts(rows: usize) -> String {
    let mut random = Random::new(7);
    let mut csv = format!("{},state\n", FEATURES.join(","));
    for row in 0..rows {
        let wanted = row % 7;
        let planned = 8.0 + random.below(40) as f64;
        let fill = match STATES[wanted] {
            "empty" => random.range(0.0, 0.05),
            "low" => random.range(0.08, 0.4),
            "full" => random.range(0.88, 1.0),
            _ => random.range(0.45, 0.85),
        };
        let counted = (planned * fill).round();
        let is = |state: &str, yes: (f64, f64), no: (f64, f64), random: &mut Random| {
            let (low, high) = if STATES[wanted] == state { yes } else { no };
            random.range(low, high)
        };
        let foreign = (counted * is("misplaced", (0.35, 0.8), (0.0, 0.12), &mut random)).round();
        let blocked = is("blocked", (0.5, 0.95), (0.0, 0.2), &mut random);
        let confidence = is("unknown", (0.1, 0.45), (0.6, 0.98), &mut random);
        let values = [
            planned,
            counted,
            counted / planned,
            (planned - counted) / 3.0,
            foreign,
            random.below(4) as f64,
            confidence,
            blocked,
            random.range(0.2, 1.0),
            random.range(0.0, 72.0),
        ];
        let shown: Vec<String> = values.iter().map(|value| format!("{value:.4}")).collect();
        csv += &format!("{},{}\n", shown.join(","), STATES[wanted]);
    }
    csv
}

/// A server without models, an engineer's key, and a configuration that learns quickly.
struct Factory {
    place: Workplace,
    served: Served,
    key: String,
}

impl Factory {
    fn start() -> Self {
        let place = Workplace::empty();
        place.write_config(Path::new("detector.onnx"), Path::new("embedder.onnx"));
        let created = place.shelf(&["keys", "create", "trainer", "--role", "engineer"]);
        assert!(created.status.success(), "{}", stderr(&created));
        let words = stdout(&created);
        let key = words.split_whitespace().find(|word| word.starts_with("shelf_")).expect("a key").to_owned();
        let served = Served::start(&place, &["serve", "--listen", "127.0.0.1:0"]);
        fs::write(place.path("train.yaml"), "training: {epochs: 25, patience: 5}\n").expect("writable");
        Self { place, served, key }
    }

    /// Sends a form; status and body of the answer.
    fn post(&self, path: &str, parts: &[(&str, &str, &[u8])]) -> (u16, Value) {
        let mut body = Vec::new();
        for (name, file, bytes) in parts {
            let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
            let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
        }
        body.extend(b"--edge--\r\n");
        self.send(path, "multipart/form-data; boundary=edge", &body)
    }

    /// Sends a body; status and body of the answer.
    fn send(&self, path: &str, kind: &str, body: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.served.address).expect("it listens");
        write!(
            stream,
            "POST {path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\
             Content-Type: {kind}\r\n\r\n",
            self.key,
            body.len()
        )
        .expect("it reads");
        stream.write_all(body).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let json = answer.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
        (status, json.unwrap_or(Value::Null))
    }

    fn upload(&self, csv: &str, target: &str) -> String {
        let parts: [(&str, &str, &[u8]); 2] =
            [("file", "counts.csv", csv.as_bytes()), ("target_column", "", target.as_bytes())];
        let (status, answer) = self.post("/api/ml/datasets/upload", &parts[..if target.is_empty() { 1 } else { 2 }]);
        assert_eq!(status, 200, "{answer}");
        answer["dataset_id"].as_str().expect("an id").to_owned()
    }

    fn command(&self, dataset: &str, more: &[&str]) -> Command {
        let base = format!("http://{}", self.served.address);
        let mut arguments = vec!["factory", "train", "--dataset-id", dataset];
        for (flag, value) in [("--config", "train.yaml"), ("--api-base", base.as_str()), ("--token", self.key.as_str())]
        {
            if !more.contains(&flag) {
                arguments.extend([flag, value]);
            }
        }
        arguments.extend(more);
        self.place.command(&arguments)
    }

    /// Begins, and is killed as soon as the log says `point`.
    fn killed(&self, dataset: &str, more: &[&str], point: &str) {
        let mut child =
            self.command(dataset, more).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let reached = lines.any(|line| line.contains(point));
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        assert!(reached, "it never came to {point}");
    }

    fn train(&self, dataset: &str, more: &[&str]) -> Output {
        self.command(dataset, more).output().expect("the binary runs")
    }

    /// Trains, and must succeed: the folder of the run.
    fn trains(&self, dataset: &str, more: &[&str]) -> PathBuf {
        let output = self.train(dataset, more);
        assert!(output.status.success(), "{}", stderr(&output));
        self.place.path(stdout(&output).trim())
    }

    /// Names and versions of deployed models.
    fn deployed(&self) -> Vec<Value> {
        let answer = self.served.get("/api/ml/models/deployed?status=staged");
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
        body["models"].as_array().expect("a list").clone()
    }
}

/// Stands between a trainer and the server, one request a connection, and may change what the server says.
struct Between {
    address: String,
    /// Request lines and `Range` headers, as they came.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Between {
    /// `change` gets the request line and the answer; what is left of it is sent, then the connection ends.
    fn of(server: &str, change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (server, told) = (server.to_owned(), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some((head, body)) = request(&stream) else { continue };
                let line = head.lines().next().unwrap_or_default().to_owned();
                let range =
                    head.lines().find(|line| line.to_ascii_lowercase().starts_with("range:")).unwrap_or_default();
                told.lock().expect("nobody panicked").push(format!("{line} {range}"));
                let mut upstream = TcpStream::connect(&server).expect("it listens");
                let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
                upstream.write_all(&[head.as_bytes(), &body].concat()).expect("it reads");
                let mut answer = Vec::new();
                upstream.read_to_end(&mut answer).expect("an answer");
                let _ = (&stream).write_all(&change(&line, answer));
            }
        });
        Self { address, asked }
    }

    fn base(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Head and body of a request.
fn request(mut stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end + 4].to_vec()).ok()?;
        let length = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
        let wanted: usize = head.lines().find_map(length).unwrap_or(0);
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let mut body = bytes[end + 4..].to_vec();
        while if chunked { !body.ends_with(b"0\r\n\r\n") } else { body.len() < wanted } {
            let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
            body.extend_from_slice(&buffer[..count]);
        }
        return Some((head, body));
    }
}

/// An answer whose body says something else.
fn reworded(answer: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    assert!(body.contains(from), "{from} is not in {body}");
    let body = body.replacen(from, to, 1);
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("it was written")).expect("JSON")
}

#[test]
fn a_table_becomes_a_staged_model_whatever_happens_on_the_way() {
    let factory = Factory::start();
    let id = factory.upload(&counts(2100), "state");
    let output = factory.train(&id, &["--format", "tflite-fp32,c-array"]);
    let log = stderr(&output);
    assert!(output.status.success(), "{log}");
    for (at, step) in [
        "download",
        "load",
        "validate",
        "split",
        "scale",
        "train",
        "early-stopping",
        "evaluate",
        "quantize",
        "export",
        "upload",
    ]
    .iter()
    .enumerate()
    {
        assert!(log.contains(&format!("step {}/11 {step}: ", at + 1)), "{step}: {log}");
    }
    assert_eq!(log.matches("milliseconds=").count(), 11, "{log}");
    assert!(!log.contains(&factory.key), "the key is not logged");

    let run = factory.place.path(stdout(&output).trim());
    let meta = json(&run.join("meta.json"));
    let accuracy = meta["model"]["metrics"]["test_accuracy"].as_f64().expect("a number");
    let int8 = meta["quantization"]["test_accuracy"].as_f64().expect("a number");
    assert!(accuracy > 0.9 && (accuracy - int8).abs() <= 0.01, "{accuracy} {int8}");
    assert_eq!(meta["dataset"]["id"], id.as_str());
    assert!(meta["dataset"]["hash"].as_str().is_some_and(|hash| hash.starts_with("sha256") && hash.len() == 71));
    assert_eq!((meta["features"]["count"].as_u64(), meta["labels"]["count"].as_u64()), (Some(10), Some(7)));
    for list in ["scaler_mean", "scaler_scale"] {
        assert_eq!(meta["features"]["preprocessing"][list].as_array().map(Vec::len), Some(10), "{list}");
    }
    assert_eq!(meta["features"]["preprocessing"]["label_classes"], Value::from(STATES.to_vec()));
    assert_eq!(meta["labels"]["mapping"]["6"], "unknown");
    for field in ["type", "input_type", "output_type"] {
        assert_eq!(meta["quantization"][field], "int8");
    }
    assert_eq!(meta["model"]["metrics"]["confusion_matrix"].as_array().map(Vec::len), Some(7));
    for name in ["c/shelf_model.h", "c/shelf_model.cc", "c/README.md", "model_fp32.tflite", "results.csv"] {
        assert!(run.join(name).is_file(), "{name}");
    }

    // The registry has it, staged, of its kind.
    let uploaded = json(&run.join("uploaded.json"));
    let deployed = factory.deployed();
    assert_eq!(deployed.len(), 1, "{deployed:?}");
    assert_eq!((&deployed[0]["model_id"], deployed[0]["kind"].as_str()), (&uploaded["model_id"], Some("mlp")));
    assert_eq!(deployed[0]["metrics"]["test_accuracy"].as_f64(), Some(accuracy));

    // Run again, and elsewhere: the same bytes, and the same version.
    let model = fs::read(run.join("model.tflite")).expect("written");
    assert_eq!(factory.trains(&id, &[]), run);
    let other = factory.trains(&id, &["--runs-dir", "elsewhere"]);
    for folder in [&run, &other] {
        assert_eq!(fs::read(folder.join("model.tflite")).expect("written"), model);
        assert_eq!(json(&folder.join("uploaded.json")), uploaded);
    }
    assert_eq!(factory.deployed().len(), 1, "sent three times, it is one");

    // The interpreter of our own runs what lies there, and the file says what it costs.
    let path = run.join("model.tflite").display().to_string();
    let said = factory.place.shelf(&["models", "run", &path, "0,0,0,0,0,0,0,0,0,0"]);
    let said: Value = serde_json::from_str(&stdout(&said)).expect("JSON");
    let sum: f64 = said["probabilities"].as_array().expect("a list").iter().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 0.03, "{said}");
    let shown = stdout(&factory.place.shelf(&["models", "inspect", &path]));
    for part in ["TFLite, int8", "FULLY_CONNECTED x3, SOFTMAX x1", "2,919", "arena"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    // Killed when each step begins, or in the middle of training, and run again: each time in a folder of its own.
    for (at, point) in (1..=11).map(|step| format!("step {step}/11")).chain(["epoch 3: ".to_owned()]).enumerate() {
        let place = format!("killed-{at}");
        let killed = ["--runs-dir", place.as_str(), "--log-level", "DEBUG"];
        factory.killed(&id, &killed, &point);
        let again = factory.trains(&id, &killed);
        assert_eq!(fs::read(again.join("model.tflite")).expect("written"), model, "killed at {point}");
        assert_eq!(json(&again.join("uploaded.json")), uploaded, "killed at {point}");
    }
    // At all of them one after the other: what was trained before is not trained again.
    let killed = ["--runs-dir", "killed", "--log-level", "DEBUG"];
    for step in 1..=11 {
        factory.killed(&id, &killed, &format!("step {step}/11"));
    }
    let again = factory.trains(&id, &killed);
    assert_eq!(fs::read(again.join("model.tflite")).expect("written"), model);
    assert_eq!(json(&again.join("uploaded.json")), uploaded);
    assert_eq!(factory.deployed().len(), 1, "sent however often, it is one");

    // What is no model of this data set is refused, and says why.
    let path = format!("/datasets/{id}/models");
    let meta = fs::read(run.join("meta.json")).expect("written");
    let altered = |from: &str, to: &str| String::from_utf8_lossy(&meta).replacen(from, to, 1).into_bytes();
    for (model, meta, part) in [
        (&model[..model.len() / 2], meta.clone(), "cannot be run"),
        (&b"no model"[..], meta.clone(), "TFL3"),
        (&model[..], b"{}".to_vec(), "meta.json"),
        (&model[..], altered("\"count\": 10", "\"count\": 9"), "scaler_mean"),
        (&model[..], altered(&id, "0194f3a2-7c1e-7f00-8000-000000000001"), "dataset.id"),
        (&model[..], altered("sha256:", "sha256:00"), "dataset.hash"),
        (&model[..], altered("\"zero_point\": -128", "\"zero_point\": -127"), "zero point"),
    ] {
        let (status, answer) = factory.post(&path, &[("model", "m", model), ("meta", "j", &meta)]);
        assert_eq!(status, 422, "{answer}");
        assert!(answer["detail"].as_str().is_some_and(|detail| detail.contains(part)), "{part}: {answer}");
    }
    let (status, _) = factory.post(&path, &[("model", "m", &model)]);
    assert_eq!(status, 400, "a field is missing");
}

#[test]
fn what_cannot_be_trained_says_why() {
    let factory = Factory::start();
    let fails = |dataset: &str, more: &[&str], part: &str| {
        let output = factory.train(dataset, more);
        let said = stderr(&output);
        assert!(!output.status.success() && said.contains(part), "{part}: {said}");
    };
    let nobody = "0194f3a2-7c1e-7f00-8000-000000000001";
    fails("../../etc", &[], "UUID");
    fails(nobody, &[], "404");
    fails(nobody, &["--token", "shelf_wrong"], "refuses the key (401)");
    fails(nobody, &["--api-base", "ftp://here"], "--api-base");
    fails(nobody, &["--api-base", "http://127.0.0.1:9"], "cannot reach");
    fails(nobody, &["--config", "missing.yaml"], "missing.yaml");
    fails(&factory.upload(&counts(70), ""), &[], "target_column");
    let many = |header: &str, rows: &str| format!("{header}\n{}", rows.repeat(20));
    fails(&factory.upload(&many("a,b,y", "1,x,u\n2,y,v\n"), "y"), &[], "\"b\" is of type object");
    fails(&factory.upload("a,y\n1,u\n2,u\n3,u\n", "y"), &[], "classes");
    fails(&factory.upload(&many("a,y", "1,u\n,v\n3,u\n4,v\n"), "y"), &[], "line 3: column \"a\" holds");
    // A constant feature and a class with one row are no reason not to train.
    let mut odd = counts(140).replace(",state", ",constant,state");
    odd = odd
        .lines()
        .enumerate()
        .map(|(at, line)| match (at, line.rsplit_once(',')) {
            (0, _) | (_, None) => format!("{line}\n"),
            (1, Some((values, _))) => format!("{values},5,rare\n"),
            (_, Some((values, state))) => format!("{values},5,{state}\n"),
        })
        .collect();
    let output = factory.train(&factory.upload(&odd, "state"), &["--no-upload"]);
    let said = stderr(&output);
    assert!(output.status.success() && said.contains("\"constant\" is constant"), "{said}");
    let meta = json(&factory.place.path(stdout(&output).trim()).join("meta.json"));
    assert_eq!(meta["features"]["preprocessing"]["scaler_scale"][10], 1.0);
    assert!(factory.deployed().is_empty(), "left out");
}

#[test]
fn a_server_that_goes_away_in_the_middle_is_waited_for() {
    let factory = Factory::start();
    let id = factory.upload(&counts(700), "state");
    let (transfers, models) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let between = Between::of(&factory.served.address, move |line, mut answer| {
        // The first two transfers end early, and the first model that comes is taken without a word.
        if line.starts_with("GET") && line.contains("/download") && transfers.fetch_add(1, Ordering::Relaxed) < 2 {
            answer.truncate(answer.len() / 2);
        } else if line.starts_with("POST") && models.fetch_add(1, Ordering::Relaxed) == 0 {
            answer.clear();
        }
        answer
    });
    let run = factory.trains(&id, &["--api-base", &between.base()]);
    let asked = between.asked.lock().expect("nobody panicked").clone();
    let of = |part: &str| asked.iter().filter(|line| line.contains(part)).cloned().collect::<Vec<_>>();
    let (transfers, models) = (of("GET /datasets"), of("POST /datasets"));
    let ranges = transfers.iter().filter(|line| line.contains("/download") && line.contains("bytes=")).count();
    assert_eq!((ranges, models.len()), (2, 2), "{asked:?}");
    assert_eq!(factory.deployed().len(), 1, "sent twice, it is one");
    let there = fs::read(run.join("model.tflite")).expect("written");

    // Away for good: it says so, keeps what is done, and a later run ends the same.
    let gone =
        Between::of(&factory.served.address, |line, answer| if line.starts_with("POST") { Vec::new() } else { answer });
    let more = ["--runs-dir", "elsewhere", "--api-base", &gone.base()];
    let output = factory.train(&id, &more);
    let said = stderr(&output);
    assert!(!output.status.success() && said.contains("step 11/11, upload, failed"), "{said}");
    assert!(said.contains("cannot reach"), "{said}");
    let run = factory.trains(&id, &["--runs-dir", "elsewhere"]);
    assert_eq!(fs::read(run.join("model.tflite")).expect("written"), there);
}

#[test]
fn a_schema_that_lies_about_the_table_is_found_out() {
    let factory = Factory::start();
    let id = factory.upload(&counts(350), "state");
    let lying = |from: &'static str, to: &'static str| {
        let between = Between::of(&factory.served.address, move |line, answer| {
            if line.contains("/schema") { reworded(&answer, from, to) } else { answer }
        });
        factory.train(&id, &["--api-base", &between.base(), "--no-upload"])
    };
    for (from, to, part) in [
        ("\"fill_ratio\"", "\"full_ratio\"", "the schema names a column \"full_ratio\" that the CSV does not have"),
        ("\"full\"", "\"fool\"", "column \"state\" holds \"full\""),
        ("\"full\"", "\"low\"", "names a column or a class twice"),
        ("\"fill_ratio\"", "\"empty_gaps\"", "names a column or a class twice"),
        ("\"features\"", "\"futures\"", "the schema of the data set cannot be understood"),
        ("\"name\"", "\"label\"", "cannot be understood"),
    ] {
        let output = lying(from, to);
        let said = stderr(&output);
        assert!(!output.status.success() && said.contains(part), "{from} {to}: {said}");
    }
    // Seven classes and one more of which there is no row: it is trained, and said.
    let output = lying("\"full\"", "\"full\",\"overfull\"");
    let said = stderr(&output);
    assert!(output.status.success() && said.contains("no row is of the class \"overfull\""), "{said}");
    let meta = json(&factory.place.path(stdout(&output).trim()).join("meta.json"));
    assert_eq!(meta["labels"]["count"], 8);
    let matrix = meta["model"]["metrics"]["confusion_matrix"].as_array().expect("rows").clone();
    let at = meta["labels"]["mapping"].as_object().expect("classes").iter().find(|(_, name)| **name == "overfull");
    let at: usize = at.expect("a class").0.parse().expect("a number");
    let total: u64 = matrix[at].as_array().expect("a row").iter().filter_map(Value::as_u64).sum();
    assert_eq!((matrix.len(), total), (8, 0));
    assert!(meta["model"]["metrics"]["f1"].as_f64().is_some_and(|f1| f1 > 0.5), "{meta}");
}

#[test]
fn what_a_job_learned_is_there_as_onnx() {
    let factory = Factory::start();
    let set = factory.upload(&counts(420), "state");
    for algorithm in ["gradient_boosting", "svm"] {
        let body = serde_json::json!({
            "dataset_id": set, "target_column": "state", "task_type": "classification", "algorithm": algorithm,
            "hyperparameters": if algorithm == "svm" { serde_json::json!({}) } else { serde_json::json!({"n_estimators": 10}) },
        });
        let (status, job) = factory.send("/api/ml/models/train", "application/json", body.to_string().as_bytes());
        assert_eq!(status, 200, "{job}");
        let job = job["job_id"].as_str().expect("an id").to_owned();
        let path = format!("/api/ml/jobs/{job}");
        factory.served.until("the job is done", |served| served.get(&path).contains("\"status\":\"completed\""));
        let log = factory.served.get(&format!("{path}/events"));
        assert!(log.contains("ONNX: ") && log.contains("says the same of 420 rows"), "{log}");
        let mut stream = TcpStream::connect(&factory.served.address).expect("it listens");
        write!(stream, "GET /api/ml/models/{job}/onnx HTTP/1.0\r\nhost: localhost\r\n\r\n").expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let head = String::from_utf8_lossy(&answer[..answer.len().min(600)]).into_owned();
        assert!(head.contains(" 200 OK") && head.contains("job-") && head.contains(".onnx\""), "{head}");
        let text = String::from_utf8_lossy(&answer);
        assert!(text.contains("mean_confidence") && text.contains(algorithm), "its metadata is in it");
    }
}
