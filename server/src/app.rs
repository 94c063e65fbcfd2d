//! What every handler can reach.

use std::sync::Arc;
use std::time::Instant;

use platform::{Exporter, Platform};
use review::Review;
use store::StoreHandle;
use tokio::sync::watch;

use crate::access::Access;
use crate::clients::Room;
use crate::config::ServerConfig;
use crate::inference::{Inference, PhotoMemory};
use crate::kept::PhotoIntake;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::predictions::PredictionLog;
use crate::state::StateCollector;
use crate::swap::Swaps;
use crate::upload::Budget;

/// One per server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: ServerConfig,
    pub(crate) access: Access,
    /// Of keys and models that are deployed.
    pub(crate) store: Option<StoreHandle>,
    /// Tables of organisations, in the same store.
    pub(crate) platform: Platform,
    pub(crate) models: Arc<Models>,
    /// How what is served is replaced.
    pub(crate) swaps: Arc<Swaps>,
    /// What was answered.
    pub(crate) predictions: Arc<PredictionLog>,
    /// Photos that are kept.
    pub(crate) kept: Arc<PhotoIntake>,
    pub(crate) inference: Inference,
    /// Of photos on their way in.
    pub(crate) budget: Budget,
    /// Of answers on their way out.
    pub(crate) answers: Budget,
    /// Of photos being worked on.
    pub(crate) photos: Arc<PhotoMemory>,
    pub(crate) room: Arc<Room>,
    /// Turns true when the server is told to stop.
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) review: Arc<Review>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: Instant,
}

impl App {
    pub(crate) fn new(
        config: ServerConfig,
        access: Access,
        (store, export): (Option<StoreHandle>, Option<Exporter>),
    ) -> Arc<Self> {
        let models = Arc::new(Models::new());
        let inference = Inference::new(&config);
        let swaps = Arc::<Swaps>::default();
        let predictions = Arc::new(PredictionLog::new(config.predictions.log && store.is_some()));
        let kept = Arc::new(PhotoIntake::new(&config.photos, store.is_some()));
        let state = StateCollector {
            queue: Arc::clone(inference.queue()),
            models: Arc::clone(&models),
            swaps: Arc::clone(&swaps),
            predictions: Arc::clone(&predictions),
        };
        let metrics = Arc::new(Metrics::new(state));
        let budget = Budget::new(config.max_pending_bytes);
        let answers = Budget::new(config.max_answer_bytes);
        let photos = Arc::new(PhotoMemory::new(config.max_decoded_bytes as u64));
        let room = Arc::new(Room::new(config.max_connections, config.max_connections_per_address));
        let platform = Platform::exporting(store.clone(), config.tables.clone(), export);
        let (review, stop) = (Arc::default(), watch::Sender::new(false));
        let started = Instant::now();
        Arc::new(Self {
            config,
            access,
            store,
            platform,
            models,
            swaps,
            predictions,
            kept,
            inference,
            budget,
            answers,
            photos,
            room,
            stop,
            review,
            metrics,
            started,
        })
    }
}
