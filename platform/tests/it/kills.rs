//! Two workers on one database that are killed over and over: no job is done twice, none is lost.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use platform::jobs::JobRequest;
use platform::{JobLimits, Limits, Platform, Worker};
use store::jobs::JobStatus;
use store::{StoreHandle, StoreSettings};
use tabular::{Algorithm, Task, TrainOptions};
use tokio::sync::watch;

use crate::place::{HOME, about, ann, flowers, platform, upload};
use crate::test_store::on_each;

/// Where the process that is to be killed finds its store.
const DATABASE: &str = "SHELF_TEST_KILLED_DATABASE";
const OBJECTS: &str = "SHELF_TEST_KILLED_OBJECTS";
/// How often a worker is killed; `SHELF_KILLS=100` for the number in the documents.
const KILLS: &str = "SHELF_KILLS";

fn limits() -> Limits {
    let jobs = JobLimits { lease: Duration::from_millis(1_500), running: 8, open: 10_000, ..JobLimits::default() };
    Limits { jobs, ..Limits::default() }
}

/// Does jobs until it is killed. Without a store there is nothing to do: it is no test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed() {
    let (Ok(database), Ok(objects)) = (std::env::var(DATABASE), std::env::var(OBJECTS)) else { return };
    let settings = StoreSettings { database: database.into(), objects, ..StoreSettings::default() };
    let platform = Platform::new(Some(StoreHandle::from(settings)), limits());
    platform.store().await.expect("opened");
    println!("killed: at work");
    let (_held, stop) = watch::channel(false);
    Worker::new(platform, format!("worker {}", std::process::id())).run(stop).await;
}

fn worker(settings: &StoreSettings) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "kills::killed", "--nocapture"])
        .env(DATABASE, settings.database.expose())
        .env(OBJECTS, &settings.objects)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("at work")), "it was at work");
    child
}

on_each! {
    async fn kills_lose_no_job_and_none_is_done_twice(place) {
        let kills: u64 = std::env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(4);
        let platform = platform(&place, limits());
        let set = upload(&platform, flowers(400).as_bytes(), about("species")).await.expect("kept").set.id;
        let count = (kills * 3) as usize;
        let mut ids = Vec::new();
        for _ in 0..count {
            let hyperparameters = serde_json::json!({"n_estimators": 300}).as_object().expect("an object").clone();
            let options = TrainOptions { hyperparameters, ..TrainOptions::new("species", Task::Classification, Algorithm::GradientBoosting) };
            ids.push(platform.submit(&set, JobRequest::Train(options), None, &ann(HOME)).await.expect("wanted").id);
        }
        let settings = place.settings.clone();
        let killing = tokio::task::spawn_blocking(move || {
            let mut workers = [worker(&settings), worker(&settings)];
            for kill in 0..kills {
                // At another moment each time.
                std::thread::sleep(Duration::from_millis(100 + kill * 7_919 % 700));
                let one = &mut workers[kill as usize % 2];
                one.kill().expect("killed");
                one.wait().expect("gone");
                *one = worker(&settings);
            }
            workers
        });
        let mut workers = killing.await.expect("no panic");
        let begun = Instant::now();
        loop {
            let jobs = place.store.jobs(HOME).await.expect("listed");
            if jobs.iter().all(|job| job.status.is_over()) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60 + 10 * kills), "a job is never over: {jobs:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for worker in &mut workers {
            worker.kill().expect("killed");
            worker.wait().expect("gone");
        }
        let jobs = place.store.jobs(HOME).await.expect("listed");
        assert_eq!(jobs.len(), count);
        let mut again = 0;
        for id in &ids {
            let job = platform.job(HOME, id).await.expect("none is lost").job;
            let events = platform.job_events(HOME, id, 0).await.expect("read");
            assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "{events:?}");
            let moved = |status: &str| {
                let body = format!("\"status\":\"{status}\"");
                events.iter().filter(|event| event.kind == "status" && event.body.contains(&body)).count()
            };
            assert_eq!(moved("running") as i64, job.attempts);
            assert!(job.attempts <= 2, "{job:?}");
            again += job.attempts - 1;
            match job.status {
                JobStatus::Completed => {
                    assert_eq!((moved("completed"), moved("failed")), (1, 0), "done once");
                    let model = place.store.model(HOME, id).await.expect("its version");
                    assert_eq!(place.store.model_files(&model.id).await.expect("listed").len(), 1);
                }
                // Whoever took it died, and whoever took it then.
                JobStatus::Failed => {
                    assert_eq!((moved("completed"), moved("failed"), job.attempts), (0, 1, 2));
                    assert!(place.store.model(HOME, id).await.is_err(), "nothing half done");
                }
                status => panic!("{status} is not over"),
            }
        }
        println!("{kills} kills, {count} jobs, {again} taken again");
        assert_eq!(place.store.check().await.expect("checked"), [] as [String; 0]);
        assert_eq!(place.store.verify_audit().await.expect("verified").faults, []);
    }
}
