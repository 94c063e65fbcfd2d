//! One holder a run, one leader among many; what failed is tried again, later and later.

use std::time::Duration;

use serde_json::json;
use store::access::{DEFAULT_ORGANISATION as HOME, Role};
use store::audit::Actor;
use store::flows::{Begun, Flow, FlowStatus, HeldRun, Leader, RunLimits};
use store::{Store, StoreError};

use crate::test_store::on_each;

fn by(name: &str) -> Actor {
    Actor { organisation: HOME.into(), name: name.into(), role: Role::Admin, request: String::new() }
}

fn limits() -> RunLimits {
    RunLimits { lease: Duration::from_secs(2), attempts: 2, backoff: Duration::from_secs(3), ..RunLimits::default() }
}

async fn begin(store: &Store, period: &str) -> Result<Begun, StoreError> {
    store.begin_run(Flow::Daily, period, limits(), &by("ann")).await
}

async fn held(store: &Store, period: &str) -> HeldRun {
    match begin(store, period).await.expect("begun") {
        Begun::Held(held) => *held,
        other => panic!("it is not to be had: {other:?}"),
    }
}

on_each! {
    async fn a_run_has_one_holder_and_is_done_once(place) {
        let (one, other) = (&place.store, &place.again().await);
        let (a, b) = tokio::join!(begin(one, "2026-11-30"), begin(other, "2026-11-30"));
        let both = [a.expect("asked"), b.expect("asked")];
        let got = both.iter().filter(|begun| matches!(begun, Begun::Held(_))).count();
        assert_eq!(got, 1, "{both:?}");
        let Some(Begun::Held(first)) = both.into_iter().find(|begun| matches!(begun, Begun::Held(_))) else { panic!("one") };
        one.beat_run(&first).await.expect("asked").expect("it is at it");
        assert_eq!(one.plan_run(&first, "{\"digits\":2}".into()).await.expect("kept"), "{\"digits\":2}");
        // Whoever gives no sign of life loses it.
        tokio::time::sleep(Duration::from_millis(2_200)).await;
        assert_eq!(one.runs_to_retry(HOME).await.expect("read").len(), 1);
        let second = held(other, "2026-11-30").await;
        assert_eq!((second.run.attempts, second.plan.as_deref()), (2, Some("{\"digits\":2}")));
        assert!(one.beat_run(&first).await.expect("asked").is_err());
        assert!(one.end_run(&first, Ok(json!({})), &by("ann")).await.expect("asked").is_err(), "not its own any more");
        assert_eq!(other.plan_run(&second, "{\"digits\":3}".into()).await.expect("asked"), "{\"digits\":2}");
        let done = other.end_run(&second, Ok(json!({"photos": 7})), &by("bob")).await.expect("asked").expect("ended");
        assert_eq!((done.status, done.outcome), (FlowStatus::Completed, Some(json!({"photos": 7}))));
        assert!(matches!(begin(one, "2026-11-30").await.expect("asked"), Begun::Done(_)));
        assert_eq!(one.runs_to_retry(HOME).await.expect("read"), []);
        assert_eq!(one.completed_before(HOME, Flow::Daily, "2026-12-01").await.expect("read").as_deref(), Some("2026-11-30"));
        assert_eq!(one.completed_before(HOME, Flow::Daily, "2026-11-30").await.expect("read"), None);
        let actions: Vec<String> = one.audit(0).await.expect("read").into_iter().map(|entry| entry.action).collect();
        assert_eq!(actions, ["flow.begin", "flow.begin", "flow.complete"]);
        assert_eq!(one.verify_audit().await.expect("verified").faults, []);
    }

    async fn what_failed_is_tried_again_and_then_by_hand(place) {
        let store = &place.store;
        for attempt in 1..=2 {
            let held = held(store, "2026-11-01").await;
            let failed = store.end_run(&held, Err("the bucket is away".into()), &by("ann")).await.expect("asked").expect("ended");
            assert_eq!((failed.status, failed.attempts), (FlowStatus::Failed, attempt));
            assert_eq!(failed.retry_at.is_some(), attempt == 1);
            assert_eq!(failed.failure.as_deref(), Some("the bucket is away"));
            if attempt == 1 {
                assert_eq!(store.runs_to_retry(HOME).await.expect("read"), [], "not yet");
                tokio::time::sleep(Duration::from_millis(3_200)).await;
                assert_eq!(store.runs_to_retry(HOME).await.expect("read").len(), 1);
            }
        }
        assert_eq!(store.runs_to_retry(HOME).await.expect("read"), []);
        let by_hand = held(store, "2026-11-01").await;
        assert_eq!((by_hand.run.attempts, by_hand.run.failure), (3, None));
        let (begun, first) = store.begun_periods(HOME, Flow::Daily, "2026-10-01").await.expect("read");
        assert_eq!((begun, first.as_deref()), (vec!["2026-11-01".to_owned()], Some("2026-11-01")));
        assert_eq!(store.flow_run(HOME, Flow::Monthly, "2026-11").await.expect("read"), None);
        assert_eq!(store.flow_runs(HOME).await.expect("read").len(), 1);
    }

    async fn there_is_one_leader(place) {
        let (one, other) = (&place.store, &place.again().await);
        let (ann, bob) = (Leader::of("flows"), Leader::of("flows"));
        let lease = Duration::from_secs(3);
        let (a, b) = tokio::join!(one.lead(&ann, lease), other.lead(&bob, lease));
        assert!(a.as_ref().expect("asked") != b.as_ref().expect("asked"), "one of them");
        let (leads, waits) = if matches!(a, Ok(true)) { (ann, bob) } else { (bob, ann) };
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            assert!(one.lead(&leads, lease).await.expect("asked"), "renewed");
            assert!(!other.lead(&waits, lease).await.expect("asked"));
        }
        one.step_down(&waits).await.expect("not its own to give");
        assert!(!other.lead(&waits, lease).await.expect("asked"));
        one.step_down(&leads).await.expect("given back");
        assert!(other.lead(&waits, lease).await.expect("asked"), "at once");
        tokio::time::sleep(Duration::from_millis(3_200)).await;
        assert!(one.lead(&leads, lease).await.expect("asked"), "the other gave no sign of life");
        assert!(one.lead(&Leader::of("other"), lease).await.expect("asked"), "another lease");
    }
}
