//! What every handler can reach.

use std::sync::Arc;
use std::time::Instant;

use review::Review;

use crate::config::ServerConfig;
use crate::inference::Inference;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::state::StateCollector;
use crate::upload::Budget;

/// One per server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: ServerConfig,
    pub(crate) models: Arc<Models>,
    pub(crate) inference: Inference,
    pub(crate) budget: Budget,
    pub(crate) review: Arc<Review>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: Instant,
}

impl App {
    pub(crate) fn new(config: ServerConfig) -> Arc<Self> {
        let models = Arc::new(Models::new());
        let inference = Inference::new(&config);
        let state = StateCollector { queue: Arc::clone(inference.queue()), models: Arc::clone(&models) };
        let metrics = Arc::new(Metrics::new(state));
        let budget = Budget::new(config.max_pending_bytes);
        let review = Arc::default();
        Arc::new(Self { config, models, inference, budget, review, metrics, started: Instant::now() })
    }
}
