//! Integration tests of the `shelf` command and of the workspace as a whole.

mod tidy;
