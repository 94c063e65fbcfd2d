//! What may be asked for.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::config::Renamed;

/// A set of synthetic photos. Every key has a default; unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SynthConfig {
    /// The whole set follows from this.
    pub seed: u64,
    /// How many photos.
    pub photos: u32,
    /// Width and height of a photo in pixels.
    pub size: (u32, u32),
    /// Minimum and maximum number of labelled facings in a photo: the camera steps back, or another shelf is put up, until so many are in view.
    pub facings: (u32, u32),
    /// Families of look-alike products in the world.
    pub families: u32,
    /// Minimum and maximum number of products in a family.
    pub variants: (u32, u32),
    /// An item of which less than this fraction is seen gets no label; `instances.csv` still lists it.
    pub min_visible: f32,
    /// The same for items behind the front row, of which people label only what stands quite free.
    pub min_visible_behind: f32,
    /// Rows of items one behind the other that are rendered.
    pub depth_rows: u32,
    /// Chance that a front item is missing.
    pub gap_chance: f32,
    /// Chance that an item leans.
    pub lean_chance: f32,
    /// Chance that an item shows its side or back.
    pub turned_chance: f32,
    /// Largest turn of the camera to the side, in degrees.
    pub yaw_deg: f32,
    /// How far the camera may be above or below what it looks at, in degrees, lowest and highest.
    pub pitch_deg: (f32, f32),
    /// JPEG quality, lowest and highest.
    pub jpeg_quality: (u8, u8),
    /// Strength of blur, noise and exposure errors: 0 none, 1 a telephone, 2 a bad one.
    pub camera_faults: f32,
    /// Fraction of blocks filled with instances cut out of real images; needs a folder of them.
    #[serde(alias = "paste_share")]
    pub paste_ratio: f32,
    /// Maximum number of instances kept of that folder.
    pub paste_limit: u32,
    /// Crops of every labelled item, in a folder per product, at most this many for each; 0 for none.
    pub crops_per_sku: u32,
}

impl Default for SynthConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            photos: 100,
            size: (1280, 960),
            facings: (30, 120),
            families: 40,
            variants: (3, 6),
            min_visible: 0.25,
            min_visible_behind: 0.5,
            depth_rows: 3,
            gap_chance: 0.05,
            lean_chance: 0.01,
            turned_chance: 0.08,
            yaw_deg: 22.0,
            pitch_deg: (-9.0, 17.0),
            jpeg_quality: (55, 94),
            camera_faults: 1.0,
            paste_ratio: 0.5,
            paste_limit: 1500,
            crops_per_sku: 0,
        }
    }
}

/// A configuration that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ConfigError {
    /// A number is out of range.
    #[error("{key} is {value}; it must lie in {low}..={high}")]
    Range {
        /// Which key.
        key: &'static str,
        /// What was given.
        value: f64,
        /// Lowest allowed.
        low: f64,
        /// Highest allowed.
        high: f64,
    },
    /// A pair is the wrong way round.
    #[error("{key}: the lower end {low} is above the upper end {high}")]
    Order {
        /// Which key.
        key: &'static str,
        /// First number.
        low: f64,
        /// Second number.
        high: f64,
    },
}

impl SynthConfig {
    /// Keys by their names of the first release.
    pub const RENAMED: &'static [Renamed] = &[Renamed { section: "", old: "paste_share", new: "paste_ratio" }];

    /// Checks every key.
    ///
    /// # Errors
    /// The first key that cannot be carried out.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let within = |key, value: f64, low: f64, high: f64| {
            // Written so that NaN fails.
            if value >= low && value <= high { Ok(()) } else { Err(ConfigError::Range { key, value, low, high }) }
        };
        let ordered =
            |key, low: f64, high: f64| if low <= high { Ok(()) } else { Err(ConfigError::Order { key, low, high }) };
        within("photos", self.photos.into(), 1.0, 1_000_000.0)?;
        within("size[0]", self.size.0.into(), 160.0, 4096.0)?;
        within("size[1]", self.size.1.into(), 160.0, 4096.0)?;
        within("facings[0]", self.facings.0.into(), 4.0, 400.0)?;
        within("facings[1]", self.facings.1.into(), 4.0, 400.0)?;
        ordered("facings", self.facings.0.into(), self.facings.1.into())?;
        within("families", self.families.into(), 1.0, 2000.0)?;
        within("variants[0]", self.variants.0.into(), 1.0, 20.0)?;
        within("variants[1]", self.variants.1.into(), 1.0, 20.0)?;
        ordered("variants", self.variants.0.into(), self.variants.1.into())?;
        within("families x variants", f64::from(self.families) * f64::from(self.variants.1), 1.0, 4000.0)?;
        within("min_visible", self.min_visible.into(), 0.0, 1.0)?;
        within("min_visible_behind", self.min_visible_behind.into(), 0.0, 1.0)?;
        within("depth_rows", self.depth_rows.into(), 1.0, 6.0)?;
        within("gap_chance", self.gap_chance.into(), 0.0, 0.9)?;
        within("lean_chance", self.lean_chance.into(), 0.0, 1.0)?;
        within("turned_chance", self.turned_chance.into(), 0.0, 1.0)?;
        within("yaw_deg", self.yaw_deg.into(), 0.0, 40.0)?;
        within("pitch_deg[0]", self.pitch_deg.0.into(), -30.0, 35.0)?;
        within("pitch_deg[1]", self.pitch_deg.1.into(), -30.0, 35.0)?;
        ordered("pitch_deg", self.pitch_deg.0.into(), self.pitch_deg.1.into())?;
        within("jpeg_quality[0]", self.jpeg_quality.0.into(), 5.0, 100.0)?;
        within("jpeg_quality[1]", self.jpeg_quality.1.into(), 5.0, 100.0)?;
        ordered("jpeg_quality", self.jpeg_quality.0.into(), self.jpeg_quality.1.into())?;
        within("camera_faults", self.camera_faults.into(), 0.0, 3.0)?;
        within("paste_ratio", self.paste_ratio.into(), 0.0, 1.0)?;
        within("paste_limit", self.paste_limit.into(), 1.0, 10_000.0)?;
        within("crops_per_sku", self.crops_per_sku.into(), 0.0, 100_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_key_is_named() {
        let check = |change: fn(&mut SynthConfig), key: &str| {
            let mut config = SynthConfig::default();
            config.validate().unwrap();
            change(&mut config);
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        };
        check(|c| c.photos = 0, "photos");
        check(|c| c.size = (100, 960), "size[0]");
        check(|c| c.facings = (90, 30), "facings: the lower end 90");
        check(|c| c.variants = (0, 3), "variants[0]");
        check(|c| c.families = 0, "families");
        check(|c| c.min_visible = f32::NAN, "min_visible is NaN");
        check(|c| c.depth_rows = 9, "depth_rows");
        check(|c| c.pitch_deg = (10.0, -10.0), "pitch_deg");
        check(|c| c.jpeg_quality = (0, 50), "jpeg_quality[0]");
        check(|c| c.camera_faults = -1.0, "camera_faults");
        check(|c| c.paste_ratio = 1.5, "paste_ratio");
        check(|c| c.yaw_deg = 90.0, "yaw_deg is 90; it must lie in 0..=40");
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = serde_json::from_str::<SynthConfig>(r#"{"photo": 3}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `photo`"), "{error}");
        let config: SynthConfig = serde_json::from_str(r#"{"photos": 3, "facings": [30, 60]}"#).unwrap();
        assert_eq!((config.photos, config.facings, config.size), (3, (30, 60), (1280, 960)));
    }

    #[test]
    fn keys_are_understood_by_their_old_names() {
        let config: SynthConfig = serde_json::from_str(r#"{"paste_share": 0.25}"#).unwrap();
        assert_eq!(config, SynthConfig { paste_ratio: 0.25, ..SynthConfig::default() });
        assert!(serde_json::from_str::<SynthConfig>(r#"{"paste_share": 0.25, "paste_ratio": 0.5}"#).is_err());
    }
}
