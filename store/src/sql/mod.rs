//! One way to speak to either database. Only this folder names its drivers.

mod database;
mod file;
mod migrate;
mod row;
mod transaction;
mod value;
mod writer;

pub(crate) use database::Database;
pub(crate) use row::Row;
pub(crate) use transaction::Tx;
pub(crate) use value::{Value, values};
