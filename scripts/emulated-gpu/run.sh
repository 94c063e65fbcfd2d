#!/usr/bin/env bash
# Runs a program on the emulated GPU (README.md).
#
#   run.sh COMMAND ...
#
# EMULATED_GPU=FILE    library made by build.sh [.runtime/emulated-gpu/emulated-gpu.so]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
library=${EMULATED_GPU:-$root/.runtime/emulated-gpu/emulated-gpu.so}
cu=${CUDA_HOME:-$root/.runtime/cuda/nvidia/cu13}
[ -f "$library" ] || { echo "emulated-gpu: $library is missing: run $here/build.sh $library" >&2; exit 1; }
# The links beside the library stand before NVIDIA's own libraries; libcudart is NVIDIA's.
export LD_LIBRARY_PATH=$(dirname "$(realpath "$library")"):$cu/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec "$@"
