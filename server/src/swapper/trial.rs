//! The other release of a test: loaded beside what is in production, held against it, taken away again.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use pipeline::Recognizer;
use store::access::DEFAULT_ORGANISATION;
use store::registry::{AbTest, Arm, ModelVersion};
use store::{Store, StoreError};
use tokio::runtime::Handle;

use super::{MAX_IN_MEMORY, Swapper, causes, on_a_thread};
use crate::app::App;
use crate::beside::Beside;
use crate::inference::probe;
use crate::load_error::LoadError;
use crate::served::Served;
use crate::swap::{Load, SwapState, Tried};

impl Swapper {
    /// Whether a test runs with what is in production; what it needs is put beside it, and what it needs no longer is taken away.
    pub(super) async fn attend_to_test(&mut self) {
        let Some(name) = self.reload.follows.clone() else { return };
        let Some(handle) = &self.app.store else { return };
        let found = async {
            let store = handle.get().await?;
            let test = store.running_ab_test(DEFAULT_ORGANISATION, &name).await?;
            Ok::<_, StoreError>((store, test))
        };
        // While the store is away, whoever asks what is in production says so in the log.
        let Ok((store, test)) = found.await else { return };
        let before = self.app.models.beside();
        if before.as_ref().map(|beside| &beside.test.id) == test.as_ref().map(|test| &test.id) {
            if test.is_none() {
                self.app.swaps.try_out(None);
            }
            return;
        }
        drop(before);
        self.leave_test();
        let Some(test) = test else { return };
        if !self.trials.may(&test.id, Instant::now()) || self.app.swaps.in_memory() >= MAX_IN_MEMORY {
            return;
        }
        self.begin_test(&store, test).await;
    }

    /// The other release of a test makes room.
    pub(super) fn leave_test(&mut self) {
        let Some(beside) = self.app.models.beside() else { return };
        self.app.models.put_beside(None);
        self.app.swaps.try_out(None);
        self.draining = Some((Instant::now(), false));
        self.app.swaps.enter(SwapState::Draining);
        tracing::info!(test = beside.test.name, release = beside.served.label(), "the test is over on this server");
    }

    async fn begin_test(&mut self, store: &Store, test: AbTest) {
        let Ok(served) = self.app.models.current() else { return };
        let production = served.version.as_ref().map(|version| version.id.as_str());
        let arm = Arm::ALL.iter().find(|arm| Some(test.model(**arm)) == production).map(|arm| arm.other());
        // The test was begun with another one in production: it is about to end.
        let Some(arm) = arm else { return };
        let version = match store.model(DEFAULT_ORGANISATION, test.model(arm)).await {
            Ok(version) => version,
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(error, test = test.name, "the other release of a test cannot be looked up");
                return;
            }
        };
        let label = version.label();
        self.app.swaps.enter(SwapState::Loading);
        tracing::info!(release = label, test = test.name, "the other release of a test is being loaded");
        let (app, load, runtime) = (Arc::clone(&self.app), Arc::clone(&self.reload.load), Handle::current());
        let loaded = on_a_thread(move || prepare(&app, &*load, &version, &served, &runtime)).await;
        self.app.swaps.enter(SwapState::Idle);
        let refused = match loaded {
            Ok(served) => {
                self.trials.forget();
                tracing::info!(release = label, test = test.name, "a test begins");
                self.app.models.put_beside(Some(Arc::new(Beside { served, test: test.clone(), arm })));
                None
            }
            Err(error) => {
                self.trials.refused(&test.id, Instant::now());
                let cause = causes(&*error);
                let error = &*error as &dyn Error;
                tracing::error!(error, release = label, test = test.name, "the other release of a test was refused");
                Some(cause)
            }
        };
        self.app.swaps.try_out(Some(Tried { test: test.name, release: label, refused }));
    }
}

/// Loads it, tries it as a release that goes into production is tried, and makes sure that both speak of the same things.
fn prepare(
    app: &App,
    load: &Load,
    version: &ModelVersion,
    production: &Served,
    runtime: &Handle,
) -> Result<Arc<Served>, LoadError> {
    let loaded = load(Some(version))?;
    app.swaps.count(&loaded.recognizer);
    alike(&production.recognizer(), &loaded.recognizer)?;
    probe(app.config.workers.get(), &loaded.recognizer, &loaded.options)?;
    Ok(Arc::new(Served::beside(loaded, runtime)))
}

/// Two releases can be compared when their detectors tell the same classes apart, and the other one knows no SKU that the one in
/// production does not know by the same number and code.
fn alike(production: &Recognizer, other: &Recognizer) -> Result<(), LoadError> {
    let (ours, theirs) = (production.detector().classes(), other.detector().classes());
    if ours != theirs {
        return Err(format!(
            "its detector tells {} apart, and that of what is in production {}",
            theirs.join(", "),
            ours.join(", ")
        )
        .into());
    }
    let known: BTreeMap<_, _> = production.gallery().skus().iter().map(|sku| (sku.id, sku.code.clone())).collect();
    match other.gallery().skus().iter().find(|sku| known.get(&sku.id) != Some(&sku.code)) {
        Some(sku) => Err(format!(
            "its gallery has the SKU {} ({}), which what is in production does not have under that number: \
             write the gallery anew with `shelf gallery rebuild --from-store`",
            sku.code, sku.id
        )
        .into()),
        None => Ok(()),
    }
}
