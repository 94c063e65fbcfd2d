//! What is worth a look, and the gallery that follows what people say.

mod config;
mod sampler;
