//! Photos of a day become candidates: whole, in order, the same bytes each time.

use std::path::Path;

use flows::{FlowError, Period};
use store::access::Role;
use store::audit::Actor;
use store::flows::{Flow, FlowStatus};
use store::model::now;
use store::photos::Day;
use store::sets::{Manifest, SetLine, SetName, read_shard};
use vision::Sha256;

use crate::place::{HOME, flows, image, keep, past, png, tree};
use crate::test_store::on_each;

on_each! {
    async fn photos_of_a_day_become_candidates(place) {
        let store = &place.store;
        let (day, flows) = (past(2), flows(&place.store));
        keep(store, day, 0..60).await;
        keep(store, day.next(), 60..63).await;
        let done = flows.run(Period::Day(day)).await.expect("done");
        assert_eq!((done.before, done.run.status), (false, FlowStatus::Completed));
        let said = done.run.outcome.expect("an outcome");
        assert_eq!((said["photos"].as_u64(), said["boxes"].as_u64()), (Some(60), Some(60)));
        let (files, set) = (store.artifacts().expect("a place"), SetName::candidates(day));
        let manifest = Manifest::read(files, &set).await.expect("sound").expect("there");
        assert_eq!((manifest.photos, manifest.set.as_str()), (60, format!("candidates/{day}").as_str()));
        let mut seen = 0;
        for entry in &manifest.files {
            let text = files.get(&set.file(&entry.path), 1 << 20).await.expect("read").expect("there");
            assert_eq!((text.len() as u64, Sha256::of(&text)), (entry.bytes, entry.sha256));
            let lines: Vec<SetLine> = read_shard(files, &set, &entry.path).await.expect("read").expect("there");
            assert!(lines.windows(2).all(|two| two[0].photo < two[1].photo));
            for line in lines {
                let file = files.get(&set.file(&line.image), 1 << 20).await.expect("read").expect("there");
                assert_eq!((Sha256::of(&file), file.len() as u64), (line.photo, line.bytes));
                assert_eq!((line.boxes[0].sku.as_deref(), line.boxes[0].confidence), (Some("cola"), Some(0.87)));
                assert_eq!(line.release.as_deref(), Some("shelf@1"));
                seen += 1;
            }
        }
        assert_eq!(seen, 60, "those of this day, and no others");
        // Once is enough.
        let folder = Path::new(&place.settings.objects).join("ml-artifacts");
        let before = tree(&folder);
        assert!(flows.run(Period::Day(day)).await.expect("asked").before);
        assert_eq!(tree(&folder), before);
    }

    async fn a_day_without_photos_is_a_day(place) {
        let done = flows(&place.store).run(Period::Day(past(3))).await.expect("done").run.outcome.expect("an outcome");
        assert_eq!(done["photos"].as_u64(), Some(0));
        let manifest = Manifest::read(place.store.artifacts().expect("a place"), &SetName::candidates(past(3))).await;
        assert_eq!(manifest.expect("sound").expect("there").files, []);
    }

    async fn what_cannot_be_done_is_said_and_nothing_is_half_done(place) {
        let store = &place.store;
        let flows = flows(store);
        let today = Day::of(now());
        assert!(matches!(flows.run(Period::Day(today)).await, Err(FlowError::DayNotOver { .. })));
        assert!(matches!(flows.run(Period::Month(today.month())).await, Err(FlowError::MonthNotOver { .. })));
        assert_eq!(store.flow_runs(HOME).await.expect("read"), [], "it was not begun");
        // A file that is gone although nobody deleted its photo.
        let day = past(1);
        let photos = keep(store, day, 0..5).await;
        let lost = store.photo(HOME, photos[2]).await.expect("there");
        store.photo_files().expect("a place").delete(&lost.object).await.expect("gone");
        let error = flows.run(Period::Day(day)).await.expect_err("it is missing");
        assert!(matches!(&error, FlowError::Missing { photo, .. } if *photo == photos[2]), "{error}");
        let run = store.flow_run(HOME, Flow::Daily, &day.to_string()).await.expect("read").expect("there");
        assert_eq!(run.status, FlowStatus::Failed);
        assert!(run.failure.is_some_and(|failure| failure.contains(&photos[2].to_string())) && run.retry_at.is_some());
        let manifest = Manifest::read(store.artifacts().expect("a place"), &SetName::candidates(day)).await;
        assert_eq!(manifest.expect("read"), None, "it is not whole");
        // It comes back, and by hand it is done at once.
        store.photo_files().expect("a place").put(&lost.object, png(&image(2)).into()).await.expect("put");
        let done = flows.run(Period::Day(day)).await.expect("done").run;
        assert_eq!((done.status, done.attempts), (FlowStatus::Completed, 2));
        assert_eq!(store.verify_audit().await.expect("verified").faults, []);
    }

    async fn a_photo_that_is_deleted_is_in_no_set(place) {
        let store = &place.store;
        let (flows, day) = (flows(store), past(2));
        let photos = keep(store, day, 0..20).await;
        flows.run(Period::Day(day)).await.expect("done");
        let owner = Actor { organisation: HOME.into(), name: "owner".into(), role: Role::Engineer, request: String::new() };
        store.delete_photo(photos[7], &owner).await.expect("deleted");
        while store.erase().await.expect("erased") > 0 {}
        let (files, set) = (store.artifacts().expect("a place"), SetName::candidates(day));
        let manifest = Manifest::read(files, &set).await.expect("sound").expect("there");
        assert_eq!(manifest.photos, 19);
        let name = photos[7].to_string();
        let folder = Path::new(&place.settings.objects);
        for (file, bytes) in tree(&folder.join("ml-artifacts")).into_iter().chain(tree(&folder.join("shelf-photos"))) {
            assert!(!file.contains(&name), "{file}");
            assert!(!file.ends_with("jsonl") || !String::from_utf8_lossy(&bytes).contains(&name), "{file}");
        }
    }
}
