//! Everything of one organisation is written out, or removed and gone; others keep what is theirs.

use std::collections::BTreeSet;

use store::Store;
use store::access::{DEFAULT_ORGANISATION, NewKey, Role};
use store::predictions::NewPrediction;
use store::registry::{AbAnswer, AbMode, Arm, ModelKind, ModelVersion, NewAbTest, NewModel};

use crate::predictions::answer;
use crate::registry::{ann, new};
use crate::test_store::on_each;

const HOME: &str = DEFAULT_ORGANISATION;

async fn model(store: &Store, organisation: &str, version: &str) -> ModelVersion {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("model");
    std::fs::write(&file, version).expect("written");
    let (sha256, bytes) = store.model_objects(organisation).put_file(&file).await.expect("copied");
    let plain = new(store, ModelKind::Tabular, version).await;
    let files = vec![store::registry::ModelFile { path: "model".into(), sha256, bytes }];
    let settings = serde_json::json!({"classes": ["a"]});
    let new = NewModel { organisation: organisation.into(), files, settings, version: version.into(), ..plain };
    store.register(new, &ann(organisation)).await.expect("registered")
}

/// A bit of everything.
async fn fill(store: &Store, organisation: &str) {
    let (one, two) = (model(store, organisation, "1").await, model(store, organisation, "2").await);
    store.promote(organisation, &one.id, None, &ann(organisation)).await.expect("promoted");
    store.promote(organisation, &two.id, None, &ann(organisation)).await.expect("promoted");
    store.rollback("shelf", store::registry::Target::Before, None, &ann(organisation)).await.expect("back");
    let three = model(store, organisation, "3").await;
    let test = NewAbTest { name: "t".into(), model_a: one.id, model_b: three.id, split_ratio: 0.5, mode: AbMode::Ab };
    let test = store.begin_ab_test(test, &ann(organisation)).await.expect("begun");
    store
        .log_ab_answer(&test, AbAnswer { arm: Arm::A, latency_ms: 1.0, rows: 1, classes: None })
        .await
        .expect("logged");
    let key = NewKey { organisation: organisation.into(), name: "k".into(), role: Role::Admin, expires_at: None };
    let (_, key) = store.create_key(key, &ann(organisation)).await.expect("made");
    store.begin_session(&key, 60_000, &ann(organisation)).await.expect("begun");
    store
        .log_predictions(vec![NewPrediction { organisation: organisation.into(), ..answer(1_000) }])
        .await
        .expect("logged");
}

on_each! {
    async fn an_organisation_is_verifiably_gone(place) {
        let store = &place.store;
        let [brand, other] = ["brand", "other"].map(str::to_owned);
        let brand = store.create_organisation(&brand, &ann(HOME)).await.expect("made");
        let other = store.create_organisation(&other, &ann(HOME)).await.expect("made");
        fill(store, &brand.id).await;
        fill(store, &other.id).await;
        let before = store.tenant_remains(&other.id).await.expect("counted");
        assert!(before.rows.len() >= 9 && before.objects == 3, "{before:?}");
        // Written out, every row is there, and no digest of a key.
        let mut rows = 0;
        for table in Store::tenant_tables() {
            let page = store.tenant_rows(&brand.id, table, 0).await.expect(table);
            assert!(page.iter().all(|row| row.get("digest").is_none() || table == "model_versions"), "{table}");
            rows += page.len() as u64;
        }
        let counted = store.tenant_remains(&brand.id).await.expect("counted");
        assert_eq!(rows, counted.rows.iter().map(|(_, count)| count).sum::<u64>());
        assert!(store.tenant_rows(&brand.id, "audit_log; DROP TABLE items", 0).await.is_err());

        let home = store.organisation("default").await.expect("there");
        assert!(store.delete_tenant(&home, &ann(HOME)).await.is_err(), "every database has it");
        let audit = store.verify_audit().await.expect("verified").rows;
        let left = store.delete_tenant(&brand, &ann(HOME)).await.expect("removed");
        assert!(left.is_nothing(), "{left:?}");
        assert!(store.organisation("brand").await.is_err());
        let left = store.delete_tenant(&brand, &ann(HOME)).await.expect("once more is no error");
        assert!(left.is_nothing(), "{left:?}");
        assert_eq!(store.tenant_remains(&other.id).await.expect("counted"), before, "others keep what is theirs");
        let verdict = store.verify_audit().await.expect("verified");
        assert_eq!((verdict.faults, verdict.rows), (Vec::new(), audit + 2), "the log outlives it");
        assert_eq!(store.check().await.expect("checked"), [] as [String; 0]);
    }

    async fn every_table_of_organisations_is_known(place) {
        // A table that gains a column `organisation` and is not in the list would be left behind.
        let known: BTreeSet<&str> = Store::tenant_tables().collect();
        for migration in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("listed").flatten() {
            let text = std::fs::read_to_string(migration.path()).expect("readable");
            for table in text.split("CREATE TABLE ").skip(1) {
                let (name, body) = table.split_once(" (").expect("a name");
                let body = body.split("\n);").next().unwrap_or_default();
                if body.contains("\n    organisation TEXT") {
                    assert!(known.contains(name) || name == "audit_log", "{name} is not removed with its organisation");
                }
            }
        }
        drop(place);
    }
}
