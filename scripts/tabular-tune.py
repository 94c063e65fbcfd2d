#!/usr/bin/env python3
"""The best score that TPE finds in `shelf table tune` beside Optuna's, in as many trials on the same space and rows; folds are stratified, each by its own seed.

    python3 scripts/tabular-tune.py target/release/shelf > docs/results/tabular_tune.csv

Optuna's objective trains with scikit-learn, which gives the same scores as `shelf` (tabular_parity.csv); Optuna gives up
no trial early, `shelf` those whose first folds are below the median. Five seeds; the ratio is of the medians. Needs scikit-learn and optuna.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import optuna
import pandas as pd
from sklearn import datasets, neighbors, pipeline, preprocessing, svm, tree
from sklearn.model_selection import StratifiedKFold, cross_val_score

optuna.logging.set_verbosity(optuna.logging.ERROR)
SHELF, TRIALS, SEEDS = sys.argv[1], 30, range(5)


def make_svm(trial):
    return svm.SVC(C=trial.suggest_float("C", 1e-2, 1e3, log=True), gamma=trial.suggest_float("gamma", 1e-4, 1e1, log=True),
                   kernel=trial.suggest_categorical("kernel", ["rbf", "linear"]))


def make_knn(trial):
    return neighbors.KNeighborsClassifier(trial.suggest_int("n_neighbors", 1, 30), weights=trial.suggest_categorical("weights", ["uniform", "distance"]))


def make_tree(trial):
    return tree.DecisionTreeClassifier(max_depth=trial.suggest_int("max_depth", 2, 20), min_samples_split=trial.suggest_int("min_samples_split", 2, 20),
                                       min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 20), random_state=0)


print("# python3 scripts/tabular-tune.py: best mean accuracy of five folds after 30 trials, median of five seeds")
print("set,algorithm,trials,shelf,optuna,ratio,shelf_worst,optuna_worst")
with tempfile.TemporaryDirectory() as folder:
    for name, load in {"wine": datasets.load_wine, "cancer": datasets.load_breast_cancer}.items():
        found = load()
        file = Path(folder) / f"{name}.csv"
        pd.DataFrame(found.data, columns=[f"f{i}" for i in range(found.data.shape[1])]).assign(target=[f"c{v}" for v in found.target]).to_csv(file, index=False)
        for algorithm, make in {"svm": make_svm, "knn": make_knn, "decision_tree": make_tree}.items():
            ours, theirs = [], []
            for seed in SEEDS:
                told = Path(folder) / "told.json"
                subprocess.run([SHELF, "table", "tune", file, "--target", "target", "--task", "classification", "--algorithm", algorithm,
                                "--trials", str(TRIALS), "--seed", str(seed), "--json", told], check=True, capture_output=True)
                ours.append(json.loads(told.read_text())["results"]["best"]["mean_score"])
                folds = StratifiedKFold(5, shuffle=True, random_state=seed)

                def objective(trial):
                    model = pipeline.make_pipeline(preprocessing.StandardScaler(), make(trial))
                    return cross_val_score(model, found.data, found.target, cv=folds).mean()

                study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
                study.optimize(objective, n_trials=TRIALS)
                theirs.append(study.best_value)
            a, b = statistics.median(ours), statistics.median(theirs)
            print(f"{name},{algorithm},{TRIALS},{a:.4f},{b:.4f},{a / b:.4f},{min(ours):.4f},{min(theirs):.4f}", flush=True)
