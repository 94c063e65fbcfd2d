//! Floor 4: learning, from labelled images to weights.
//!
//! | module | what |
//! |---|---|
//! | [`core`] | what all trainers share: the loop, parameters, optimisers, checkpoints, run folders |
//! | [`detector`] | from labelled images to a detector |
//! | [`classifier`] | from folders of SKU images to an embedder |
//! | [`mlp`] | from rows of numbers to a network of dense layers |
//! | [`export`] | weights as ONNX files, and whether they say what the network says |
//! | [`dashboard`] | the live page of a run |

pub mod classifier;
pub mod core;
pub mod dashboard;
pub mod detector;
pub mod export;
pub mod mlp;
