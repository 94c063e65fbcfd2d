#!/usr/bin/env bash
# Tests what runs on CUDA. With a GPU on it; without one on an emulated GPU (scripts/emulated-gpu), which runs the same kernels
# compiled for the CPU: it shows that results and gradients are right, and says nothing of speed.
#
#   SHELF_TEST_GPU=real|emulated   instead of looking for nvidia-smi
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/cuda-toolkit.sh

GPU=${SHELF_TEST_GPU:-$(command -v nvidia-smi >/dev/null && echo real || echo emulated)}
# With `tools`, so that all is built with the features of the CUDA binary.
${CARGO:-cargo} test --locked --release --features tools/cuda --package tools --package engine --package train \
    --target-dir target/cuda --no-run --lib --test it --message-format json |
    python3 -c '
import json, sys
for line in sys.stdin:
    said = json.loads(line) if line.startswith("{") else {}
    if said.get("executable") and said["profile"]["test"]:
        print(said["manifest_path"].split("/")[-2], said["executable"])' >target/cuda/tests
run=()
if [ "$GPU" = emulated ]; then
    scripts/emulated-gpu/build.sh .runtime/emulated-gpu/emulated-gpu.so engine/src/ops/cuda/kernels.cu
    run=("$PWD/scripts/emulated-gpu/run.sh")
fi
export SHELF_TEST_DEVICE=cuda
# What takes minutes on a GPU that is none, or holds for the course of a run that rounding changes.
skip=(--skip learned_by_heart --skip it_learns --skip one_thread)
while read -r crate test; do
    case $crate in
    engine) filter=ops:: ;;
    train) filter=fit:: ;;
    *) continue ;;
    esac
    echo "cuda-test: $crate ($filter) on $GPU GPU"
    (cd "$crate" && "${run[@]}" "$test" "$filter" --include-ignored "${skip[@]}" </dev/null)
done <target/cuda/tests
