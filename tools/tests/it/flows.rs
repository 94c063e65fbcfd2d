//! `shelf flows`: by hand, listed, with its history.

use std::process::Command;

use serde_json::Value;
use store::access::DEFAULT_ORGANISATION as HOME;
use store::model::now;
use store::photos::{Day, NewPhoto};
use store::{Store, StoreSettings};
use vision::Sha256;

use crate::shelf::{Workplace, stderr, stdout};

fn settings(place: &Workplace) -> StoreSettings {
    StoreSettings {
        database: format!("sqlite:{}", place.path("shelf.db").display()).into(),
        objects: place.path("objects").display().to_string(),
        ..StoreSettings::default()
    }
}

fn shelf(place: &Workplace, arguments: &[&str]) -> Command {
    let settings = settings(place);
    let mut command = place.command(arguments);
    command.env("DATABASE_URL", settings.database.expose()).env("OBJECTS_URL", settings.objects);
    command
}

#[test]
fn flows_are_run_by_hand_and_remembered() {
    let place = Workplace::empty();
    place.write_config("detector.onnx".as_ref(), "embedder.onnx".as_ref());
    let day = Day(Day::of(now()).0 - 2);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(&settings(&place)).await.expect("opened");
        let file = b"not looked at".to_vec();
        let photo = NewPhoto {
            organisation: HOME.into(),
            at: day.begin(),
            request_id: "r1".into(),
            release: "shelf@1".into(),
            store: None,
            shelf: None,
            taken_at: None,
            photo: Sha256::of(&file),
            file: file.into(),
            extension: "jpg",
            width: 10,
            height: 10,
            image_hash: None,
            answer: Vec::new(),
        };
        store.keep_photos(vec![photo]).await.expect("kept");
        store.close().await;
    });
    let (day, today) = (day.to_string(), Day::of(now()).to_string());
    let run = |arguments: &[&str]| shelf(&place, arguments).output().expect("it runs");
    let done = run(&["flows", "run", "daily", "--date", &day]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(stdout(&done).contains("\"photos\": 1"), "{}", stdout(&done));
    let manifest = place.path(&format!("objects/ml-artifacts/metadata/candidates/{day}/manifest.json"));
    let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).expect("it is there")).expect("JSON");
    assert_eq!(manifest["photos"], 1);
    let again = run(&["flows", "run", "daily", "--date", &day]);
    assert!(again.status.success() && stdout(&again).contains("done before"), "{}", stdout(&again));
    for (arguments, expected) in [
        (["flows", "run", "daily", "--date", "2026-02-30"], "is no day (YYYY-MM-DD"),
        (["flows", "run", "daily", "--date", today.as_str()], "is not over"),
        (["flows", "run", "monthly", "--date", "2026"], "is no month (YYYY-MM,"),
    ] {
        let refused = run(&arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
    }
    let listed = stdout(&run(&["flows", "list"]));
    assert!(listed.contains("0 1 1 * *") && listed.contains("by hand") && listed.contains(&day), "{listed}");
    let history = stdout(&run(&["flows", "history", "--json"]));
    let lines: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1, "{history}");
    assert_eq!((&lines[0]["status"], &lines[0]["created_by"]), (&Value::from("completed"), &Value::from("terminal")));
    let audit = stdout(&run(&["audit", "export"]));
    assert!(audit.contains("flow.begin") && audit.contains("flow.complete"), "{audit}");
    // Part by part: a database that cannot be there is named, its password is not.
    let mut command = place.command(&["flows", "history"]);
    command.env_remove("DATABASE_URL").envs([
        ("DB_HOST", "127.0.0.1"),
        ("DB_PORT", "1"),
        ("DB_USER", "shelf"),
        ("DB_NAME", "shelf"),
    ]);
    let away = command.env("DB_PASSWORD", "geheim").output().expect("it runs");
    assert!(!away.status.success());
    assert!(
        stderr(&away).contains("database cannot be reached") && !stderr(&away).contains("geheim"),
        "{}",
        stderr(&away)
    );
    let wrong = shelf(&place, &["flows", "history"]).env("ML_ARTIFACTS_BUCKET", "../up").output().expect("it runs");
    assert!(wrong.status.success(), "what is not needed is not opened");
    let run = shelf(&place, &["flows", "run", "daily"]).env("ML_ARTIFACTS_BUCKET", "../up").output().expect("it runs");
    assert!(stderr(&run).contains("ML_ARTIFACTS_BUCKET"), "{}", stderr(&run));
}
