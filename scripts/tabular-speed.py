#!/usr/bin/env python3
"""Operations on tables beside the libraries that people use for them, in turns on one machine.

    python3 scripts/tabular-speed.py target/release/examples/table_speed > docs/results/tabular_speed.csv

Each row: median seconds of five rounds of both sides, which take turns, and the median of the ratios. Learners have the same settings and
the same standardised features; libraries use as many threads as they like. Needs scikit-learn, lightgbm, xgboost-cpu, pandas, polars.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from lightgbm import LGBMClassifier
from sklearn import datasets, ensemble, linear_model, naive_bayes, neighbors, svm, tree
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

warnings.filterwarnings("ignore")
OURS, ROUNDS = sys.argv[1], 5


def learners():
    yield "logistic", {}, lambda: linear_model.LogisticRegression(max_iter=1000)
    yield "svm", {}, lambda: svm.SVC(probability=False)
    yield "decision_tree", {"max_depth": 8}, lambda: tree.DecisionTreeClassifier(max_depth=8)
    yield "knn", {}, lambda: neighbors.KNeighborsClassifier()
    yield "naive_bayes", {}, lambda: naive_bayes.GaussianNB()
    yield "random_forest", {}, lambda: ensemble.RandomForestClassifier(n_jobs=-1)
    yield "gradient_boosting", {"n_estimators": 30}, lambda: ensemble.GradientBoostingClassifier(n_estimators=30)
    yield "adaboost", {}, lambda: ensemble.AdaBoostClassifier()
    yield "lightgbm", {"n_estimators": 60}, lambda: LGBMClassifier(n_estimators=60, verbosity=-1)
    yield "xgboost", {"n_estimators": 60}, lambda: XGBClassifier(n_estimators=60)


def regressors():
    yield "ridge", {}, lambda: linear_model.Ridge()
    yield "lasso", {"alpha": 0.1}, lambda: linear_model.Lasso(0.1)
    yield "elasticnet", {"alpha": 0.1}, lambda: linear_model.ElasticNet(0.1)
    yield "svr", {"C": 10.0}, lambda: svm.SVR(C=10.0)


def ours(*words):
    said = subprocess.run([OURS, *map(str, words), "1"], check=True, capture_output=True, text=True).stdout
    return float(said.split()[0])


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def row(what, rows, columns, peer, mine, theirs, bar):
    theirs()  # imports and caches
    pairs = [(mine(), theirs()) for _ in range(ROUNDS)]
    a, b = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(x / y for x, y in pairs)
    print(f"{what},{rows},{columns},{peer},{a:.4f},{b:.4f},{ratio:.2f},{bar}", flush=True)


def learning(folder):
    digits = datasets.load_digits()
    cancer = datasets.load_breast_cancer()
    made = datasets.make_classification(20_000, 20, n_informative=10, random_state=0)
    for name, (x, y) in {"digits": (digits.data, digits.target), "cancer": (cancer.data, cancer.target), "made": made}.items():
        # A feature that never changes is left out by one side and carried along by the other.
        x = np.asarray(x)[:, np.std(x, axis=0) > 0]
        file = folder / f"{name}.csv"
        pd.DataFrame(x, columns=[f"f{i}" for i in range(x.shape[1])]).assign(target=[f"c{v}" for v in y]).to_csv(file, index=False)
        scaled = StandardScaler().fit_transform(x)
        for algorithm, settings, make in learners():
            if name == "made" and algorithm == "svm":
                continue  # minutes on either side
            peer = "library" if algorithm in ("lightgbm", "xgboost") else "scikit-learn"
            row(f"fit {algorithm} ({name})", *x.shape, peer, lambda: ours("fit", file, "target", "classification", algorithm, json.dumps(settings)),
                lambda: timed(lambda: make().fit(scaled, y)), 1.2)
    x, y = datasets.make_regression(5_000, 30, noise=10, random_state=0)
    file = folder / "values.csv"
    pd.DataFrame(x, columns=[f"f{i}" for i in range(30)]).assign(target=y).to_csv(file, index=False)
    scaled = StandardScaler().fit_transform(x)
    for algorithm, settings, make in regressors():
        row(f"fit {algorithm}", *x.shape, "scikit-learn", lambda: ours("fit", file, "target", "regression", algorithm, json.dumps(settings)),
            lambda: timed(lambda: make().fit(scaled, y)), 1.2)


def cleaning(folder):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1_000_000, 20))
    x[rng.random(x.shape) < 0.02] = np.nan
    file = folder / "rows.csv"
    pl.DataFrame({f"f{i}": x[:, i] for i in range(20)}).fill_nan(None).write_csv(file)
    frame = pl.read_csv(file)

    def theirs():
        low, high = (frame.select(pl.all().quantile(q, "linear")).row(0) for q in (0.25, 0.75))
        keep = pl.all_horizontal(
            (pl.col(c).is_between(a - 3 * (b - a), b + 3 * (b - a))) | pl.col(c).is_null() for c, a, b in zip(frame.columns, low, high))
        kept = frame.filter(keep)
        clean = kept.with_columns(pl.all().fill_null(pl.all().median()))
        order = rng.permutation(clean.height)
        cut = [0, int(0.7 * clean.height), int(0.8 * clean.height), clean.height]
        return [clean[np.sort(order[a:b])] for a, b in zip(cut, cut[1:])]

    row("clean and split", 1_000_000, 20, "polars", lambda: ours("clean", file), lambda: timed(theirs), 1.5)


def series(folder):
    rng = np.random.default_rng(0)
    count, days = 10_000, 365
    file = folder / "series.csv"
    times = pl.datetime_range(pl.datetime(2025, 1, 1), pl.datetime(2025, 12, 31), "1d", eager=True).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    frame = pl.DataFrame({
        "series": np.repeat(np.arange(count), days).astype(str), "time": pl.concat([times] * count),
        "value": rng.integers(0, 40, count * days).astype(float),
    }).with_columns("s" + pl.col("series"))
    frame.write_csv(file)
    frame = frame.with_columns(pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"))
    table = frame.to_pandas()

    def in_polars():
        value = pl.col("value")
        made = [value.shift(lag).over("series").alias(f"lag{lag}") for lag in (1, 7)]
        for w in (7, 28):
            for what in ("mean", "std", "min", "max", "median"):
                made.append(getattr(value, f"rolling_{what}")(w, min_samples=1).over("series").alias(f"{what}{w}"))
        made += [value.diff().over("series").alias("rate"), value.diff().diff().over("series").alias("acceleration")]
        return frame.with_columns(made)

    def in_pandas():
        groups = table.groupby("series", sort=False)["value"]
        made = {f"lag{lag}": groups.shift(lag) for lag in (1, 7)}
        for w in (7, 28):
            rolling = groups.rolling(w, min_periods=1)
            made |= {f"{what}{w}": getattr(rolling, what)().to_numpy() for what in ("mean", "std", "min", "max", "median")}
        made["rate"] = groups.diff()
        return table.assign(**made)

    mine = lambda: ours("features", file)
    row("features of series", count * days, 12, "polars", mine, lambda: timed(in_polars), "-")
    row("features of series", count * days, 12, "pandas", mine, lambda: timed(in_pandas), "-")


processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
print(f"# python3 scripts/tabular-speed.py; {processor}, {os.cpu_count()} cores; seconds are medians of {ROUNDS} rounds in turns, ratio is of ours by theirs")
print("# features of series: ours makes besides robust z-scores, anomalies, time since the last rise, and circles of day and week")
print("what,rows,columns,beside,shelf_s,theirs_s,ratio,bar")
with tempfile.TemporaryDirectory() as name:
    parts = {"learning": learning, "cleaning": cleaning, "series": series}
    for part in sys.argv[2:] or parts:
        parts[part](Path(name))
