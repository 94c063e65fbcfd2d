//! Versions, gates, production and the way back.

use std::collections::BTreeMap;

use store::access::{DEFAULT_ORGANISATION, Role};
use store::audit::Actor;
use store::registry::{
    DataSetRef, Deploy, Evidence, ModelFile, ModelFilter, ModelKind, ModelStatus, ModelVersion, NewModel,
    REQUIRED_GATES, Target,
};
use store::{Store, StoreError};
use vision::Sha256;

use crate::test_store::{TestStore, on_each};

const HOME: &str = DEFAULT_ORGANISATION;

pub(crate) fn ann(organisation: &str) -> Actor {
    Actor { organisation: organisation.into(), name: "ann".into(), role: Role::Admin, request: "r-1".into() }
}

/// A version with one file of its own content.
pub(crate) async fn new(store: &Store, kind: ModelKind, version: &str) -> NewModel {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("weights.onnx");
    std::fs::write(&file, format!("weights of {version}")).expect("written");
    let (sha256, bytes) = store.model_objects(HOME).put_file(&file).await.expect("copied");
    NewModel {
        organisation: HOME.into(),
        kind,
        name: "shelf".into(),
        version: version.into(),
        training: false,
        algorithm: "yolov8n + efficientnet_lite0".into(),
        description: String::new(),
        metrics: BTreeMap::from([("top1".to_owned(), 0.95)]),
        datasets: vec![DataSetRef { name: "dev".into(), sha256: "aa".into() }],
        parents: Vec::new(),
        tags: vec!["shelf".into()],
        settings: serde_json::json!({"gallery": {"threshold": 0.7}}),
        files: vec![ModelFile { path: "detector/weights.onnx".into(), sha256, bytes }],
    }
}

async fn staged(store: &Store, version: &str) -> ModelVersion {
    let new = new(store, ModelKind::Release, version).await;
    store.register(new, &ann(HOME)).await.expect("registered")
}

fn passed(metric: &str) -> Evidence {
    Evidence {
        metric: metric.into(),
        value: Some(0.99),
        bound: ">= 0.95".into(),
        passed: true,
        data_set: DataSetRef { name: "coolers".into(), sha256: "bb".into() },
        synthetic: false,
        report: "cc".into(),
    }
}

async fn proven(store: &Store, version: &str) -> ModelVersion {
    let model = staged(store, version).await;
    let evidence = REQUIRED_GATES.into_iter().map(passed).collect();
    store.add_evidence(&model, evidence, &ann(HOME)).await.expect("written down");
    model
}

async fn in_production(store: &Store) -> Option<String> {
    store.in_production(HOME, "shelf").await.expect("asked").map(|model| model.version)
}

async fn promote(store: &Store, model: &ModelVersion) -> Result<Option<String>, StoreError> {
    let promotion = store.promote(HOME, &model.id, None, &ann(HOME)).await?;
    Ok(promotion.replaced.map(|model| model.version))
}

async fn rollback(store: &Store, target: Target) -> Result<String, StoreError> {
    Ok(store.rollback("shelf", target, None, &ann(HOME)).await?.model.version)
}

async fn assert_sound(place: &TestStore) {
    assert_eq!(place.store.check().await.expect("checked"), [] as [String; 0]);
    let verdict = place.store.verify_audit().await.expect("verified");
    assert_eq!(verdict.faults, []);
}

on_each! {
    async fn a_version_is_written_once(place) {
        let store = &place.store;
        let first = new(store, ModelKind::Release, "1").await;
        let made = store.register(first.clone(), &ann(HOME)).await.expect("registered");
        assert_eq!((made.status, made.label().as_str(), made.created_by.as_str()), (ModelStatus::Staged, "shelf@1", "ann"));
        let again = store.register(first.clone(), &ann(HOME)).await.expect("the same is the same");
        assert_eq!(again, made);
        let other = NewModel { settings: serde_json::json!({}), ..first.clone() };
        let refused = store.register(other, &ann(HOME)).await;
        assert!(matches!(refused, Err(StoreError::VersionTaken { .. })), "{refused:?}");
        assert_eq!(store.model(HOME, "shelf@1").await.expect("found"), made);
        assert_eq!(store.model_files(&made.id).await.expect("listed"), first.files);
        let missing = ModelFile { path: "x".into(), sha256: Sha256::of(b"nowhere"), bytes: 1 };
        for wrong in [
            NewModel { name: "../shelf".into(), ..first.clone() },
            NewModel { version: "2/3".into(), ..first.clone() },
            NewModel { version: "2".into(), files: vec![missing], ..first.clone() },
            NewModel { version: "2".into(), files: vec![ModelFile { path: "../x".into(), ..first.files[0].clone() }], ..first.clone() },
            NewModel { version: "2".into(), metrics: BTreeMap::from([("top1".to_owned(), f64::NAN)]), ..first.clone() },
            NewModel { version: "2".into(), parents: vec!["nobody".into()], ..first.clone() },
            NewModel { version: "2".into(), organisation: "nowhere".into(), files: Vec::new(), ..first.clone() },
        ] {
            let refused = store.register(wrong, &ann(HOME)).await;
            assert!(matches!(refused, Err(StoreError::Invalid { .. } | StoreError::NotFound { .. })), "{refused:?}");
        }
        assert_eq!(store.models(HOME, &ModelFilter::default()).await.expect("listed").len(), 1);
        assert_sound(&place).await;
    }

    async fn production_needs_the_gates_or_a_reason(place) {
        let store = &place.store;
        let model = staged(store, "1").await;
        let Err(StoreError::NotPassed { reasons, .. }) = promote(store, &model).await else { panic!("nothing was shown") };
        assert_eq!(reasons.len(), REQUIRED_GATES.len(), "{reasons:?}");
        let learned = Evidence { data_set: DataSetRef { name: "dev".into(), sha256: "aa".into() }, ..passed("recall") };
        let failed = Evidence { passed: false, value: Some(0.5), ..passed("map50") };
        let synthetic = Evidence { synthetic: true, ..passed("top1") };
        store.add_evidence(&model, vec![learned, failed, synthetic, passed("count_mae")], &ann(HOME)).await.expect("written");
        let Err(StoreError::NotPassed { reasons, .. }) = promote(store, &model).await else { panic!("three reasons") };
        let reasons = reasons.join("; ");
        for reason in ["recall was measured on \"dev\", which it learned from", "map50 is 0.5000, and must be >= 0.95", "top1 was measured on synthetic"] {
            assert!(reasons.contains(reason), "{reasons}");
        }
        assert!(!reasons.contains("count_mae"), "{reasons}");
        assert!(store.promote(HOME, &model.id, Some(" "), &ann(HOME)).await.is_err(), "a reason says something");
        assert_eq!(in_production(store).await, None);
        store.promote(HOME, &model.id, Some("the old one is worse"), &ann(HOME)).await.expect("forced");
        assert_eq!(in_production(store).await.as_deref(), Some("1"));
        let log = store.audit(0).await.expect("read");
        let last = log.last().expect("rows");
        assert!(last.action == "model.promote" && last.details.contains("the old one is worse"), "{last:?}");
        // The last evaluation counts.
        let other = staged(store, "2").await;
        store.add_evidence(&other, REQUIRED_GATES.map(passed).into(), &ann(HOME)).await.expect("written");
        store.add_evidence(&other, vec![Evidence { passed: false, value: None, ..passed("top1") }], &ann(HOME)).await.expect("written");
        assert!(promote(store, &other).await.is_err());
        store.add_evidence(&other, vec![passed("top1")], &ann(HOME)).await.expect("written");
        assert_eq!(promote(store, &other).await.expect("passed").as_deref(), Some("1"));
        assert_sound(&place).await;
    }

    async fn a_rollback_goes_to_what_was_there_before(place) {
        let store = &place.store;
        assert!(matches!(rollback(store, Target::Before).await, Err(StoreError::NothingBefore { .. })));
        let (one, two, three) = (proven(store, "1").await, proven(store, "2").await, proven(store, "3").await);
        assert_eq!(promote(store, &one).await.expect("promoted"), None);
        assert!(matches!(rollback(store, Target::Before).await, Err(StoreError::NothingBefore { .. })));
        assert_eq!(promote(store, &two).await.expect("promoted").as_deref(), Some("1"));
        assert_eq!(promote(store, &two).await.expect("it is there already"), None);
        let refused = promote(store, &one).await;
        assert!(matches!(refused, Err(StoreError::Status { status: ModelStatus::Archived, .. })), "{refused:?}");
        assert_eq!(promote(store, &three).await.expect("promoted").as_deref(), Some("2"));
        // Each goes one further back, not to and fro.
        assert_eq!(rollback(store, Target::Before).await.expect("back"), "2");
        assert_eq!(rollback(store, Target::Before).await.expect("back"), "1");
        assert!(matches!(rollback(store, Target::Before).await, Err(StoreError::NothingBefore { .. })));
        assert_eq!(rollback(store, Target::Version("3".into())).await.expect("forward"), "3");
        assert_eq!(rollback(store, Target::Before).await.expect("back"), "2");
        let four = staged(store, "4").await;
        assert!(matches!(rollback(store, Target::Version("4".into())).await, Err(StoreError::Status { .. })));
        assert!(matches!(rollback(store, Target::Version("5".into())).await, Err(StoreError::NotFound { .. })));
        // Taken out, with nothing in its place, and put back.
        assert!(matches!(store.demote(HOME, &four.id, &ann(HOME)).await, Err(StoreError::Status { .. })));
        assert!(matches!(store.archive(HOME, &two.id, &ann(HOME)).await, Err(StoreError::Status { .. })));
        store.demote(HOME, &two.id, &ann(HOME)).await.expect("out");
        assert_eq!(in_production(store).await, None);
        assert_sound(&place).await;
        assert_eq!(rollback(store, Target::Before).await.expect("back"), "2");
        assert_eq!(rollback(store, Target::Before).await.expect("back"), "1");
        // Sent twice, it goes back once.
        assert_eq!(rollback(store, Target::Version("3".into())).await.expect("forward"), "3");
        let key = store::Key::new("k", "rollback").expect("a key");
        for _ in 0..2 {
            let done = store.rollback("shelf", Target::Before, Some(key.clone()), &ann(HOME)).await.expect("back");
            assert_eq!(done.model.version, "2");
        }
        assert_eq!(store.archive(HOME, &four.id, &ann(HOME)).await.expect("away").status, ModelStatus::Archived);
        let history = store.deployments(HOME, "shelf").await.expect("listed");
        let actions: Vec<_> = history.iter().rev().map(|d| d.action.as_str()).collect();
        assert_eq!(actions[..5], ["promote", "promote", "promote", "rollback", "rollback"]);
        assert_sound(&place).await;
    }

    async fn many_promote_at_once_and_one_is_there(place) {
        let mut models = Vec::new();
        for version in 0..8 {
            models.push(proven(&place.store, &version.to_string()).await);
        }
        let mut tasks = Vec::new();
        for model in &models {
            // Each another process, as far as the database can tell.
            let (store, id) = (place.again().await, model.id.clone());
            tasks.push(tokio::spawn(async move { store.promote(HOME, &id, None, &ann(HOME)).await }));
        }
        for task in tasks {
            task.await.expect("no panic").expect("one after the other");
        }
        let filter = ModelFilter { status: Some(ModelStatus::Production), ..ModelFilter::default() };
        assert_eq!(place.store.models(HOME, &filter).await.expect("listed").len(), 1);
        assert_eq!(place.store.deployments(HOME, "shelf").await.expect("listed").len(), models.len());
        assert_sound(&place).await;
    }

    async fn what_was_trained_is_deployed_whole_or_not_at_all(place) {
        let store = &place.store;
        let job = NewModel { training: true, ..new(store, ModelKind::Tabular, "job-1").await };
        let job = store.register(job, &ann(HOME)).await.expect("registered");
        assert!(matches!(promote(store, &job).await, Err(StoreError::Status { status: ModelStatus::Training, .. })));
        let deploy = |name: &str, version: &str, promote| Deploy {
            job: job.id.clone(),
            name: name.into(),
            version: version.into(),
            description: "shelf states".into(),
            tags: vec!["tables".into()],
            promote,
        };
        proven(store, "1").await;
        assert!(matches!(store.deploy(HOME, deploy("shelf", "1", true), &ann(HOME)).await, Err(StoreError::VersionTaken { .. })));
        assert!(store.deploy(HOME, deploy("a/b", "1", true), &ann(HOME)).await.is_err());
        assert_eq!(store.model(HOME, &job.id).await.expect("found"), job, "nothing half done");
        let done = store.deploy(HOME, deploy("states", "1.0", true), &ann(HOME)).await.expect("deployed").model;
        assert_eq!((done.status, done.label().as_str(), done.tags.len()), (ModelStatus::Production, "states@1.0", 1));
        assert_eq!(store.deploy(HOME, deploy("states", "1.0", true), &ann(HOME)).await.expect("sent twice").model, done);
        assert!(matches!(store.deploy(HOME, deploy("states", "2.0", false), &ann(HOME)).await, Err(StoreError::Status { .. })));
        // A release has gates, and a deployment that does not pass them leaves it in the making.
        let job = NewModel { training: true, ..new(store, ModelKind::Release, "job-2").await };
        let job = store.register(job, &ann(HOME)).await.expect("registered");
        let refused = store.deploy(HOME, Deploy { job: job.id.clone(), ..deploy("shelf", "7", true) }, &ann(HOME)).await;
        assert!(matches!(refused, Err(StoreError::NotPassed { .. })), "{refused:?}");
        assert_eq!(store.model(HOME, &job.id).await.expect("found"), job);
        assert_sound(&place).await;
    }

    async fn nothing_crosses_between_organisations(place) {
        let store = &place.store;
        let brand = store.create_organisation("brand", &ann(HOME)).await.expect("made");
        let model = proven(store, "1").await;
        promote(store, &model).await.expect("promoted");
        let gone = |outcome: Result<(), StoreError>| assert!(matches!(outcome, Err(StoreError::NotFound { .. })), "{outcome:?}");
        let theirs = ann(&brand.id);
        gone(store.model(&brand.id, &model.id).await.map(drop));
        gone(store.model(&brand.id, "shelf@1").await.map(drop));
        gone(store.promote(&brand.id, &model.id, Some("mine now"), &theirs).await.map(drop));
        gone(store.demote(&brand.id, &model.id, &theirs).await.map(drop));
        gone(store.archive(&brand.id, &model.id, &theirs).await.map(drop));
        let nothing = store.rollback("shelf", Target::Before, None, &theirs).await;
        assert!(matches!(nothing, Err(StoreError::NothingBefore { .. })), "{nothing:?}");
        gone(store.rollback("shelf", Target::Version("1".into()), None, &theirs).await.map(drop));
        assert_eq!(store.models(&brand.id, &ModelFilter::default()).await.expect("listed"), []);
        assert_eq!(store.in_production(&brand.id, "shelf").await.expect("asked"), None);
        // Names are their own, and files are not shared.
        let other = NewModel { organisation: brand.id.clone(), ..new(store, ModelKind::Release, "1").await };
        gone(store.register(other.clone(), &theirs).await.map(drop));
        gone(store.register(NewModel { files: Vec::new(), parents: vec![model.id.clone()], ..other.clone() }, &theirs).await.map(drop));
        store.register(NewModel { files: Vec::new(), ..other }, &theirs).await.expect("registered");
        assert_eq!(in_production(store).await.as_deref(), Some("1"));
        assert_sound(&place).await;
    }

    async fn files_are_held_to_their_names(place) {
        let store = &place.store;
        let model = staged(store, "1").await;
        let file = store.model_files(&model.id).await.expect("listed").remove(0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let target = folder.path().join("deep/weights.onnx");
        let objects = store.model_objects(HOME);
        objects.get_file(file.sha256, file.bytes, &target).await.expect("copied");
        assert_eq!(std::fs::read(&target).expect("there"), b"weights of 1");
        // The sweep of images leaves them alone.
        let everything = store::retention::Retention { max_age: None, max_bytes: Some(0), grace: std::time::Duration::ZERO };
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        assert_eq!(store.forget(&everything).await.expect("swept").images, 0);
        // One byte of it changes behind our back.
        let digest = file.sha256.to_string();
        let path = format!("{}/models/{HOME}/{}/{digest}", place.settings.objects, &digest[..2]);
        std::fs::write(&path, b"weights of 2").expect("written");
        let damaged = objects.get_file(file.sha256, file.bytes, &target).await;
        assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
        assert_eq!(std::fs::read(&target).expect("there"), b"weights of 1", "what was there stays");
        assert_eq!(std::fs::read_dir(target.parent().expect("a folder")).expect("listed").count(), 1, "nothing is left beside it");
        std::fs::remove_file(&path).expect("removed");
        assert!(matches!(objects.get_file(file.sha256, file.bytes, &target).await, Err(StoreError::NotFound { .. })));
        // Copied in parts, it is the same.
        let large = folder.path().join("large");
        let content: Vec<u8> = (0..20_000_000_u32).map(|n| (n / 7) as u8).collect();
        std::fs::write(&large, &content).expect("written");
        let (sha256, bytes) = objects.put_file(&large).await.expect("copied");
        assert_eq!((sha256, bytes), (Sha256::of(&content), content.len() as u64));
        objects.get_file(sha256, bytes, &target).await.expect("copied back");
        assert!(std::fs::read(&target).expect("there") == content);
    }
}
