//! Integration tests of the store: one body each, on SQLite and on PostgreSQL; images in a folder and on an S3 server.

mod ab;
mod access;
mod catalogue;
mod claims;
mod flows;
mod kills;
mod labels;
mod lists;
mod objects;
mod photos;
mod postgres;
mod predictions;
mod process;
mod registry;
mod retention;
mod reviewers;
mod seaweed;
mod shelf;
mod tenant;
mod test_store;
