#!/usr/bin/env python3
"""Every algorithm of `shelf table` beside scikit-learn, at the same settings and on the same rows.

    python3 scripts/tabular-parity.py SHELF > docs/results/tabular_parity.csv

SHELF is the program. The data sets are those that scikit-learn ships; five folds, made by scikit-learn and written to CSV: `shelf table train`
learns from four, `shelf table predict` tells the fifth, and scikit-learn does the same. Scores are accuracy, or R2, by scikit-learn's
metrics. Needs scikit-learn 1.9 and numpy.
"""

import csv
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn import datasets, ensemble, linear_model, metrics, naive_bayes, neighbors, pipeline, preprocessing, svm, tree
from sklearn.model_selection import KFold, StratifiedKFold

warnings.filterwarnings("ignore")
SEED = 0


def classifiers():
    yield "logistic", {}, linear_model.LogisticRegression(max_iter=1000)
    yield "svm", {}, svm.SVC()
    yield "decision_tree", {"max_depth": 5}, tree.DecisionTreeClassifier(max_depth=5, random_state=SEED)
    yield "knn", {}, neighbors.KNeighborsClassifier()
    yield "naive_bayes", {}, naive_bayes.GaussianNB()
    yield "random_forest", {}, ensemble.RandomForestClassifier(random_state=SEED)
    yield "gradient_boosting", {"n_estimators": 30}, ensemble.GradientBoostingClassifier(n_estimators=30, random_state=SEED)
    yield "adaboost", {}, ensemble.AdaBoostClassifier(random_state=SEED)
    three = [("a", linear_model.LogisticRegression(max_iter=1000)), ("b", neighbors.KNeighborsClassifier()), ("c", naive_bayes.GaussianNB())]
    names = ["logistic", "knn", "naive_bayes"]
    yield "voting", {"models": names}, ensemble.VotingClassifier(three, voting="soft")
    yield "voting", {"models": names, "vote": "hard"}, ensemble.VotingClassifier(three, voting="hard")
    yield "stacking", {"models": names, "meta_model": "logistic"}, ensemble.StackingClassifier(three, linear_model.LogisticRegression(max_iter=1000))
    yield "bagging", {"n_estimators": 50}, ensemble.BaggingClassifier(n_estimators=50, random_state=SEED)


def regressors():
    yield "ridge", {}, linear_model.Ridge()
    yield "lasso", {"alpha": 0.5}, linear_model.Lasso(0.5)
    yield "elasticnet", {"alpha": 0.1}, linear_model.ElasticNet(0.1)
    yield "svr", {"C": 10.0}, svm.SVR(C=10.0)
    yield "decision_tree", {"max_depth": 3}, tree.DecisionTreeRegressor(max_depth=3, random_state=SEED)
    yield "knn", {}, neighbors.KNeighborsRegressor()
    yield "random_forest", {}, ensemble.RandomForestRegressor(random_state=SEED)
    yield "gradient_boosting", {}, ensemble.GradientBoostingRegressor(random_state=SEED)
    yield "adaboost", {}, ensemble.AdaBoostRegressor(random_state=SEED)
    three = [("a", linear_model.Ridge()), ("b", neighbors.KNeighborsRegressor()), ("c", linear_model.Lasso(0.5))]
    names = ["ridge", "knn", {"algorithm": "lasso", "hyperparameters": {"alpha": 0.5}}]
    yield "voting", {"models": names}, ensemble.VotingRegressor(three)
    yield "stacking", {"models": names, "meta_model": "ridge"}, ensemble.StackingRegressor(three, linear_model.Ridge())
    yield "bagging", {"n_estimators": 50}, ensemble.BaggingRegressor(n_estimators=50, random_state=SEED)


def write(path, x, y):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"x{column}" for column in range(x.shape[1])] + ["y"])
        writer.writerows([*map(repr, map(float, row)), told] for row, told in zip(x, y))


def told_by_shelf(shelf, folder, algorithm, settings, task):
    options = [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
    subprocess.run(
        [shelf, "table", "train", folder / "train.csv", "--target=y", f"--task={task}", f"--algorithm={algorithm}", *options,
         "--test-size=0", "--validation-size=0", "--output", folder / "model.json"],
        check=True, stdout=subprocess.DEVNULL)
    told = subprocess.run(
        [shelf, "table", "predict", folder / "test.csv", "--model", folder / "model.json"],
        check=True, capture_output=True, text=True).stdout.split()
    return np.array(told, dtype=float)


def main():
    shelf = Path(sys.argv[1]).resolve()
    print("# python3 scripts/tabular-parity.py target/release/shelf: the same rows, folds and settings, standardised features; mean of five folds")
    print("set,algorithm,settings,metric,shelf,scikit_learn,difference", flush=True)
    for name in ("iris", "wine", "breast_cancer", "digits", "diabetes"):
        data = getattr(datasets, f"load_{name}")()
        numbers = name == "diabetes"
        folds = (KFold if numbers else StratifiedKFold)(5, shuffle=True, random_state=SEED)
        task, metric, score = ("regression", "r2", metrics.r2_score) if numbers else ("classification", "accuracy", metrics.accuracy_score)
        for algorithm, settings, model in regressors() if numbers else classifiers():
            ours, theirs = [], []
            for train, test in folds.split(data.data, data.target):
                with tempfile.TemporaryDirectory() as place:
                    folder = Path(place)
                    write(folder / "train.csv", data.data[train], data.target[train])
                    write(folder / "test.csv", data.data[test], data.target[test])
                    ours.append(score(data.target[test], told_by_shelf(shelf, folder, algorithm, settings, task)))
                both = pipeline.make_pipeline(preprocessing.StandardScaler(), model).fit(data.data[train], data.target[train])
                theirs.append(score(data.target[test], both.predict(data.data[test])))
            a, b = np.mean(ours), np.mean(theirs)
            shown = json.dumps(settings).replace('"', "'").replace(",", ";")
            print(f"{name},{algorithm},{shown},{metric},{a:.4f},{b:.4f},{a - b:+.4f}", flush=True)


main()
