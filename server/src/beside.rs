//! A release that is in memory beside the one in production, for a test of both.

use std::sync::Arc;

use store::registry::{AbMode, AbTest, Arm};

use crate::served::Served;

/// The other release of a test.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) served: Arc<Served>,
    pub(crate) test: AbTest,
    /// Which side it is; what is in production is the other one.
    pub(crate) arm: Arm,
}

/// What answers a request.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) served: Arc<Served>,
    /// Of which test, and which side of it, as logs have it; nothing while none runs.
    pub(crate) arm: Option<Arc<str>>,
}

impl Beside {
    /// What answers whoever is named so; `production` is the other release.
    pub(crate) fn choose(&self, production: Arc<Served>, unit: &str) -> Chosen {
        if self.test.mode != AbMode::Ab {
            return Chosen { served: production, arm: None };
        }
        let arm = self.test.arm_of(unit);
        let served = if arm == self.arm { Arc::clone(&self.served) } else { production };
        Chosen { served, arm: Some(self.test.mark(arm).into()) }
    }
}
