//! Which path is answered by whom.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::cors::cors;
use crate::endpoints::{
    account, admin, classes, health, livez, metrics, ml, predict, readyz, recognize, recognize_batch, review, skus,
    verify,
};
use crate::guard::{account, admit, guard};
use crate::observe::observe;
use crate::problem::Problem;
use crate::{docs, pages};

pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut routes = Router::new()
        .nest("/v2", version_two())
        .nest("/api/v1/ai/v2", version_two())
        .nest("/api/ml", ml::routes())
        .nest("/api/admin", admin::routes())
        .merge(ml::data_sets::factory_routes())
        .route("/api/account", get(account::account))
        .route("/classes", get(classes::classes))
        .route("/skus", get(skus::skus))
        .route("/predict", post(predict::predict))
        .route("/health", get(health::health))
        .route("/livez", get(livez::livez))
        .route("/readyz", get(readyz::readyz))
        .route("/metrics", get(metrics::metrics))
        .merge(verify::routes())
        .merge(pages::routes());
    if app.config.docs {
        routes = routes.merge(docs::routes());
    }
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(app), admit))
        .layer(from_fn_with_state(Arc::clone(app), guard))
        .layer(from_fn_with_state(Arc::clone(app), observe))
        .layer(from_fn_with_state(Arc::clone(app), account))
        .layer(from_fn_with_state(Arc::clone(app), cors))
        .with_state(Arc::clone(app))
}

/// What is mounted under both prefixes.
fn version_two() -> Router<Arc<App>> {
    Router::new()
        .route("/recognize", post(recognize::recognize))
        .route("/recognize/batch", post(recognize_batch::batch))
        .route("/classes", get(classes::classes))
        .route("/skus", get(skus::skus))
        .merge(review::routes())
        .merge(verify::photo_routes())
}

/// A handler panicked: the panic hook has logged it, the client gets a problem, the connection stays.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use pipeline::{RecognizeOptions, RecognizerSettings, Release};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};

    use super::*;
    use crate::access::{access, need, ruled};
    use crate::config::ServerConfig;
    use crate::loaded::Loaded;
    use crate::models::Phase;
    use crate::served::Served;

    /// The paths of a router, as it shows them itself: none that is added can be missing.
    fn paths(router: &Router) -> BTreeSet<String> {
        let shown = format!("{router:?}");
        let strings = shown.split('"').skip(1).step_by(2);
        strings.filter(|text| text.starts_with('/') && !text.contains("__private")).map(str::to_owned).collect()
    }

    /// Recognises nothing, but is ready: handlers go as far as they can.
    async fn ready() -> Arc<App> {
        let mut config = ServerConfig::default();
        config.timeouts.body_idle = Duration::from_millis(200);
        config.max_connections_per_address = 1024;
        let address = ([127, 0, 0, 1], 0).into();
        let access = access(&config, address, None).await.expect("nobody needs a key");
        let app = App::new(config, access, (None, None));
        let release = Release::new(
            "fakes",
            Arc::new(FixedDetector::bottles(&[])),
            Arc::new(MeanColorEmbedder),
            Arc::new(ListIndex::default()),
            RecognizerSettings::default(),
        );
        let loaded = Loaded::new(release.recognizer(), RecognizeOptions::default());
        let served = Served::prepared(loaded, &tokio::runtime::Handle::current());
        app.models.enter(Phase::Ready(Arc::new(served)));
        app
    }

    #[tokio::test]
    async fn every_route_has_a_rule_and_every_rule_a_route() {
        let paths = paths(&router(&ready().await));
        assert!(paths.len() > 50, "{paths:?}");
        let lawless: Vec<_> = paths.iter().filter(|path| need(path).is_none()).collect();
        assert!(lawless.is_empty(), "who may ask for these? access/rules.rs says it: {lawless:?}");
        let idle: Vec<_> = ruled().filter(|rule| !paths.contains(*rule)).collect();
        assert!(idle.is_empty(), "these are no routes: {idle:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_route_waits_for_a_body_that_does_not_come() {
        let app = ready().await;
        let router = router(&app);
        let paths = paths(&router);
        for known in ["/", "/v2/recognize", "/api/v1/ai/v2/active-learning/label", "/livez", "/review", "/openapi.json"]
        {
            assert!(paths.contains(known), "{known} is not among {paths:?}");
        }
        assert!(paths.len() > 40, "{paths:?}");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let serving = {
            let app = Arc::clone(&app);
            tokio::spawn(async move { crate::connections::serve(&app, router, listener, std::future::pending()).await })
        };
        // What nobody reads is read on for three seconds, so that an early answer arrives.
        let limit = app.config.timeouts.body_idle + Duration::from_secs(8);
        let mut clients = Vec::new();
        for path in &paths {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                let path = path.replace(['{', '}', '*'], "");
                let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nx");
                clients.push(tokio::spawn(async move {
                    let begin = Instant::now();
                    let mut stream = TcpStream::connect(address).await.expect("it listens");
                    stream.write_all(head.as_bytes()).await.expect("it reads");
                    let mut answer = Vec::new();
                    let ended = tokio::time::timeout(limit, stream.read_to_end(&mut answer)).await;
                    assert!(ended.is_ok(), "{method} {path} holds its connection for {:?}", begin.elapsed());
                    String::from_utf8_lossy(&answer).split(' ').nth(1).map(str::to_owned)
                }));
            }
        }
        let mut statuses = BTreeSet::new();
        for client in clients {
            statuses.insert(client.await.expect("it ends"));
        }
        assert!(statuses.contains(&Some("408".to_owned())), "some routes do read: {statuses:?}");
        serving.abort();
    }
}
