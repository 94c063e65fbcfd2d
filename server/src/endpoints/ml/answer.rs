//! What a change of a model is answered with.

use axum::Json;
use serde::Serialize;
use store::registry::{ModelStatus, Promotion};
use utoipa::ToSchema;

/// A change that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// Always `success`: what fails is a problem.
    #[schema(example = "success")]
    status: &'static str,
    /// Of the version.
    #[schema(example = "0194f3a2-7c1e-7f00-8000-000000000001")]
    model_id: String,
    /// The same for people.
    #[schema(example = "shelf@1.2 is in production; shelf@1.1 is archived")]
    message: String,
}

impl Changed {
    pub(super) fn of(promotion: &Promotion) -> Json<Self> {
        let label = promotion.model.label();
        let message = match (&promotion.replaced, promotion.model.status) {
            (Some(replaced), _) => format!("{label} is in production; {} is archived", replaced.label()),
            (None, ModelStatus::Production) => format!("{label} is in production"),
            (None, status) => format!("{label} is {status}"),
        };
        Json(Self { status: "success", model_id: promotion.model.id.clone(), message })
    }
}
