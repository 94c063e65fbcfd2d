//! Shelves that are drawn.
pub mod art;
pub mod canvas;
pub mod color;
pub mod icons;
pub mod rng;
pub mod text;
pub mod words;
