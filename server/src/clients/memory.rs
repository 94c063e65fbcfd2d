//! Memory set aside for an answer.

use crate::upload::Reservation;

/// Memory set aside for an answer's body; taken over by the connection with the first piece. Travels in the answer's
/// extensions, which want a type that can be cloned: all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Option<Reservation>);

impl Memory {
    /// Set aside for one answer.
    pub(crate) fn of(reservation: Reservation) -> Self {
        Self(Some(reservation))
    }

    /// Hands it over.
    pub(crate) fn take(&mut self) -> Option<Reservation> {
        self.0.take()
    }
}
