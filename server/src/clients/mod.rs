//! Who is connected: their addresses, what is waited for, and who may stay.
//!
//! | file | what |
//! |---|---|
//! | `presence` | what one connection is waiting for |
//! | `room` | places for all, at most so many an address |
//! | `memory` | memory set aside for an answer |
//! | `peer` | who is at the other end |

mod memory;
mod peer;
mod presence;
mod room;

pub(crate) use memory::Memory;
pub(crate) use peer::Peer;
pub(crate) use presence::Presence;
pub(crate) use room::Room;
