//! Who may do what: organisations, and keys that speak for them with a role.

mod key;
mod name;
mod organisation;
mod role;
mod session;
mod token;

pub use key::{ApiKey, MAX_KEYS, NewKey};
pub use organisation::{DEFAULT_ORGANISATION, DEFAULT_ORGANISATION_NAME, Organisation};
pub use role::Role;
pub use session::{Session, SessionToken};
pub use token::KeyToken;

pub(crate) use name::check_name;
