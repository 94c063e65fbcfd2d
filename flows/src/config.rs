//! What the user wrote (`flows.yaml`), converted once into what flows need.

use std::path::{Path, PathBuf};
use std::time::Duration;

use croner::Cron;
use dataset::check::MAX_DISTANCE;
use dataset::split::Ratios;
use serde::Deserialize;
use store::flows::{Flow, RunLimits};
use vision::config::{Check, ConfigError, read_text, syntax};

/// As written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    schedule: bool,
    daily: DailySettings,
    monthly: MonthlySettings,
    settle_seconds: u64,
    catch_up: i64,
    look_seconds: f64,
    lease_seconds: u64,
    attempts: i64,
    backoff_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DailySettings {
    cron: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MonthlySettings {
    cron: String,
    seed: u64,
    ratios: String,
    near_bits: u32,
    near_correlation: f32,
    reserved: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schedule: false,
            daily: DailySettings::default(),
            monthly: MonthlySettings::default(),
            settle_seconds: 120,
            catch_up: 31,
            look_seconds: 5.0,
            lease_seconds: 60,
            attempts: 6,
            backoff_seconds: 60,
        }
    }
}

impl Default for DailySettings {
    fn default() -> Self {
        Self { cron: "0 0 * * *".to_owned() }
    }
}

impl Default for MonthlySettings {
    fn default() -> Self {
        Self {
            cron: "0 1 1 * *".to_owned(),
            seed: 42,
            ratios: ".70/.15/.15".to_owned(),
            near_bits: 8,
            near_correlation: 0.97,
            reserved: Vec::new(),
        }
    }
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct FlowsConfig {
    /// Whether a server does what is due by itself.
    pub schedule: bool,
    /// When days are done.
    pub daily: Cron,
    /// When months are.
    pub monthly: Cron,
    /// How a training set is made.
    pub full: FullConfig,
    /// How long after its end a period is complete: answers are written down a little after they are given.
    pub settle: Duration,
    /// Periods at most that are made up for after a standstill.
    pub catch_up: i64,
    /// Time between two looks at what is due.
    pub look: Duration,
    /// How runs are held and tried again.
    pub limits: RunLimits,
}

/// How a training set is made.
#[derive(Debug, Clone, PartialEq)]
pub struct FullConfig {
    /// Of the split, until there is a set whose split is carried on.
    pub seed: u64,
    /// The same.
    pub ratios: Ratios,
    /// Photos count as near-duplicates when at most so many of 64 bits of their hashes differ,
    pub near_bits: u32,
    /// and their brightness correlates at least so much.
    pub near_correlation: f32,
    /// Folders of images that nothing is learnt from.
    pub reserved: Vec<PathBuf>,
}

impl FlowsConfig {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown key or a value out of range; the error names file and key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&read_text(path)?, path)
    }

    /// From the text of `flows.yaml`; `path` only names it in errors.
    ///
    /// # Errors
    /// As [`FlowsConfig::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let settings: Settings = serde_saphyr::from_str(text).map_err(|error| syntax(path, &error.to_string()))?;
        settings.check(path)
    }

    /// When a flow is done.
    #[must_use]
    pub fn cron(&self, flow: Flow) -> &Cron {
        match flow {
            Flow::Daily => &self.daily,
            Flow::Monthly => &self.monthly,
        }
    }
}

impl Default for FlowsConfig {
    fn default() -> Self {
        Settings::default().check(Path::new("(defaults)")).expect("the defaults are within their ranges")
    }
}

impl Settings {
    fn check(self, path: &Path) -> Result<FlowsConfig, ConfigError> {
        let check = Check::of(path);
        let cron = |key: &str, text: &str| {
            let allowed = "it must be a cron expression of five fields such as `0 0 * * *` (UTC)";
            text.parse::<Cron>().map_err(|error| check.wrong(key, format!("{text:?}"), &format!("{allowed}: {error}")))
        };
        let MonthlySettings { cron: monthly, seed, ratios, near_bits, near_correlation, reserved } = self.monthly;
        let seconds = Duration::from_secs;
        let lease = check.within("lease_seconds", self.lease_seconds, 1, 86_400)?;
        let backoff = check.within("backoff_seconds", self.backoff_seconds, 1, 86_400)?;
        let look = check.within("look_seconds", self.look_seconds, 0.05, 3_600.0)?;
        Ok(FlowsConfig {
            schedule: self.schedule,
            daily: cron("daily.cron", &self.daily.cron)?,
            monthly: cron("monthly.cron", &monthly)?,
            full: FullConfig {
                seed,
                ratios: check.parsed("monthly.ratios", &ratios)?,
                near_bits: check.within("monthly.near_bits", near_bits, 0, MAX_DISTANCE)?,
                near_correlation: check.fraction("monthly.near_correlation", near_correlation)?,
                reserved,
            },
            settle: seconds(check.within("settle_seconds", self.settle_seconds, 0, 86_400)?),
            catch_up: check.within("catch_up", self.catch_up, 1, 366)?,
            look: Duration::from_secs_f64(look),
            limits: RunLimits {
                lease: seconds(lease),
                attempts: check.within("attempts", self.attempts, 1, 100)?,
                backoff: seconds(backoff),
                max_backoff: seconds(backoff.max(3_600)),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_file_and_key() {
        let check = |text: &str, expected: &str| {
            let error = FlowsConfig::parse(text, Path::new("flows.yaml")).expect_err(text).to_string();
            assert!(error.contains("flows.yaml") && error.contains(expected), "{text:?} gave: {error}");
        };
        check("daily: {cron: \"0 0 * *\"}", "daily.cron");
        check("monthly: {cron: \"61 * * * *\"}", "monthly.cron");
        check("monthly: {ratios: .5/.6}", "monthly.ratios");
        check("monthly: {near_bits: 12}", "monthly.near_bits");
        check("monthly: {near_correlation: 2}", "monthly.near_correlation");
        check("catch_up: 0", "catch_up");
        check("look_seconds: .nan", "look_seconds");
        check("dayly: {}", "dayly");
    }

    #[test]
    fn the_shipped_file_states_the_defaults() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/flows.yaml");
        let (read, default) = (FlowsConfig::read(&path).expect("it is sound"), FlowsConfig::default());
        assert_eq!(format!("{read:?}"), format!("{default:?}"));
    }
}
