//! Shelves that look like shelves, with the exact truth about them: for tests, and for training where real labelled
//! photos are few. Nothing measured on them is a measurement of the real world; `synth.json` says so of each set.
//!
//! | module | what |
//! |---|---|
//! | [`config`], [`mod@write`] | what may be asked for, and the set on disk |
//! | [`scene`] | one photo from one number: [`layout`] before a [`camera`] in some [`light`], exposed by a [`sensor`] as a telephone would |
//! | [`catalogue`], [`sku`], [`shapes`], [`container`], [`carton`] | the products: families of look-alikes |
//! | [`art`], [`icons`], [`words`], [`text`], [`canvas`] | what is printed on them |
//! | [`profile`], [`section`], [`texture`], [`framebuffer`], [`rasterizer`], [`quad`], [`cutout`], [`fixture`], [`shade_map`] | drawing them, front to back |
//! | [`world`] | all of it in memory, for a trainer |
//! | [`paste`], [`upright`], [`matte`], [`outline`] | instances cut out of real images |
//! | [`color`], [`rows`], `simd` | plumbing |
//!
//! Lengths are millimetres: right, up, towards the aisle. Light is linear until the sensor. A photo is a function of
//! configuration, seed and number alone, so threads and order do not matter.

pub mod art;
pub mod camera;
pub mod canvas;
pub mod carton;
pub mod catalogue;
pub mod color;
pub mod config;
pub mod container;
pub mod cutout;
pub mod fixture;
pub mod framebuffer;
pub mod icons;
pub mod layout;
pub mod light;
pub mod matte;
pub mod outline;
pub mod paste;
pub mod profile;
pub mod quad;
pub mod rasterizer;
pub mod rows;
pub mod scene;
pub mod section;
pub mod sensor;
pub mod shade_map;
pub mod shapes;
mod simd;
pub mod sku;
pub mod text;
pub mod texture;
pub mod upright;
pub mod words;
pub mod world;
pub mod write;

pub use config::{ConfigError, SynthConfig};
pub use paste::PasteError;
pub use scene::{Instance, Photo, Scene};
pub use sku::{Class, Sku};
pub use vision::rng;
pub use world::{Finish, Labelled, Shelf, World};
pub use write::{SYNTH_VERSION, SynthError, SynthReport, WriteOptions, write_dataset};
