//! Who may have a connection: places for all, at most so many an address, some kept for this machine.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::presence::Presence;

/// A connection that the server has waited for less than this is not closed for the sake of another.
const GRACE: Duration = Duration::from_secs(1);

/// One in so many places is kept for this machine, at most [`MAX_KEPT`]: an operator can look while the network presses in.
const KEPT: usize = 64;
const MAX_KEPT: usize = 8;

/// All connections of a server.
#[derive(Debug)]
pub(crate) struct Room {
    places: usize,
    kept: usize,
    per_address: usize,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: HashMap<u64, Seat>,
    by_address: HashMap<IpAddr, usize>,
    next: u64,
}

#[derive(Debug)]
struct Seat {
    address: IpAddr,
    presence: Arc<Presence>,
    leave: Arc<Notify>,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    room: Arc<Room>,
    number: u64,
    leave: Arc<Notify>,
}

impl Room {
    pub(crate) fn new(places: usize, per_address: usize) -> Self {
        Self { places, kept: (places / KEPT).min(MAX_KEPT), per_address, seats: Mutex::default() }
    }

    // Held for moments and never over foreign code, so a poisoned state is still sound.
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a client, perhaps that of one for whom the server has been waiting long: of the same address when that
    /// one has its share, of any when all are taken. `None` when everybody is at work or has just come.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, presence: &Arc<Presence>) -> Option<ConnectionSlot> {
        let address = party(address);
        let mut seats = self.seats();
        let places = if address.is_loopback() { self.places } else { self.places - self.kept };
        let crowded = seats.by_address.get(&address).copied().unwrap_or(0) >= self.per_address;
        if crowded || seats.taken.len() >= places {
            let number = seats.longest_waited(crowded.then_some(address))?;
            let seat = seats.leave(number)?;
            tracing::debug!(address = %seat.address, "a connection that was waited for long made room");
            seat.leave.notify_one();
        }
        let number = seats.next;
        seats.next += 1;
        let leave = Arc::<Notify>::default();
        let seat = Seat { address, presence: Arc::clone(presence), leave: Arc::clone(&leave) };
        seats.taken.insert(number, seat);
        *seats.by_address.entry(address).or_default() += 1;
        drop(seats);
        Some(ConnectionSlot { room: Arc::clone(self), number, leave })
    }

    /// Tells the client that has left most of its answer untaken for the longest time to go. `false` when there is none.
    pub(crate) fn free_memory(&self) -> bool {
        let mut seats = self.seats();
        let unread = seats.taken.iter().filter_map(|(number, seat)| {
            let waited = seat.presence.waited().filter(|waited| *waited >= GRACE)?;
            (seat.presence.unsent() > 0).then_some((seat.presence.unsent() as u128 * waited.as_millis(), *number))
        });
        let Some((_, number)) = unread.max() else { return false };
        seats.leave(number).is_some_and(|seat| {
            seat.leave.notify_one();
            true
        })
    }
}

impl Seats {
    fn longest_waited(&self, of: Option<IpAddr>) -> Option<u64> {
        let those = self.taken.iter().filter(|(_, seat)| of.is_none_or(|address| seat.address == address));
        let waited = those.filter_map(|(number, seat)| Some((seat.presence.waited()?, *number)));
        waited.filter(|(waited, _)| *waited >= GRACE).max().map(|(_, number)| number)
    }

    fn leave(&mut self, number: u64) -> Option<Seat> {
        let seat = self.taken.remove(&number)?;
        if let Some(count) = self.by_address.get_mut(&seat.address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&seat.address);
            }
        }
        Some(seat)
    }
}

impl ConnectionSlot {
    /// Until this connection is to make room for another.
    pub(crate) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.room.seats().leave(self.number);
    }
}

/// Who counts as one: an address of IPv4, a network of 64 bits of IPv6, which is what one subscriber gets.
fn party(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence() -> Arc<Presence> {
        Arc::new(Presence::new())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_its_share_and_this_machine_finds_room() {
        let room = Arc::new(Room::new(64, 60));
        let enter = |from: &str| room.enter(address(from), &presence());
        let held: Vec<_> = (0..60).map(|_| enter("192.0.2.1").expect("room")).collect();
        assert!(enter("192.0.2.1").is_none(), "nobody was waited for long enough");
        let others: Vec<_> = (0..3).map(|at| enter(&format!("198.51.100.{at}")).expect("room for others")).collect();
        assert!(enter("203.0.113.1").is_none(), "the last place is kept");
        let own = enter("127.0.0.1").expect("for this machine");
        assert!(enter("127.0.0.1").is_none());
        drop((held, others, own));
        assert!(room.seats().by_address.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_party() {
        assert_eq!(party(address("2001:db8::1")), party(address("2001:db8::ffff:1")));
        assert_ne!(party(address("2001:db8::1")), party(address("2001:db8:0:1::1")));
        assert_eq!(party(address("::ffff:192.0.2.1")), address("192.0.2.1"));
        assert!(party(address("::1")).is_loopback());
    }

    #[test]
    fn who_was_waited_for_longest_makes_room() {
        let room = Arc::new(Room::new(2, 2));
        let (idle, working) = (presence(), presence());
        working.request_began(true, true);
        let one = room.enter(address("192.0.2.1"), &idle).expect("room");
        let _two = room.enter(address("192.0.2.1"), &working).expect("room");
        std::thread::sleep(GRACE + Duration::from_millis(50));
        let three = room.enter(address("192.0.2.1"), &presence());
        assert!(three.is_some(), "the idle one goes");
        assert!(room.enter(address("192.0.2.1"), &presence()).is_none(), "one works, one has just come");
        drop(one);
        assert_eq!(room.seats().taken.len(), 2, "its place had been given away");
    }
}
