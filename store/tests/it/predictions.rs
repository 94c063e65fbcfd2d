//! Answers are written down many at once, read by pages of time, and forgotten; their signals add up.

use std::collections::{BTreeMap, BTreeSet};

use store::access::DEFAULT_ORGANISATION as HOME;
use store::predictions::{Histogram, Judgement, NO_SKU, NewPrediction, PredictionRange, Signal};
use vision::{Sha256, SkuId};

use crate::shelf::{enrolled, item, recognition, says, sku};
use crate::test_store::on_each;

/// A day in November 2026.
const DAY: i64 = 20_777;
const NOON: i64 = DAY * 86_400_000 + 43_200_000;

pub(crate) fn answer(at: i64) -> NewPrediction {
    NewPrediction {
        organisation: HOME.into(),
        at,
        request_id: format!("r{at}"),
        release: "shelf@1".into(),
        arm: None,
        store: Some("north-12".into()),
        shelf: None,
        taken_at: Some(at - 60_000),
        photo: Sha256::of(&at.to_le_bytes()),
        latency_ms: 12.5,
        facings: 3,
        unknown: 1,
        counts: BTreeMap::from([(SkuId(7), 2)]),
        signals: vec![(7, 0.95, 0.8), (7, 0.91, 0.7), (NO_SKU, 0.41, 0.3)],
    }
}

fn range(from: i64, until: i64) -> PredictionRange {
    PredictionRange { organisation: HOME.into(), from, until }
}

on_each! {
    async fn answers_are_read_by_pages_of_time(place) {
        let store = &place.store;
        // Five of one millisecond among them: no page loses or repeats one.
        let moments: Vec<i64> = (0..20).map(|n| NOON + (n / 5) * 1_000).collect();
        let mut written: Vec<_> = moments.iter().map(|at| answer(*at)).collect();
        for (number, new) in written.iter_mut().enumerate() {
            new.request_id = format!("r{number}");
        }
        let foreign = NewPrediction { organisation: "other".into(), ..answer(NOON) };
        let (first, second) = written.split_at(7);
        store.log_predictions(second.to_vec()).await.expect("written");
        store.log_predictions([first, &[foreign]].concat()).await.expect("written");
        for limit in [1, 3, 7, 100] {
            let (mut read, mut after) = (Vec::new(), None);
            loop {
                let page = store.predictions(&range(NOON, NOON + 3_000), after, limit).await.expect("read");
                assert!(page.predictions.len() <= limit as usize);
                read.extend(page.predictions);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert!(read.windows(2).all(|two| (two[0].at, two[0].id) < (two[1].at, two[1].id)));
            let requests: BTreeSet<_> = read.iter().map(|p| p.request_id.clone()).collect();
            assert_eq!(requests, (0..15).map(|n| format!("r{n}")).collect(), "the last five are of the end");
            assert_eq!(read.len(), 15);
        }
        let page = store.predictions(&range(NOON, NOON + 1), None, 1).await.expect("read");
        let (read, new) = (&page.predictions[0], answer(NOON));
        assert_eq!((read.at, read.photo, &read.counts), (new.at, new.photo, &new.counts));
        assert_eq!((read.store.as_deref(), read.shelf.as_deref()), (Some("north-12"), None));
        assert_eq!((read.taken_at, read.latency_ms, read.facings, read.unknown), (new.taken_at, 12.5, 3, 1));
        assert_eq!((read.release.as_str(), read.arm.as_deref()), ("shelf@1", None));
        let did = store.answered(HOME, "shelf@1", None, NOON + 1_000).await.expect("read");
        assert_eq!((did.answers, did.facings, did.unknown, did.latency_ms), (15, 45, 15, Some(12.5)));
        let none = store.answered(HOME, "shelf@2", None, 0).await.expect("read");
        assert_eq!((none.answers, none.latency_ms, none.unknown_fraction()), (0, None, None));
        let none = store.predictions(&range(0, NOON), None, 10).await.expect("read");
        assert!(none.predictions.is_empty() && none.next.is_none());
    }

    async fn signals_add_up_by_day_and_sku(place) {
        let store = &place.store;
        for _ in 0..2 {
            store.log_predictions((0..50).map(|n| answer(NOON + n)).collect()).await.expect("written");
        }
        let next = NewPrediction { release: "shelf@2".into(), ..answer(NOON + 86_400_000) };
        store.log_predictions(vec![next]).await.expect("written");
        let similar = store.signals(HOME, Signal::Similarity, DAY..DAY + 1).await.expect("read");
        let expected = BTreeMap::from([
            (NO_SKU, Histogram([0, 0, 0, 0, 100, 0, 0, 0, 0, 0])),
            (7, Histogram([0, 0, 0, 0, 0, 0, 0, 0, 0, 200])),
        ]);
        assert_eq!(similar, expected);
        let both = store.signals(HOME, Signal::Confidence, DAY..DAY + 2).await.expect("read");
        assert_eq!(both[&7].total(), 202, "of both days and both releases");
        assert_eq!(store.signals("other", Signal::Similarity, 0..DAY * 2).await.expect("read"), BTreeMap::new());

        // Weeks later facings are much less similar than they were.
        let later = NOON + 10 * 86_400_000;
        let mut worse = answer(later);
        worse.signals = vec![(7, 0.55, 0.75)];
        store.log_predictions(vec![worse; 300]).await.expect("written");
        let drift = store.drift(HOME, Signal::Similarity, later).await.expect("read");
        assert!(drift.index.is_some_and(|index| index > 1.0), "{drift:?}");
        assert_eq!((drift.skus[0].sku, drift.skus[0].facings), (7, 300));
        let drift = store.drift(HOME, Signal::Similarity, later + 40 * 86_400_000).await.expect("read");
        assert_eq!((drift.index, drift.skus.len()), (None, 0), "nothing is there to be compared");
    }

    async fn what_is_old_is_forgotten(place) {
        let store = &place.store;
        let many = |day: i64| (0..5_600).map(move |n| answer(day * 86_400_000 + n / 3)).collect::<Vec<_>>();
        for part in many(DAY).chunks(1_000) {
            store.log_predictions(part.to_vec()).await.expect("written");
        }
        store.log_predictions(vec![answer(NOON + 86_400_000)]).await.expect("written");
        let next_day = (DAY + 1) * 86_400_000;
        assert_eq!(store.forget_predictions(HOME, next_day).await.expect("forgotten"), 5_600);
        assert_eq!(store.forget_predictions(HOME, next_day).await.expect("forgotten"), 0);
        let left = store.predictions(&range(0, i64::MAX), None, 10).await.expect("read");
        assert_eq!(left.predictions.len(), 1);
        let signals = async |day| store.signals(HOME, Signal::Similarity, day..day + 1).await.expect("read").len();
        assert_eq!((signals(DAY).await, signals(DAY + 1).await), (0, 2));
    }

    async fn what_people_said_counts_for_the_release_that_answered(place) {
        let store = &place.store;
        store.adopt(enrolled()).await.expect("adopted");
        for (number, (release, arm)) in
            [("shelf@1", None), ("shelf@1", None), ("shelf@2", Some("a")), ("shelf@2", Some("b"))].iter().enumerate()
        {
            let mut header = recognition(&format!("photo {number}"));
            (header.release, header.arm) = (Some((*release).to_owned()), arm.map(str::to_owned));
            let mut item = item(number as u32);
            item.sku = Some(SkuId(1));
            let id = item.id.clone();
            store.enqueue(header, vec![item], Vec::new()).await.expect("queued");
            store.label(says("ann", &id, sku(if number == 1 { 2 } else { 1 })), None).await.expect("labelled");
        }
        let judged = async |release: &str, arm: Option<&str>| {
            let Judgement { judged, right, .. } = store.judgement(release, arm).await.expect("read");
            (judged, right)
        };
        assert_eq!(judged("shelf@1", None).await, (2, 1));
        assert_eq!(judged("shelf@2", None).await, (2, 2));
        assert_eq!(judged("shelf@2", Some("b")).await, (1, 1));
        assert_eq!(judged("shelf@3", None).await, (0, 0));
    }
}
