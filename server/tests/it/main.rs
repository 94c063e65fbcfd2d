//! The real server on a free port, in front of fakes that see colours.
//!
//! What is refused, and how, is a table in `bad_input`; what people see is checked in a real browser by `browser`.

mod ab;
mod access;
mod admin;
mod bad_input;
mod browser;
#[path = "../../../vision/tests/shared/chromium.rs"]
mod chromium;
mod contract;
mod example;
mod harness;
mod holds;
mod jobs;
mod kept;
mod life;
mod load;
mod ml;
mod observability;
mod pages;
mod photos;
mod predict;
mod predictions;
mod releases_page;
mod review;
mod review_page;
mod review_server;
mod sending;
mod sign_in;
mod slow_clients;
mod swap;
mod tables;
mod tables_page;
mod verify_page;
