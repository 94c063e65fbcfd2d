//! One leader among many.

use std::time::Duration;

use crate::error::StoreError;
use crate::model::{new_id, now};
use crate::sql::values;
use crate::store::Store;

/// Somebody who would do what only one may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    name: String,
    holder: String,
}

impl Leader {
    /// Of what, under a name of its own.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), holder: new_id() }
    }
}

impl Store {
    /// Takes the lease, or renews it. Says whether it is this one's until `lease` from now. Times are those of whoever asks: of two
    /// whose clocks are further apart than the lease, both may think so.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn lead(&self, leader: &Leader, lease: Duration) -> Result<bool, StoreError> {
        let leader = leader.clone();
        let (at, lease) = (now(), i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        let sql = "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
                   SET holder = excluded.holder, until = excluded.until \
                   WHERE leases.holder = excluded.holder OR leases.until < $4";
        let taken = self.database.write_lease(move |tx| {
            let row = values![&leader.name, &leader.holder, at.saturating_add(lease), at];
            Box::pin(async move { tx.execute(sql, row).await })
        });
        Ok(taken.await? == 1)
    }

    /// Gives the lease back, if it is this one's: another need not wait for its end.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn step_down(&self, leader: &Leader) -> Result<(), StoreError> {
        let leader = leader.clone();
        self.database
            .write_lease(move |tx| {
                Box::pin(async move {
                    let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
                    tx.execute(sql, values![&leader.name, &leader.holder]).await.map(drop)
                })
            })
            .await
    }
}
