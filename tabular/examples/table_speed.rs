//! Seconds of single operations on a table, several times over, for scripts/tabular-speed.py:
//!
//! - `table_speed fit FILE TARGET TASK ALGORITHM HYPERPARAMETERS ROUNDS`: a learner alone, on standardised features
//! - `table_speed predict FILE TARGET TASK ALGORITHM HYPERPARAMETERS ROUNDS`: a row at a time, by a trained model
//! - `table_speed clean FILE ROUNDS`: missing values by the median, outliers by 3 interquartile ranges, then 80:10:10 by chance
//! - `table_speed features FILE ROUNDS`: lags and rolling statistics of the column `value` by `series` over `time`
//!
//! A line for each round. Reading the file is not part of it.

use std::fs::File;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use tabular::features::{SchemaConfig, series_features};
use tabular::learn::learner;
use tabular::prepare::{Preparation, class_target, value_target};
use tabular::{
    Algorithm, CleanOptions, MissingStrategy, OutlierMethod, ReadOptions, Run, Samples, Scaler, ScalingMethod,
    SplitOptions, Table, Task, TrainOptions, clean, read_csv, split, train,
};
use vision::Cancel;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["fit", file, target, task, algorithm, hyperparameters, rounds] => {
            fit(file, (target, task), (algorithm, hyperparameters), rounds)
        }
        ["predict", file, target, task, algorithm, hyperparameters, rounds] => {
            predict(file, (target, task), (algorithm, hyperparameters), rounds)
        }
        ["clean", file, rounds] => cleaned(file, rounds),
        ["features", file, rounds] => features(file, rounds),
        _ => Err("see the head of tabular/examples/table_speed.rs".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(file: &str) -> Result<Table> {
    Ok(read_csv(File::open(file)?, &ReadOptions::default())?.table)
}

fn rounds(count: &str, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 0..count.parse::<usize>()? {
        let start = Instant::now();
        work()?;
        println!("{:.6}", start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn task(text: &str) -> Result<Task> {
    Ok(serde_json::from_value(serde_json::Value::String(text.to_owned()))?)
}

fn fit(
    file: &str,
    (target, kind): (&str, &str),
    (algorithm, hyperparameters): (&str, &str),
    count: &str,
) -> Result<()> {
    let (table, algorithm) = (table(file)?, algorithm.parse::<Algorithm>()?);
    let kind = task(kind)?;
    let y = match kind {
        Task::Classification => class_target(&table, target)?.1,
        Task::Regression => value_target(&table, target)?.0,
    };
    let features = table.without(target)?;
    let mut x = Preparation::learn(&features)?.apply(&features)?;
    Scaler::learn(&x, ScalingMethod::Standard).apply(&mut x);
    let samples = Samples { x, y };
    let learner = learner(algorithm, kind, &serde_json::from_str(hyperparameters)?)?;
    let cancel = Cancel::never();
    rounds(count, || {
        black_box(learner.fit(&samples, &Run::quiet(42, &cancel))?);
        Ok(())
    })
}

fn predict(
    file: &str,
    (target, kind): (&str, &str),
    (algorithm, hyperparameters): (&str, &str),
    count: &str,
) -> Result<()> {
    let table = table(file)?;
    let options = TrainOptions {
        hyperparameters: serde_json::from_str(hyperparameters)?,
        ..TrainOptions::new(target, task(kind)?, algorithm.parse()?)
    };
    let model = train(&table, &options, &Cancel::never(), &|_| {})?.model;
    let rows: Vec<Table> = (0..count.parse::<usize>()?).map(|at| table.take(&[at % table.rows()])).collect();
    let mut rows = rows.iter().cycle();
    rounds(count, || {
        black_box(model.predict(rows.next().ok_or("no rows")?)?);
        Ok(())
    })
}

fn cleaned(file: &str, count: &str) -> Result<()> {
    let table = table(file)?;
    let options = CleanOptions {
        missing_strategy: MissingStrategy::Median,
        outlier_method: OutlierMethod::Iqr,
        outlier_threshold: 3.0,
    };
    rounds(count, || {
        let clean = clean(&table, &options)?;
        let parts = split(&clean, &SplitOptions::default())?;
        for rows in [&parts.train, &parts.validation, &parts.test] {
            black_box(clean.take(rows));
        }
        Ok(())
    })
}

fn features(file: &str, count: &str) -> Result<()> {
    let table = table(file)?;
    let schema = SchemaConfig {
        continuous_columns: vec!["value".to_owned()],
        boolean_columns: Vec::new(),
        lag_seconds: vec![86_400, 7 * 86_400],
        rolling_windows: vec![7, 28],
    };
    rounds(count, || {
        black_box(series_features(&table, "time", &["series".to_owned()], &schema)?);
        Ok(())
    })
}
