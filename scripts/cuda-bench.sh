#!/usr/bin/env bash
# Cross-builds what times training steps on a GPU: dist/step-bench-cuda, to be run there beside PyTorch:
#
#   SHELF_BENCH_DEVICE=cuda ./step-bench-cuda
#   python train/examples/step_bench.py cuda
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/cuda-toolkit.sh
${CARGO:-cargo} build --locked --release --features tools/cuda --package tools --package train --example step_bench \
    --target-dir target/cuda
mkdir -p dist
cp target/cuda/release/examples/step_bench dist/step-bench-cuda
strip dist/step-bench-cuda
echo "cuda: dist/step-bench-cuda"
