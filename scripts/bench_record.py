"""Makes FILE of what a benchmark printed, and adds a line to history.csv beside it.

bench_record.py FILE OUTPUT METRIC ROW COLUMN: METRIC is the COLUMN of the first row of OUTPUT whose text matches ROW.

Remarks that people wrote above the metrics stay, but for those whose beginning the benchmark prints anew.
"""

import csv
import datetime
import os
import re
import subprocess
import sys
from pathlib import Path

HEAD = ["date", "commit", "processor", "threads", "file", "figure", "value"]
SAME = 24  # letters by which a remark is known again


def processor():
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def main():
    file, output, metric, row, column = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:6]
    new = output.read_text().splitlines()
    rows = [line for line in new if line and not line.startswith("#")]
    if len(rows) < 2:
        sys.exit(f"bench: {file}: the benchmark printed no metrics; the old ones stay")
    values = list(csv.reader(rows))
    if column not in values[0]:
        sys.exit(f"bench: {file}: there is no column {column}: {values[0]}")
    found = [cells for line, cells in zip(rows[1:], values[1:]) if re.search(row, line) or re.search(row, ",".join(cells))]
    if not found:
        sys.exit(f"bench: {file}: no row matches {row}")
    value = found[0][values[0].index(column)]

    today = datetime.date.today().isoformat()
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False).stdout.strip()
    measured = f"# measured {today}, commit {commit}, {processor()}, {os.cpu_count()} threads"
    printed = [line for line in new if line.startswith("#")]
    old = file.read_text().splitlines() if file.exists() else []
    begins = {line[:SAME] for line in printed} | {measured[:10]}
    kept = [line for line in old if line.startswith("#") and not any(line.startswith(b) or line[:10] == b for b in begins)]
    beside = file.with_suffix(".csv.partial")
    beside.write_text("\n".join([*printed, measured, *kept, *rows]) + "\n")
    beside.replace(file)

    history = file.parent / "history.csv"
    fresh = not history.exists()
    with history.open("a", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        if fresh:
            writer.writerow(HEAD)
        writer.writerow([today, commit, processor(), os.cpu_count(), file.stem, metric, value])
    print(f"bench: {file.stem:<34} {metric}: {value}")


main()
