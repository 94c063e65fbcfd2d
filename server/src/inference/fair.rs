//! Whose turn it is: clients in a circle, each with its oldest photo; photos of batches when no other waits.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::batcher::Entry;

/// Of the places in the queue, the part that one client may have: others find room.
const MAX_PER_CLIENT: (usize, usize) = (3, 4);

/// Clients kept.
const MAX_CLIENTS: usize = 4_096;

/// When each client that has something waiting was last served.
#[derive(Debug, Default)]
pub(super) struct Turns {
    served: HashMap<IpAddr, u64>,
    now: u64,
}

impl Turns {
    /// Brings the entry to the front whose client has waited longest for its turn, the oldest of that client's.
    pub(super) fn next<T: Entry>(&mut self, waiting: &mut VecDeque<T>) {
        if waiting.is_empty() {
            self.served.clear();
            return;
        }
        let turn = |entry: &T| self.served.get(&entry.client()).copied().unwrap_or(0);
        let Some(at) = (0..waiting.len()).min_by_key(|at| (waiting[*at].is_patient(), turn(&waiting[*at]))) else {
            return;
        };
        let Some(entry) = waiting.remove(at) else { return };
        if self.served.len() >= MAX_CLIENTS {
            self.served.clear();
        }
        self.now += 1;
        self.served.insert(entry.client(), self.now);
        waiting.push_front(entry);
    }
}

/// Whether there is no place for one more: of a client that has its share, or at all. Photos of batches have places of their
/// own, a quarter as many.
pub(super) fn is_full<T: Entry>(waiting: &VecDeque<T>, client: IpAddr, patient: bool, capacity: usize) -> bool {
    let alike = || waiting.iter().filter(move |entry| entry.is_patient() == patient);
    if patient {
        return alike().count() >= capacity.div_ceil(4);
    }
    let limit = (capacity * MAX_PER_CLIENT.0).div_ceil(MAX_PER_CLIENT.1).max(1);
    alike().count() >= capacity || alike().filter(|entry| entry.client() == client).count() >= limit
}

/// Entries that are served before a new one of this client, when clients take turns and batches wait.
pub(super) fn ahead<T: Entry>(waiting: &VecDeque<T>, client: IpAddr) -> usize {
    let mut each: HashMap<IpAddr, usize> = HashMap::new();
    for entry in waiting.iter().filter(|entry| !entry.is_patient()) {
        *each.entry(entry.client()).or_default() += 1;
    }
    let own = each.get(&client).copied().unwrap_or(0);
    each.iter().map(|(other, count)| if *other == client { own } else { (*count).min(own + 1) }).sum()
}
