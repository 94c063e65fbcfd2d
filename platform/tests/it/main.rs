//! The platform over real databases: SQLite, and PostgreSQL where it is installed.

mod data_sets;
mod jobs;
mod kills;
mod place;
#[path = "../../../store/tests/it/postgres.rs"]
mod postgres;
#[path = "../../../store/tests/it/process.rs"]
#[expect(dead_code, reason = "other servers of the store's tests need more of it")]
mod process;
#[path = "../../../store/tests/it/test_store.rs"]
#[expect(dead_code, reason = "the store's tests open a store again")]
mod test_store;
