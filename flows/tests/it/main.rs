//! Flows over real databases and a real folder.

mod daily;
mod kills;
mod monthly;
mod place;
#[path = "../../../store/tests/it/postgres.rs"]
mod postgres;
#[path = "../../../store/tests/it/process.rs"]
#[expect(dead_code, reason = "other servers of the store's tests need more of it")]
mod process;
mod scheduler;
#[path = "../../../store/tests/it/test_store.rs"]
#[expect(dead_code, reason = "the store's tests open a store again")]
mod test_store;
