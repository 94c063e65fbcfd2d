//! Jobs are wanted, done, cancelled, taken again; what they made is deployed and asked.

use std::time::Duration;

use platform::data_sets::About;
use platform::jobs::{CompareRequest, JobRequest, TuneRequest};
use platform::{JobLimits, Limits, Platform, PlatformError, Worker};
use serde_json::{Value, json};
use store::StoreError;
use store::jobs::{Ending, Job, JobStatus, Lost, NewEvent, TakeLimits, Taken};
use store::registry::{Deploy, ModelStatus};
use tabular::forecast::{ForecastOptions, SyntheticOptions, synthetic_counts};
use tabular::search::{Method, SearchOptions};
use tabular::train::CrossValidation;
use tabular::{Algorithm, Task, TrainOptions};
use tokio::sync::watch;

use crate::place::{HOME, about, ann, flowers, platform, upload};
use crate::test_store::{TestStore, on_each};

fn train(algorithm: Algorithm) -> JobRequest {
    JobRequest::Train(TrainOptions::new("species", Task::Classification, algorithm))
}

async fn wanted(platform: &Platform, data_set: &str, request: JobRequest) -> Job {
    platform.submit(data_set, request, None, &ann(HOME)).await.expect("wanted")
}

async fn flower_set(platform: &Platform, rows: usize) -> String {
    upload(platform, flowers(rows).as_bytes(), about("species")).await.expect("kept").set.id
}

async fn done(platform: &Platform) -> Option<Job> {
    let (_held, mut stop) = watch::channel(false);
    Worker::new(platform.clone(), "test".into()).once(&mut stop).await.expect("the store is there")
}

async fn outcome(platform: &Platform, id: &str) -> Value {
    let details = platform.job(HOME, id).await.expect("there");
    assert_eq!((details.job.status, &details.job.failure), (JobStatus::Completed, &None));
    serde_json::from_str(details.outcome.expect("an outcome").get()).expect("JSON")
}

fn limits(lease: Duration) -> TakeLimits {
    TakeLimits { worker: "test".into(), lease, running: 2 }
}

async fn take(place: &TestStore, lease: Duration) -> Option<Taken> {
    place.store.take_job(limits(lease)).await.expect("asked")
}

async fn kinds(platform: &Platform, id: &str) -> Vec<String> {
    let events = platform.job_events(HOME, id, 0).await.expect("read");
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "without gaps: {events:?}");
    let status = |event: &store::jobs::JobEvent| {
        let body: Value = serde_json::from_str(&event.body).expect("JSON");
        body["status"].as_str().map_or_else(|| event.kind.clone(), str::to_owned)
    };
    events.iter().map(status).collect()
}

const LONG: Duration = Duration::from_secs(600);

on_each! {
    async fn a_model_is_trained_deployed_and_asked(place) {
        let platform = platform(&place, Limits::default());
        let set = flower_set(&platform, 120).await;
        let options = TrainOptions { early_stopping: true, ..TrainOptions::new("species", Task::Classification, Algorithm::GradientBoosting) };
        let job = wanted(&platform, &set, JobRequest::Train(options)).await;
        assert_eq!((job.status, job.attempts), (JobStatus::Pending, 0));
        let deploy = |promote| Deploy { job: job.id.clone(), name: "flowers".into(), version: "1".into(), description: String::new(), tags: Vec::new(), promote };
        let early = platform.deploy(deploy(true), &ann(HOME)).await;
        assert!(matches!(early, Err(PlatformError::Store(StoreError::JobStatus { status: JobStatus::Pending, .. }))), "{early:?}");
        assert_eq!(done(&platform).await.map(|job| job.status), Some(JobStatus::Completed));
        assert_eq!(done(&platform).await, None, "nothing is left to do");
        let results = outcome(&platform, &job.id).await;
        assert_eq!(results["evaluation"]["accuracy"], 1.0);
        assert!(results["training_history"].as_array().is_some_and(|steps| !steps.is_empty()));
        assert_eq!(results["training_summary"]["test_samples"], 24);
        let kinds = kinds(&platform, &job.id).await;
        assert_eq!((kinds[0].as_str(), kinds[1].as_str(), kinds.last().map(String::as_str)), ("pending", "running", Some("completed")));
        assert!(kinds.iter().any(|kind| kind == "step") && kinds.iter().any(|kind| kind == "log"), "{kinds:?}");
        let over = platform.cancel_job(&job.id, &ann(HOME)).await;
        assert!(matches!(over, Err(PlatformError::Store(StoreError::JobStatus { status: JobStatus::Completed, .. }))), "{over:?}");

        // In the making, it is not asked.
        let row = |length: f64| json!({"length": length, "width": length - 0.8, "noise": 3, "species": "?"}).as_object().expect("an object").clone();
        let refused = platform.predict(HOME, &job.id, vec![row(1.0)]).await;
        assert!(matches!(refused, Err(PlatformError::Store(StoreError::Status { status: ModelStatus::Training, .. }))), "{refused:?}");
        let promotion = platform.deploy(deploy(true), &ann(HOME)).await.expect("something was measured");
        assert_eq!((promotion.model.status, promotion.model.label().as_str()), (ModelStatus::Production, "flowers@1"));
        assert_eq!(promotion.model.metrics.get("accuracy"), Some(&1.0));
        assert_eq!(promotion.model.id, job.id);
        for _ in 0..2 {
            let told = platform.predict(HOME, &job.id, vec![row(1.1), row(4.6)]).await.expect("told");
            assert_eq!(told.prediction, ["setosa", "virginica"]);
            assert_eq!(told.classes.as_deref().map(<[String]>::len), Some(2));
            assert!(told.prediction_proba.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-9), "{told:?}");
        }
        // 300 rows take another way to the same answer.
        let many = platform.predict(HOME, &job.id, vec![row(4.6); 300]).await.expect("told");
        assert!(many.prediction.iter().all(|class| class == "virginica"));
        let brand = place.store.create_organisation("brand", &ann(HOME)).await.expect("made").id;
        assert!(matches!(platform.predict(&brand, &job.id, vec![row(1.0)]).await, Err(PlatformError::Store(StoreError::NotFound { .. }))));
        for (row, named) in [
            (json!({"length": 1.0}), "row 1 lacks \"width\", \"noise\""),
            (json!({"length": "1", "width": 1, "noise": 1}), "\"length\" is text, but the model learned from numbers"),
            (json!({"length": [1], "width": 1, "noise": 1}), "\"length\" is an array"),
        ] {
            let error = platform.predict(HOME, &job.id, vec![row.as_object().expect("an object").clone()]).await.expect_err(named).to_string();
            assert!(error.contains(named), "{error}");
        }
        let unknown = json!({"length": null, "width": 3.1, "noise": 2}).as_object().expect("an object").clone();
        assert!(platform.predict(HOME, &job.id, vec![unknown]).await.is_ok(), "what is not known is null");
        assert!(platform.predict(HOME, &job.id, Vec::new()).await.is_err());
        assert_eq!(place.store.check().await.expect("checked"), [] as [String; 0]);
        assert_eq!(place.store.verify_audit().await.expect("verified").faults, []);
    }

    async fn without_a_test_part_nothing_goes_into_production(place) {
        let platform = platform(&place, Limits::default());
        let set = flower_set(&platform, 60).await;
        let options = TrainOptions { test_size: 0.0, ..TrainOptions::new("species", Task::Classification, Algorithm::DecisionTree) };
        let job = wanted(&platform, &set, JobRequest::Train(options)).await;
        let ended = done(&platform).await.expect("a job");
        assert_eq!((ended.status, ended.failure), (JobStatus::Completed, None));
        let deploy = |promote| Deploy { job: job.id.clone(), name: "blind".into(), version: "1".into(), description: String::new(), tags: Vec::new(), promote };
        let refused = platform.deploy(deploy(true), &ann(HOME)).await;
        let Err(PlatformError::Store(StoreError::NotPassed { reasons, .. })) = refused else { panic!("{refused:?}") };
        assert!(reasons[0].contains("did not learn from"), "{reasons:?}");
        assert_eq!(platform.deploy(deploy(false), &ann(HOME)).await.expect("staged").model.status, ModelStatus::Staged);
    }

    async fn hyperparameters_are_searched_and_algorithms_compared(place) {
        let platform = platform(&place, Limits::default());
        let set = flower_set(&platform, 90).await;
        let search = SearchOptions { tuning_method: Method::Optuna, n_trials: 6, folding: CrossValidation { cv: 3, ..CrossValidation::default() }, space: None };
        let options = TrainOptions::new("species", Task::Classification, Algorithm::DecisionTree);
        let tune = wanted(&platform, &set, JobRequest::Tune(TuneRequest { options: options.clone(), search: search.clone() })).await;
        let compare = CompareRequest { target_column: "species".into(), task_type: Task::Classification, models: vec![Algorithm::NaiveBayes, Algorithm::Knn], folding: CrossValidation { cv: 3, ..CrossValidation::default() } };
        // Somebody waits for the comparison: it comes first.
        let compared = platform.submit(&set, JobRequest::Compare(compare), None, &ann(HOME)).await.expect("wanted");
        assert_eq!(done(&platform).await.expect("a job").id, compared.id);
        let results = outcome(&platform, &compared.id).await;
        let scores: Vec<f64> = results["comparison"].as_array().expect("an array").iter().map(|one| one["mean_score"].as_f64().expect("a score")).collect();
        assert!(scores.len() == 2 && scores[0] >= scores[1], "{results}");
        let none = platform.deploy(Deploy { job: compared.id, name: "x".into(), version: "1".into(), description: String::new(), tags: Vec::new(), promote: false }, &ann(HOME)).await;
        assert!(matches!(none, Err(PlatformError::Store(StoreError::JobStatus { status: JobStatus::Completed, .. }))), "{none:?}");
        assert_eq!(done(&platform).await.expect("a job").id, tune.id);
        let results = outcome(&platform, &tune.id).await;
        assert_eq!(results["trials"].as_array().map(Vec::len), Some(6));
        assert!(results["best"]["mean_score"].is_f64() && results["evaluation"]["accuracy"].is_f64(), "{results}");

        // Taken again after its worker died, it goes on from its trials, and finds the same.
        let again = wanted(&platform, &set, JobRequest::Tune(TuneRequest { options, search })).await;
        let taken = take(&place, Duration::ZERO).await.expect("a job");
        let trials: Vec<Value> = results["trials"].as_array().expect("an array")[..4].to_vec();
        let held = place.store.job_beat(&taken, Duration::ZERO, Vec::new(), Some(json!(trials).to_string())).await.expect("written");
        assert_eq!(held, Ok(false));
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(done(&platform).await.map(|job| (job.id, job.attempts)), Some((again.id.clone(), 2)));
        let resumed = outcome(&platform, &again.id).await;
        assert_eq!(resumed["trials"], results["trials"]);
        let lines = platform.job_events(HOME, &again.id, 0).await.expect("read");
        assert!(lines.iter().any(|event| event.body.contains("going on after 4 trials")));
        assert!(!lines.iter().any(|event| event.body.contains("trial 4:")), "tried before");
    }

    async fn a_job_has_one_holder(place) {
        let platform = platform(&place, Limits::default());
        let set = flower_set(&platform, 40).await;
        let job = wanted(&platform, &set, train(Algorithm::Knn)).await;
        let first = take(&place, Duration::ZERO).await.expect("a job");
        tokio::time::sleep(Duration::from_millis(5)).await;
        // Its lease has run out: it is somebody else's.
        let second = take(&place, LONG).await.expect("taken again");
        assert_eq!((&second.job.id, second.job.attempts), (&job.id, 2));
        assert!(take(&place, LONG).await.is_none(), "one has it");
        let line = || vec![NewEvent { kind: "log", body: json!({"line": "late"}).to_string() }];
        let completed = || Ending::Completed { outcome: "{}".into(), model: None };
        assert_eq!(place.store.job_beat(&first, LONG, line(), None).await.expect("asked"), Err(Lost));
        assert_eq!(place.store.end_job(&first, completed(), line()).await.expect("asked"), Err(Lost));
        assert_eq!(place.store.job_beat(&second, Duration::ZERO, line(), None).await.expect("asked"), Ok(false));
        tokio::time::sleep(Duration::from_millis(5)).await;
        // Its second worker died, too.
        assert!(take(&place, LONG).await.is_none());
        let ended = platform.job(HOME, &job.id).await.expect("there").job;
        assert_eq!(ended.status, JobStatus::Failed);
        assert!(ended.failure.is_some_and(|why| why.contains("died")));
        assert_eq!(place.store.end_job(&second, completed(), Vec::new()).await.expect("asked"), Err(Lost));
        assert_eq!(kinds(&platform, &job.id).await, ["pending", "running", "running", "log", "failed"]);
    }

    async fn jobs_are_cancelled_and_given_back(place) {
        let platform = platform(&place, Limits::default());
        let set = flower_set(&platform, 40).await;
        let waiting = wanted(&platform, &set, train(Algorithm::Knn)).await;
        assert_eq!(platform.cancel_job(&waiting.id, &ann(HOME)).await.expect("cancelled").status, JobStatus::Cancelled);
        assert_eq!(platform.cancel_job(&waiting.id, &ann(HOME)).await.expect("still is").status, JobStatus::Cancelled);
        let running = wanted(&platform, &set, train(Algorithm::Knn)).await;
        let taken = take(&place, LONG).await.expect("a job");
        assert_eq!(platform.cancel_job(&running.id, &ann(HOME)).await.expect("told").status, JobStatus::Running);
        assert_eq!(place.store.job_beat(&taken, LONG, Vec::new(), None).await.expect("asked"), Ok(true), "its worker hears of it");
        // Done in spite of it: nobody wants it any more.
        let ended = place.store.end_job(&taken, Ending::Completed { outcome: "{}".into(), model: None }, Vec::new()).await.expect("told");
        assert_eq!(ended.expect("held").status, JobStatus::Cancelled);
        // A worker that stops gives back what it has, and it counts as not taken.
        let job = wanted(&platform, &set, train(Algorithm::Knn)).await;
        let taken = take(&place, LONG).await.expect("a job");
        let back = place.store.end_job(&taken, Ending::GivenBack, Vec::new()).await.expect("told").expect("held");
        assert_eq!((back.status, back.attempts), (JobStatus::Pending, 0));
        assert_eq!(done(&platform).await.map(|done| (done.id, done.status)), Some((job.id, JobStatus::Completed)));
        // While a real worker is at it.
        let set = flower_set(&platform, 2_000).await;
        let slow = TrainOptions { hyperparameters: json!({"n_estimators": 10_000}).as_object().expect("an object").clone(), ..TrainOptions::new("species", Task::Classification, Algorithm::GradientBoosting) };
        for cancelled in [true, false] {
            let job = wanted(&platform, &set, JobRequest::Train(slow.clone())).await;
            let (tell, mut stop) = watch::channel(false);
            let worker = Worker::new(platform.clone(), "slow".into());
            let working = tokio::spawn(async move { worker.once(&mut stop).await });
            let begun = std::time::Instant::now();
            loop {
                let job = platform.job(HOME, &job.id).await.expect("there").job;
                if job.status == JobStatus::Running {
                    break;
                }
                assert!(job.status == JobStatus::Pending && !working.is_finished(), "{job:?}");
                assert!(begun.elapsed() < Duration::from_secs(60), "{job:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if cancelled {
                platform.cancel_job(&job.id, &ann(HOME)).await.expect("told");
            } else {
                tell.send_replace(true);
            }
            let ended = tokio::time::timeout(Duration::from_secs(60), working).await.expect("soon").expect("no panic").expect("asked");
            let expected = if cancelled { JobStatus::Cancelled } else { JobStatus::Pending };
            assert_eq!(ended.map(|job| job.status), Some(expected));
        }
        assert_eq!(place.store.verify_audit().await.expect("verified").faults, []);
    }

    async fn shelves_are_foretold(place) {
        let platform = platform(&place, Limits::default());
        assert_eq!(platform.insights(HOME, None).await.expect("asked"), None);
        let made = synthetic_counts(&SyntheticOptions { shelves: 2, skus: 4, days: 90, seed: 1 }).expect("not too many");
        let mut csv = Vec::new();
        tabular::write_csv(&made, &mut csv).expect("memory");
        let set = upload(&platform, &csv, About::default()).await.expect("kept").set.id;
        let job = wanted(&platform, &set, JobRequest::Forecast(ForecastOptions::default())).await;
        assert_eq!(job.kind, "forecast");
        let ended = done(&platform).await.expect("a job");
        assert_eq!(ended.status, JobStatus::Completed, "{:?}", ended.failure);
        let found = platform.insights(HOME, Some(&set)).await.expect("asked").expect("it was foretold");
        assert_eq!((found.job.id.as_str(), found.forecast.outlooks.len(), found.forecast.synthetic), (job.id.as_str(), 8, true));
        assert_eq!(platform.insights(HOME, None).await.expect("asked"), Some(found), "it is the newest");
        assert_eq!(platform.insights(HOME, Some("other")).await.expect("asked"), None);
        assert_eq!(platform.insights("others", None).await.expect("asked"), None, "and theirs alone");
        // No table of counts: refused at once. Too few visits: only the table shows it.
        let flowers = flower_set(&platform, 40).await;
        let refused = platform.submit(&flowers, JobRequest::Forecast(ForecastOptions::default()), None, &ann(HOME)).await;
        assert!(refused.expect_err("no counts").to_string().contains("no column \"time\""));
        let never = ForecastOptions { level: 2.0, ..ForecastOptions::default() };
        assert!(platform.submit(&set, JobRequest::Forecast(never), None, &ann(HOME)).await.is_err());
        let few = upload(&platform, b"time,store,shelf,sku,facings\n2026-01-01,a,b,c,1\n2026-01-02,a,b,c,2\n", About::default()).await;
        wanted(&platform, &few.expect("kept").set.id, JobRequest::Forecast(ForecastOptions::default())).await;
        let ended = done(&platform).await.expect("a job");
        assert!(ended.failure.as_ref().is_some_and(|why| why.contains("200 are needed")), "{ended:?}");
    }

    async fn organisations_have_their_bounds(place) {
        let jobs = JobLimits { open: 3, running: 1, ..JobLimits::default() };
        let platform = platform(&place, Limits { jobs, ..Limits::default() });
        let set = flower_set(&platform, 40).await;
        let brand = place.store.create_organisation("brand", &ann(HOME)).await.expect("made").id;
        let theirs = platform.submit(&set, train(Algorithm::Knn), None, &ann(&brand)).await;
        assert!(matches!(theirs, Err(PlatformError::Store(StoreError::NotFound { what: "data set", .. }))), "{theirs:?}");
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(wanted(&platform, &set, train(Algorithm::Knn)).await.id);
        }
        let more = platform.submit(&set, train(Algorithm::Knn), None, &ann(HOME)).await;
        assert!(matches!(more, Err(PlatformError::Store(StoreError::Quota { limit: 3, .. }))), "{more:?}");
        let one = TakeLimits { running: 1, ..limits(LONG) };
        assert_eq!(place.store.take_job(one.clone()).await.expect("asked").expect("a job").job.id, ids[0], "the oldest first");
        assert!(place.store.take_job(one).await.expect("asked").is_none(), "one of an organisation at a time");
        for gone in [platform.job(&brand, &ids[0]).await.map(drop), platform.cancel_job(&ids[0], &ann(&brand)).await.map(drop)] {
            assert!(matches!(gone, Err(PlatformError::Store(StoreError::NotFound { what: "job", .. }))), "{gone:?}");
        }
        assert_eq!(platform.job_events(&brand, &ids[0], 0).await.expect("asked"), []);
        assert_eq!(platform.jobs(&brand).await.expect("listed"), []);
    }

    async fn what_cannot_be_done_is_refused_at_once_or_fails_with_a_reason(place) {
        let platform = platform(&place, Limits::default());
        let set = flower_set(&platform, 40).await;
        let options = |target: &str, algorithm| TrainOptions::new(target, Task::Classification, algorithm);
        let wrong = TrainOptions { hyperparameters: json!({"n_neighbours": 3}).as_object().expect("an object").clone(), ..options("species", Algorithm::Knn) };
        let search = SearchOptions { tuning_method: Method::RandomSearch, n_trials: 0, folding: CrossValidation::default(), space: None };
        for (request, named) in [
            (JobRequest::Train(options("kind", Algorithm::Knn)), "no column \"kind\"; there are \"length\""),
            (JobRequest::Train(options("species", Algorithm::Ridge)), "there is no ridge for Classification"),
            (JobRequest::Train(wrong), "n_neighbours"),
            (JobRequest::Tune(TuneRequest { options: options("species", Algorithm::Knn), search }), "n_trials is 0"),
            (JobRequest::Compare(CompareRequest { target_column: "species".into(), task_type: Task::Classification, models: Vec::new(), folding: CrossValidation::default() }), "number of models is 0"),
        ] {
            let error = platform.submit(&set, request, None, &ann(HOME)).await.expect_err(named).to_string();
            assert!(error.contains(named), "{named:?} gave: {error}");
        }
        assert_eq!(platform.jobs(HOME).await.expect("listed"), []);
        // Only the table shows these.
        let mut one = "x,y\n".to_owned();
        (0..20).for_each(|row| one += &format!("{row},same\n"));
        let mut many = "x,y\n".to_owned();
        (0..20).for_each(|row| many += &format!("{row},c{row}\n"));
        for (csv, named) in [(one, "one class"), (many, "each needs two rows")] {
            let set = upload(&platform, csv.as_bytes(), about("y")).await.expect("kept").set.id;
            let job = wanted(&platform, &set, JobRequest::Train(options("y", Algorithm::Knn))).await;
            let ended = done(&platform).await.expect("a job");
            assert_eq!((ended.id, ended.status), (job.id, JobStatus::Failed));
            assert!(ended.failure.as_ref().is_some_and(|why| why.contains(named)), "{named}: {:?}", ended.failure);
        }
    }
}
