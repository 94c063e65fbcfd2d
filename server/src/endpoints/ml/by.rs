//! Who asks for a change, as the audit log names them.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use store::audit::Actor;

use crate::access::Identity;
use crate::problem::Problem;
use crate::request_id::RequestId;

/// Who asks, under which request; what they change is their organisation's.
pub(crate) struct By(pub(crate) Actor);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (identity, request) = (parts.extensions.get::<Identity>(), parts.extensions.get::<RequestId>());
        // The layers around every route have put both there.
        identity.zip(request).map(|(identity, request)| Self(identity.actor(request))).ok_or_else(Problem::internal)
    }
}
