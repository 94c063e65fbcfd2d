//! Which pictures go through the network together, and the threads that bring them there.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use engine::SessionInfo;

/// Pictures for one run of the network: all on canvases of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Width and height.
    pub(crate) canvas: (u32, u32),
    /// Which of the pictures.
    pub(crate) items: Vec<usize>,
}

/// Sorts pictures with these canvases into runs. Never larger than the session's fixed batch or, where any batch is taken,
/// the one it prefers; and small enough that every one of its parallel runs gets work.
pub(crate) fn chunks(canvases: &[(u32, u32)], info: &SessionInfo) -> Vec<Chunk> {
    let limit = info.input.batch.unwrap_or(info.preferred_batch).max(1);
    let share = canvases.len().div_ceil(info.parallelism.max(1)).max(1);
    let limit = if info.input.batch.is_some() { limit } else { limit.min(share) };
    let mut chunks: Vec<Chunk> = Vec::new();
    for (item, &canvas) in canvases.iter().enumerate() {
        let open = chunks.iter_mut().rev().find(|chunk| chunk.canvas == canvas);
        match open {
            Some(chunk) if chunk.items.len() < limit => chunk.items.push(item),
            _ => chunks.push(Chunk { canvas, items: vec![item] }),
        }
    }
    chunks
}

/// Applies `work` to every item on at most `parallelism` threads, this one among them. Results keep the order. After an
/// error no further item is started.
///
/// # Errors
/// The error of the first item that failed.
pub(crate) fn in_parallel<I: Sync, R: Send, E: Send>(
    items: &[I],
    parallelism: usize,
    work: impl Fn(&I) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { break };
            let result = work(item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            done.push((i, result));
        }
        done
    };
    let helpers = parallelism.min(items.len()).saturating_sub(1);
    let mut done = thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|&(i, _)| i);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::InputShape;

    fn info(batch: Option<usize>, preferred_batch: usize, parallelism: usize) -> SessionInfo {
        SessionInfo {
            engine: "test",
            version: String::new(),
            provider: String::new(),
            input: InputShape { batch, channels: 3, height: None, width: None },
            outputs: Vec::new(),
            metadata: Default::default(),
            parallelism,
            preferred_batch,
        }
    }

    #[test]
    fn pictures_of_one_canvas_share_runs() {
        let (a, b) = ((640, 480), (480, 640));
        let check = |canvases: &[(u32, u32)], info: SessionInfo, expected: &[&[usize]]| {
            let chunks = chunks(canvases, &info);
            assert!(chunks.iter().all(|c| c.items.iter().all(|&i| canvases[i] == c.canvas)));
            let items: Vec<_> = chunks.into_iter().map(|c| c.items).collect();
            assert_eq!(items, expected, "{canvases:?} {info:?}");
        };
        check(&[], info(None, 8, 2), &[]);
        check(&[a; 5], info(Some(1), 8, 2), &[&[0], &[1], &[2], &[3], &[4]]);
        check(&[a; 5], info(Some(4), 1, 2), &[&[0, 1, 2, 3], &[4]]);
        check(&[a; 5], info(None, 8, 1), &[&[0, 1, 2, 3, 4]]);
        check(&[a; 5], info(None, 8, 2), &[&[0, 1, 2], &[3, 4]]);
        check(&[a, b, a, b, a], info(None, 2, 1), &[&[0, 2], &[1, 3], &[4]]);
        check(&[a; 2], info(None, 0, 0), &[&[0], &[1]]);
    }

    #[test]
    fn results_keep_the_order_and_the_first_error_wins() {
        let items: Vec<usize> = (0..100).collect();
        for parallelism in [0, 1, 3, 200] {
            let squares: Result<Vec<_>, ()> = in_parallel(&items, parallelism, |&i| Ok(i * i));
            assert_eq!(squares.unwrap(), items.iter().map(|i| i * i).collect::<Vec<_>>());
            let failed = in_parallel(&items, parallelism, |&i| if i < 10 { Ok(i) } else { Err(i) });
            assert!(failed.is_err_and(|i| i >= 10));
        }
    }
}
