//! People go through whole photos: boxes complete and right, each with its class and SKU. A photo counts as verified when as many
//! people as configured have left the same boxes.
//!
//! | file | what |
//! |---|---|
//! | `claim` | the next photo of a day, for one reviewer alone |
//! | `boxes` | what boxes may be |
//! | `save` | what somebody says of a photo, on top of a version |
//! | `read` | what was said, what a month brought, how far a day is |

mod boxes;
mod claim;
mod read;
mod save;

pub use claim::{MAX_HELD, NextPhoto};
pub use read::{Annotation, VerifiedPhoto, VerifyProgress};
pub use save::{Boxes, Save};
