//! A process that runs the daily and the monthly flow and is killed over and over ends with the tree of one that is not.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use flows::{Flows, FlowsConfig, Period};
use store::flows::RunLimits;
use store::model::now;
use store::photos::Month;
use store::{Store, StoreSettings};

use crate::place::{accept, config, flows, keep, past, tree};
use crate::test_store::TestStore;

/// Where the process that is to be killed finds its store.
const DATABASE: &str = "SHELF_TEST_KILLED_DATABASE";
const OBJECTS: &str = "SHELF_TEST_KILLED_OBJECTS";
/// How often a process is killed, and of how many photos: `SHELF_KILLS=50 SHELF_PHOTOS=10000` for the numbers in the documents.
const KILLS: &str = "SHELF_KILLS";
const PHOTOS: &str = "SHELF_PHOTOS";

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn periods() -> [Period; 3] {
    let month = Month::of(now());
    [Period::Day(past(2)), Period::Month(month.before().before()), Period::Month(month.before())]
}

/// Runs all flows until it is killed, or they are done. Without a store there is nothing to do: it is no test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed() {
    let (Ok(database), Ok(objects)) = (std::env::var(DATABASE), std::env::var(OBJECTS)) else { return };
    let settings = StoreSettings { database: database.into(), objects, ..StoreSettings::default() };
    let store = Store::open(&settings).await.expect("opened");
    // Whoever comes next need not wait long for the one that was killed.
    let limits = RunLimits { lease: Duration::from_secs(1), ..RunLimits::default() };
    let flows = Flows::new(store, FlowsConfig { limits, ..config() }, "killed");
    println!("killed: at work");
    for period in periods() {
        while let Err(error) = flows.run(period).await {
            // On a machine that is busy it may not get to its signs of life.
            let again = matches!(error, flows::FlowError::Elsewhere { .. } | flows::FlowError::Lost);
            assert!(again, "{error:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("killed: did {period}");
    }
    println!("killed: all done");
}

/// Photos of a day, most of them verified in two months.
async fn fill(store: &Store, photos: u32) {
    let names = keep(store, past(2), 0..photos).await;
    let month = Month::of(now());
    for (at, photo) in names.iter().enumerate() {
        match at % 4 {
            0 => {}
            1 | 2 => accept(store, *photo, month.before().before().first().begin() + 1).await,
            _ => accept(store, *photo, month.before().first().begin() + 1).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_leave_the_same_tree() {
    let (kills, photos) = (number(KILLS, 8), number(PHOTOS, 200));
    let (whole, broken) = (TestStore::sqlite().await.expect("SQLite"), TestStore::sqlite().await.expect("SQLite"));
    fill(&whole.store, photos).await;
    let begun = std::time::Instant::now();
    for period in periods() {
        flows(&whole.store).run(period).await.expect("done");
    }
    let undisturbed = begun.elapsed();
    fill(&broken.store, photos).await;
    let settings = broken.settings.clone();
    // Another moment each time, all over the time that it takes.
    let span = undisturbed.as_micros().max(1) as u64 * 2;
    let killing = tokio::task::spawn_blocking(move || {
        let (mut done, mut killed) = (false, 0);
        for kill in 0_u64.. {
            let mut child = Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", "kills::killed", "--nocapture"])
                .env(DATABASE, settings.database.expose())
                .env(OBJECTS, &settings.objects)
                .stdout(Stdio::piped())
                .spawn()
                .expect("it starts");
            let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
            assert!(lines.by_ref().any(|line| line.contains("at work")), "it was at work");
            if killed >= u64::from(kills) {
                done = lines.any(|line| line.contains("all done"));
                child.wait().expect("gone");
                break;
            }
            // Early ones often: a run that is begun again and again must get on.
            std::thread::sleep(Duration::from_micros(1_100_000 + (kill * 7_919_777) % span / u64::from(kills).max(1)));
            child.kill().expect("killed");
            child.wait().expect("gone");
            killed += 1;
        }
        (done, killed)
    });
    let (done, killed) = killing.await.expect("no panic");
    assert!(done, "it is done in the end");
    let trees = [&whole, &broken].map(|place| tree(&Path::new(&place.settings.objects).join("ml-artifacts")));
    let names = trees.each_ref().map(|tree| tree.keys().cloned().collect::<Vec<_>>());
    assert_eq!(names[0], names[1]);
    for (name, bytes) in &trees[0] {
        assert!(trees[1][name] == *bytes, "{name} differs");
    }
    let runs = broken.store.flow_runs(crate::place::HOME).await.expect("read");
    let attempts: i64 = runs.iter().map(|run| run.attempts).sum();
    println!(
        "{photos} photos, {killed} kills, {attempts} attempts at {} runs, {} files, {:.1} s undisturbed",
        runs.len(),
        names[0].len(),
        undisturbed.as_secs_f64()
    );
    assert_eq!(broken.store.verify_audit().await.expect("verified").faults, []);
    assert_eq!(broken.store.check().await.expect("checked"), [] as [String; 0]);
}
