//! One of two schedulers does what is due, once.

use std::path::Path;
use std::time::{Duration, Instant};

use flows::{FlowsConfig, Scheduler};
use store::StoreHandle;
use store::flows::{Flow, FlowStatus};
use tokio::sync::watch;

use crate::place::{HOME, keep, past};
use crate::test_store::on_each;

fn often() -> FlowsConfig {
    let text = "schedule: true\nlook_seconds: .1\nlease_seconds: 1\nsettle_seconds: 0\nbackoff_seconds: 1";
    FlowsConfig::parse(text, Path::new("flows.yaml")).expect("sound")
}

on_each! {
    async fn two_schedulers_do_what_was_missed_once(place) {
        let store = &place.store;
        for back in 1..=4 {
            keep(store, past(back), (back as u32) * 10..(back as u32) * 10 + 5).await;
        }
        // The last that was done before the standstill.
        crate::place::flows(store).run(flows::Period::Day(past(4))).await.expect("done");
        let (tell, told) = watch::channel(false);
        let handles: Vec<StoreHandle> = (0..2).map(|_| StoreHandle::from(place.settings.clone())).collect();
        let both: Vec<_> = handles
            .iter()
            .map(|handle| tokio::spawn(Scheduler::new(handle.clone(), often(), "test").run(told.clone())))
            .collect();
        let begun = Instant::now();
        loop {
            let runs = store.flow_runs(HOME).await.expect("read");
            let days = runs.iter().filter(|run| run.flow == Flow::Daily && run.status == FlowStatus::Completed).count();
            let months = runs.iter().filter(|run| run.flow == Flow::Monthly && run.status == FlowStatus::Completed).count();
            if (days, months) == (4, 1) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{runs:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        tell.send_replace(true);
        for scheduler in both {
            tokio::time::timeout(Duration::from_secs(10), scheduler).await.expect("it stops").expect("no panic");
        }
        let runs = store.flow_runs(HOME).await.expect("read");
        assert_eq!(runs.len(), 5, "{runs:#?}");
        assert!(runs.iter().all(|run| run.attempts == 1), "each once: {runs:#?}");
        let days: Vec<u64> = runs.iter().filter_map(|run| run.outcome.as_ref()?["photos"].as_u64()).collect();
        assert_eq!(days, [5, 5, 5, 5]);
    }
}
