//! What a key may do.

use std::fmt;
use std::str::FromStr;

use crate::error::StoreError;
use crate::model::spelled;

spelled! {
    /// What a key may do; each may do what those before it may.
    Role ("role") {
        /// Sends photos, reads answers and lists.
        Viewer => "viewer",
        /// Labels.
        Reviewer => "reviewer",
        /// Registers and deploys models.
        Engineer => "engineer",
        /// Everything within the organisation.
        Admin => "admin",
    }
}
