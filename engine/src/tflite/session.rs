//! The reference interpreter behind [`Session`]: a TFLite file of a network of images goes where an ONNX file goes. For
//! measuring such files, not for serving: it is many times slower than ONNX Runtime.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use ndarray::{ArrayD, ArrayView3, ArrayView4, Axis, IxDyn};

use super::graph::Graph;
use super::{Limits, decode, run_floats};
use crate::{EngineError, InputShape, MAX_MODEL_BYTES, Output, Session, SessionInfo, files};

const ENGINE: &str = "TFLite";

/// A network of one image (1, H, W, 3). Batches (N, 3, H, W) are run image by image; what comes out of each is joined along
/// its first axis.
#[derive(Debug, Clone)]
pub struct TfliteSession {
    info: SessionInfo,
    graph: Graph,
}

impl TfliteSession {
    /// The network in the file at `path`.
    ///
    /// # Errors
    /// [`EngineError::Load`] when it cannot be read, run, or takes no image.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        let load = |reason: String| EngineError::Load { path: path.to_owned(), reason };
        let bytes = files::read(path, MAX_MODEL_BYTES)?;
        Self::of(decode(&bytes, &Limits::default()).map_err(|error| load(error.to_string()))?).map_err(load)
    }

    /// A session of a network; what is wrong with it otherwise, in words.
    ///
    /// # Errors
    /// When it takes no image, or its outputs are no rows of images.
    pub fn of(graph: Graph) -> Result<Self, String> {
        let shapes: Vec<&[usize]> = graph.inputs().iter().map(|id| graph.tensor(*id).shape.as_slice()).collect();
        let [[1, height, width, channels]] = shapes[..] else {
            return Err(format!("its inputs are {shapes:?}; one image (1, height, width, channels) goes in"));
        };
        let (channels, height, width) = (*channels, *height, *width);
        let outputs: Vec<String> = graph.outputs().iter().map(|id| graph.tensor(*id).name.clone()).collect();
        if let Some(output) = graph.outputs().iter().find(|id| graph.tensor(**id).shape.first() != Some(&1)) {
            let tensor = graph.tensor(*output);
            return Err(format!("output {:?} is {:?}; its first axis must be the image", tensor.name, tensor.shape));
        }
        let info = SessionInfo {
            engine: ENGINE,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            provider: "CPU".to_owned(),
            input: InputShape { batch: None, channels, height: Some(height), width: Some(width) },
            outputs,
            metadata: BTreeMap::new(),
            parallelism: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            preferred_batch: 1,
        };
        Ok(Self { info, graph })
    }

    /// The network.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}

/// An image (C, H, W) as such networks take it: H, W, C.
#[must_use]
pub fn pixels(image: &ArrayView3<'_, f32>) -> Vec<f32> {
    image.view().permuted_axes([1, 2, 0]).iter().copied().collect()
}

impl Session for TfliteSession {
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    fn run(&self, input: ArrayView4<'_, f32>) -> Result<Vec<Output>, EngineError> {
        let [count, ..] = self.info.input.check(&input)?;
        let mut all: Vec<Vec<f32>> = vec![Vec::new(); self.info.outputs.len()];
        for image in input.axis_iter(Axis(0)) {
            let results = run_floats(&self.graph, &[pixels(&image)])
                .map_err(|error| EngineError::Run { engine: ENGINE, source: Box::new(error) })?;
            all.iter_mut().zip(results).for_each(|(all, result)| all.extend(result));
        }
        let outputs = self.graph.outputs().iter().zip(&self.info.outputs).zip(all);
        let joined = outputs.map(|((id, name), values)| {
            let mut shape = self.graph.tensor(*id).shape.clone();
            shape[0] = count;
            let array = ArrayD::from_shape_vec(IxDyn(&shape), values)
                .map_err(|error| EngineError::Run { engine: ENGINE, source: Box::new(error) })?;
            Ok(Output { name: name.clone(), array })
        });
        joined.collect()
    }
}
