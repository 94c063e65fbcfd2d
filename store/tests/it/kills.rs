//! A process that is killed while it promotes and rolls back leaves one whole version in production, and a sound audit log.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use store::access::DEFAULT_ORGANISATION;
use store::registry::{ModelFilter, ModelKind, ModelStatus, NewModel, Target};
use store::{Store, StoreSettings};

use crate::registry::ann;
use crate::test_store::on_each;

const HOME: &str = DEFAULT_ORGANISATION;
/// Where the process that is to be killed finds its store.
const DATABASE: &str = "SHELF_TEST_KILLED_DATABASE";
const OBJECTS: &str = "SHELF_TEST_KILLED_OBJECTS";
/// How often a process is killed; `SHELF_KILLS=200` for the number in the documents.
const KILLS: &str = "SHELF_KILLS";

/// Promotes two versions and rolls back, until it is killed. Without a store there is nothing to do: it is no test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed() {
    let (Ok(database), Ok(objects)) = (std::env::var(DATABASE), std::env::var(OBJECTS)) else { return };
    let settings = StoreSettings { database: database.into(), objects, ..StoreSettings::default() };
    let store = Store::open(&settings).await.expect("opened");
    loop {
        for _ in 0..2 {
            let new = NewModel {
                organisation: HOME.into(),
                kind: ModelKind::Tabular,
                name: "shelf".into(),
                version: store::model::new_id(),
                training: false,
                algorithm: "ridge".into(),
                description: String::new(),
                metrics: BTreeMap::from([("r2".to_owned(), 0.9)]),
                datasets: Vec::new(),
                parents: Vec::new(),
                tags: Vec::new(),
                settings: serde_json::json!({}),
                files: Vec::new(),
            };
            let model = store.register(new, &ann(HOME)).await.expect("registered");
            store.promote(HOME, &model.id, None, &ann(HOME)).await.expect("promoted");
        }
        store.rollback("shelf", Target::Before, None, &ann(HOME)).await.expect("rolled back");
        println!("killed: went round");
    }
}

on_each! {
    async fn a_kill_leaves_one_whole_version_in_production(place) {
        let kills: u64 = std::env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(6);
        for kill in 0..kills {
            let settings = place.settings.clone();
            let killed = tokio::task::spawn_blocking(move || {
                let mut child = Command::new(std::env::current_exe().expect("this program"))
                    .args(["--exact", "kills::killed", "--nocapture"])
                    .env(DATABASE, settings.database.expose())
                    .env(OBJECTS, &settings.objects)
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("it starts");
                let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
                let went_round = lines.by_ref().map_while(Result::ok).any(|line| line.contains("went round"));
                // At another moment of the round each time.
                std::thread::sleep(Duration::from_micros(kill * 7_919 % 40_000));
                child.kill().expect("killed");
                child.wait().expect("gone");
                went_round
            });
            assert!(killed.await.expect("no panic"), "it was at work");
            assert_eq!(place.store.check().await.expect("checked"), [] as [String; 0], "kill {kill}");
            assert_eq!(place.store.verify_audit().await.expect("verified").faults, [], "kill {kill}");
            let filter = ModelFilter { status: Some(ModelStatus::Production), ..ModelFilter::default() };
            let live = place.store.models(HOME, &filter).await.expect("listed");
            assert_eq!(live.len(), 1, "kill {kill}");
            let there = place.store.in_production(HOME, "shelf").await.expect("asked");
            assert_eq!(there.map(|model| model.id), Some(live[0].id.clone()));
        }
        // What is left goes on.
        place.store.rollback("shelf", Target::Before, None, &ann(HOME)).await.expect("rolled back");
    }
}
