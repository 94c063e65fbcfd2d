#!/usr/bin/env python3
"""How forecasts of shelves fare on synthetic counts: coverage and width of 90 % intervals, errors beside two plain guesses.

    python3 scripts/forecast-coverage.py SHELF > docs/results/forecast_synthetic.csv

SHELF is the program. Every row is measured on visits later than all that was learned from; the last row is the mean over visits.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

shelf = sys.argv[1]
SETS = [(5, 8, 120, 1), (10, 8, 120, 2), (10, 8, 240, 3), (20, 10, 120, 4), (20, 10, 365, 5)]
FIELDS = [(who, what) for who in ("model", "last_value", "weekday_mean") for what in ("coverage", "mean_width", "mae", "brier")]

out = csv.writer(sys.stdout, lineterminator="\n")
print("# python3 scripts/forecast-coverage.py SHELF: synthetic counts, intervals of 90 %, judged on visits later than those learned from")
out.writerow(["shelves", "skus", "days", "seed", "visits", "judged", "processor_s", *(f"{who}_{what}" for who, what in FIELDS)])
sums, judged = [0.0] * len(FIELDS), 0
with tempfile.TemporaryDirectory() as folder:
    counts, told = Path(folder) / "counts.csv", Path(folder) / "told.json"
    for shelves, skus, days, seed in SETS:
        made = ["--shelves", shelves, "--skus", skus, "--days", days, "--seed", seed, "--output", counts]
        subprocess.run([shelf, "table", "synthetic", *map(str, made)], check=True, capture_output=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([shelf, "table", "forecast", counts, "--json", told], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found = json.loads(told.read_text())
        assert found["synthetic"], "synthetic counts say so"
        measured = found["measured"]
        values = [measured[who][what] for who, what in FIELDS]
        out.writerow([shelves, skus, days, seed, found["visits"], measured["rows"], f"{seconds:.1f}", *(f"{v:.4f}" for v in values)])
        sums = [s + v * measured["rows"] for s, v in zip(sums, values)]
        judged += measured["rows"]
out.writerow(["all", "", "", "", "", judged, "", *(f"{s / judged:.4f}" for s in sums)])
