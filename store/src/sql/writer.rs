//! All changes of this process go through one task, which commits those that wait together.
//!
//! A commit costs a flush to disk, however many changes it holds: twenty reviewers who answer at the same moment share
//! one. Each change has a savepoint of its own, so one that is refused takes nothing of its neighbours with it, and nobody
//! is told "done" before the commit.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::database::Pools;
use super::transaction::Tx;
use crate::error::StoreError;

/// Changes that may wait.
const BACKLOG: usize = 1024;
/// Changes of one commit.
const TOGETHER: usize = 64;
/// Time between two copies of SQLite's log into the database.
const CHECKPOINT: Duration = Duration::from_millis(500);
/// Longest time of one commit with its changes.
const PATIENCE: Duration = Duration::from_secs(20);

/// When a change is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Before anyone is told that it is done: it outlives a power cut.
    Now,
    /// With a later one: it outlives this process, not a power cut. For what is but lent, such as claims.
    Later,
}

/// A change: runs within a transaction.
pub(crate) trait WriteOp<T>:
    for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static
{
}

impl<T, F> WriteOp<T> for F where F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static {}

/// Tells the one who asked, once it is known whether the commit held.
type Finish = Box<dyn FnOnce(bool) + Send>;
/// How to tell, and an error when the transaction can hold no more changes.
type Run = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, (Finish, Result<(), StoreError>)> + Send>;

struct Job {
    run: Run,
    flush: Flush,
}

/// The way to the task.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) fn start(pools: Pools) -> Self {
        let (jobs, inbox) = mpsc::channel(BACKLOG);
        tokio::spawn(work(pools, inbox));
        Self { jobs }
    }

    pub(super) async fn run<T: Send + 'static>(&self, flush: Flush, op: impl WriteOp<T>) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let run: Run = Box::new(move |tx| {
            Box::pin(async move {
                let (outcome, usable) = tx.change(op).await;
                let finish: Finish = Box::new(move |committed| {
                    let outcome = if outcome.is_ok() && !committed {
                        Err(StoreError::database("the change could not be committed"))
                    } else {
                        outcome
                    };
                    // Whoever asked may have gone away.
                    let _ = reply.send(outcome);
                });
                (finish, usable)
            })
        });
        self.jobs.send(Job { run, flush }).await.map_err(|_| StoreError::database("the database was closed"))?;
        answer.await.unwrap_or_else(|_| Err(StoreError::database("the database did not answer")))
    }
}

async fn work(mut pools: Pools, mut inbox: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(TOGETHER);
    let (mut copied, mut copying) = (Instant::now(), None::<JoinHandle<()>>);
    while inbox.recv_many(&mut waiting, TOGETHER).await > 0 {
        let jobs = std::mem::take(&mut waiting);
        let mut finished = Vec::with_capacity(jobs.len());
        // Dropped on the way, jobs answer "did not answer" by themselves.
        let committed = match tokio::time::timeout(PATIENCE, commit(&mut pools, jobs, &mut finished)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "changes could not be committed");
                false
            }
            Err(_) => {
                tracing::warn!(seconds = PATIENCE.as_secs(), "changes were given up: the database took too long");
                false
            }
        };
        finished.into_iter().for_each(|finish: Finish| finish(committed));
        if copied.elapsed() >= CHECKPOINT && copying.as_ref().is_none_or(JoinHandle::is_finished) {
            copied = Instant::now();
            let pools = pools.clone();
            copying = Some(tokio::spawn(async move { pools.checkpoint().await }));
        }
    }
}

async fn commit(pools: &mut Pools, jobs: Vec<Job>, finished: &mut Vec<Finish>) -> Result<(), StoreError> {
    let flush = if jobs.iter().any(|job| job.flush == Flush::Now) { Flush::Now } else { Flush::Later };
    let mut tx = pools.begin(flush).await?;
    for job in jobs {
        let (finish, usable) = (job.run)(&mut tx).await;
        finished.push(finish);
        usable?;
    }
    tx.commit().await?;
    pools.check()
}
