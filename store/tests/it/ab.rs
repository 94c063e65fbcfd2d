//! A/B tests: begun, answered, judged, ended.

use serde_json::json;
use store::access::DEFAULT_ORGANISATION;
use store::predictions::NewPrediction;
use store::registry::{AbAnswer, AbMode, Arm, ModelKind, ModelVersion, NewAbTest, NewModel, Outcome, Target};
use store::{Store, StoreError};
use vision::SkuId;
use vision::sequential::{Choice, Proportion};

use crate::predictions::answer;
use crate::registry::{ann, new};
use crate::shelf::{enrolled, item, recognition, says, sku};
use crate::test_store::on_each;

const HOME: &str = DEFAULT_ORGANISATION;

async fn model(store: &Store, kind: ModelKind, version: &str, settings: serde_json::Value) -> ModelVersion {
    let new = NewModel { settings, ..new(store, kind, version).await };
    store.register(new, &ann(HOME)).await.expect("registered")
}

async fn tabular(store: &Store, version: &str) -> ModelVersion {
    let settings =
        json!({"task_type": "classification", "target_column": "state", "classes": ["empty", "full"], "n": version});
    model(store, ModelKind::Tabular, version, settings).await
}

/// Two releases, the first one in production.
async fn releases(store: &Store) -> [ModelVersion; 2] {
    let of = async |version: &str| {
        model(store, ModelKind::Release, version, json!({"classes": ["bottle"], "n": version})).await
    };
    let (one, two) = (of("1").await, of("2").await);
    store.promote(HOME, &one.id, Some("it is the first"), &ann(HOME)).await.expect("promoted");
    [one, two]
}

fn of(name: &str, a: &ModelVersion, b: &ModelVersion) -> NewAbTest {
    NewAbTest { name: name.into(), model_a: a.id.clone(), model_b: b.id.clone(), split_ratio: 0.5, mode: AbMode::Ab }
}

on_each! {
    async fn what_cannot_be_compared_is_refused(place) {
        let store = &place.store;
        let (one, two) = (tabular(store, "1").await, tabular(store, "2").await);
        let more = json!({"task_type": "classification", "target_column": "state", "classes": ["empty", "low", "full"]});
        let more = model(store, ModelKind::Tabular, "3", more).await;
        let other = json!({"task_type": "regression", "target_column": "state", "classes": null});
        let other = model(store, ModelKind::Tabular, "4", other).await;
        let device = model(store, ModelKind::Mlp, "5", json!({})).await;
        let making = NewModel { training: true, ..new(store, ModelKind::Tabular, "6").await };
        let making = store.register(making, &ann(HOME)).await.expect("registered");
        let gone = tabular(store, "7").await;
        store.archive(HOME, &gone.id, &ann(HOME)).await.expect("archived");
        let begin = async |test: NewAbTest| store.begin_ab_test(test, &ann(HOME)).await.map(|test| test.name);
        for (b, words) in [
            (&one, "another version"), (&more, "class list"), (&other, "same task"), (&device, "of kind tabular"),
            (&making, "deploy it first"), (&gone, "no longer answers"),
        ] {
            let refused = begin(of("t", &one, b)).await.expect_err(words).to_string();
            assert!(refused.contains(words), "{words}: {refused}");
        }
        for ratio in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(begin(NewAbTest { split_ratio: ratio, ..of("t", &one, &two) }).await.is_err(), "{ratio}");
        }
        for name in ["", "a/b", "../t", "t\n", &"x".repeat(65)] {
            assert!(begin(of(name, &one, &two)).await.is_err(), "{name:?}");
        }
        assert!(begin(NewAbTest { mode: AbMode::Shadow, ..of("t", &one, &two) }).await.is_err(), "tables have no shadow");
        let nobody = NewAbTest { model_b: "nobody".into(), ..of("t", &one, &two) };
        assert!(matches!(begin(nobody).await, Err(StoreError::NotFound { what: "model", .. })));
        let brand = store.create_organisation("brand", &ann(HOME)).await.expect("made");
        let theirs = store.begin_ab_test(of("t", &one, &two), &ann(&brand.id)).await;
        assert!(matches!(theirs, Err(StoreError::NotFound { .. })), "{theirs:?}");
        assert_eq!(store.ab_tests(HOME).await.expect("listed"), [], "nothing half done");

        assert_eq!(begin(of("t", &one, &two)).await.expect("begun"), "t");
        assert!(matches!(begin(of("t", &one, &two)).await, Err(StoreError::NameTaken { .. })));
        assert_eq!(begin(of("u", &two, &one)).await.expect("tables have room for more"), "u");
        assert!(matches!(store.ab_test(&brand.id, "t").await, Err(StoreError::NotFound { .. })));
        assert!(matches!(store.end_ab_test("t", &ann(&brand.id)).await, Err(StoreError::NotFound { .. })));
        assert!(store.end_ab_test("t", &ann(HOME)).await.expect("ended").ended_at.is_some());
        let again = store.end_ab_test("t", &ann(HOME)).await.expect("it stays ended");
        assert_eq!(store.ab_test(HOME, "t").await.expect("found"), again);
        assert_eq!(store.verify_audit().await.expect("verified").faults, []);
    }

    async fn outcomes_of_tables_decide(place) {
        let store = &place.store;
        let (one, two) = (tabular(store, "1").await, tabular(store, "2").await);
        let test = store.begin_ab_test(of("t", &one, &two), &ann(HOME)).await.expect("begun");
        let log = async |arm, rows: usize, classes: Option<Vec<serde_json::Value>>| {
            store.log_ab_answer(&test, AbAnswer { arm, latency_ms: 2.0, rows, classes }).await.expect("logged")
        };
        let tell = async |id: &str, outcome| store.tell_ab_outcome(&test, id, outcome).await;
        let full = || Some(vec![json!("full"), json!("empty")]);
        let id = log(Arm::A, 2, full()).await;
        tell(&id, Outcome::Actual(vec![json!("full"), json!("full")])).await.expect("told");
        tell(&id, Outcome::Right(1)).await.expect("the same said again");
        assert!(matches!(tell(&id, Outcome::Right(2)).await, Err(StoreError::AbTest { .. })), "something else");
        assert!(matches!(tell("nobody", Outcome::Right(0)).await, Err(StoreError::NotFound { .. })));
        let id = log(Arm::B, 2, full()).await;
        for wrong in [Outcome::Right(3), Outcome::Actual(vec![]), Outcome::Actual(vec![json!("full")])] {
            assert!(matches!(tell(&id, wrong.clone()).await, Err(StoreError::Invalid { .. })), "{wrong:?}");
        }
        let numbers = log(Arm::B, 1, None).await;
        assert!(tell(&numbers, Outcome::Actual(vec![json!(1.0)])).await.is_err());
        let other = store.begin_ab_test(of("u", &one, &two), &ann(HOME)).await.expect("begun");
        assert!(store.tell_ab_outcome(&other, &id, Outcome::Right(1)).await.is_err(), "of another test");
        let standing = store.ab_standing(&test).await.expect("read");
        assert_eq!((standing.a.answers, standing.b.answers, standing.choice()), (1, 2, Choice::NotYet));
        assert_eq!((standing.a.judged, standing.b.judged), (Proportion { right: 1, of: 2 }, Proportion::default()));
        assert_eq!(standing.a.latency_ms, Some(2.0));

        // B is right where A is wrong.
        for _ in 0..10 {
            let (a, b) = (log(Arm::A, 3, None).await, log(Arm::B, 3, None).await);
            tell(&a, Outcome::Right(0)).await.expect("told");
            tell(&b, Outcome::Right(3)).await.expect("told");
        }
        let standing = store.ab_standing(&test).await.expect("read");
        assert_eq!((standing.a.judged, standing.b.judged), (Proportion { right: 1, of: 32 }, Proportion { right: 30, of: 30 }));
        assert_eq!(standing.choice(), Choice::B);
        let last = standing.days.last().expect("a day");
        assert_eq!((last.a, last.b), (standing.a.judged, standing.b.judged));
        // What is promoted is no longer what was compared; what turned out may still be told.
        store.promote(HOME, &two.id, None, &ann(HOME)).await.expect("promoted");
        assert_eq!(store.ab_test(HOME, "t").await.expect("found").ended_by.as_deref(), Some("ann"));
        tell(&id, Outcome::Right(2)).await.expect("told");
        // What is old goes, of tests that are over.
        assert_eq!(store.forget_ab_answers(0).await.expect("forgotten"), 0);
        assert_eq!(store.forget_ab_answers(i64::MAX).await.expect("forgotten"), 23);
        assert_eq!(store.check().await.expect("checked"), [] as [String; 0]);
    }

    async fn one_test_of_a_release_at_a_time(place) {
        let store = &place.store;
        let [one, two] = releases(store).await;
        let three = model(store, ModelKind::Release, "3", json!({"classes": ["can"]})).await;
        let begin = async |test: NewAbTest| store.begin_ab_test(test, &ann(HOME)).await;
        for (wrong, words) in [
            (of("t", &two, &three), "staged while A is in production"),
            (of("t", &one, &three), "class list"),
            (NewAbTest { mode: AbMode::Shadow, ..of("t", &two, &one) }, "in production"),
        ] {
            let refused = begin(wrong).await.expect_err(words).to_string();
            assert!(refused.contains(words), "{words}: {refused}");
        }
        assert_eq!(store.running_ab_test(HOME, "shelf").await.expect("asked"), None);
        let test = begin(of("t", &two, &one)).await.expect("begun");
        assert_eq!(store.running_ab_test(HOME, "shelf").await.expect("asked"), Some(test.clone()));
        let refused = begin(of("u", &one, &two)).await;
        assert!(matches!(refused, Err(StoreError::AbTest { .. })), "{refused:?}");
        store.promote(HOME, &two.id, Some("it is better"), &ann(HOME)).await.expect("promoted");
        assert_eq!(store.running_ab_test(HOME, "shelf").await.expect("asked"), None, "it ended by itself");
        store.rollback("shelf", Target::Before, None, &ann(HOME)).await.expect("back");
        // After a rollback the newer one is archived: nothing is there to be compared.
        assert!(begin(of("v", &one, &two)).await.is_err());
        assert_eq!(store.verify_audit().await.expect("verified").faults, []);
    }

    async fn the_blind_sample_of_releases_decides(place) {
        let store = &place.store;
        let [one, two] = releases(store).await;
        store.adopt(enrolled()).await.expect("adopted");
        let test = store.begin_ab_test(of("t", &one, &two), &ann(HOME)).await.expect("begun");
        // Two facings of each side were sampled blindly: A was wrong on one of them.
        for (number, arm) in [Arm::A, Arm::A, Arm::B, Arm::B].into_iter().enumerate() {
            let mut header = recognition(&format!("photo {number}"));
            header.arm = Some(test.mark(arm));
            let mut item = item(number as u32);
            item.sku = Some(SkuId(1));
            item.reasons = vec![store::Reason::Random];
            let id = item.id.clone();
            store.enqueue(header, vec![item], Vec::new()).await.expect("queued");
            store.label(says("ann", &id, sku(if number == 0 { 2 } else { 1 })), None).await.expect("labelled");
        }
        let now = store::model::now();
        let of_arm = |label: &str, arm: String| NewPrediction { release: label.into(), arm: Some(arm), ..answer(now) };
        let log = vec![of_arm("shelf@1", test.mark(Arm::A)), of_arm("shelf@2", test.mark(Arm::B)), of_arm("shelf@2", test.shadow_mark())];
        store.log_predictions(log).await.expect("logged");
        let standing = store.ab_standing(&test).await.expect("read");
        assert_eq!((standing.a.answers, standing.b.answers), (1, 1));
        assert_eq!((standing.a.judged, standing.b.judged), (Proportion { right: 1, of: 2 }, Proportion { right: 2, of: 2 }));
        assert_eq!((standing.choice(), standing.days.len()), (Choice::NotYet, 1));
        let all = store.answered(HOME, "shelf@2", None, 0).await.expect("read");
        assert_eq!(all.answers, 1, "what a shadow saw was nobody's answer");
    }

    async fn a_shadow_is_counted_by_day(place) {
        let store = &place.store;
        let [one, two] = releases(store).await;
        let test = NewAbTest { mode: AbMode::Shadow, split_ratio: 1.0, ..of("t", &one, &two) };
        let test = store.begin_ab_test(test, &ann(HOME)).await.expect("begun");
        for (at, agreed) in [(0, 3), (1, 4), (86_400_000, 5)] {
            store.log_shadow(&test.id, at, 1, Proportion { right: agreed, of: 5 }).await.expect("logged");
        }
        let standing = store.ab_standing(&test).await.expect("read");
        assert_eq!(standing.shadow, Some((3, Proportion { right: 12, of: 15 })));
        let days: Vec<_> = standing.days.iter().map(|day| (day.day, day.a)).collect();
        assert_eq!(days, [(0, Proportion { right: 7, of: 10 }), (1, Proportion { right: 12, of: 15 })]);
    }
}
