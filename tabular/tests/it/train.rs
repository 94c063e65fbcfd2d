//! From a table to a judged model and back from its file.

use std::fmt::Write as _;

use tabular::learn::Step;
use tabular::metrics::Curves;
use tabular::train::{CrossValidation, Evaluation, compare};
use tabular::{
    Algorithm, Predictions, SelectionMethod, SelectionOptions, Table, Task, TrainOptions, TrainedModel, train,
};
use tempfile::TempDir;
use vision::Cancel;

use crate::read::table;
use crate::reference::iris;

/// Iris with names, a word column that tells the class in part, a constant one, and a hole.
fn flowers() -> Table {
    let samples = iris();
    let mut text = "length,width,petal length,petal width,colour,same,species\n".to_owned();
    for row in 0..samples.rows() {
        let class = samples.y.numbers()[row] as usize;
        let cells: Vec<String> = samples.x.row(row).iter().map(f64::to_string).collect();
        let first = if row == 7 { "" } else { &cells[0] };
        let colour = ["white", "blue", "blue"][class];
        let species = ["setosa", "versicolor", "virginica"][class];
        writeln!(text, "{first},{},{},{},{colour},1,{species}", cells[1], cells[2], cells[3]).expect("memory");
    }
    table(&text)
}

#[test]
fn a_model_is_trained_judged_kept_and_asked() {
    let flowers = flowers();
    for algorithm in [Algorithm::RandomForest, Algorithm::Logistic, Algorithm::Svm, Algorithm::Stacking] {
        let mut options = TrainOptions::new("species", Task::Classification, algorithm);
        if algorithm == Algorithm::Stacking {
            options.hyperparameters.insert("models".to_owned(), serde_json::json!(["knn", "naive_bayes"]));
        }
        let training = train(&flowers, &options, &Cancel::never(), &|_| {}).expect("it learns");
        let summary = &training.training_summary;
        assert_eq!(summary.train_samples + summary.validation_samples + summary.test_samples, 75);
        assert_eq!(summary.left_out, ["same"]);
        assert!(summary.features.contains(&"colour=blue".to_owned()), "{:?}", summary.features);
        let Evaluation::Classification(metrics) = &training.evaluation else { panic!("classes were learned") };
        assert!(metrics.accuracy > 0.8 && metrics.roc_auc.is_some_and(|auc| auc > 0.9), "{algorithm}: {metrics:?}");

        let Some(Curves::Classes(curves)) = &training.curves else { panic!("there are test rows") };
        assert_eq!(curves.len(), 3);
        assert_eq!(training.robustness.len(), 4);
        assert!(training.robustness.iter().all(|one| one.score <= 1.0 && one.score > 0.3), "{:?}", training.robustness);
        assert_eq!(summary.shap_importance.is_some(), algorithm == Algorithm::RandomForest, "{algorithm}");

        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("model.json");
        training.model.write(&path).expect("it can be written");
        let model = TrainedModel::read(&path).expect("it can be read");
        assert_eq!(model, training.model);
        // Asked without the target, its columns in another order, an unknown word, and a hole.
        let asked = table(
            "colour,petal width,petal length,width,length,extra\n\
            white,0.2,1.4,3.5,5.1,1\nblue,2.0,6.0,3.0,,2\ngreen,2.0,6.0,3.0,,3\n",
        );
        let Predictions::Classes { prediction, prediction_proba } =
            model.predict(&asked).expect("all columns are there")
        else {
            panic!("classes were learned")
        };
        assert_eq!(prediction[..2], ["setosa", "virginica"], "{algorithm}");
        assert!(prediction_proba.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-9));
        assert!(model.predict(&table("width\n1\n")).is_err());
    }
}

#[test]
fn one_seed_is_one_model() {
    let flowers = flowers();
    let model = |seed| {
        let options =
            TrainOptions { seed, ..TrainOptions::new("species", Task::Classification, Algorithm::RandomForest) };
        train(&flowers, &options, &Cancel::never(), &|_| {}).expect("it learns").model
    };
    assert_eq!(model(1), model(1));
    assert_ne!(model(1), model(2));
}

#[test]
fn learning_stops_early_and_selection_keeps_what_was_asked() {
    let steps = std::sync::Mutex::new(Vec::<Step>::new());
    let mut options = TrainOptions {
        early_stopping: true,
        early_stopping_patience: 5,
        validation_size: 0.2,
        feature_selection: Some(SelectionOptions { method: SelectionMethod::MutualInfo, n_features: 2 }),
        ..TrainOptions::new("species", Task::Classification, Algorithm::GradientBoosting)
    };
    options.hyperparameters.insert("n_estimators".to_owned(), 500.into());
    let training = train(&flowers(), &options, &Cancel::never(), &|step| {
        steps.lock().expect("nobody panics").push(step);
    })
    .expect("it learns");
    assert_eq!(*steps.lock().expect("nobody panics"), training.training_history);
    assert!(training.training_history.len() < 500, "{} steps", training.training_history.len());
    assert!(training.training_history.iter().all(|step| step.validation_loss.is_some()));
    assert_eq!(training.training_summary.features.len(), 2);
    assert_eq!(training.model.importance().expect("trees know").len(), 2);
}

#[test]
fn algorithms_are_compared_best_first() {
    let options = TrainOptions::new("species", Task::Classification, Algorithm::Knn);
    let models = [Algorithm::DecisionTree, Algorithm::NaiveBayes, Algorithm::Knn];
    let folding = CrossValidation { cv: 3, ..CrossValidation::default() };
    let compared = compare(&flowers(), &options, &models, folding, &Cancel::never()).expect("all learn");
    assert_eq!(compared.len(), 3);
    assert!(compared.windows(2).all(|pair| pair[0].mean_score >= pair[1].mean_score));
    assert!(compared[0].mean_score > 0.9 && compared[0].std_score < 0.2);
}
