"""What cold-build.sh measured, as a table: cold_build_record.py FILE FOLDER.

FOLDER holds NAME.time (wall, user and system seconds) and NAME/cargo-timings of each build.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

SHOWN = 20  # units of each build, the longest first


def units(folder):
    """Seconds of each crate, its build script's run (the C and C++ of it) apart."""
    page = next((folder / "cargo-timings").glob("cargo-timing.html")).read_text()
    data = json.loads(re.search(r"const UNIT_DATA = (\[.*?\]);\n", page, re.DOTALL).group(1))
    total = {}
    for unit in data:
        script = "build script" in unit.get("target", "") and unit.get("mode") == "run-custom-build"
        name = unit["name"] + (" (build script)" if script else "")
        total[name] = total.get(name, 0) + unit["duration"]
    return total


def main():
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    lines = [
        "# scripts/cold-build.sh BASE, commit " + commit.stdout.strip() + ": the first build of `make serve`, from nothing, before and after",
        "# processor: user and system time of all of it; wall: as it went beside other programs; units: how many crates and parts of",
        "# them were built; a crate: seconds of the clock from its beginning to its end, others beside it (cargo build --timings)",
        "build,what,seconds",
    ]
    totals = {}
    for time in sorted(folder.glob("*.time"), reverse=True):  # before, after
        name = time.stem
        wall, user, system = map(float, time.read_text().split()[-3:])
        totals[name] = user + system
        found = units(folder / name)
        lines += [f"{name},processor,{user + system:.0f}", f"{name},wall,{wall:.0f}", f"{name},crates,{len(found)}"]
        for crate, seconds in sorted(found.items(), key=lambda pair: -pair[1])[:SHOWN]:
            lines.append(f"{name},{crate},{seconds:.1f}")
    if len(totals) == 2:
        lines.append(f"ratio,processor,{totals['after'] / totals['before']:.3f}")
    file.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


main()
