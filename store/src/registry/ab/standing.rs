//! How both sides of a test do.

use std::collections::BTreeMap;

use vision::sequential::{ALPHA, Choice, Proportion, choose};

use super::{AbMode, AbTest, Arm};
use crate::error::StoreError;
use crate::registry::ModelKind;
use crate::sql::{Row, values};
use crate::store::Store;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Most days of a curve.
const MAX_DAYS: u32 = 400;

/// How one side does.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ArmStanding {
    /// Answers.
    pub answers: u64,
    /// What was right among what people, or outcomes, have judged.
    pub judged: Proportion,
    /// Mean time of an answer; `None` without any.
    pub latency_ms: Option<f64>,
}

/// A day of a test: what was judged up to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbDay {
    /// Since 1970, in UTC.
    pub day: i64,
    /// Of the first version; of a shadow, facings on which both agreed.
    pub a: Proportion,
    /// Of the second.
    pub b: Proportion,
}

/// How a test stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The first version.
    pub a: ArmStanding,
    /// The second.
    pub b: ArmStanding,
    /// Of a shadow: photos on which both were compared, and facings on which they agreed.
    pub shadow: Option<(u64, Proportion)>,
    /// By day, the oldest first.
    pub days: Vec<AbDay>,
}

impl Standing {
    /// Which is better, wrongly with a chance of 5 % at most when they are equal, however often it is asked.
    #[must_use]
    pub fn choice(&self) -> Choice {
        choose(self.a.judged, self.b.judged, ALPHA)
    }
}

impl Store {
    /// How a test stands. Of releases, what people said of facings that were sampled blindly decides; of tables, the outcomes that
    /// were told.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn ab_standing(&self, test: &AbTest) -> Result<Standing, StoreError> {
        match (test.kind, test.mode) {
            (ModelKind::Release, AbMode::Shadow) => self.of_shadow(test).await,
            (ModelKind::Release, AbMode::Ab) => self.of_releases(test).await,
            _ => self.of_tables(test).await,
        }
    }

    async fn of_tables(&self, test: &AbTest) -> Result<Standing, StoreError> {
        let sql = "SELECT arm, COUNT(*) AS answers, AVG(latency_ms) AS latency_ms FROM ab_answers WHERE test = $1 GROUP BY arm";
        let mut sides = BTreeMap::new();
        for row in self.database.all(sql, values![&test.id]).await? {
            let answers = row.int("answers")?.max(0).unsigned_abs();
            let side = ArmStanding { answers, judged: Proportion::default(), latency_ms: row.get("latency_ms")? };
            sides.insert(row.text("arm")?, side);
        }
        let sql = format!(
            "SELECT told_at / {DAY} AS day, arm, CAST(SUM(right_rows) AS BIGINT) AS correct, \
             CAST(SUM(row_count) AS BIGINT) AS judged FROM ab_answers WHERE test = $1 AND told_at IS NOT NULL \
             GROUP BY told_at / {DAY}, arm ORDER BY 1"
        );
        let days = curve(&self.database.all(&sql, values![&test.id]).await?)?;
        let side = |arm: Arm| sides.get(arm.as_str()).copied().unwrap_or_default();
        Ok(Standing { a: side(Arm::A), b: side(Arm::B), shadow: None, days }.judged())
    }

    async fn of_releases(&self, test: &AbTest) -> Result<Standing, StoreError> {
        let mut sides = [ArmStanding::default(); 2];
        for (side, arm) in sides.iter_mut().zip([Arm::A, Arm::B]) {
            let label = self.model(&test.organisation, test.model(arm)).await?.label();
            let mark = test.mark(arm);
            let did = self.answered(&test.organisation, &label, Some(&mark), test.created_at).await?;
            (side.answers, side.latency_ms) = (did.answers, did.latency_ms);
        }
        let sql = format!(
            "SELECT i.label_at / {DAY} AS day, CASE WHEN r.arm = $1 THEN 'a' ELSE 'b' END AS arm, \
             CAST(SUM(CASE WHEN i.label_sku = i.sku THEN 1 ELSE 0 END) AS BIGINT) AS correct, COUNT(*) AS judged \
             FROM items i JOIN recognitions r ON r.id = i.recognition \
             WHERE r.arm IN ($1, $2) AND i.reason = 'random' AND i.status = 'labelled' AND i.label_sku IS NOT NULL \
             AND i.sku IS NOT NULL AND i.label_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1"
        );
        let rows = self.database.all(&sql, values![test.mark(Arm::A), test.mark(Arm::B)]).await?;
        Ok(Standing { a: sides[0], b: sides[1], shadow: None, days: curve(&rows)? }.judged())
    }

    async fn of_shadow(&self, test: &AbTest) -> Result<Standing, StoreError> {
        let sql = format!(
            "SELECT day, photos, agreed, compared FROM shadow_days WHERE test = $1 ORDER BY day LIMIT {MAX_DAYS}"
        );
        let (mut photos, mut all, mut days) = (0, Proportion::default(), Vec::new());
        for row in self.database.all(&sql, values![&test.id]).await? {
            let count = |column| Ok::<_, StoreError>(row.int(column)?.max(0).unsigned_abs());
            photos += count("photos")?;
            all.right += count("agreed")?;
            all.of += count("compared")?;
            days.push(AbDay { day: row.int("day")?, a: all, b: Proportion::default() });
        }
        let nothing = ArmStanding::default();
        Ok(Standing { a: nothing, b: nothing, shadow: Some((photos, all)), days })
    }

    /// Adds photos on which a shadow was compared, and facings on which both agreed, to a day of a test.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn log_shadow(&self, test: &str, at: i64, photos: u64, agreed: Proportion) -> Result<(), StoreError> {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let row = values![test, at.div_euclid(DAY), number(photos), number(agreed.right), number(agreed.of)];
        self.database
            .write_lease(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO shadow_days (test, day, photos, agreed, compared) VALUES ($1, $2, $3, $4, $5) \
                               ON CONFLICT (test, day) DO UPDATE SET photos = shadow_days.photos + excluded.photos, \
                               agreed = shadow_days.agreed + excluded.agreed, \
                               compared = shadow_days.compared + excluded.compared";
                    tx.execute(sql, row).await.map(drop)
                })
            })
            .await
    }
}

impl Standing {
    /// What was judged up to the last day is what was judged.
    fn judged(mut self) -> Self {
        if let Some(last) = self.days.last() {
            (self.a.judged, self.b.judged) = (last.a, last.b);
        }
        let many = self.days.len().saturating_sub(MAX_DAYS as usize);
        self.days.drain(..many);
        self
    }
}

/// Days with what was judged on each, added up.
fn curve(rows: &[Row]) -> Result<Vec<AbDay>, StoreError> {
    let mut days: Vec<AbDay> = Vec::new();
    for row in rows {
        let day = row.int("day")?;
        if days.last().is_none_or(|last| last.day != day) {
            let before = days.last().copied();
            let (a, b) = before.map_or_else(Default::default, |last| (last.a, last.b));
            days.push(AbDay { day, a, b });
        }
        let Some(last) = days.last_mut() else { continue };
        let side = if row.text("arm")? == Arm::A.as_str() { &mut last.a } else { &mut last.b };
        side.right += row.int("correct")?.max(0).unsigned_abs();
        side.of += row.int("judged")?.max(0).unsigned_abs();
    }
    Ok(days)
}
