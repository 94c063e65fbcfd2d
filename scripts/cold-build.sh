#!/usr/bin/env bash
# How long the first `make serve` takes: builds the serving program from nothing and writes docs/results/cold_build.csv.
#
#   scripts/cold-build.sh BASE     also builds what `make serve` built at the commit BASE, first, in the same hour
#
# Processor time counts, because it says the same on a machine that does other things, too.
set -euo pipefail
cd "$(dirname "$0")/.."
BASE=${1:-}
work=$(mktemp -d)
trap 'git worktree remove --force "$work/base" 2>/dev/null || true; rm -rf "$work"' EXIT

# build NAME FOLDER ARGUMENTS...: from nothing, with what each crate took.
build() {
    local name=$1 folder=$2
    shift 2
    echo "cold-build: $name: cargo build $*" >&2
    local TIMEFORMAT='%R %U %S'
    { time (cd "$folder" && CARGO_TARGET_DIR="$work/$name" cargo build --quiet --locked --timings "$@" 2>"$work/$name.log") || { cat "$work/$name.log" >&2; exit 1; }; } 2>"$work/$name.time"
}

if [ -n "$BASE" ]; then
    git worktree add --quiet --detach "$work/base" "$BASE"
    build before "$work/base" --release --package tools --bin shelf
fi
# shellcheck disable=SC2046 # words of the Makefile
build after . $(sed -n 's/^SERVE := --locked //p' Makefile)
python3 scripts/cold_build_record.py docs/results/cold_build.csv "$work"
