//! Integration tests of the store: one body each, on SQLite and on PostgreSQL; images in a folder and on an S3 server.

mod catalogue;
mod claims;
mod labels;
mod lists;
mod objects;
mod postgres;
mod process;
mod retention;
mod reviewers;
mod seaweed;
mod shelf;
mod test_store;
