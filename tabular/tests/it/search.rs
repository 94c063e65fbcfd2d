//! Searching hyperparameters.

use std::collections::BTreeMap;

use tabular::search::{Method, Range, SearchError, SearchOptions, Space, tune};
use tabular::train::CrossValidation;
use tabular::{Algorithm, Column, Table, Task, TrainOptions, learner};
use vision::Cancel;

use crate::reference::diabetes;

fn patients() -> Table {
    let samples = diabetes();
    let mut columns: Vec<Column> =
        (0..samples.x.columns()).map(|at| Column::numbers(&format!("x{at}"), samples.x.column(at))).collect();
    columns.push(Column::numbers("y", samples.y.numbers()));
    Table::new(columns).expect("one length")
}

fn search(tuning_method: Method, n_trials: usize) -> SearchOptions {
    let folding = CrossValidation { cv: 3, ..CrossValidation::default() };
    SearchOptions { tuning_method, n_trials, folding, space: None }
}

#[test]
fn every_method_finds_a_good_penalty() {
    let options = TrainOptions::new("y", Task::Regression, Algorithm::ElasticNet);
    let mut best = BTreeMap::new();
    for method in [Method::GridSearch, Method::RandomSearch, Method::Optuna] {
        let mut seen = 0;
        let found = tune(&patients(), &options, &search(method, 25), &Cancel::never(), |_| seen += 1).expect("it ends");
        assert_eq!(seen, found.trials.len());
        assert!((24..=25).contains(&seen), "{method:?} made {seen} trials");
        let score = found.best.mean_score.expect("the best has a score");
        assert!(found.trials.iter().filter(|t| t.folds == 3).all(|trial| trial.mean_score <= Some(score)));
        assert!(found.trials.iter().any(|trial| trial.folds < 3), "{method:?} gave up no trial");
        best.insert(format!("{method:?}"), score);
    }
    assert!(best.values().all(|score| *score > 0.2), "{best:?}");
}

#[test]
fn trials_that_fail_are_noted_and_searches_that_cannot_be_refused() {
    let options = TrainOptions::new("y", Task::Regression, Algorithm::Knn);
    let neighbors = Range::Choice(vec![5.into(), 100_000.into()]);
    let space = Some(Space(BTreeMap::from([("n_neighbors".to_owned(), neighbors)])));
    let both = SearchOptions { space, ..search(Method::GridSearch, 10) };
    let found = tune(&patients(), &options, &both, &Cancel::never(), |_| {}).expect("one of two succeeds");
    assert_eq!(found.trials.len(), 2);
    assert!(found.trials[1].error.as_ref().is_some_and(|error| error.contains("n_neighbors is 100000")));
    let run = |search: &SearchOptions| tune(&patients(), &options, search, &Cancel::never(), |_| {});
    assert!(matches!(run(&search(Method::Optuna, 0)), Err(SearchError::Trials(0))));
    let empty = Space(BTreeMap::from([("n_neighbors".to_owned(), Range::Choice(Vec::new()))]));
    let nothing = SearchOptions { space: Some(empty), ..search(Method::Optuna, 3) };
    assert!(matches!(run(&nothing), Err(SearchError::Range { .. })));
    let bad = Space(BTreeMap::from([("n_neighbors".to_owned(), Range::Int { low: 1000, high: 2000, log: false })]));
    let failing = SearchOptions { space: Some(bad), ..search(Method::RandomSearch, 3) };
    assert!(matches!(run(&failing), Err(SearchError::NoneFinished { trials: 3, .. })));
}

#[test]
fn every_algorithm_has_a_space_of_its_own_hyperparameters() {
    for algorithm in Algorithm::ALL {
        let space = Space::of(*algorithm);
        assert!(!space.0.is_empty() && space.0.values().all(Range::is_sound), "{algorithm}");
        for task in [Task::Classification, Task::Regression].into_iter().filter(|task| algorithm.does(*task)) {
            for at in [0.0, 0.5, 1.0] {
                let hyperparameters = space.at(&vec![at; space.0.len()], &serde_json::Map::new());
                assert!(learner(*algorithm, task, &hyperparameters).is_ok(), "{algorithm}: {hyperparameters:?}");
            }
        }
    }
}
