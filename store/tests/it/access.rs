//! Organisations, keys, and the log of what was changed.

use sqlx::{Connection, Executor};
use store::StoreError;
use store::access::{DEFAULT_ORGANISATION, KeyToken, NewKey, Role};
use store::audit::AuditFault;
use store::model::now;
use vision::Sha256;

use crate::registry::ann;
use crate::test_store::{TestStore, on_each};

const HOME: &str = DEFAULT_ORGANISATION;

fn key(name: &str, role: Role) -> NewKey {
    NewKey { organisation: HOME.into(), name: name.into(), role, expires_at: None }
}

/// Behind the store's back.
async fn sql(place: &TestStore, text: &str) {
    let url = place.settings.database.expose();
    if url.starts_with("sqlite:") {
        let mut direct = sqlx::SqliteConnection::connect(url).await.expect("opened");
        direct.execute(sqlx::AssertSqlSafe(text.to_owned())).await.expect("changed");
    } else {
        let mut direct = sqlx::PgConnection::connect(url).await.expect("opened");
        direct.execute(sqlx::AssertSqlSafe(text.to_owned())).await.expect("changed");
    }
}

async fn faults(place: &TestStore) -> Vec<AuditFault> {
    place.store.verify_audit().await.expect("verified").faults
}

on_each! {
    async fn keys_live_until_they_are_revoked_or_end(place) {
        let store = &place.store;
        let (token, made) = store.create_key(key("ci", Role::Engineer), &ann(HOME)).await.expect("made");
        assert_eq!((made.role, made.organisation_name.as_str(), made.digest), (Role::Engineer, "default", token.digest()));
        let found = store.key_by_digest(token.digest()).await.expect("asked").expect("there");
        assert_eq!(found, made);
        assert!(store.key_by_digest(Sha256::of(b"another")).await.expect("asked").is_none());
        let taken = store.create_key(key("ci", Role::Viewer), &ann(HOME)).await;
        assert!(matches!(taken, Err(StoreError::NameTaken { what: "key", .. })), "{taken:?}");
        for wrong in [
            key("../ci", Role::Viewer),
            NewKey { expires_at: Some(now() - 1), ..key("late", Role::Viewer) },
            NewKey { organisation: "nowhere".into(), ..key("x", Role::Viewer) },
        ] {
            assert!(store.create_key(wrong, &ann(HOME)).await.is_err());
        }
        let soon = NewKey { expires_at: Some(now() + 60), ..key("soon", Role::Viewer) };
        let (_, soon) = store.create_key(soon, &ann(HOME)).await.expect("made");
        assert!(soon.is_live(now()) && !soon.is_live(now() + 60));
        tokio::time::sleep(std::time::Duration::from_millis(80)).await;
        assert_eq!(store.live_keys().await.expect("listed"), std::slice::from_ref(&made));
        store.keys_used(vec![(made.id.clone(), 5_000)]).await.expect("written");
        store.keys_used(vec![(made.id.clone(), 4_000)]).await.expect("written");
        assert_eq!(store.keys(Some(HOME)).await.expect("listed")[0].used_at, Some(5_000), "a clock that goes back");
        let brand = store.create_organisation("brand", &ann(HOME)).await.expect("made");
        assert!(matches!(store.revoke_key(&brand.id, "ci", &ann(&brand.id)).await, Err(StoreError::NotFound { .. })));
        let revoked = store.revoke_key(HOME, "ci", &ann(HOME)).await.expect("revoked");
        assert!(!revoked.is_live(now()));
        assert_eq!(store.revoke_key(HOME, &made.id, &ann(HOME)).await.expect("revoked").revoked_at, revoked.revoked_at);
        assert_eq!(store.live_keys().await.expect("listed"), []);
        // The name is free again.
        store.create_key(key("ci", Role::Viewer), &ann(HOME)).await.expect("made");
        assert_eq!(store.keys(None).await.expect("listed").len(), 3);
        assert_eq!(faults(&place).await, []);
    }

    async fn no_key_lies_in_the_database(place) {
        let (token, _) = place.store.create_key(key("ci", Role::Admin), &ann(HOME)).await.expect("made");
        let log = format!("{:?}{:?}", place.store.audit(0).await.expect("read"), place.store.keys(None).await.expect("listed"));
        assert!(!log.contains(&token.expose()[6..]), "only its digest does");
        assert!(KeyToken::parse(token.expose()).is_some());
    }

    async fn organisations_have_names_of_their_own(place) {
        let store = &place.store;
        let made = store.create_organisation("brand", &ann(HOME)).await.expect("made");
        assert!(matches!(store.create_organisation("brand", &ann(HOME)).await, Err(StoreError::NameTaken { .. })));
        assert!(store.create_organisation("a/b", &ann(HOME)).await.is_err());
        let names: Vec<_> = store.organisations().await.expect("listed").into_iter().map(|o| o.name).collect();
        assert_eq!(names, ["brand", "default"]);
        assert_eq!(store.organisation("brand").await.expect("found"), made);
        assert!(matches!(store.organisation("nobody").await, Err(StoreError::NotFound { .. })));
    }

    async fn one_altered_byte_of_the_log_is_found(place) {
        let store = &place.store;
        for name in ["a", "b", "c", "d"] {
            store.create_organisation(name, &ann(HOME)).await.expect("made");
        }
        let sound = store.verify_audit().await.expect("verified");
        assert_eq!((sound.rows, sound.faults.len()), (4, 0));
        let log = store.audit(0).await.expect("read");
        assert_eq!((log[1].seq, log[1].action.as_str(), log[1].subject.as_str(), log[1].request.as_str()), (2, "tenant.create", "b", "r-1"));
        for (column, other) in [("actor", "anm"), ("subject", "B"), ("details", "{ }"), ("request", ""), ("after_digest", "0"), ("role", "viewer")] {
            let was = match column {
                "actor" => &log[1].actor,
                "subject" => &log[1].subject,
                "details" => &log[1].details,
                "request" => &log[1].request,
                "after_digest" => &log[1].after,
                _ => &log[1].role,
            };
            sql(&place, &format!("UPDATE audit_log SET {column} = '{other}' WHERE seq = 2")).await;
            assert_eq!(faults(&place).await, [AuditFault::Altered { seq: 2 }], "{column}");
            sql(&place, &format!("UPDATE audit_log SET {column} = '{was}' WHERE seq = 2")).await;
        }
        sql(&place, "UPDATE audit_log SET at = at + 1 WHERE seq = 3").await;
        assert_eq!(faults(&place).await, [AuditFault::Altered { seq: 3 }]);
        sql(&place, "UPDATE audit_log SET at = at - 1 WHERE seq = 3").await;
        assert_eq!(faults(&place).await, []);
        // A row whose hash fits itself does not fit the next one.
        sql(&place, &format!("UPDATE audit_log SET hash = '{}' WHERE seq = 1", Sha256::of(b"another"))).await;
        assert_eq!(faults(&place).await, [AuditFault::Altered { seq: 1 }, AuditFault::Altered { seq: 2 }]);
        sql(&place, &format!("UPDATE audit_log SET hash = '{}' WHERE seq = 1", log[0].hash)).await;
        sql(&place, "DELETE FROM audit_log WHERE seq = 4").await;
        assert_eq!(faults(&place).await, [AuditFault::CutOff { last: 3, written: 4 }]);
        let refused = store.create_organisation("e", &ann(HOME)).await;
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "nothing is chained to what is gone: {refused:?}");
        sql(&place, "DELETE FROM audit_log WHERE seq = 2").await;
        assert!(faults(&place).await.contains(&AuditFault::Gap { seq: 3 }));
    }
}
