//! Integration tests of the `shelf` command and of the workspace as a whole.

mod bad_input;
mod end_to_end;
mod help;
mod shelf;
mod tidy;
