#!/usr/bin/env python3
"""LightGBM and XGBoost through `shelf table` beside the same libraries through Python, at the same settings and on the same rows.

    python3 scripts/boosters-parity.py SHELF > docs/results/boosters_parity.csv

SHELF is the program. The data sets are those that scikit-learn ships; five folds, written to CSV: `shelf table train` learns from four and
`shelf table predict` tells the fifth; so does Python. Scores are accuracy, or R2. Processor seconds are of learning all folds, as whole
programs: Python's with its imports, `shelf`'s with reading and judging. Needs lightgbm 4.7, xgboost-cpu 3.2, scikit-learn 1.9.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn import datasets, metrics
from sklearn.model_selection import KFold, StratifiedKFold

SHELF, SEED = Path(sys.argv[1]).resolve(), 0
SETTINGS = {"lightgbm": {"n_estimators": 60, "num_leaves": 15}, "xgboost": {"n_estimators": 60, "max_depth": 4}}
PYTHON = """
import json, sys, numpy as np
name, settings, kind, train, test = sys.argv[1], json.loads(sys.argv[2]), *sys.argv[3:]
if name == "lightgbm":
    from lightgbm import LGBMClassifier as C, LGBMRegressor as R
    settings |= {"verbosity": -1, "random_state": 42, "deterministic": True, "force_col_wise": True}
else:
    from xgboost import XGBClassifier as C, XGBRegressor as R
    settings |= {"random_state": 42, "tree_method": "hist"}
a, b = (np.loadtxt(f, delimiter=",", skiprows=1) for f in (train, test))
y = a[:, -1] if kind == "regression" else a[:, -1].astype(int)
for v in (R if kind == "regression" else C)(**settings).fit(a[:, :-1], y).predict(b[:, :-1]): print(repr(float(v)))
"""


def timed(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


print("# $SKLEARN_PYTHON scripts/boosters-parity.py target/release/shelf: mean of five folds; processor seconds of whole programs, all folds")
out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["set", "algorithm", "settings", "metric", "shelf", "python", "difference", "shelf_processor_s", "python_processor_s"])
for name in ("iris", "wine", "breast_cancer", "digits", "diabetes"):
    data = getattr(datasets, f"load_{name}")()
    numbers = name == "diabetes"
    kind, metric, score = ("regression", "r2", metrics.r2_score) if numbers else ("classification", "accuracy", metrics.accuracy_score)
    folds = list((KFold if numbers else StratifiedKFold)(5, shuffle=True, random_state=SEED).split(data.data, data.target))
    for algorithm, settings in SETTINGS.items():
        ours, theirs, our_time, their_time = [], [], 0.0, 0.0
        for train, test in folds:
            with tempfile.TemporaryDirectory() as place:
                files = [f"{place}/train.csv", f"{place}/test.csv"]
                for file, rows in zip(files, (train, test)):
                    head = ",".join([f"x{column}" for column in range(data.data.shape[1])] + ["y"])
                    np.savetxt(file, np.column_stack([data.data[rows], data.target[rows]]), "%.17g", ",", header=head, comments="")
                sets = [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
                model = ["--target=y", f"--task={kind}", f"--algorithm={algorithm}", "--scaling=none", *sets, "--test-size=0", "--validation-size=0"]
                _, seconds = timed([SHELF, "table", "train", files[0], *model, "--output", f"{place}/m.json"])
                our_time += seconds
                told, seconds = timed([SHELF, "table", "predict", files[1], "--model", f"{place}/m.json"])
                our_time += seconds
                ours.append(score(data.target[test], np.array(told.split(), dtype=float)))
                told, seconds = timed([sys.executable, "-c", PYTHON, algorithm, json.dumps(settings), kind, *files])
                their_time += seconds
                theirs.append(score(data.target[test], np.array(told.split(), dtype=float)))
        a, b = np.mean(ours), np.mean(theirs)
        row = [name, algorithm, json.dumps(settings), metric, f"{a:.4f}", f"{b:.4f}", f"{a - b:+.4f}", f"{our_time:.1f}", f"{their_time:.1f}"]
        out.writerow(row)
        sys.stdout.flush()
