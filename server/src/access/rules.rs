//! What every route needs: the one table that decides who may ask for what. A route that is not in it answers nobody, and a test
//! goes through the router.

use store::access::Role;

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it says nothing of what anybody owns.
    Open,
    /// As configured.
    Metrics,
    /// At least this role.
    Role(Role),
    /// The first to read, the second to change.
    Change(Role, Role),
}

/// Whose things a route shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of the organisation that the key speaks for.
    Own,
    /// Of the organisation whose gallery and queue the server has.
    Home,
}

const VIEWER: Need = Need::Role(Role::Viewer);
const REVIEWER: Need = Need::Role(Role::Reviewer);
const ENGINEER: Need = Need::Role(Role::Engineer);
const ADMIN: Need = Need::Role(Role::Admin);

const RULES: &[(&str, Need, Scope)] = &[
    ("/livez", Need::Open, Scope::Own),
    ("/readyz", Need::Open, Scope::Own),
    ("/metrics", Need::Metrics, Scope::Home),
    // Scripts and styles, and what errors mean: the same on every server.
    ("/static/{version}/{file}", Need::Open, Scope::Own),
    ("/problems", Need::Open, Scope::Own),
    ("/problems/{slug}", Need::Open, Scope::Own),
    // The key is in the form, and the form of who signs out is held against the cookie.
    ("/signin", Need::Open, Scope::Own),
    ("/signout", Need::Open, Scope::Own),
    ("/api/account", VIEWER, Scope::Own),
    ("/openapi.json", VIEWER, Scope::Own),
    ("/docs", VIEWER, Scope::Own),
    ("/docs/", VIEWER, Scope::Own),
    ("/docs/{*rest}", VIEWER, Scope::Own),
    ("/health", VIEWER, Scope::Home),
    ("/classes", VIEWER, Scope::Home),
    ("/skus", VIEWER, Scope::Home),
    ("/", VIEWER, Scope::Home),
    ("/example.jpg", VIEWER, Scope::Own),
    ("/review", VIEWER, Scope::Home),
    ("/review/clusters", VIEWER, Scope::Home),
    ("/review/queue", VIEWER, Scope::Home),
    ("/review/items/{item}", VIEWER, Scope::Home),
    ("/review/skus", VIEWER, Scope::Home),
    ("/review/stats", VIEWER, Scope::Home),
    ("/review/verify", VIEWER, Scope::Home),
    ("/review/verify/days", VIEWER, Scope::Home),
    ("/review/verify/photos/{photo}", VIEWER, Scope::Home),
    ("/review/verify/photos/{photo}/image", VIEWER, Scope::Home),
    ("/review/verify/claim", REVIEWER, Scope::Home),
    ("/review/verify/photos/{photo}/boxes", REVIEWER, Scope::Home),
    ("/review/verify/photos/{photo}/accept", REVIEWER, Scope::Home),
    ("/review/verify/photos/{photo}/release", REVIEWER, Scope::Home),
    ("/v2/photos/{photo}", ENGINEER, Scope::Home),
    ("/predict", VIEWER, Scope::Home),
    ("/datasets", VIEWER, Scope::Own),
    ("/jobs", VIEWER, Scope::Own),
    ("/models", VIEWER, Scope::Own),
    ("/releases", VIEWER, Scope::Own),
    ("/admin", ADMIN, Scope::Own),
    ("/insights", VIEWER, Scope::Own),
    ("/v2/recognize", VIEWER, Scope::Home),
    ("/v2/recognize/batch", VIEWER, Scope::Home),
    ("/v2/classes", VIEWER, Scope::Home),
    ("/v2/skus", VIEWER, Scope::Home),
    ("/v2/active-learning-queue", VIEWER, Scope::Home),
    ("/v2/active-learning-queue/{item}", VIEWER, Scope::Home),
    ("/v2/active-learning/clusters", VIEWER, Scope::Home),
    ("/v2/active-learning/skus", VIEWER, Scope::Home),
    ("/v2/active-learning/stats", VIEWER, Scope::Home),
    ("/v2/active-learning/picture/{digest}", VIEWER, Scope::Home),
    ("/v2/active-learning/claim", REVIEWER, Scope::Home),
    ("/v2/active-learning/release", REVIEWER, Scope::Home),
    ("/v2/active-learning/label", REVIEWER, Scope::Home),
    ("/v2/active-learning/label/bulk", REVIEWER, Scope::Home),
    ("/v2/active-learning/undo", REVIEWER, Scope::Home),
    ("/v2/active-learning/comment", REVIEWER, Scope::Home),
    ("/api/ml/datasets", VIEWER, Scope::Own),
    ("/api/ml/datasets/upload", ENGINEER, Scope::Own),
    ("/api/ml/datasets/counts", ENGINEER, Scope::Own),
    ("/api/ml/datasets/{dataset}", VIEWER, Scope::Own),
    ("/api/ml/datasets/{dataset}/download", VIEWER, Scope::Own),
    ("/api/ml/datasets/{dataset}/schema", VIEWER, Scope::Own),
    ("/api/ml/datasets/{dataset}/models", ENGINEER, Scope::Own),
    // The same, as trainers that live apart call them.
    ("/datasets/{dataset}/download", VIEWER, Scope::Own),
    ("/datasets/{dataset}/schema", VIEWER, Scope::Own),
    ("/datasets/{dataset}/models", ENGINEER, Scope::Own),
    ("/api/ml/data/clean", ENGINEER, Scope::Own),
    ("/api/ml/data/select-features", ENGINEER, Scope::Own),
    ("/api/ml/data/split", ENGINEER, Scope::Own),
    ("/api/ml/models/train", ENGINEER, Scope::Own),
    ("/api/ml/models/train/{job}", VIEWER, Scope::Own),
    ("/api/ml/models/tune", ENGINEER, Scope::Own),
    ("/api/ml/models/compare", ENGINEER, Scope::Own),
    ("/api/ml/models/predict", VIEWER, Scope::Own),
    ("/api/ml/insights", VIEWER, Scope::Own),
    ("/api/ml/insights/forecast", ENGINEER, Scope::Own),
    ("/api/ml/jobs", VIEWER, Scope::Own),
    ("/api/ml/jobs/{job}", VIEWER, Scope::Own),
    ("/api/ml/jobs/{job}/events", VIEWER, Scope::Own),
    ("/api/ml/jobs/{job}/plots", VIEWER, Scope::Own),
    ("/api/ml/jobs/{job}/plots/{plot}", VIEWER, Scope::Own),
    ("/api/ml/jobs/{job}/report", VIEWER, Scope::Own),
    ("/api/ml/jobs/{job}/cancel", ENGINEER, Scope::Own),
    ("/api/ml/models/ab-test", Need::Change(Role::Viewer, Role::Engineer), Scope::Own),
    ("/api/ml/models/ab-test/{test}", VIEWER, Scope::Own),
    ("/api/ml/models/ab-test/{test}/end", ENGINEER, Scope::Own),
    ("/api/ml/models/ab-test/{test}/outcome", VIEWER, Scope::Own),
    ("/api/ml/models/deploy", ENGINEER, Scope::Own),
    ("/api/ml/models/deployed", VIEWER, Scope::Own),
    ("/api/ml/models/history", VIEWER, Scope::Own),
    ("/api/ml/models/{model}/gates", VIEWER, Scope::Own),
    ("/api/ml/models/{model}/onnx", VIEWER, Scope::Own),
    ("/api/admin/keys", ADMIN, Scope::Own),
    ("/api/admin/keys/{key}/revoke", ADMIN, Scope::Own),
    ("/api/admin/organisations", ADMIN, Scope::Own),
    ("/api/admin/audit", ADMIN, Scope::Own),
    ("/api/ml/models/{model}/promote", ENGINEER, Scope::Own),
    ("/api/ml/models/{model}/rollback", ENGINEER, Scope::Own),
];

/// Where everything below `/v2` is mounted once more.
const OTHER_PREFIX: &str = "/api/v1/ai";

/// What a route, as the router spells it, needs.
pub(crate) fn need(route: &str) -> Option<(Need, Scope)> {
    let route = route.strip_prefix(OTHER_PREFIX).filter(|rest| rest.starts_with("/v2/")).unwrap_or(route);
    RULES.iter().find(|(known, ..)| *known == route).map(|(_, need, scope)| (*need, *scope))
}

/// Routes that have a rule.
#[cfg(test)]
pub(crate) fn ruled() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(route, ..)| *route)
}
