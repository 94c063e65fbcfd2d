//! Which images go through the network together.

use engine::SessionInfo;

/// Images for one run of the network: all on canvases of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Width and height.
    pub(crate) canvas: (u32, u32),
    /// Which of the images.
    pub(crate) items: Vec<usize>,
}

/// Sorts images with these canvases into runs of at most [`SessionInfo::batch_for`] all of them.
pub(crate) fn chunks(canvases: &[(u32, u32)], info: &SessionInfo) -> Vec<Chunk> {
    let limit = info.batch_for(canvases.len());
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
    fn images_of_one_canvas_share_runs() {
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
}
