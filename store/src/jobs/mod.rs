//! A queue of work: whoever takes a job holds it by a lease, and nobody else can finish it meanwhile.
//!
//! A holder is a name of its own for each time that a job is taken: what a worker writes that lost its job, because it was
//! killed, stopped or too slow, is refused. A job whose lease has run out is taken once more, then it has failed.

mod events;
mod find;
mod hold;
mod model;
mod submit;
mod take;

pub use events::{JobEvent, NewEvent};
pub use hold::{Ending, Lost};
pub use model::{Job, JobStatus};
pub use submit::NewJob;
pub use take::{TakeLimits, Taken};
