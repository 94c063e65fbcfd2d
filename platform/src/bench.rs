//! Heavy work off the async threads: so much at once, so much of one organisation, so long, and only while somebody waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tabular::learn::LearnError;
use tabular::train::TrainError;
use tokio::sync::Semaphore;
use vision::Cancel;

use crate::error::PlatformError;

/// Where heavy work is done.
#[derive(Debug)]
pub(crate) struct Bench {
    places: Arc<Semaphore>,
    seats: Arc<Seats>,
    patience: Duration,
}

/// What each organisation has in work or waiting.
#[derive(Debug)]
struct Seats {
    taken: Mutex<HashMap<String, usize>>,
    limit: usize,
}

/// One operation of an organisation, until it is dropped.
#[derive(Debug)]
struct Seat {
    seats: Arc<Seats>,
    organisation: String,
}

impl Bench {
    pub(crate) fn new(at_once: usize, per_organisation: usize, patience: Duration) -> Self {
        let seats = Seats { taken: Mutex::default(), limit: per_organisation };
        Self { places: Arc::new(Semaphore::new(at_once)), seats: Arc::new(seats), patience }
    }

    /// Does work on a thread that may be kept busy. The work is told by its `Cancel` when whoever asked has gone, or when it takes too
    /// long; its place and seat are free when it has really ended.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        organisation: &str,
        work: impl FnOnce(&Cancel) -> Result<T, PlatformError> + Send + 'static,
    ) -> Result<T, PlatformError> {
        let seat = Seats::take(&self.seats, organisation)?;
        let deadline = Instant::now() + self.patience;
        let waiting = tokio::time::timeout(self.patience, Arc::clone(&self.places).acquire_owned());
        let Ok(Ok(place)) = waiting.await else {
            return Err(PlatformError::Busy { what: "operations on tables", retry_after_seconds: 5 });
        };
        let gone = Gone(Arc::default());
        let cancel = Cancel::new(Arc::clone(&gone.0), deadline);
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&cancel);
            drop((place, seat));
            outcome
        });
        let outcome = done.await.map_err(|_| PlatformError::Inside)?;
        drop(gone);
        outcome.map_err(|error| match error {
            PlatformError::Train(TrainError::Learn(LearnError::Cancelled)) => {
                PlatformError::TookTooLong { seconds: self.patience.as_secs() }
            }
            error => error,
        })
    }
}

impl Seats {
    fn take(seats: &Arc<Self>, organisation: &str) -> Result<Seat, PlatformError> {
        let mut taken = seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = taken.entry(organisation.to_owned()).or_default();
        if *mine >= seats.limit {
            return Err(PlatformError::TooManyAtOnce { limit: seats.limit });
        }
        *mine += 1;
        Ok(Seat { seats: Arc::clone(seats), organisation: organisation.to_owned() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = taken.get_mut(&self.organisation) {
            *mine -= 1;
            if *mine == 0 {
                taken.remove(&self.organisation);
            }
        }
    }
}

/// Set when whoever asked has gone away.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_organisation_has_its_seats_and_gets_them_back() {
        let bench = Arc::new(Bench::new(2, 1, Duration::from_secs(20)));
        let (free, held) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let other = Arc::clone(&bench);
        let busy = tokio::spawn(async move {
            let work = move |_: &Cancel| {
                let _ = begun.send(());
                held.recv().map_err(|_| PlatformError::Inside)
            };
            other.run("a", work).await
        });
        begins.await.expect("it works");
        assert!(matches!(bench.run("a", |_| Ok(())).await, Err(PlatformError::TooManyAtOnce { limit: 1 })));
        assert!(bench.run("b", |_| Ok(())).await.is_ok(), "others are not kept waiting");
        free.send(()).expect("it waits");
        assert!(busy.await.expect("no panic").is_ok());
        assert!(bench.run("a", |_| Ok(())).await.is_ok());
        let panicked: Result<(), _> = bench.run("a", |_| panic!("as bad as it gets")).await;
        assert!(matches!(panicked, Err(PlatformError::Inside)));
        assert!(bench.run("a", |_| Ok(())).await.is_ok(), "a panic gives its seat back");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn work_ends_when_it_takes_too_long_or_nobody_waits() {
        let until_told = |cancel: &Cancel| {
            while !cancel.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err::<(), _>(PlatformError::Train(TrainError::Learn(LearnError::Cancelled)))
        };
        let bench = Bench::new(1, 9, Duration::from_millis(50));
        assert!(matches!(bench.run("a", until_told).await, Err(PlatformError::TookTooLong { .. })));
        let bench = Bench::new(1, 9, Duration::from_secs(600));
        let left = tokio::time::timeout(Duration::from_millis(20), bench.run("a", until_told)).await;
        assert!(left.is_err(), "the one who asked has gone");
        assert!(bench.run("a", |_| Ok(())).await.is_ok(), "and the place is free");
    }
}
