//! Tests of the detector against its published reference and against everything that may be wrong with a file.

mod golden;
mod loading;
mod metadata;
mod network;
mod oracle;
mod outputs;
mod shelves;
mod support;
mod tiles;
