//! Integration tests of the `shelf` command and of the workspace as a whole.

mod bad_input;
mod dataset;
mod end_to_end;
mod eval_bad_input;
mod eval_live;
mod eval_saved;
mod factory;
mod flows;
mod gallery;
mod heic;
mod help;
mod hub;
mod org;
mod queue;
mod readers;
mod registry;
mod results;
mod shelf;
mod shipped;
mod table;
mod tidy;
mod top;
