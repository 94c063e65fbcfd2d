//! A test, and who gets which side of it.

use std::fmt;
use std::str::FromStr;

use vision::Sha256;

use crate::error::StoreError;
use crate::model::{Timestamp, spelled};
use crate::registry::ModelKind;
use crate::sql::Row;

spelled! {
    /// One side of a test.
    Arm ("arm") {
        /// The first version.
        A => "a",
        /// The second.
        B => "b",
    }
}

spelled! {
    /// What the second version does.
    AbMode ("mode") {
        /// It answers, too.
        Ab => "ab",
        /// It is held against the first, which answers alone.
        Shadow => "shadow",
    }
}

impl Arm {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A test that is to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAbTest {
    /// What it is called; no two tests of an organisation are called the same, ever.
    pub name: String,
    /// Id of the first version.
    pub model_a: String,
    /// Id of the second.
    pub model_b: String,
    /// Fraction that A answers, above 0 and below 1; of a shadow, fraction of answers that B is held against, up to 1.
    pub split_ratio: f64,
    /// What the second one does.
    pub mode: AbMode,
}

/// A test.
#[derive(Debug, Clone, PartialEq)]
pub struct AbTest {
    /// UUID.
    pub id: String,
    /// Id of the organisation.
    pub organisation: String,
    /// What it is called.
    pub name: String,
    /// Of what.
    pub kind: ModelKind,
    /// What the second one does.
    pub mode: AbMode,
    /// Name of the model, whose versions they are.
    pub subject: String,
    /// Id of the first version.
    pub model_a: String,
    /// Id of the second.
    pub model_b: String,
    /// Fraction that A answers; of a shadow, fraction of answers that B is held against.
    pub split_ratio: f64,
    /// When it began.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// By whom.
    pub ended_by: Option<String>,
}

impl AbTest {
    /// Which side answers whoever is named so: the same one as long as the test runs, on every server, and independent of any other
    /// test.
    #[must_use]
    pub fn arm_of(&self, unit: &str) -> Arm {
        if self.place_of(unit) < self.split_ratio { Arm::A } else { Arm::B }
    }

    /// Whether the shadow is held against the answer that is named so.
    #[must_use]
    pub fn shadows(&self, unit: &str) -> bool {
        self.mode == AbMode::Shadow && self.place_of(unit) < self.split_ratio
    }

    /// Where a name falls within `0..1`, evenly.
    fn place_of(&self, unit: &str) -> f64 {
        let digest = Sha256::of_parts(&[b"shelfsight a/b 1", self.id.as_bytes(), unit.as_bytes()]);
        let first = digest.0.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        // 53 bits, as many as a float holds.
        (first >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Id of the version on that side.
    #[must_use]
    pub fn model(&self, arm: Arm) -> &str {
        match arm {
            Arm::A => &self.model_a,
            Arm::B => &self.model_b,
        }
    }

    /// How an answer of that side is marked in logs: `NAME/a`.
    #[must_use]
    pub fn mark(&self, arm: Arm) -> String {
        format!("{}/{arm}", self.name)
    }

    /// How what a shadow saw is marked in logs: `NAME/shadow`. It was nobody's answer.
    #[must_use]
    pub fn shadow_mark(&self) -> String {
        format!("{}/shadow", self.name)
    }
}

impl fmt::Display for AbTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What [`test`] reads.
pub(super) const COLUMNS: &str = "id, organisation, name, kind, mode, subject, model_a, model_b, split_ratio, created_at, \
                                  created_by, ended_at, ended_by";

pub(super) fn test(row: &Row) -> Result<AbTest, StoreError> {
    let (kind, mode) = (row.text("kind")?, row.text("mode")?);
    Ok(AbTest {
        id: row.text("id")?,
        organisation: row.text("organisation")?,
        name: row.text("name")?,
        kind: kind.parse().map_err(|_| StoreError::Damaged { what: "kind", value: kind })?,
        mode: mode.parse().map_err(|_| StoreError::Damaged { what: "mode", value: mode })?,
        subject: row.text("subject")?,
        model_a: row.text("model_a")?,
        model_b: row.text("model_b")?,
        split_ratio: row.real("split_ratio")?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
        ended_at: row.get("ended_at")?,
        ended_by: row.get("ended_by")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, split_ratio: f64) -> AbTest {
        AbTest {
            id: id.into(),
            organisation: String::new(),
            name: "t".into(),
            kind: ModelKind::Tabular,
            mode: AbMode::Ab,
            subject: "m".into(),
            model_a: "1".into(),
            model_b: "2".into(),
            split_ratio,
            created_at: 0,
            created_by: String::new(),
            ended_at: None,
            ended_by: None,
        }
    }

    #[test]
    fn a_name_keeps_its_side_and_sides_have_their_fractions() {
        const NAMES: usize = 20_000;
        for ratio in [0.1, 0.5, 0.9] {
            let test = of("one", ratio);
            let a = (0..NAMES).filter(|n| test.arm_of(&format!("user {n}")) == Arm::A).count();
            // Four standard deviations.
            let error = 4.0 * (ratio * (1.0 - ratio) / NAMES as f64).sqrt();
            assert!((a as f64 / NAMES as f64 - ratio).abs() < error, "{a} of {NAMES} at {ratio}");
            assert_eq!(test.arm_of("ann"), test.arm_of("ann"));
        }
        // Who is A's in one test is not A's in all.
        let (one, other) = (of("one", 0.5), of("other", 0.5));
        let same =
            (0..NAMES).map(|n| format!("user {n}")).filter(|user| one.arm_of(user) == other.arm_of(user)).count();
        assert!((same as f64 / NAMES as f64 - 0.5).abs() < 0.02, "{same}");
        // A wider test keeps those it had.
        let wider = of("one", 0.6);
        assert!(
            (0..NAMES).map(|n| n.to_string()).all(|user| one.arm_of(&user) == Arm::B || wider.arm_of(&user) == Arm::A)
        );
    }
}
